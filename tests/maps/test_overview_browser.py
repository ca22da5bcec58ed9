"""The overview map in Chromium: it draws, answers clicks, and asks nobody else for anything."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page
from playwright.sync_api import TimeoutError as TookTooLong
from sqlalchemy import text
from sqlalchemy.orm import Session
from street import EVIL, register_many, report
from watching import DESK, MAP, PHONE, watch

from gis_registry.maps import service
from gis_registry.maps.assets import VENDOR_DIR

pytestmark = pytest.mark.browser


def ready(page: Page) -> None:
    page.wait_for_function("document.documentElement.dataset.ready === 'true'", timeout=20_000)
    page.wait_for_selector(".cluster, .leaflet-overlay-pane canvas")
    box = page.locator(".leaflet-container").bounding_box()
    assert box is not None
    assert page.evaluate(f"{MAP}.getSize().y") == pytest.approx(box["height"], abs=1)


def open_case(page: Page, pin: str = ".pin") -> Locator:
    """Click on a pin until its card is open, as one does on a machine that is busy; the card."""
    card = page.locator(".leaflet-popup-content")
    for _ in range(3):
        page.locator(pin).first.click()
        with suppress(TookTooLong):
            card.wait_for(timeout=5_000)
            break
    return card


class _Handler(SimpleHTTPRequestHandler):
    """The page at ``/`` and the assets where the program's own server has them."""

    html = b""

    def do_GET(self) -> None:
        if self.path == "/":
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(self.html)
        elif self.path == "/api/events":  # a stream on which nothing happens
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"retry: 600000\n\n")
        elif self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def translate_path(self, path: str) -> str:
        if path == service.SERVED_SCRIPT:
            return str(VENDOR_DIR.parent / Path(path).name)
        return str(VENDOR_DIR / path.removeprefix(service.SERVED_ASSETS))

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(session: Session, street: list[str]) -> Iterator[str]:
    """Serve the map of the street; the address."""
    handler = type("Handler", (_Handler,), {"html": service.overview_page(session).encode()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join(30)
    assert not thread.is_alive(), "the server does not stop"
    server.server_close()


def test_the_served_map_draws_without_a_complaint_or_an_outside_request(
    browser: Browser, served: str
) -> None:
    watched = watch(browser)
    watched.page.goto(served)
    ready(watched.page)
    legend = watched.page.locator("#legend").inner_text()
    for words in ("图例 Legend", "公用设施 public utilities", "路灯 street light", "30"):
        assert words in legend
    assert watched.page.locator(".bar h1").inner_text() == "青岛市部件一张图 Qingdao component map"
    credit = watched.page.locator(".leaflet-control-attribution").inner_text()
    assert "© OpenStreetMap contributors" in credit
    assert watched.complaints == []
    assert len(watched.requests) > 5
    assert all(url.startswith(served) for url in watched.requests)
    watched.page.close()


def test_a_case_says_who_is_responsible_and_who_is_near(
    browser: Browser, served: str, session: Session
) -> None:
    unit, responder, code = session.execute(
        text(
            "SELECT u.name_zh, d.responders -> 0 ->> 'name_zh', c.component_code FROM cases c"
            " JOIN decisions d ON d.case_id = c.id JOIN units u ON u.id = d.unit_id"
            " WHERE c.component_code IS NOT NULL"
        )
    ).one()
    watched = watch(browser)
    watched.page.goto(served)
    ready(watched.page)
    case_id = session.scalar(text("SELECT id FROM cases WHERE component_code IS NOT NULL"))
    card = open_case(watched.page, f".pin[title^='案件 Case {case_id} ']")
    words = card.inner_text()
    assert f"案件 Case {case_id}" in words
    assert card.locator("a.case-number").get_attribute("href") == f"/cases/{case_id}"
    assert re.search(r"已上报 reported · 还剩.* left", words)
    assert "路灯异常" in words
    assert "路灯不亮 the light is out" in words
    assert unit in words
    assert responder in words
    assert re.search(r"\d+(\.\d)? k?m$", words.strip())
    link = card.locator("a.code")
    assert link.get_attribute("href") == f"/c/{code}"
    assert link.inner_text().replace(" ", "") == code
    assert watched.complaints == []
    watched.page.close()


def test_a_cluster_opens_and_a_component_tells_its_class_and_identifier(
    browser: Browser, served: str, street: list[str]
) -> None:
    watched = watch(browser)
    page = watched.page
    page.goto(served)
    ready(page)
    for _ in range(6):
        page.locator(".leaflet-control-zoom-out").click()
        page.wait_for_timeout(350)
    zoom_before = page.evaluate(f"{MAP}.getZoom()")
    cluster = page.locator(".cluster").first
    assert cluster.inner_text() == "40"
    cluster.dispatch_event("click")
    page.wait_for_function(f"{MAP}.getZoom() > {zoom_before} && !{MAP}._animatingZoom")
    # A lamp without a case on it, in the middle of the map and drawn by itself.
    page.evaluate(f"{MAP}.setView([36.0671, 120.3826 + 13 * 0.0004], 19, {{animate: false}}); 1")
    page.wait_for_timeout(500)
    box = page.locator(".leaflet-container").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    words = page.locator(".leaflet-popup-content").inner_text()
    assert "路灯 street light" in words
    assert street[13] in words.replace(" ", "")
    assert watched.complaints == []
    page.close()


def test_a_major_class_can_be_left_out(browser: Browser, served: str) -> None:
    watched = watch(browser)
    page = watched.page
    page.goto(served)
    ready(page)
    for _ in range(6):
        page.locator(".leaflet-control-zoom-out").click()
        page.wait_for_timeout(350)
    page.locator("#legend input[value='01']").uncheck()
    page.wait_for_function("document.querySelector('.cluster')?.innerText === '10'")
    assert watched.complaints == []
    page.close()


def test_subdistricts_tell_their_names_in_both_languages(browser: Browser, served: str) -> None:
    watched = watch(browser)
    page = watched.page
    page.goto(served)
    ready(page)
    page.evaluate(f"{MAP}.setView([36.075, 120.3826], 15, {{animate: false}}); 1")
    page.wait_for_timeout(400)
    page.mouse.move(500, 300)
    page.mouse.move(505, 305)
    words = page.locator(".leaflet-tooltip.place").inner_text()
    assert re.search(r"街道 \w+.* Subdistrict\n.+区 \w+ District", words)
    page.close()


def test_a_written_map_works_offline_from_another_folder(
    browser: Browser, session: Session, street: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    service.write_overview(session, folder / "map.html")
    moved = tmp_path / "移到 elsewhere"
    folder.rename(moved)
    watched = watch(browser)
    watched.page.goto((moved / "map.html").as_uri())
    ready(watched.page)
    open_case(watched.page)
    assert "责任单位" in watched.page.locator(".leaflet-popup-content").inner_text()
    assert watched.page.locator(".leaflet-popup-content a.code").count() == 0
    assert watched.complaints == []
    assert all(url.startswith((moved.as_uri(), "data:")) for url in watched.requests)
    watched.page.close()


def test_on_a_phone_the_legend_is_closed_and_no_control_covers_another(
    browser: Browser, served: str
) -> None:
    for size in (PHONE, DESK):
        watched = watch(browser, size)
        page = watched.page
        page.goto(served)
        ready(page)
        assert page.locator("#legend").get_attribute("open") == (None if size == PHONE else "")
        boxes = page.locator(".leaflet-control").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect())"
            ".map(b => [b.left, b.top, b.right, b.bottom])"
        )
        assert len(boxes) >= 6
        for left, top, right, bottom in boxes:
            assert 0 <= left < right <= size[0]
            assert 0 <= top < bottom <= size[1]
        overlaps = [
            (one, other)
            for number, one in enumerate(boxes)
            for other in boxes[number + 1 :]
            if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
        ]
        assert overlaps == []
        page.locator("#legend > summary").click()
        page.locator(".leaflet-control-zoom-in").click()
        assert watched.complaints == []
        page.close()


def test_names_and_texts_do_not_run(
    browser: Browser, session: Session, street: list[str], tmp_path: Path
) -> None:
    report(session, "01037", 9, EVIL)
    for table in ("units", "responders", "divisions", "component_classes", "city"):
        session.execute(
            text(f"UPDATE {table} SET name_zh = :name, name_en = :name"), {"name": EVIL}
        )
    session.execute(text("UPDATE division_areas SET source = :name"), {"name": EVIL})
    watched = watch(browser)
    page = watched.page
    page.goto(service.write_overview(session, tmp_path / "map.html").as_uri())
    ready(page)
    assert "<script>" in open_case(page).inner_text()
    assert "<script>" in page.locator("#legend").inner_text()
    assert "<script>" in page.locator(".leaflet-control-attribution").inner_text()
    page.evaluate(f"{MAP}.closePopup().setView([36.075, 120.3826], 15, {{animate: false}}); 1")
    page.wait_for_timeout(400)
    page.mouse.move(500, 300)
    page.mouse.move(505, 305)
    assert "<script>" in page.locator(".leaflet-tooltip.place").inner_text()
    assert page.evaluate("window.broken") is None
    assert page.locator("img").count() == 0
    assert watched.complaints == []
    page.close()


def test_twenty_thousand_components_can_be_used_within_five_seconds(
    browser: Browser, session: Session, tmp_path: Path
) -> None:
    register_many(session, 20_000)
    written = service.write_overview(session, tmp_path / "map.html")
    watched = watch(browser)
    started = time.perf_counter()
    watched.page.goto(written.as_uri())
    ready(watched.page)
    watched.page.locator(".cluster").first.wait_for()
    watched.page.locator(".leaflet-control-zoom-out").click()
    assert time.perf_counter() - started < 5
    assert watched.complaints == []
    watched.page.close()
