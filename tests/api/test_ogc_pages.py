"""Pages of OGC API for people: both languages, what they link to, and names with markup."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import httpx
import pytest
from running_api import LAMP, Api

from gis_registry.api.ogc import shown
from gis_registry.maps import collections
from gis_registry.maps.collections import About, Group, Property
from gis_registry.maps.published import City
from gis_registry.maps.queryables import PropertyType
from gis_registry.roles import Role
from gis_registry.web.rendering import Language, render

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

#: Links that were found to lead somewhere.
FOLLOWED: set[str] = set()


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
    for one in sorted(own - FOLLOWED)[:20]:
        assert browser.get(one).status_code == 200, one
        FOLLOWED.add(one)


def test_a_page_says_what_is_there_in_the_language_that_is_asked_for(
    browser: httpx.Client, shared_api: Api
) -> None:
    address = f"/ogc/collections/components/items/{shared_api.codes[0]}"
    chinese = browser.get(address, params={"lang": "zh"}).text
    assert "部件小类代码" in chinese
    assert "在用" in chinese
    assert f'href="/c/{shared_api.codes[0]}"' in chinese
    english = browser.get(address, params={"lang": "en"})
    assert "class code" in english.text
    assert "in use" in english.text
    assert "etag" not in english.headers  # the page is another one in the other language


def test_what_is_published_besides_comes_before_the_many_classes(browser: httpx.Client) -> None:
    text = browser.get("/ogc/collections").text
    assert text.index('id="places"') < text.index('id="classes"')
    classes = text[text.index('id="classes"') :]
    assert classes.index("<details>") < classes.index("按部件小类") < classes.index("</summary>")
    assert "<details open" not in text
    assert "<h3>公用设施</h3>" in classes


def test_descriptions_are_in_the_language_of_the_reader(browser: httpx.Client) -> None:
    for address in ("/ogc/collections", "/ogc/collections/components-history"):
        chinese, english = (browser.get(address, params={"lang": one}).text for one in ("zh", "en"))
        assert "起止时间" in chinese
        assert "Every state" not in chinese
        assert "起止时间" not in english
        assert "with <code>datetime</code>, the registry" in english


def test_of_names_in_two_languages_a_table_has_one(browser: httpx.Client) -> None:
    address = "/ogc/collections/divisions/items?level=district"
    chinese, english = (browser.get(address, params={"lang": one}).text for one in ("zh", "en"))
    row = '<td data-title="{}">'
    assert row.format("名称") in chinese
    assert row.format("英文名称") not in chinese
    assert row.format("name, in English") in english
    assert row.format("name, in Chinese") not in english


def test_a_division_is_called_by_its_name(browser: httpx.Client) -> None:
    text = browser.get("/ogc/collections/divisions/items/370202").text
    assert re.search(r"<h1>市南区 <small class=.number.>370202</small></h1>", text)


def test_what_was_leads_to_the_component_as_it_is(browser: httpx.Client, shared_api: Api) -> None:
    code = shared_api.codes[0]
    answer = browser.get(f"/ogc/collections/components-history/items/{code}-1")
    assert answer.status_code == 200
    assert f'href="/c/{code}"' in answer.text


def test_fields_of_the_form_that_are_left_empty_ask_nothing(browser: httpx.Client) -> None:
    asked = {"state": "", "bbox": "", "filter": "", "limit": "2", "class_code": LAMP, "f": "html"}
    text = browser.get("/ogc/collections/components/items", params=asked).text
    assert "共 4 条" in text
    following = next(one for one in Page(text).links if "token=" in one)
    assert "bbox" not in following
    second = Page(browser.get(following).text)
    assert any(one.endswith("/items?limit=2&class_code=0137&f=html") for one in second.links)


def test_a_page_draws_in_degrees_whatever_its_features_are_asked_in(browser: httpx.Client) -> None:
    mercator = "http://www.opengis.net/def/crs/EPSG/0/3857"
    answer = browser.get("/ogc/collections/components/items", params={"crs": mercator})
    assert answer.headers["content-crs"].endswith("CRS84>")
    written = next(one for one in Page(answer.text).links if "f=json" in one)
    assert browser.get(written).headers["content-crs"] == f"<{mercator}>"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/ogc/nothing", 404),
        ("/ogc/collections/nothing", 404),
        ("/ogc/collections/components/items?limit=0", 400),
        ("/ogc/collections/components/items?filter=%3Cscript%3Ealert(1)%3C/script%3E", 400),
    ],
)
def test_errors_are_pages_as_elsewhere(browser: httpx.Client, address: str, status: int) -> None:
    answer = browser.get(address)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "请求编号" in answer.text
    page = Page(answer.text)
    assert page.inline == []
    assert 'action="/c"' not in answer.text
    assert "/ogc/collections" in page.links
    assert ("/ogc/collections/components/items" in page.links) == (status == 400)


def test_who_is_not_signed_in_is_asked_to(shared_api: Api) -> None:
    with shared_api.as_(None) as nobody:
        address = "/ogc/collections/components/items?limit=2"
        answer = nobody.get(address, headers={"Accept": BROWSER})
        assert answer.status_code == 303
        assert (
            answer.headers["location"]
            == "/login?next=/ogc/collections/components/items%3Flimit%3D2"
        )


def test_times_and_addresses_are_for_people_and_titles_said_once() -> None:
    said = ("2026-11-23T23:59:31.144211+00:00", "https://example.org/?a&b")
    columns = [Property(one, PropertyType.STRING, one, one, one) for one in ("at", "site")]
    layer = replace(
        collections.grid_cells(), title_en="Cells", description="Cells", properties=tuple(columns)
    )
    city = City("", "", (0, 0, 1, 1), (), {}, "null", (), "Asia/Shanghai")
    feature = {
        "id": "1",
        "geometry": None,
        "properties": dict(zip(("at", "site"), said, strict=True)),
        "links": [],
    }
    told = {"language": Language.EN, "other_language_url": "", "here": "", "actor": "reader"}
    given = {"collection": layer, "city": city, "box": city.box, "address": "http://h/ogc"}
    page = {"features": [feature], "numberReturned": 1, "links": []}
    shows = shown.of_page(layer, [feature], {}, set())
    for text in (
        render("ogc_items.html", said=page, limit=10, first=None, **given, **shows, **told),
        render("ogc_item.html", said=feature, **given, **told),
    ):
        assert f'<time datetime="{said[0]}">2026-11-24 07:59</time>' in text
        assert '<a href="https://example.org/?a&amp;b" rel="noopener nofollow">' in text
    about = {"extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}}, "crs": [], "links": []}
    about |= {"title": layer.title, "description": layer.description}
    text = render("ogc_collection.html", said=about, **given, **told)
    assert '<p class="lead">' not in text
    assert 'data-box="[0, 0, 1, 1]"' in text


MARKUP = """<b>"&'</b><script>alert(1)</script>"""


