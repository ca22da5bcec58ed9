"""The map of a survey in Chromium: counts, marks, cards, ambiguous rows, no outside request."""

from datetime import date
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from delivered import LIGHT, frame, load, place_near, places, rows_of, stage
from playwright.sync_api import Browser, Page
from project import SAMPLES
from sqlalchemy import text
from sqlalchemy.orm import Session
from street import EVIL
from watching import MAP, PHONE, Watched, watch

from gis_registry import surveys
from gis_registry.db.engine import Database
from gis_registry.maps import service, survey_content
from gis_registry.maps.survey_content import CHANGED_LIMIT, sampling
from gis_registry.settings import Settings
from gis_registry.surveys import Decision, Selection

pytestmark = pytest.mark.browser

KNOWN = places(6)


@pytest.fixture
def staged(session: Session, tmp_path: Path) -> int:
    """Stage lights: one moved, one new, one missing, one between two, one refused."""
    frame([*KNOWN, place_near(KNOWN[4], 3.0)], name=["灯"] * 7).to_file(tmp_path / "first.gpkg")
    load(session, tmp_path / "first.gpkg", accuracy_m=0.5)
    again = [
        KNOWN[0],
        place_near(KNOWN[1], 2.0),
        place_near(KNOWN[4], 1.5),
        KNOWN[3],
        KNOWN[5],
        place_near(KNOWN[0], 20.0),
        (10.0, 50.0),
    ]
    frame(again, name=["灯"] * 7).to_file(tmp_path / "again.gpkg")
    return stage(session, tmp_path / "again.gpkg", accuracy_m=0.5).survey


def _opened(browser: Browser, path: Path, **how: object) -> Watched:
    watched = watch(browser, **how)  # type: ignore[arg-type]
    watched.page.goto(path.as_uri())
    watched.page.wait_for_function("document.documentElement.dataset.ready === 'true'")
    return watched


def _click_on(page: Page, lon: float, lat: float) -> str:
    """Click on a place in the middle of the map; return what the card says."""
    page.evaluate(f"{MAP}.closePopup().setView([{lat}, {lon}], 20, {{animate: false}}); 1")
    page.wait_for_timeout(300)
    box = page.locator(".leaflet-container").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    return page.locator(".leaflet-popup-content").inner_text()


def test_the_map_tells_what_a_survey_would_change(
    browser: Browser, session: Session, staged: int, tmp_path: Path
) -> None:
    path = service.write_survey_review(session, staged, tmp_path / "map.html")
    watched = _opened(browser, path)
    page = watched.page
    assert page.title() == f"普查批次 {staged} 审核 Survey {staged} review: again.gpkg"
    assert "待应用 staged" in page.locator(".bar").inner_text()
    verdicts = page.locator(".verdicts li").all_inner_texts()
    assert [" ".join(one.split()) for one in verdicts] == [
        "待定 ambiguous 1",
        "拒收 refused 1",
        "缺失 missing 1",
        "移位 moved 1",
        "新增 new 1",
        "未变 unchanged 3",
    ]
    by_class = page.locator("#by-class tbody tr")
    assert by_class.locator("td").all_inner_texts() == ["1", "1", "1", "1", "1", "3"]
    assert "路灯" in by_class.inner_text()
    assert "辖区外 in no area" in " ".join(page.locator("#by-area").inner_text().split())
    rows = {row.verdict: row for row in rows_of(session, staged)}
    card = _click_on(page, *place_near(KNOWN[1], 2.0))
    for words in ("移位 moved", "行 Row 2", "2.00 m", "路灯", "beyond both accuracies", "尚无"):
        assert words in card
    assert str(rows["moved"].code) in card.replace(" ", "")
    assert f"survey decide {staged} reject --row 2" in card
    assert "缺失 missing" in _click_on(page, *KNOWN[2])
    assert "新增 new" in _click_on(page, *place_near(KNOWN[0], 20.0))
    assert watched.complaints == []
    assert all(url.startswith((tmp_path.as_uri(), "data:")) for url in watched.requests)
    page.close()


def test_ambiguous_rows_are_visited_one_after_the_other(
    browser: Browser, session: Session, staged: int, tmp_path: Path
) -> None:
    row = next(one for one in rows_of(session, staged) if one.verdict == "ambiguous")
    path = service.write_survey_review(session, staged, tmp_path / "map.html")
    watched = _opened(browser, path)
    watched.page.locator("#step-on").click()
    card = watched.page.locator(".leaflet-popup-content").inner_text()
    assert watched.page.locator("#step-place").inner_text() == "1 / 1"
    for code in (row.code, row.runner_up):
        assert f"accept --row 3 --component {code}" in card
    assert "accept --row 3 --new" in card
    assert f"survey correct {staged} 3" in card
    center = watched.page.evaluate(f"(c => [c.lng, c.lat])({MAP}.getCenter())")
    assert center == pytest.approx(place_near(KNOWN[4], 1.5), abs=0.001)
    assert watched.complaints == []
    watched.page.close()


def test_a_verdict_can_be_left_out_and_a_subdistrict_be_gone_to(
    browser: Browser, session: Session, staged: int, tmp_path: Path
) -> None:
    path = service.write_survey_review(session, staged, tmp_path / "map.html")
    watched = _opened(browser, path)
    page = watched.page
    page.evaluate(f"{MAP}.setView([36.2, 120.5], 10, {{animate: false}}); 1")
    page.locator("#by-area button:enabled").first.click()
    page.wait_for_function(f"{MAP}.getZoom() > 14")
    page.locator(".verdicts input[value=moved]").uncheck()
    lon, lat = place_near(KNOWN[1], 2.0)
    page.evaluate(f"{MAP}.setView([{lat}, {lon}], 20, {{animate: false}}); 1")
    page.wait_for_timeout(300)
    box = page.locator(".leaflet-container").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.locator(".leaflet-popup-content").count() == 0
    assert watched.complaints == []
    page.close()


