"""Webhooks over HTTP, for administrators."""

import pytest
from running_api import Api

from gis_registry.roles import Role

URL = "https://example.org/hooks/cases"


def test_a_webhooks_life(api: Api) -> None:
    client = api.as_(Role.ADMINISTRATOR)
    new = {"url": URL, "kinds": ["case.filed", "case.closed"], "division_code": "370202"}
    added = client.post("/api/webhooks", json=new | {"description": "指挥中心"})
    assert added.status_code == 201, added.text
    webhook = added.json()
    number, secret = webhook["id"], webhook.pop("secret")
    assert secret.startswith("whsec_")
    assert webhook.pop("warning") is None
    assert webhook["created_by"] == "administrator-1"
    assert webhook["kinds"] == ["case.closed", "case.filed"]
    assert client.get("/api/webhooks").json() == [webhook]
    assert client.get(f"/api/webhooks/{number}").json() == webhook

    rotated = client.post(f"/api/webhooks/{number}/rotate").json()
    assert rotated["secret"] != secret
    queued = client.post(f"/api/webhooks/{number}/test")
    assert queued.status_code == 202
    delivery = queued.json()
    assert (delivery["status"], delivery["payload"]["type"]) == ("pending", "webhook.test")
    assert client.get(f"/api/webhooks/{number}").json()["pending"] == 1
    listed = client.get("/api/webhooks/deliveries", params={"webhook": number})
    assert listed.json() == {"deliveries": [delivery], "next_before": None}
    dead = client.get("/api/webhooks/deliveries", params={"status": "dead"})
    assert dead.json()["deliveries"] == []
    assert client.post("/api/webhooks/deliveries/retry").json() == {"retried": 0}
    refused = client.post(f"/api/webhooks/deliveries/{delivery['id']}/retry")
    assert refused.status_code == 409

    inactive = client.post(f"/api/webhooks/{number}/deactivate").json()
    assert (inactive["is_active"], inactive["pending"], inactive["dead"]) == (False, 0, 1)
    listed = client.get("/api/webhooks/deliveries", params={"status": "dead"}).json()
    assert [one["id"] for one in listed["deliveries"]] == [delivery["id"]]
    for again in (f"deliveries/{delivery['id']}/retry", f"deliveries/retry?webhook={number}"):
        refused = client.post(f"/api/webhooks/{again}")
        assert (refused.status_code, "activate it first" in refused.text) == (409, True)
    assert client.post("/api/webhooks/deliveries/retry").json() == {"retried": 0}
    assert client.post(f"/api/webhooks/{number}/test").status_code == 409
    assert client.post(f"/api/webhooks/{number}/activate").json()["is_active"] is True
    assert client.post("/api/webhooks/deliveries/retry").json() == {"retried": 1}
    assert client.delete(f"/api/webhooks/{number}").status_code == 204
    assert client.get(f"/api/webhooks/{number}").status_code == 404
    assert client.get("/api/webhooks/deliveries").json()["deliveries"] == []


def test_deliveries_come_in_pages(api: Api) -> None:
    client = api.as_(Role.ADMINISTRATOR)
    number = client.post("/api/webhooks", json={"url": URL}).json()["id"]
    made = [client.post(f"/api/webhooks/{number}/test").json()["id"] for _ in range(3)]
    first = client.get("/api/webhooks/deliveries", params={"limit": 2}).json()
    assert [one["id"] for one in first["deliveries"]] == made[:0:-1]
    params = {"limit": 2, "before": first["next_before"]}
    rest = client.get("/api/webhooks/deliveries", params=params).json()
    assert [one["id"] for one in rest["deliveries"]] == made[:1]


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ftp://example.org/"},
        {"url": "example.org"},
        {"url": "https://"},
        {"url": "https://me:password@example.org/"},
        {"url": "https://example.org/#part"},
        {"url": "http://127.0.0.1:8000/"},
        {"url": "http://[::1]/"},
        {"url": "http://[::ffff:10.0.0.1]/"},
        {"url": "http://169.254.169.254/latest/meta-data/"},
        {"url": "http://10.1.2.3/"},
        {"url": "http://localhost/"},
        {"url": "http://localhost./"},
        {"url": "http://[::127.0.0.1]/"},
        {"url": "http://[64:ff9b::a9fe:a9fe]/"},
        {"url": "http://[64:ff9b:1::10.1.2.3]/"},
        {"url": "http://[2002:7f00:1::]/"},
        {"url": "http://xn--/"},
        {"url": "http://exa mple.org/"},
        {"url": "https://exam<ple.org/"},
        {"url": "https://a|b.org/"},
        {"url": "https://exa\u3000mple.org/"},
        {"url": "http://example.com\\@example.org/"},
        {"url": "http://ex%61mple.org/"},
        {"url": "http://2130706433/"},
        {"url": "http://127.1/"},
        {"url": "http:///example.org/"},
        {"url": "https://example.org:99999/"},
        {"url": "https://exa mple.org/\x00"},
        {"url": ""},
        {"kinds": []},
        {"kinds": ["Case Filed"]},
        {"division_code": "3702"},
        {"surprise": 1},
    ],
)
def test_a_webhook_that_cannot_be_is_refused(shared_api: Api, change: dict[str, object]) -> None:
    answer = shared_api.as_(Role.ADMINISTRATOR).post("/api/webhooks", json={"url": URL} | change)
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_http_is_taken_with_a_warning(shared_api: Api) -> None:
    client = shared_api.as_(Role.ADMINISTRATOR)
    added = client.post("/api/webhooks", json={"url": "http://example.org/"}).json()
    assert "use https" in added["warning"]


def test_who_is_no_administrator_sees_no_webhook(shared_api: Api) -> None:
    for role in (Role.DISPATCHER, Role.ANALYST, Role.UNIT):
        assert shared_api.as_(role).get("/api/webhooks").status_code == 403


@pytest.mark.parametrize("number", [0, 999, 2**40, 2**63])
def test_a_number_that_is_none(shared_api: Api, number: int) -> None:
    client = shared_api.as_(Role.ADMINISTRATOR)
    assert client.get(f"/api/webhooks/{number}").status_code in (404, 422)
    assert client.post(f"/api/webhooks/deliveries/{number}/retry").status_code in (404, 422)
    listed = client.get("/api/webhooks/deliveries", params={"webhook": number})
    assert listed.status_code in (404, 422)


@pytest.mark.parametrize(
    "url",
    [
        "https://例子.中国/钩子",
        "https://例子。中国/",
        "https://bücher.example/x?y=ü",
        "https://xn--bcher-kva.example/",
        "https://EXAMPLE.org./Hook",
        "https://my_host.example.org:8443/a b",
        "https://[2001:4860:4860::8888]/",
        "https://8.8.8.8/",
    ],
)
def test_names_in_all_languages_are_taken(api: Api, url: str) -> None:
    added = api.as_(Role.ADMINISTRATOR).post("/api/webhooks", json={"url": url})
    assert added.status_code == 201, added.text
