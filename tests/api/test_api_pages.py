"""Pages for people, as the server sends them."""

import re

import pytest
from running_api import Api

from gis_registry.api.access import COOKIE
from gis_registry.api.problems import kinds
from gis_registry.errors import RegistryError
from gis_registry.roles import Role
from gis_registry.web import wording
from gis_registry.web.rendering import Language, choose_language, grouped

HTML = {"Accept": "text/html"}


def text_of(page: str) -> str:
    """Return what a reader sees, with single spaces."""
    body = re.sub(r"(?s)<(style|script|svg).*?</\1>|<head>.*?</head>", " ", page)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_home_page_says_what_this_is_and_how_much_there_is(shared_api: Api) -> None:
    page = shared_api.as_(None).get("/").text
    seen = text_of(page)
    assert "青岛市城市部件一张图 Qingdao component one-map" in seen
    assert "5 部件 components" in seen
    assert re.search(r"\d+ 单位 units", seen)
    assert "未结案件 open cases" in seen
    for address in ("/maps/overview", "/docs", "/login?next=/", "/c"):
        assert f'"{address}"' in page


def test_the_field_leads_to_the_card(shared_api: Api) -> None:
    client = shared_api.as_(None)
    code = shared_api.codes[0]
    typed = f" {code[:6]} {code[6:10]}-{code[10:]} "
    assert client.get("/c", params={"code": typed}).headers["location"] == f"/c/{code}"
    refused = client.get("/c", params={"code": "12"}, headers=HTML, follow_redirects=True)
    assert (refused.status_code, "no identifier" in refused.text) == (422, True)


def test_anybody_reads_the_card_but_not_the_units(shared_api: Api) -> None:
    code = shared_api.codes[1]
    page = shared_api.as_(None).get(f"/c/{code}").text
    seen = text_of(page)
    for shown in ("路灯 street light", "在用 in use", "演示数据 synthetic", "市南区 Shinan"):
        assert shown in seen
    assert f"{code[:6]} 区划 {code[6:10]} 小类 {code[10:]} 顺序号" in seen
    assert f"<title>{shared_api.url}/c/{code}</title>" in page
    for hidden in ("养护单位", "球墨铸铁", "registered for a test"):
        assert hidden not in page


def test_those_who_may_read_see_units_and_history(shared_api: Api) -> None:
    seen = text_of(shared_api.as_(Role.READER).get(f"/c/{shared_api.codes[1]}").text)
    for shown in ("养护单位 Maintainer", "球墨铸铁", "登记 registered 20", "registered for a test"):
        assert shown in seen


@pytest.mark.parametrize("address", ["/", "/docs", "/problems"])
def test_every_page_knows_whether_somebody_is_signed_in(shared_api: Api, address: str) -> None:
    client = shared_api.as_(None)
    assert ("登录" in client.get(address).text, "退出" in client.get(address).text) == (True, False)
    client.cookies.set(COOKIE, shared_api.keys[Role.READER])
    assert "退出" in client.get(address).text


def test_every_problem_has_a_chinese_title() -> None:
    assert {one.code for one in kinds()} - {RegistryError.code} == set(wording.PROBLEMS)


def test_a_retired_component_still_has_its_card(api: Api) -> None:
    code = api.codes[0]
    edit = {
        "reason": "<b>撞毁</b>",
        "state": "retired",
        "attributes": {"<i>": "<script>", "material": "钢"},
    }
    assert api.as_(Role.ANALYST).patch(f"/api/components/{code}", json=edit).status_code == 200
    page = api.as_(Role.READER).get(f"/c/{code}").text
    assert "已拆除 retired" in text_of(page)
    assert "材质 material 钢" in text_of(page)
    assert "&lt;b&gt;撞毁&lt;/b&gt;" in page
    assert "<script>" not in page.split("</head>")[1]


@pytest.mark.parametrize(
    ("code", "status", "shown"),
    [
        ("3702020137999999", 404, "本市从未发放过这个标识码 This identifier was never issued here"),
        ("37020", 422, "one has 16 or 17 digits, this has 5"),
        ("<script>alert(1)</script>", 404, "没有找到"),
        ("%3Cscript%3E", 422, "&lt;script&gt;"),
    ],
)
def test_an_identifier_that_leads_nowhere(
    shared_api: Api, code: str, status: int, shown: str
) -> None:
    answered = shared_api.as_(None).get(f"/c/{code}", headers=HTML)
    assert answered.status_code == status
    assert answered.headers["content-type"].startswith("text/html")
    assert shown in text_of(answered.text)
    assert answered.headers["x-request-id"] in answered.text
    assert "<script>" not in answered.text


def test_the_language_is_the_readers(shared_api: Api) -> None:
    client = shared_api.as_(None)
    url = f"/c/{shared_api.codes[1]}"
    assert "street light 路灯" in text_of(client.get(url, params={"lang": "en"}).text)
    assert "street light 路灯" in text_of(client.get(url).text), "the choice is kept"
    client.cookies.clear()
    english = client.get(url, headers={"Accept-Language": "en-GB,en;q=0.9,zh;q=0.5"}).text
    assert "street light 路灯" in text_of(english)
    assert '<html lang="en">' in english


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "chosen"),
    [
        (None, None, "", Language.ZH),
        (None, None, "de-DE,de;q=0.9", Language.ZH),
        (None, None, "de, EN-us;q=0.4, zh;q=0.2", Language.EN),
        (None, "en", "zh-CN", Language.EN),
        ("zh", "en", "en", Language.ZH),
        ("xx", None, "en", Language.EN),
    ],
)
def test_choosing_a_language(
    asked: str | None, kept: str | None, accepted: str, chosen: Language
) -> None:
    assert choose_language(asked, kept, accepted) is chosen


@pytest.mark.parametrize(
    ("code", "groups"),
    [
        ("3702020137000123", ["370202", "0137", "000123"]),
        ("37020201370000123", ["370202", "01370", "000123"]),
    ],
)
def test_an_identifier_is_read_in_groups(code: str, groups: list[str]) -> None:
    assert grouped(code) == groups