def test_decisions_are_told_and_what_files_say_does_not_run(
    browser: Browser, session: Session, staged: int, tmp_path: Path
) -> None:
    surveys.decide(
        session, staged, Decision.REJECTED, Selection(verdicts=("moved",)), actor="a", reason="x"
    )
    session.execute(
        text(
            "UPDATE survey_rows SET reason = :evil WHERE survey_id = :survey AND verdict = 'moved'"
        ),
        {"evil": EVIL, "survey": staged},
    )
    session.execute(
        text("UPDATE surveys SET file_name = :evil WHERE id = :survey"),
        {"evil": EVIL, "survey": staged},
    )
    session.execute(text("UPDATE component_classes SET name_zh = :evil"), {"evil": EVIL})
    path = service.write_survey_review(session, staged, tmp_path / "map.html")
    watched = _opened(browser, path)
    card = _click_on(watched.page, *place_near(KNOWN[1], 2.0))
    assert "已驳回 rejected" in card
    assert "<script>" in card
    assert f"survey decide {staged} undo --row 2" in card
    assert "<script>" in watched.page.locator(".bar").inner_text()
    assert watched.page.evaluate("window.broken") is None
    assert watched.page.locator("img").count() == 0
    assert watched.complaints == []
    watched.page.close()


def test_lines_and_polygons_are_drawn_as_such(
    browser: Browser, session: Session, tmp_path: Path
) -> None:
    lines = [shapely.LineString([KNOWN[0], KNOWN[1]]), shapely.LineString([KNOWN[2], KNOWN[3]])]
    frame(lines, name=["栏1", "栏2"]).to_file(tmp_path / "lines.gpkg")
    survey = stage(session, tmp_path / "lines.gpkg", class_code="0507").survey
    path = service.write_survey_review(session, survey, tmp_path / "map.html")
    watched = _opened(browser, path)
    third = tuple(KNOWN[0][n] + (KNOWN[1][n] - KNOWN[0][n]) / 3 for n in (0, 1))
    assert "行 Row 1" in _click_on(watched.page, *third)
    assert watched.complaints == []
    watched.page.close()


def test_on_a_phone_the_panel_is_below_and_opens(
    browser: Browser, session: Session, staged: int, tmp_path: Path
) -> None:
    path = service.write_survey_review(session, staged, tmp_path / "map.html")
    watched = _opened(browser, path, size=PHONE)
    page = watched.page
    assert page.locator("#panel").get_attribute("open") is None
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    page.locator("#panel > summary").click()
    panel, drawn = (page.locator(one).bounding_box() for one in ("#panel", ".leaflet-container"))
    assert panel is not None
    assert drawn is not None
    assert drawn["y"] + drawn["height"] <= panel["y"] + 1
    assert drawn["height"] > 200
    assert watched.complaints == []
    page.close()


def test_a_real_survey_is_drawn_and_many_rows_are_sampled(
    browser: Browser,
    cambridge_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lights = SAMPLES / "cambridge" / "StreetLights_2015-04-13.geojson.gz"
    described = {"as_of": date(2015, 4, 13), "accuracy_m": 2.0, "class_code": LIGHT}
    with Database(cambridge_settings) as database, database.session() as session:
        survey = stage(session, lights, **described).survey
        path = service.write_survey_review(session, survey, tmp_path / "lights.html")
        monkeypatch.setattr(survey_content, "CHANGED_LIMIT", 1000)
        sampled = service.write_survey_review(session, survey, tmp_path / "sampled.html")
    watched = _opened(browser, path)
    assert "6,048" in watched.page.locator(".verdicts").inner_text()
    assert watched.page.locator("#sampled").count() == 0
    assert watched.complaints == []
    watched.page.close()
    watched = _opened(browser, sampled)
    assert "every n-th is drawn" in watched.page.locator("#sampled").inner_text()
    assert "drawn 864" in watched.page.locator(".verdicts").inner_text()
    watched.page.close()


def test_rare_verdicts_are_drawn_all() -> None:
    every = sampling({"new": 3_500_000, "moved": 90_000, "ambiguous": 40, "unchanged": 0})
    assert every["ambiguous"] == 1
    drawn = 3_500_000 / every["new"] + 90_000 / every["moved"] + 40
    assert 0.9 * CHANGED_LIMIT < drawn <= CHANGED_LIMIT + 1
    assert "unchanged" not in every


@pytest.mark.slow
def test_a_hundred_thousand_changed_rows_make_a_page_that_can_be_used(
    browser: Browser, session: Session, tmp_path: Path
) -> None:
    at = shapely.points(
        [(120.36 + (n % 400) * 1e-4, 36.08 + (n // 400) * 1e-4) for n in range(100_000)]
    )
    gpd.GeoDataFrame({"name": ["灯"] * len(at)}, geometry=at, crs=4490).to_file(
        tmp_path / "many.gpkg"
    )
    survey = stage(session, tmp_path / "many.gpkg", accuracy_m=0.5).survey
    path = service.write_survey_review(session, survey, tmp_path / "map.html")
    assert path.stat().st_size < 15_000_000
    watched = _opened(browser, path)
    watched.page.locator(".leaflet-control-zoom-in").click()
    watched.page.wait_for_function(f"!{MAP}._animatingZoom")
    assert watched.complaints == []
    watched.page.close()
