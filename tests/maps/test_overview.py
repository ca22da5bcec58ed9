"""The overview map as text: what is in it, how large it is, and that it trusts nobody."""

import json
import re
import time
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import folium
import pytest
from living import close_case
from sqlalchemy import text
from sqlalchemy.orm import Session
from street import EVIL, LAMP, register, register_many, report

from gis_registry.errors import InvalidInput
from gis_registry.maps import content as content_module
from gis_registry.maps import outlines, service
from gis_registry.maps.content import overview_content

LINK = re.compile(r"""<(?:script|link)\b[^>]*\b(?:src|href)=["']([^"']+)["']""")


def words_of(page: str) -> str:
    """Return the visible text of the page's own HTML, without the script."""
    body = page[page.index("<body>") : page.index('<div class="folium-map"')]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_title_counts_and_legend_name_what_is_there(session: Session, street: list[str]) -> None:
    words = words_of(service.overview_page(session))
    assert "青岛市部件一张图 Qingdao component map" in words
    assert "部件 Components 40" in words
    assert "在办案件 Open cases 2" in words
    assert "公用设施 public utilities 30" in words
    assert "园林绿化设施 parks and greenery 10" in words
    assert "路灯 street light 20" in words
    assert "synthetic data" not in words


def test_each_component_is_there_with_its_identifier(session: Session, street: list[str]) -> None:
    page = service.overview_page(session)
    assert all(f'"{code}"' in page for code in street)


def test_a_case_names_component_unit_and_nearest_responder(
    session: Session, street: list[str]
) -> None:
    place_case, lamp_case = overview_content(session).cases
    assert lamp_case.matter_zh == "路灯异常"
    assert lamp_case.text == "路灯不亮 the light is out"
    assert lamp_case.component is not None
    assert lamp_case.component.code == street[5]
    assert lamp_case.component.class_en == "street light"
    assert lamp_case.unit_zh
    assert lamp_case.unit_en
    assert lamp_case.responder is not None
    assert lamp_case.responder.distance_m > 0
    assert place_case.component is None
    page = service.overview_page(session)
    assert json.dumps(lamp_case.unit_zh)[1:-1] in page
    assert json.dumps(lamp_case.responder.name_zh)[1:-1] in page


def test_closed_cases_are_not_shown(session: Session, street: list[str]) -> None:
    newest = overview_content(session).cases[0]
    close_case(session, newest.id)
    content = overview_content(session)
    assert newest.id not in {one.id for one in content.cases}
    assert content.case_count == 1


def test_made_up_components_are_said_to_be(session: Session) -> None:
    register(session, [LAMP], is_synthetic=True)
    assert "合成数据 synthetic data" in words_of(service.overview_page(session))


def test_an_empty_registry_shows_the_city(session: Session) -> None:
    content = overview_content(session)
    assert content.core_box is None
    assert len(content.districts) == 10
    assert len(content.subdistricts) == 135
    assert "尚无部件" in words_of(service.overview_page(session))


def test_the_time_is_in_the_city_s_zone(session: Session) -> None:
    page = service.overview_page(session)
    written = re.search(r'<time datetime="([^"]+)" title="Asia/Shanghai">([^<]+)</time>', page)
    assert written is not None
    at = datetime.fromisoformat(written[1])
    assert at.utcoffset() is not None
    assert written[1].endswith("+08:00")
    assert f"{at:%Y-%m-%d %H:%M}" == written[2]


def test_boundaries_credit_openstreetmap_only_when_their_source_is(session: Session) -> None:
    assert '"is_openstreetmap": true' in service.overview_page(session)
    session.execute(text("UPDATE division_areas SET source = 'City survey, CC0'"))
    page = service.overview_page(session)
    assert '"is_openstreetmap": false' in page
    assert '"others": ["City survey, CC0"]' in page


@pytest.mark.parametrize("where", ["units", "responders", "divisions", "component_classes", "city"])
def test_names_are_never_markup(session: Session, street: list[str], where: str) -> None:
    session.execute(text(f"UPDATE {where} SET name_zh = :name, name_en = :name"), {"name": EVIL})
    page = service.overview_page(session)
    assert "window.broken" in page
    assert "<script>window.broken" not in page
    assert "<img" not in page


def test_report_texts_are_never_markup(session: Session, street: list[str]) -> None:
    report(session, "01037", 9, EVIL)
    page = service.overview_page(session)
    assert "window.broken" in page
    assert "<script>window.broken" not in page
    assert "</script><img" not in page


def test_far_more_components_are_sampled_and_the_map_says_so(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_module, "COMPONENT_LIMIT", 500)
    register_many(session, 5_000)
    content = overview_content(session)
    assert (content.component_count, content.every, len(content.components)) == (5_000, 10, 500)
    assert {int(one.code[-6:]) % 10 for one in content.components} == {1}
    words = words_of(service.overview_page(session))
    assert "每 10 个部件中的一个，共 500 个，总数 5,000" in words
    assert "One in 10 is drawn: 500 of 5,000 components." in words


