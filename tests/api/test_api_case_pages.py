"""Pages of cases in Chromium: a case is worked on by clicking, and pages follow what others do."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from making import CORNER, copy_of, moved
from photographed import scene
from playwright.sync_api import Browser, Page, expect
from running_api import Api, running
from test_api_browser import DESK, PHONE, Visit, chromium

from gis_registry.api.access import COOKIE
from gis_registry.clock import SimulatedClock, simulated
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.roles import Role
from gis_registry.users import service as users

pytestmark = [pytest.mark.browser, pytest.mark.slow]
__all__ = ["chromium"]

BIG = (1440, 900)
_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def desk(server: EmbeddedServer, qingdao_template: str) -> Iterator[Api]:
    """Return an API whose cases are this module's own."""
    with copy_of(server, qingdao_template, "case_pages") as settings, running(settings) as api:
        yield api


@pytest.fixture
def place(desk: Api, request: pytest.FixtureRequest) -> tuple[float, float]:
    """Return a place of the test's own, where nothing was reported yet."""
    number = sum(map(ord, request.node.nodeid)) % 97
    return moved(*CORNER, azimuth=3.7 * number, metres=150 + 9 * number)


def report(desk: Api, place: tuple[float, float], text: str = "搭建彩钢房", **more: object) -> int:
    lon, lat = place
    new = {"lon": lon, "lat": lat, "matter": "06001", "text": text, **more}
    answer = desk.as_(Role.INSPECTOR).post("/api/reports", json=new)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["case_id"])


def do(desk: Api, number: int, action: str, role: Role = Role.DISPATCHER, **change: object) -> dict:
    answer = desk.as_(role).post(f"/api/cases/{number}/{action}", json=change)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def unit_user(desk: Api, unit_code: str, name: str) -> str:
    with Database(desk.settings) as database, database.session() as session:
        return users.add_user(session, name, Role.UNIT, unit_code=unit_code)


def signed_in(
    browser: Browser, desk: Api, role: Role, size: tuple[int, int] = DESK, *, key: str = ""
) -> Visit:
    visit = Visit(browser, desk, size)
    cookie = {"name": COOKIE, "value": key or desk.keys[role], "url": desk.url}
    visit.page.context.add_cookies([cookie])
    visit.page.add_init_script(_SHIFTS)
    return visit


def settled(visit: Visit) -> None:
    """Look for faults; a page with a live stream is never idle."""
    visit.page.wait_for_load_state("load")
    visit.check()
    assert visit.page.evaluate("window.shifted") < 0.02, "what was shown has moved"


def jpeg() -> bytes:
    content = BytesIO()
    scene(320, 240).save(content, "JPEG")
    return content.getvalue()


def press(page: Page, name: str) -> None:
    """Press a button of the page, and wait for what it asks."""
    page.locator(".actions").get_by_role("button", name=name, exact=True).first.click()
    expect(page.locator("dialog[open]")).to_be_visible()


def confirm(page: Page) -> None:
    page.locator("dialog[open] button[type=submit]").click()


