"""Pages below /ogc in Chromium, at a desk and on a phone: maps, filters, nothing outside."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from delivered import write_geojson
from playwright.sync_api import Browser, expect
from publishing import publish
from running_api import LAMP, Api
from shapely import MultiPolygon, box
from shapely.geometry import mapping
from test_api_browser import DESK, PHONE, Visit
from test_ogc_tiles_browser import chromium

from gis_registry.api.access import COOKIE
from gis_registry.db.engine import Database
from gis_registry.roles import Role

__all__ = ["chromium"]
pytestmark = pytest.mark.browser
SIZES = pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])


def visit(browser: Browser, api: Api, size: tuple[int, int]) -> Visit:
    found = Visit(browser, api, size)
    key = {"name": COOKIE, "value": api.keys[Role.READER], "url": api.url}
    found.page.context.add_cookies([key])  # type: ignore[list-item]
    return found


@SIZES
def test_from_the_home_page_to_a_component(
    chromium: Browser, shared_api: Api, size: tuple[int, int]
) -> None:
    one = visit(chromium, shared_api, size)
    one.page.goto("/")
    one.page.get_by_role("link", name="数据", exact=True).click()
    one.settle()
    one.page.get_by_label("查找数据集").fill("路灯")
    one.page.get_by_role("button", name="查找").click()
    one.settle()
    one.page.get_by_role("link", name="路灯", exact=True).click()
    # The map of the collection draws its features, by their tiles.
    expect(one.page.locator("#tiles-total")).to_have_text("4")
    expect(one.page.get_by_role("link", name="在地图上查看")).to_be_visible()
    expect(one.page.get_by_text(f"{shared_api.url}/ogc", exact=True)).to_be_visible()
    one.settle()
    one.page.get_by_role("link", name="查看要素").click()
    expect(one.page.locator("#map[data-ready]")).to_be_visible()
    expect(one.page.get_by_text("共 4 条，本页 4 条")).to_be_visible()
    one.settle()
    one.page.get_by_role("link", name=shared_api.codes[0], exact=True).click()
    expect(one.page.locator("#map[data-ready]")).to_be_visible()
    one.settle()
    one.page.get_by_role("link", name="部件身份卡").click()
    expect(one.page).to_have_url(f"{shared_api.url}/c/{shared_api.codes[0]}")


@SIZES
def test_a_filter_is_asked_by_the_form(
    chromium: Browser, shared_api: Api, size: tuple[int, int]
) -> None:
    one = visit(chromium, shared_api, size)
    one.page.goto("/ogc/collections/components/items")
    if size == PHONE:
        one.page.get_by_text("筛选", exact=True).first.click()
    one.page.get_by_text("条件表达式（CQL2）").click()
    one.page.locator("textarea").fill(f"class_code = '{LAMP}'")
    one.page.get_by_role("button", name="筛选").click()
    expect(one.page.get_by_text("共 4 条，本页 4 条")).to_be_visible()
    assert "bbox" not in one.page.url
    one.page.get_by_role("button", name="取地图视野").click()
    one.page.wait_for_url("**bbox=**")
    expect(one.page.get_by_text("共 4 条，本页 4 条")).to_be_visible()
    one.settle()
    one.page.get_by_role("link", name="清除筛选").click()
    expect(one.page.get_by_text("共 5 条，本页 5 条")).to_be_visible()
    one.settle()


@SIZES
def test_what_lies_across_180_degrees_is_seen_near_by(
    chromium: Browser, api: Api, tmp_path: Path, size: tuple[int, int]
) -> None:
    """The box that the view is taken as tells what the map shows."""
    islands = MultiPolygon([box(-180, -17, -179.5, -16), box(177, -18, 180, -16)])
    rows = [(mapping(islands), {"no": "fiji"}), (mapping(box(30, -10, 40, 0)), {"no": "tanzania"})]
    path = write_geojson(tmp_path / "lands.geojson", rows)
    with Database(api.settings) as database, database.session() as session:
        publish(session, path, "lands", id_field="no")
    one = visit(chromium, api, size)
    views = []
    for asked in ("?no=fiji", ""):
        one.page.goto(f"/ogc/collections/lands/items{asked}")
        if size == PHONE and not asked:
            one.page.get_by_text("筛选", exact=True).first.click()
        one.page.get_by_role("button", name="取地图视野").click()
        one.page.wait_for_url("**bbox=**")
        (said,) = parse_qs(urlsplit(one.page.url).query)["bbox"]
        views.append([float(number) for number in said.split(",")])
        expect(one.page.get_by_text("fiji", exact=True).first).to_be_visible()
    (west, _, east, _), wide = views
    assert 170 < west < 177
    assert -179.5 < east < -173
    assert wide[0] < 30
    assert all(abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in (wide[:2], wide[2:]))
    one.page.goto("/ogc/collections/lands/items?bbox=-180,-90,180,90")
    one.settle()


@SIZES
@pytest.mark.parametrize(
    "address",
    [
        "/ogc/conformance",
        "/ogc/collections",
        "/ogc/collections/divisions/items?level=district",
        "/ogc/collections/components/queryables",
    ],
)
def test_pages_fit_the_screen(
    chromium: Browser, shared_api: Api, size: tuple[int, int], address: str
) -> None:
    one = visit(chromium, shared_api, size)
    one.page.goto(address)
    expect(one.page.get_by_role("heading", level=1)).to_be_visible()
    one.settle()


def test_the_document_is_read_from_files_of_our_own(chromium: Browser, shared_api: Api) -> None:
    one = visit(chromium, shared_api, DESK)
    one.page.goto("/ogc/api")
    expect(one.page.get_by_text("/collections/{collection}/items").first).to_be_visible()
    one.settle()
