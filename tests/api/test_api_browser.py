"""Pages in Chromium: what a reader sees, no console error, no request to another host."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from running_api import Api

from gis_registry.roles import Role

pytestmark = pytest.mark.browser

PHONE, DESK = (390, 844), (1280, 800)
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is not installed: run `make test`, which installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


class Visit:
    """A page at one size that notes what it should not do."""

    def __init__(self, browser: Browser, api: Api, size: tuple[int, int]) -> None:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale="zh-CN", base_url=api.url
        )
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.page.on(
            "console",
            lambda one: self.faults.append(one.text) if one.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on(
            "request",
            lambda one: (
                None
                if one.url.startswith((api.url, "data:", "blob:"))
                else self.faults.append(f"outside: {one.url}")
            ),
        )

    def settle(self) -> None:
        """Wait until nothing is loading, then look for faults."""
        self.page.wait_for_load_state("networkidle")
        self.check()

    def check(self) -> None:
        """Look for faults."""
        assert self.faults == []
        beyond = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert beyond <= 0, "the page is wider than the screen"


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_home_leads_to_the_card(chromium: Browser, shared_api: Api, size: tuple[int, int]) -> None:
    visit = Visit(chromium, shared_api, size)
    visit.page.goto("/")
    expect(visit.page.get_by_role("heading", level=1)).to_contain_text("青岛市城市部件一张图")
    visit.settle()
    code = shared_api.codes[0]
    visit.page.get_by_label("部件标识码").fill(f"{code[:6]} {code[6:10]} {code[10:]}")
    visit.page.get_by_role("button", name="查询").click()
    expect(visit.page).to_have_url(f"{shared_api.url}/c/{code}")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("路灯 street light")
    visit.settle()


def test_the_card_at_phone_size(chromium: Browser, shared_api: Api) -> None:
    visit = Visit(chromium, shared_api, PHONE)
    visit.page.goto(f"/c/{shared_api.codes[0]}")
    for shown in ("在用", "演示数据", "370202", "0137", "市南区", "扫码打开此卡"):
        expect(visit.page.get_by_text(shown).first).to_be_visible()
    box = visit.page.locator("svg.qr").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 150
    expect(visit.page.get_by_text("养护单位")).to_have_count(0)
    visit.settle()


def test_signing_in_shows_the_units_and_signing_out_hides_them(
    chromium: Browser, shared_api: Api
) -> None:
    visit = Visit(chromium, shared_api, PHONE)
    card = f"/c/{shared_api.codes[0]}"
    visit.page.goto(card)
    visit.page.get_by_role("link", name="登录后可查看").click()
    visit.page.get_by_label("密钥").fill(shared_api.keys[Role.INSPECTOR])
    visit.page.get_by_role("main").get_by_role("button").click()
    expect(visit.page).to_have_url(shared_api.url + card)
    expect(visit.page.get_by_text("养护单位")).to_be_visible()
    expect(visit.page.get_by_text("变更历史")).to_be_visible()
    visit.settle()
    visit.page.get_by_role("button", name="退出").click()
    visit.page.goto(card)
    expect(visit.page.get_by_text("养护单位")).to_have_count(0)
    visit.settle()


def test_a_wrong_key_is_said_to_be_wrong(chromium: Browser, shared_api: Api) -> None:
    visit = Visit(chromium, shared_api, PHONE)
    visit.page.goto("/login")
    visit.settle()
    visit.page.get_by_label("密钥").fill("gr_wrong")
    visit.page.get_by_role("main").get_by_role("button").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("密钥无效或已被撤销")
    # Chromium itself reports every page whose status is an error.
    assert [fault for fault in visit.faults if "401" not in fault] == []


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_the_documentation_is_our_own(
    chromium: Browser, shared_api: Api, size: tuple[int, int]
) -> None:
    visit = Visit(chromium, shared_api, size)
    visit.page.goto("/docs")
    expect(visit.page.get_by_text("Component one-map").first).to_be_visible()
    operation = visit.page.locator("#operations-reports-submit_report")
    operation.get_by_role("button").first.click()
    expect(operation).to_contain_text("Needs the permission report")
    visit.settle()


@pytest.mark.parametrize("path", ["/problems", "/problems/took-too-long", "/login"])
def test_the_other_pages(chromium: Browser, shared_api: Api, path: str) -> None:
    visit = Visit(chromium, shared_api, PHONE)
    visit.page.goto(path)
    expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
    visit.settle()


def test_the_map_is_served(chromium: Browser, shared_api: Api) -> None:
    visit = Visit(chromium, shared_api, DESK)
    visit.page.goto("/login?next=/maps/overview")
    visit.page.get_by_label("密钥").fill(shared_api.keys[Role.DISPATCHER])
    visit.page.get_by_role("main").get_by_role("button").click()
    expect(visit.page).to_have_url(f"{shared_api.url}/maps/overview")
    expect(visit.page.get_by_text("图例").first).to_be_visible()
    # The page itself says when it is drawn; until the network is idle may take far longer.
    expect(visit.page.locator("html")).to_have_attribute("data-ready", "true", timeout=20_000)
    expect(visit.page.locator(".cluster, .leaflet-overlay-pane canvas").first).to_be_visible()
    visit.check()