def test_a_case_is_taken_from_report_to_end_by_clicking(
    chromium: Browser, desk: Api, place: tuple[float, float]
) -> None:
    number = report(desk, place, text="屋顶加建彩钢房")
    dispatcher = signed_in(chromium, desk, Role.DISPATCHER, BIG)
    page = dispatcher.page
    page.goto("/cases")
    row = page.locator(f"tr[data-case='{number}']")
    expect(row).to_contain_text("屋顶加建彩钢房")
    expect(row.locator(".due")).to_contain_text("还剩")
    expect(row).to_contain_text("已上报")
    settled(dispatcher)
    row.get_by_role("link").click()
    expect(page).to_have_url(f"{desk.url}/cases/{number}")
    expect(page.locator("#map")).to_have_attribute("data-ready", "true")
    settled(dispatcher)

    file = page.locator(".actions").get_by_role("button", name="立案", exact=True)
    file.focus()  # by keyboard alone
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] h2")).to_contain_text("立案")
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("Enter")
    page.locator("dialog[open] textarea").fill("情况属实")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".steps [aria-current]")).to_contain_text("已派遣")
    expect(page.locator(".events")).to_contain_text("情况属实")
    settled(dispatcher)

    unit_code = desk.as_(Role.READER).get(f"/api/cases/{number}").json()["unit_code"]
    key = unit_user(desk, unit_code, "赵班长")
    crew = signed_in(chromium, desk, Role.UNIT, PHONE, key=key)
    page = crew.page
    page.goto("/cases")
    page.locator(f"tr[data-case='{number}'] a").click()
    press(page, "接收")
    confirm(page)
    expect(page.locator(".steps [aria-current]")).to_contain_text("处置中")
    press(page, "处置")
    confirm(page)
    expect(page.get_by_role("alert")).to_have_text("请至少拍一张照片。")
    page.locator("dialog[open] input[type=file]").set_input_files(
        {"name": "after.jpg", "mimeType": "image/jpeg", "buffer": jpeg()}
    )
    expect(page.locator("dialog[open] .thumbnails img")).to_be_visible()
    confirm(page)
    expect(page.locator(".steps [aria-current]")).to_contain_text("已处置")
    picture = page.locator(".events .event-handled img")
    expect(picture).to_be_visible()
    page.wait_for_function("() => document.querySelector('.event-handled img').naturalWidth > 0")
    expect(page.locator(".actions").get_by_role("button", name="核查")).to_have_count(0)
    settled(crew)

    inspector = signed_in(chromium, desk, Role.INSPECTOR, PHONE)
    page = inspector.page
    lon, lat = place
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"longitude": lon + 0.02, "latitude": lat, "accuracy": 8})
    page.goto(f"/cases/{number}")
    press(page, "核查")
    expect(page.locator("dialog[open] output")).to_contain_text(re.compile(r"距案件1\d{3}米"))
    confirm(page)
    expect(page.get_by_role("alert")).to_contain_text("be within 200 m of it")
    page.context.set_geolocation({"longitude": lon, "latitude": lat + 0.0001, "accuracy": 8})
    page.wait_for_timeout(50)
    page.reload()
    press(page, "核查")
    expect(page.locator("dialog[open] output")).to_contain_text(re.compile(r"距案件\d\d米"))
    confirm(page)
    expect(page.locator(".steps [aria-current]")).to_contain_text("已核查")
    # Chromium itself reports every answer whose status is an error: the refusal above.
    assert [fault for fault in inspector.faults if "422" not in fault] == []

    page = dispatcher.page
    page.goto(f"/cases/{number}")
    press(page, "结案")
    confirm(page)
    expect(page.locator(".steps [aria-current]")).to_contain_text("已结案")
    expect(page.locator(".deadline")).to_contain_text("已办结")
    settled(dispatcher)
    kinds = [
        one["kind"] for one in desk.as_(Role.READER).get(f"/api/cases/{number}").json()["events"]
    ]
    assert kinds == [
        "reported", "filed", "dispatched", "accepted", "handled", "verified", "closed",
    ]  # fmt: skip


def test_what_somebody_else_did_meanwhile_is_shown_and_not_overwritten(
    chromium: Browser, desk: Api, place: tuple[float, float]
) -> None:
    number = report(desk, place)
    visit = signed_in(chromium, desk, Role.DISPATCHER)
    page = visit.page
    page.goto(f"/cases/{number}")
    press(page, "不予受理")
    page.locator("dialog[open] textarea").fill("不属实")
    do(desk, number, "check", Role.INSPECTOR)
    expect(page.locator("#changed")).to_contain_text(
        re.compile(r"inspector-1于\d\d:\d\d更改了此案件。"), timeout=10_000
    )
    confirm(page)
    expect(page.get_by_role("alert")).to_contain_text("更改了此案件。 请先查看，再决定。")
    expect(page.locator("dialog[open] textarea")).to_have_value("不属实")
    assert desk.as_(Role.READER).get(f"/api/cases/{number}").json()["state"] == "checked"
    assert [fault for fault in visit.faults if "412" not in fault] == []
    page.keyboard.press("Escape")
    page.locator("#changed").get_by_role("link", name="显示").click()
    expect(page.locator(".steps [aria-current]")).to_contain_text("已核实")


