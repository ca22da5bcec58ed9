"""The map of a survey as one text: a notebook shows it, and it asks nobody for anything."""

import re
import shutil
from pathlib import Path

import pytest
from delivered import frame, load, places, stage
from playwright.sync_api import sync_playwright
from sqlalchemy.orm import Session

from gis_registry.maps import assets, service
from gis_registry.maps.embedding import EmbeddedPage

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture
def page(session: Session, tmp_path: Path) -> EmbeddedPage:
    """Return the map of a survey that adds two lights to three."""
    for name, count in (("before", 3), ("after", 5)):
        frame(places(count)).to_file(tmp_path / f"{name}.gpkg")
    load(session, tmp_path / "before.gpkg")
    staged = stage(session, tmp_path / "after.gpkg")
    assert staged.verdicts == {"unchanged": 3, "new": 2}
    return service.survey_review(session, staged.survey)


def test_styles_carry_their_images() -> None:
    styles = [path for path in assets.LOCAL_FILES.values() if assets.images_in(path)]
    assert styles
    for path in styles:
        links = re.findall(r"url\(\s*['\"]?([^'\")]+)", assets.embeddable(path))
        assert {link[:11] for link in links if not link.startswith("#")} == {"data:image/"}


def test_the_page_links_to_nothing(page: EmbeddedPage) -> None:
    assert not re.search(r"<script[^>]+src=|<link\b", page.html)
    assert len(repr(page)) < 100


@pytest.mark.browser
def test_a_notebook_shows_it_without_a_complaint_or_a_request(page: EmbeddedPage) -> None:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.fail("Chromium is missing; `make browser` installs it")
    seen: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        notebook = browser.new_page(viewport={"width": 1000, "height": 700})
        notebook.on("console", lambda message: seen.append(message.text))
        notebook.on("pageerror", lambda error: seen.append(str(error)))
        notebook.on("request", lambda request: seen.append(request.url))
        notebook.set_content(page._repr_html_())
        shown = notebook.frame_locator("iframe")
        shown.locator(".leaflet-overlay-pane canvas").first.wait_for()
        assert "Survey" in shown.locator("body").inner_text()
        browser.close()
    assert [one for one in seen if not one.startswith(("data:", "about:"))] == []
