"""Aliases, lineage and past states over HTTP, and on the identity card."""

import re

from running_api import Api

from gis_registry.components import edition_change
from gis_registry.db.engine import Database
from gis_registry.roles import Role

HTML = {"Accept": "text/html"}


def text_of(page: str) -> str:
    """Return what a reader sees, with single spaces."""
    body = re.sub(r"(?s)<(style|script|svg).*?</\1>|<head>.*?</head>", " ", page)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_a_tag_is_added_found_and_ended(api: Api) -> None:
    one, other = api.codes[:2]
    client = api.as_(Role.ANALYST)
    new = {"kind": "tag", "value": "SN-1", "reason": "现场核对", "on_date": "2026-03-01"}
    added = client.post(f"/api/components/{one}/aliases", json=new)
    assert added.json() == [
        {"kind": "tag", "value": "SN-1", "valid_from": "2026-03-01", "valid_to": None}
    ]
    assert client.get("/api/components/sn-1").json()["code"] == one
    assert client.post(f"/api/components/{one}/aliases", json=new).status_code == 409

    assert client.post(f"/api/components/{other}/aliases", json=new).status_code == 200
    both = client.get("/api/components/SN-1")
    assert (both.status_code, both.json()["type"]) == (409, "/problems/ambiguous")
    found = client.get("/api/components/find", params={"value": "sn 1"}).json()
    assert [(hit["code"], hit["kind"], hit["valid_to"]) for hit in found] == [
        (one, "tag", None),
        (other, "tag", None),
    ]
    ended = client.post(
        f"/api/components/{other}/aliases/end", json=new | {"on_date": "2026-04-01"}
    )
    assert ended.json()[0]["valid_to"] == "2026-04-01"
    assert client.get("/api/components/SN-1").json()["found_by"]["others"][0]["code"] == other
    assert len(client.get(f"/api/components/{other}/aliases").json()) == 1
    assert client.get("/api/components/find", params={"value": "nothing"}).json() == []
    url = f"{api.url}/c/{one}?lang=zh"
    assert [
        hit["code"] for hit in client.get("/api/components/find", params={"value": url}).json()
    ] == [one]


def test_a_component_is_shown_as_it_was(api: Api) -> None:
    code = api.codes[0]
    client = api.as_(Role.ANALYST)
    before = client.get(f"/api/components/{code}").json()
    edit = {"reason": "立杆", "class": "0138"}
    assert client.patch(f"/api/components/{code}", json=edit).json()["class"]["code"] == "0138"
    then = {"as_of": before["changed_at"]}
    was = client.get(f"/api/components/{code}", params=then).json()
    assert (was["class"]["code"], was["version"]) == ("0137", 1)
    listed = client.get("/api/components", params=then | {"class": "0137"}).json()
    assert len(listed["components"]) == 4
    early = client.get(f"/api/components/{code}", params={"as_of": "2020-01-01"})
    assert (early.status_code, early.json()["type"]) == (404, "/problems/not-found")
    assert client.get(f"/api/components/{code}", params={"as_of": "soon"}).status_code == 422
    for url in (f"/api/components/{code}", "/api/components"):
        late = client.get(url, params={"as_of": "2999-01-01", "class": "0137"})
        assert (late.status_code, "is still to come" in late.json()["detail"]) == (422, True)


def test_the_card_of_what_is_gone_leads_to_what_stands_there(api: Api) -> None:
    first, second, third, *_ = api.codes
    client = api.as_(Role.ANALYST)
    done = client.post(
        "/api/components/succession",
        json={
            "relation": "split_into",
            "predecessors": [first],
            "successors": [second, third],
            "on_date": "2026-03-01",
            "reason": "道路改造",
        },
    )
    assert [one["code"] for one in done.json()[0]["became"]] == [second, third]
    page = api.as_(None).get(f"/c/{first}").text
    assert "2026-03-01 已拆除 retired on 2026-03-01" in text_of(page)
    for code in (second, third):
        assert f'<a href="/c/{code}">' in page
    assert "沿革" not in page
    seen = text_of(api.as_(Role.READER).get(f"/c/{second}").text)
    assert f"拆分自 split from {first} 2026-03-01" in seen


def test_the_card_is_found_by_a_tag_and_by_both_identifiers(api: Api) -> None:
    code = api.codes[0]
    new = {"kind": "tag", "value": "井/7", "reason": "现场核对"}
    api.as_(Role.ANALYST).post(f"/api/components/{code}/aliases", json=new)
    with Database(api.settings) as database, database.session() as session:
        edition_change.apply(session, to_edition="gbt47678-2026", actor="a", make_primary=True)
    client = api.as_(None)
    typed = client.get("/c", params={"code": "井 7"}, follow_redirects=True)
    assert "标牌 tag 井/7" in text_of(typed.text)
    primary = f"{code[:6]}01037{code[10:]}"
    for known in (code, primary):
        seen = text_of(client.get(f"/c/{known}").text)
        assert f"{code[:6]} 区划 01037 小类 {code[10:]} 顺序号" in seen
        assert f"另有标识码 Also {code} gbt30428-2013" in seen
    seen = text_of(api.as_(Role.READER).get(f"/c/{code}").text)
    assert "换版编码 moved to another edition 0137 → 01037" in seen
    assert "井/7" in seen