def test_refusals_are_sentences(chromium: Browser, desk: Api, place: tuple[float, float]) -> None:
    number = report(desk, place)
    do(desk, number, "file")
    visit = signed_in(chromium, desk, Role.DISPATCHER)
    page = visit.page
    page.goto(f"/cases/{number}")
    page.locator(".more summary").click()
    page.locator(".more").get_by_role("button", name="改派").click()
    confirm(page)
    expect(page.get_by_role("alert")).to_have_text("请选择单位。")
    page.locator("dialog[open] [name=unit_code]").fill("QD-NONE")
    page.locator("dialog[open] textarea").fill("试试")
    confirm(page)
    expect(page.get_by_role("alert")).to_contain_text(re.compile("^没有找到：There is no unit"))
    assert [fault for fault in visit.faults if "404" not in fault] == []


def test_each_sees_the_buttons_of_what_they_can_do(
    chromium: Browser, desk: Api, place: tuple[float, float]
) -> None:
    number = report(desk, place)
    do(desk, number, "file")

    def buttons(role: Role) -> list[str]:
        visit = signed_in(chromium, desk, role, PHONE)
        visit.page.goto(f"/cases/{number}")
        settled(visit)
        found = visit.page.locator("button[data-action]")
        return [one.get_attribute("data-action") or "" for one in found.all()]

    assert buttons(Role.READER) == buttons(Role.INSPECTOR) == []
    assert buttons(Role.UNIT) == []  # of no unit
    assert buttons(Role.DISPATCHER) == [
        "accept", "handle", "close", "suspend", "ask-extension", "extend", "appeal", "urge",
        "return", "assign",
    ]  # fmt: skip


def test_many_are_filed_at_once_and_each_row_says_what_became_of_it(
    chromium: Browser, desk: Api, place: tuple[float, float]
) -> None:
    numbers = [
        report(desk, moved(*place, azimuth=200, metres=400 + 120 * n), text=f"第{n}处")
        for n in range(3)
    ]
    visit = signed_in(chromium, desk, Role.DISPATCHER, BIG)
    page = visit.page
    page.goto("/cases?state=reported")
    for number in numbers:
        page.get_by_label(f"选中案件 {number}", exact=True).check()
    expect(page.locator("#bulk")).to_contain_text("3 件已选")
    page.get_by_role("button", name="批量立案").click()
    expect(page.locator("#live")).to_have_text("3件已立案，0件未立案")
    for number in numbers:
        expect(page.locator(f"tr[data-case='{number}'] .result")).to_contain_text(
            "立案完成：已派遣"
        )
        assert desk.as_(Role.READER).get(f"/api/cases/{number}").json()["state"] == "dispatched"
    visit.check()


def test_the_list_follows_what_happens(
    chromium: Browser, desk: Api, place: tuple[float, float]
) -> None:
    number = report(desk, place)
    visit = signed_in(chromium, desk, Role.READER, PHONE)
    page = visit.page
    page.goto("/cases")
    row = page.locator(f"tr[data-case='{number}']")
    expect(row).to_contain_text("已上报")
    settled(visit)
    do(desk, number, "file")
    expect(row).to_contain_text("已派遣", timeout=10_000)
    other = report(desk, moved(*place, azimuth=180, metres=300))
    expect(page.locator("#show-new")).to_have_text("另有1件进入此列表：显示", timeout=10_000)
    do(desk, number, "close", reason="已拆除")
    expect(row).to_contain_text("已不在此列表", timeout=10_000)
    page.locator("#show-new").click()
    expect(page.locator(f"tr[data-case='{other}']")).to_be_visible()
    expect(row).to_have_count(0)
    visit.check()


def test_the_map_follows_what_happens(
    chromium: Browser, desk: Api, place: tuple[float, float]
) -> None:
    visit = signed_in(chromium, desk, Role.DISPATCHER, BIG)
    page = visit.page
    page.goto("/maps/overview")
    expect(page.locator("html")).to_have_attribute("data-ready", "true", timeout=20_000)
    shown = page.locator(".bar .is-case dd")
    before = int(shown.inner_text())
    number = report(desk, place)
    expect(shown).to_have_text(str(before + 1), timeout=10_000)
    do(desk, number, "close", reason="已拆除")
    expect(shown).to_have_text(str(before), timeout=10_000)
    visit.check()


