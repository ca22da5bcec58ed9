"""Indicators over HTTP: exact at once, down to the cases, and refusals that say why."""

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice

import pytest
from running_api import POSITIONS, Api

from gis_registry.api.routes import report_card
from gis_registry.api.sessions import connections
from gis_registry.roles import Role
from gis_registry.web import report_card_pdf
from gis_registry.web.report_card import ReportCard


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


def test_a_pdf_is_written_in_turn_and_without_a_connection(
    shared_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work: list[int] = []
    go_on = threading.Event()
    is_writing = threading.Event()

    def write(_: ReportCard) -> bytes:
        at_work.append(len(at_work) + 1)
        is_writing.set()
        assert go_on.wait(30)
        return b"%PDF-"

    monkeypatch.setattr(report_card_pdf, "write_pdf", write)
    monkeypatch.setattr(report_card, "LONGEST_WAIT_S", 0.5)
    client = shared_api.as_(Role.READER)
    asked = {"month": "2026-04", "format": "pdf"}
    many = connections(shared_api.settings) + 4
    with ThreadPoolExecutor(many) as threads:
        written = [threads.submit(client.get, "/reports/card", params=asked) for _ in range(many)]
        assert is_writing.wait(30)
        assert client.get("/api/me").status_code == 200
        late = [one.result() for one in islice(as_completed(written, timeout=30), many - 1)]
        assert {one.json()["type"] for one in late} == {"/problems/too-busy"}
        assert {one.status_code for one in late} == {503}
        go_on.set()
        assert sum(one.result().status_code == 200 for one in written) == 1
    assert at_work == [1]


def test_what_goes_wrong_while_a_pdf_is_written_is_a_problem(
    shared_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_card_pdf, "_FONTS", ())
    client = shared_api.as_(Role.READER)
    for _ in range(report_card.TURNS + 1):  # the turn is given back
        answer = client.get("/reports/card", params={"month": "2026-04", "format": "pdf"})
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/font-missing")
