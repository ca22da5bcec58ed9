"""The map of tiles in Chromium: circles with numbers that open to the same numbers."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from running_api import POSITIONS, Api
from sqlalchemy import text
from test_api_browser import DESK, PHONE, Visit

from gis_registry.roles import Role
from gis_registry.startup import open_registry

pytestmark = pytest.mark.browser

OPTIONS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PLACE = "/ogc/collections/{}/tiles/WebMercatorQuad?f=html"
#: Lights on a grid of some metres, beside the five components.
MORE = 1500
_REGISTER = """
INSERT INTO components (division_code, code, version, operation, state, geom, accuracy_m,
  surveyed_on, is_synthetic, attributes, class_id, change_id)
SELECT division_code, left(code, 10) || lpad((1000 + n)::text, 6, '0'), 1, 'registered', 'active',
  ST_SetSRID(ST_MakePoint(ST_X(geom) + (n % 50) * 0.002, ST_Y(geom) + (n / 50) * 0.002), 4490),
  0.5, surveyed_on, true, '{}', class_id, change_id
FROM components, generate_series(1, :more) AS n
WHERE code = :code
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is not installed: run `make test`, which installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


class Map(Visit):
    """A map of tiles with a reader's key."""

    def __init__(self, browser: Browser, api: Api, size: tuple[int, int] = DESK) -> None:
        super().__init__(browser, api, size)
        self.page.context.set_extra_http_headers({"X-API-Key": api.keys[Role.READER]})

    def open(self, collection: str, *, at: str = "") -> None:
        self.page.goto(PLACE.format(collection) + at)
        self.ready()

    def ready(self) -> None:
        """Wait until nothing moves or loads; the page's policy lets nothing be evaluated in it."""
        expect(self.page.locator("html")).to_have_attribute("data-ready", "true", timeout=30_000)

    def move(self) -> None:
        """Forget that nothing moved, for what comes now."""
        self.page.evaluate("() => { document.documentElement.dataset.ready = ''; }")

    def go(self, zoom: float, place: tuple[float, float] = POSITIONS[0]) -> None:
        self.move()
        self.page.evaluate(
            "([lon, lat, zoom]) => { tilesMap.jumpTo({center: [lon, lat], zoom}); }",
            [*place, zoom],
        )
        self.ready()

    def circles(self) -> list[dict[str, float]]:
        """Return where circles with numbers are in the window, with their numbers."""
        found: list[dict[str, float]] = self.page.evaluate(
            """() => {
              const frame = tilesMap.getCanvas().getBoundingClientRect();
              const asked = {layers: ["counts"]};
              return tilesMap.queryRenderedFeatures(asked).map((one) => {
                const at = tilesMap.project(one.geometry.coordinates);
                return {x: at.x + frame.x, y: at.y + frame.y, count: one.properties.count};
              });
            }"""
        )
        return found


@pytest.fixture
def many(api: Api) -> Api:
    with open_registry(api.settings) as database, database.session() as session:
        session.execute(text(_REGISTER), {"more": MORE, "code": api.codes[0]})
    return api


def test_circles_open_to_the_same_numbers_and_components_to_their_pages(
    chromium: Browser, many: Api, tmp_path: Path
) -> None:
    visit = Map(chromium, many)
    visit.open("components")
    total = visit.page.locator("#tiles-total")
    expect(total).to_have_text(f"{MORE + 5:,}")
    expect(visit.page.locator("h1")).to_have_text("城市部件")
    assert sum(one["count"] for one in visit.circles()) == MORE + 5
    visit.go(11, (POSITIONS[0][0] + 0.05, POSITIONS[0][1] + 0.03))
    expect(total).to_have_text(f"{MORE + 5:,}")
    visit.page.screenshot(path=tmp_path / "desk.png")
    largest = max(visit.circles(), key=lambda one: one["count"])
    visit.move()
    visit.page.mouse.click(largest["x"], largest["y"])
    visit.ready()
    assert visit.page.evaluate("() => tilesMap.getZoom()") == 13
    nearer = visit.circles()
    frame = visit.page.locator("#tiles-map").bounding_box()
    assert frame is not None
    # A cell of zoom 11 is a square of 32 points on the screen, four times as wide at zoom 13.
    middle = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    within = [
        one["count"]
        for one in nearer
        if abs(one["x"] - middle[0]) < 64 and abs(one["y"] - middle[1]) < 64
    ]
    assert len(within) > 1
    assert sum(within) == largest["count"]
    visit.go(18)
    visit.page.screenshot(path=tmp_path / "near.png")
    visit.page.mouse.click(*middle)
    visit.page.wait_for_url(f"**/c/{many.codes[0]}")
    assert visit.faults == []


def test_an_edit_shows_when_the_map_is_seen_again(chromium: Browser, api: Api) -> None:
    visit = Map(chromium, api, PHONE)
    visit.open("components")
    expect(visit.page.locator("#tiles-total")).to_have_text("5")
    with open_registry(api.settings) as database, database.session() as session:
        session.execute(
            text("UPDATE components SET state = 'retired' WHERE code = :code"),
            {"code": api.codes[0]},
        )
    visit.open("components")
    expect(visit.page.locator("#tiles-total")).to_have_text("4")
    assert visit.faults == []


def test_other_collections_tell_what_they_say(chromium: Browser, api: Api, tmp_path: Path) -> None:
    visit = Map(chromium, api, PHONE)
    visit.open("divisions")
    visit.go(14)
    visit.page.screenshot(path=tmp_path / "phone.png")
    frame = visit.page.locator("#tiles-map").bounding_box()
    assert frame is not None
    visit.page.mouse.click(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    expect(visit.page.locator(".tiles-facts")).to_contain_text("name_zh")
    credit = visit.page.locator(".maplibregl-ctrl-attrib")
    expect(credit).to_contain_text("OpenStreetMap")
    overflow = visit.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0
    assert visit.faults == []


def test_what_cannot_be_shown_is_said(chromium: Browser, api: Api) -> None:
    visit = Map(chromium, api)
    answer = visit.page.goto(PLACE.format("components") + "&class=9999")
    assert answer is not None
    assert answer.status == 400