def test_names_with_markup_stay_text() -> None:
    about = About(
        keywords=(MARKUP,), licence=MARKUP, department=MARKUP, field=MARKUP, lineage=MARKUP
    )
    one = Property("p", PropertyType.STRING, "g.code", MARKUP, MARKUP, choices=(MARKUP,))
    layer = replace(
        collections.grid_cells(),
        title_zh=MARKUP,
        title_en=MARKUP,
        description=MARKUP,
        group=Group.LAYERS,
        about=about,
        properties=(one,),
    )
    city = City(MARKUP, MARKUP, (0, 0, 1, 1), (), {}, "null", (MARKUP,), "UTC")
    feature = {"id": MARKUP, "geometry": None, "properties": {"p": MARKUP}}
    told = {"language": Language.ZH, "other_language_url": "", "here": "", "actor": "reader"}
    links = [{"rel": "items", "href": "http://h/", "type": "text/html", "title": MARKUP}]
    about_it = {
        "title": MARKUP,
        "description": MARKUP,
        "keywords": [MARKUP],
        "license": MARKUP,
        "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}},
        "crs": ["http://h/EPSG/0/1"],
        "links": links,
    }
    given = {"collection": layer, "city": city, "box": city.box, "address": "http://h/ogc"}
    page = {"features": [feature], "numberReturned": 1, "links": links}
    shows = shown.of_page(layer, [feature], {"filter": MARKUP, "p": MARKUP}, set())
    found = {"numberMatched": 1, "links": links}
    texts = [
        render("ogc_collection.html", said=about_it, **given, **told),
        render("ogc_items.html", said=page, limit=10, first=None, **given, **shows, **told),
        render("ogc_item.html", said=feature | {"links": links}, **given, **told),
        render(
            "ogc_collections.html", said=found, found=[layer], is_searched=False, asked={}, **told
        ),
        render(
            "ogc_collections.html",
            said=found,
            found=[layer],
            is_searched=True,
            asked={"q": MARKUP},
            **told,
        ),
    ]
    for text in texts:
        assert Page(text).inline == []
        assert "<b>" not in text
        assert "alert(1)" in text