def test_a_sample_keeps_the_first_of_every_class(
    session: Session, street: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_module, "COMPONENT_LIMIT", 2)
    content = overview_content(session)
    assert content.every == 20
    assert len({one.class_id for one in content.components}) == 3


def test_twenty_thousand_components_take_three_megabytes_and_three_seconds(
    session: Session,
) -> None:
    register_many(session, 20_000)
    started = time.perf_counter()
    page = service.overview_page(session)
    assert time.perf_counter() - started < 3
    assert len(page.encode()) < 3_000_000


def test_the_view_opens_on_the_core_not_on_what_lies_far_out(session: Session) -> None:
    codes = register(session, [LAMP] * 21)
    session.execute(
        text(
            "UPDATE components SET geom = ST_SetSRID(ST_MakePoint(119.66, 36.93), 4490)"
            " WHERE code = :code"
        ),
        {"code": codes[20]},
    )
    box = overview_content(session).core_box
    assert box is not None
    assert box == pytest.approx((120.3826, 36.0671, 120.3826 + 19 * 0.0004, 36.0671))


def test_outlines_come_back_within_their_tolerance_and_share_borders(session: Session) -> None:
    subdistricts = overview_content(session).subdistricts
    written = json.dumps([one.polygons for one in subdistricts])
    assert len(written) < 400_000
    ring = subdistricts[0].polygons[0][0]
    lon, lat = ring[0] / outlines.STEPS_PER_DEGREE, ring[1] / outlines.STEPS_PER_DEGREE
    assert 119 < lon < 122
    assert 35 < lat < 38
    assert (sum(ring[2::2]), sum(ring[3::2])) == (0, 0)  # a ring ends where it began
    moves = {
        tuple(sorted([(x, y), (x + dx, y + dy)]))
        for one in subdistricts
        for polygon in one.polygons
        for x, y, dx, dy in _steps(polygon[0])
    }
    edges = sum(len(polygon[0]) // 2 - 1 for one in subdistricts for polygon in one.polygons)
    assert len(moves) < 0.75 * edges  # many edges are of two subdistricts


def _steps(ring: list[int]) -> list[tuple[int, int, int, int]]:
    found = []
    x, y = ring[0], ring[1]
    for dx, dy in zip(ring[2::2], ring[3::2], strict=True):
        found.append((x, y, dx, dy))
        x, y = x + dx, y + dy
    return found


def test_served_pages_link_to_this_server_only(session: Session, street: list[str]) -> None:
    page = service.overview_page(session)
    links = LINK.findall(page)
    links.remove(service.SERVED_SCRIPT)
    assert links
    assert all(link.startswith("/static/vendor/") for link in links)
    assert '"card_prefix": "/c/"' in page


def test_a_written_map_has_exactly_the_files_it_needs(
    session: Session, street: list[str], tmp_path: Path
) -> None:
    written = service.write_overview(session, tmp_path / "地图 1.html")
    page = written.read_text(encoding="utf-8")
    links = LINK.findall(page)
    assert links
    assert all(unquote(link).startswith("地图 1_files/") for link in links)
    assert all((tmp_path / unquote(link)).is_file() for link in links)
    folder = tmp_path / "地图 1_files"
    scripts = {path for path in folder.rglob("*") if path.suffix in {".js", ".css"}}
    assert scripts == {tmp_path / unquote(link) for link in links}
    assert {path.name for path in folder.rglob("*") if path.is_file()} - {
        path.name for path in scripts
    } == {"layers.png", "layers-2x.png", "marker-icon.png", "icon-fullscreen.svg"}
    assert '"card_prefix": null' in page


def test_a_map_that_cannot_be_written_says_where(session: Session, tmp_path: Path) -> None:
    (tmp_path / "map_files").write_text("in the way")
    with pytest.raises(InvalidInput, match=r"map\.html"):
        service.write_overview(session, tmp_path / "map.html")


def test_other_folium_maps_keep_their_links(session: Session) -> None:
    before = [list(folium.Map.default_js), list(folium.Map.default_css)]
    service.overview_page(session)
    assert [list(folium.Map.default_js), list(folium.Map.default_css)] == before
    assert "cdn.jsdelivr.net" in folium.Map(location=(0, 0), tiles=None).get_root().render()


def test_a_name_that_is_the_same_in_both_languages_stands_once(
    session: Session, street: list[str]
) -> None:
    session.execute(text("UPDATE component_classes SET name_zh = 'lamp', name_en = 'lamp'"))
    assert "lamp lamp" not in words_of(service.overview_page(session))