@pytest.mark.parametrize(("size", "language"), [(PHONE, "zh"), (BIG, "en")])
def test_what_is_overdue_says_so(
    chromium: Browser, desk: Api, place: tuple[float, float], size: tuple[int, int], language: str
) -> None:
    number = report(desk, place)
    visit = signed_in(chromium, desk, Role.DISPATCHER, size)
    now = datetime.now(UTC)
    words = {"zh": r"^超时\d+天", "en": r"^overdue by \d+ d"}[language]
    with simulated(SimulatedClock(now + timedelta(days=40), now, 1)):
        visit.page.goto(f"/cases?due=overdue&lang={language}")
        due = visit.page.locator(f"tr[data-case='{number}'] .due")
        expect(due).to_have_text(re.compile(words))
        expect(due).to_have_class("due is-overdue")
        settled(visit)
        visit.page.goto(f"/cases/{number}?lang={language}")
        expect(visit.page.locator(".deadline .due")).to_have_text(re.compile(words))
        visit.page.locator(".deadline summary").click()
        expect(visit.page.locator(".ledger")).to_contain_text(
            "不计 · 周末" if language == "zh" else "no · weekend"
        )
        settled(visit)


def test_who_is_of_a_unit_sees_its_cases_first(
    chromium: Browser, desk: Api, place: tuple[float, float]
) -> None:
    number = report(desk, place)
    unit_code = desk.as_(Role.READER).get(f"/api/cases/{number}").json()["unit_code"]
    theirs = signed_in(
        chromium, desk, Role.UNIT, PHONE, key=unit_user(desk, unit_code, "钱班长")
    ).page
    theirs.goto("/cases")
    expect(theirs.locator(f"tr[data-case='{number}']")).to_be_visible()
    others = signed_in(
        chromium, desk, Role.UNIT, PHONE, key=unit_user(desk, "QD-CC", "孙班长")
    ).page
    others.goto("/cases")
    expect(others.get_by_text("没有符合条件的在办案件")).to_be_visible()
    others.locator("select[name=unit]").select_option("all")
    expect(others.locator(f"tr[data-case='{number}']")).to_be_visible()
    expect(others.get_by_role("link", name="处置中")).to_be_visible()


def test_pages_need_the_permission_to_read_and_refuse_what_is_no_page(desk: Api) -> None:
    for path in ("/cases", "/cases/1", "/maps/overview/cases"):
        assert desk.as_(None).get(path).status_code == 401
    reader = desk.as_(Role.READER)
    assert reader.get("/cases/4711000").status_code == 404
    too_large = f"after=none_{10**19}"
    for bad in (
        too_large,
        "after=x",
        "after=2026_1",
        "after=_",
        "state=none",
        "due=never",
        "stage=x",
    ):
        assert reader.get(f"/cases?{bad}").status_code == 422, bad
    assert reader.get("/maps/overview/cases", params={"number": [1] * 201}).status_code == 422
    assert reader.get("/cases?unit=NOBODY").status_code == 404
    assert reader.get("/cases/find", params={"number": 12}).headers["location"] == "/cases/12"


def test_pages_of_the_list_come_one_after_the_other(desk: Api, place: tuple[float, float]) -> None:
    from gis_registry.cases import desk as listing
    from gis_registry.cases.schemas import CaseFilter

    for n in range(3):
        report(desk, moved(*place, azimuth=90, metres=500 + 150 * n))
    suspended = report(desk, moved(*place, azimuth=90, metres=1500))
    do(desk, suspended, "suspend", reason="等待许可")
    with Database(desk.settings) as database, database.session() as session:
        every = listing.open_cases(session, CaseFilter(), limit=1000).cases
        found: list[int] = []
        after = None
        while True:
            part = listing.open_cases(session, CaseFilter(), after=after, limit=2)
            found += [one.id for one, _ in part.cases]
            after = part.next_after
            if after is None:
                break
    assert found == [one.id for one, _ in every]
    assert suspended in found
    limits = [one.due_at for one, _ in every if one.due_at is not None]
    assert limits == sorted(limits)
    assert [one.due_at for one, _ in every[len(limits) :]] == [None] * (len(every) - len(limits))
