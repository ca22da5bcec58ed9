"""Indicators over HTTP: exact at once, down to the cases, and refusals that say why."""

import pytest
from running_api import POSITIONS, Api

from gis_registry.roles import Role


def _report(api: Api, n: int) -> int:
    lon, lat = POSITIONS[n]
    sent = api.as_(Role.INSPECTOR).post(
        "/api/reports", json={"lon": lon, "lat": lat, "matter": "0137", "channel": "citizen"}
    )
    assert sent.is_success, sent.text
    return int(sent.json()["case_id"])


def test_a_report_is_counted_at_once_and_listed(api: Api) -> None:
    cases = sorted({_report(api, 0), _report(api, 2)}, reverse=True)
    client = api.as_(Role.READER)
    shown = client.get("/api/indicators", params={"by": "division", "key": "reported_count"})
    assert shown.status_code == 200
    found = shown.json()
    assert found["total"] == [
        {
            "key": "reported_count",
            "value": len(cases),
            "numerator": len(cases),
            "denominator": None,
        }
    ]
    assert [one["code"] for one in found["groups"]] == ["370202"]
    assert found["groups"][0]["name_zh"] == "市南区"
    assert found["formulas"][0]["numerator_zh"] == "上报数"
    listed = client.get("/api/indicators/reported_count/cases", params={"limit": 1}).json()
    assert (listed["count"], [one["id"] for one in listed["cases"]]) == (len(cases), cases[:1])
    assert listed["next_before"] == (cases[0] if len(cases) > 1 else None)


def test_every_indicator_comes_with_its_formula(shared_api: Api) -> None:
    found = shared_api.as_(Role.READER).get("/api/indicators").json()
    assert len(found["total"]) == len(found["formulas"]) > 40
    assert {one["key"] for one in found["formulas"]} == {one["key"] for one in found["total"]}


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"from": "2099-01-01"}, 422),
        ({"from": "2026-02-01", "to": "2026-01-01"}, 422),
        ({"by": "weather"}, 422),
        ({"unit": "nobody"}, 404),
        ({"class": "9999"}, 404),
        ({"matter": "9999"}, 404),
        ({"division": "1"}, 404),
        ({"key": "luck"}, 404),
    ],
)
def test_what_cannot_be_asked_is_refused(
    shared_api: Api, params: dict[str, str], status: int
) -> None:
    client = shared_api.as_(Role.READER)
    refused = client.get("/api/indicators", params=params)
    assert (refused.status_code, refused.headers["content-type"]) == (
        status,
        "application/problem+json",
    )


def test_indicators_need_a_key_to_read(shared_api: Api) -> None:
    assert shared_api.as_(None).get("/api/indicators").status_code in (401, 403)


def test_the_report_card_is_served_as_page_and_pdf(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    page = client.get("/reports/card", params={"month": "2026-04"})
    assert (page.status_code, "案件月报" in page.text) == (200, True)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    written = client.get("/reports/card", params={"month": "2026-04", "format": "pdf"})
    assert written.headers["content-type"] == "application/pdf"
    assert written.content.startswith(b"%PDF-")
    assert client.get("/reports/card", params={"month": "2026-99"}).status_code == 422
    assert client.get("/reports/card", params={"month": "2099-01"}).status_code == 422
