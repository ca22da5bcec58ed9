"""Pages of OGC API for people: both languages, what they link to, and names with markup."""

from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest
from running_api import LAMP, Api

from gis_registry.roles import Role

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PAGES = [
    "/ogc",
    "/ogc/conformance",
    "/ogc/api",
    "/ogc/collections",
    "/ogc/collections?q=street",
    "/ogc/collections?q=nothing-like-this",
    f"/ogc/collections/components-{LAMP}",
    "/ogc/collections/divisions",
    "/ogc/collections/components/items",
    "/ogc/collections/components/items?limit=2&count=none",
    "/ogc/collections/components/items?state=retired",
    "/ogc/collections/divisions/items?level=district",
    "/ogc/collections/grid-cells/items?limit=3",
    "/ogc/collections/components/queryables",
]


class Page(HTMLParser):
    """Where a page leads to, and what it would run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append(given.get("href") or "")
        if tag in ("script", "style") and "src" not in given:
            self.inline.append(tag)
        self.inline += [name for name in given if name.startswith("on") or name == "style"]


@pytest.fixture
def browser(shared_api: Api) -> Iterator[httpx.Client]:
    with shared_api.as_(Role.READER) as client:
        client.headers["Accept"] = BROWSER
        yield client


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("address", PAGES)
def test_pages_have_no_inline_scripts_and_their_links_lead_somewhere(
    browser: httpx.Client, address: str, language: str
) -> None:
    answer = browser.get(address, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert f'lang="{"zh-CN" if language == "zh" else "en"}"' in answer.text
    vary = {one.strip() for one in answer.headers["vary"].split(",")}
    assert {"Accept", "Accept-Language", "Cookie"} <= vary
    page = Page(answer.text)
    assert page.inline == []
    base = str(browser.base_url).rstrip("/")
    own = {one.removeprefix(base) for one in page.links if one.startswith((base, "/ogc"))}
    assert "/ogc" in own
    for one in sorted(own)[:40] if language == "zh" else ():
        assert browser.get(one).status_code == 200, one
