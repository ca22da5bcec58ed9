"""Every collection, paged whole over HTTP, is what its tables hold."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from making import copy_of
from running_api import Api, running
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.components.tables import Change, FormerComponent
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.roles import Role
from gis_registry.startup import open_registry
from gis_registry.units import queries as units
from gis_registry.units.tables import Responsibility, UnitKind

#: How many features a page has, of collections with many.
PAGES = {"divisions": 50, "grid-cells": 500, "unit-areas": 100}
#: The ids of each collection, by a statement of its own.
IDS = {
    "components": "SELECT code FROM components",
    "components-0137": "SELECT code FROM components WHERE substr(code, 7, 4) = '0137'",
    "components-history": "SELECT code || '-' || version FROM components"
    " UNION ALL SELECT code || '-' || version FROM component_history",
    "divisions": "SELECT code FROM divisions d WHERE EXISTS"
    " (SELECT FROM division_areas a WHERE a.division_code = d.code)",
    "grid-cells": "SELECT code FROM grid_cells",
    "unit-areas": "SELECT min(r.id) FROM responsibilities r WHERE EXISTS"
    " (SELECT FROM division_areas a WHERE a.division_code = r.division_code)"
    " GROUP BY unit_id, role, division_code, valid_from, valid_to,"
    " num_nonnulls(class_id, matter_type_id) = 0",
    "open-cases": "SELECT case_id FROM case_progress WHERE is_open",
    "violations": "SELECT r.case_id FROM detections d JOIN reports r ON r.id = d.report_id"
    " GROUP BY r.case_id",
}


@pytest.fixture(scope="module")
def city(server: EmbeddedServer, qingdao_template: str) -> Iterator[Api]:
    """Serve a city with cases, former states and a responsibility that is over."""
    with copy_of(server, qingdao_template, "ogc_collections") as settings, running(settings) as api:
        with open_registry(settings) as database, database.session() as session:
            add_history(session, api.codes[0])
            add_responsibility(session)
        with api.as_(Role.DISPATCHER) as dispatcher:
            for number, lon in enumerate((120.3826, 120.3827, 120.4021)):
                detect(dispatcher, lon, image=f"DJI_{number}.jpg", accuracy_m=5 + 5 * number)
        yield api


def add_history(session: Session, code: str) -> None:
    first = Change(made_at=datetime(2025, 5, 1, tzinfo=UTC), actor="王普查", reason="普查 survey")
    session.add(first)
    session.flush()
    columns = ", ".join(
        one.name
        for one in FormerComponent.__table__.columns
        if one.name not in ("version", "change_id", "ended_by")
    )
    session.execute(text("UPDATE components SET version = 2 WHERE code = :code"), {"code": code})
    session.execute(
        text(
            f"INSERT INTO component_history ({columns}, version, change_id, ended_by)"
            f" SELECT {columns}, 1, :change, change_id FROM components WHERE code = :code"
        ),
        {"code": code, "change": first.id},
    )


def add_responsibility(session: Session) -> None:
    session.add(
        Responsibility(
            unit_id=units.units(session, kind=UnitKind.DEPARTMENT)[0].id,
            role="maintainer",
            division_code="370202",
            valid_from=date(2020, 1, 1),
            valid_to=date(2021, 1, 1),
        )
    )


def whole(client: httpx.Client, collection: str, **asked: Any) -> list[dict[str, Any]]:
    """Follow the pages of a collection to their end."""
    address = f"/ogc/collections/{collection}/items"
    answer = client.get(address, params={"count": "none", **asked})
    assert answer.status_code == 200, answer.text
    found = answer.json()["features"]
    while following := [one["href"] for one in answer.json()["links"] if one["rel"] == "next"]:
        answer = client.get(following[0])
        assert answer.status_code == 200, answer.text
        found += answer.json()["features"]
    return list(found)


def report(client: httpx.Client, lon: float, matter: str) -> int:
    body = {"lon": lon, "lat": 36.0671, "accuracy_m": 5, "matter": matter, "channel": "citizen"}
    answer = client.post("/api/reports", json=body | {"text": "电话 13800000000"})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["case_id"])


@pytest.mark.parametrize("collection", IDS)
def test_pages_together_are_the_table(city: Api, collection: str) -> None:
    with city.as_(Role.DISPATCHER) as client:
        client.headers["Accept-Encoding"] = "identity"  # areas are long
        if collection == "open-cases":
            cases = [report(client, 120.39 + number / 200, "06001") for number in range(9)]
        found = whole(client, collection, limit=PAGES.get(collection, 2))
        with open_registry(city.settings) as database, database.session() as session:
            expected = [str(one) for one in session.scalars(text(IDS[collection]))]
        assert sorted(str(one["id"]) for one in found) == sorted(expected)
        assert expected
        if collection == "open-cases":
            assert set(cases) <= {one["id"] for one in found}
        for one in found[:3]:
            address = f"/ogc/collections/{collection}/items/{one['id']}"
            single = client.get(address)
            assert single.json()["properties"] == one["properties"]
            again = client.get(address, headers={"If-None-Match": single.headers["etag"]})
            assert again.status_code == 304


def test_a_tag_changes_with_the_names_that_a_feature_tells(city: Api) -> None:
    code = city.codes[1]
    addresses = [
        f"/ogc/collections/{name}/items/{feature}"
        for name, feature in (
            ("components", code), ("components-history", f"{code}-1"), ("divisions", "370202")
        )
    ]  # fmt: skip
    with city.as_(Role.ANALYST) as client:
        before = {one: client.get(one).headers["etag"] for one in addresses}
        with open_registry(city.settings) as database, database.session() as session:
            session.execute(text("UPDATE component_classes SET name_en = 'lamp' WHERE id ="
                                 " (SELECT class_id FROM components WHERE code = :code)"),
                            {"code": code})  # fmt: skip
        for address, tag in before.items():
            again = client.get(address, headers={"If-None-Match": tag})
            assert (again.status_code, again.headers["etag"] != tag) == (200, True)
            same = client.get(address, headers={"If-None-Match": again.headers["etag"]})
            assert same.status_code == 304
        # It is still the version that was read, which a change may be made for.
        body = {"properties": {"accuracy_m": 0.7}}
        merged = {
            "Content-Type": "application/merge-patch+json",
            "Prefer": 'return="representation"',
        }
        done = client.patch(
            addresses[0], json=body, headers={**merged, "If-Match": before[addresses[0]]}
        )
        assert done.status_code == 200, done.text
        assert done.headers["etag"] == client.get(addresses[0]).headers["etag"]
        late = client.patch(
            addresses[0], json=body, headers={**merged, "If-Match": before[addresses[0]]}
        )
        assert late.status_code == 412


def test_open_cases_say_nothing_of_who_reported(city: Api) -> None:
    with city.as_(Role.DISPATCHER) as dispatcher, city.as_(Role.READER) as reader:
        number = report(dispatcher, 120.4325, "06001")
        address = f"/ogc/collections/open-cases/items/{number}"
        told = reader.get(address)
        assert "13800000000" not in told.text
        assert told.json()["properties"]["state"] == "reported"
        assert told.json()["properties"]["reported_at"].endswith("+00:00")
        closed = dispatcher.post(f"/api/cases/{number}/close", json={"reason": "重复上报"})
        assert closed.status_code == 200, closed.text
        assert reader.get(address).status_code == 404


def detect(client: httpx.Client, lon: float, **said: object) -> dict[str, Any]:
    """Tell of something that a drone saw; return its report."""
    seen = {"lon": lon, "lat": 36.0671, "matter": "06001", "taken_at": "2026-07-01T02:00:00Z"}
    answer = client.post("/api/detections", json=seen | said)
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["report"])


def test_what_detections_agree_on_is_one_violation(city: Api) -> None:
    with city.as_(Role.DISPATCHER) as client:
        report = detect(client, 120.4400, accuracy_m=10, confidence=0.6, image="A1.jpg")
        first = report["case_id"]
        address = f"/ogc/collections/violations/items/{first}"
        alone = client.get(address)
        assert alone.json()["geometry"]["coordinates"] == [120.44, 36.0671]
        assert alone.json()["properties"]["accuracy_m"] == 10
        again = detect(
            client,
            120.4401,
            accuracy_m=5,
            confidence=0.9,
            image="B7.jpg",
            taken_at="2026-07-02T02:00:00Z",
        )
        assert again["case_id"] == first
        both = client.get(address, headers={"If-None-Match": alone.headers["etag"]})
        assert both.status_code == 200
        told = both.json()
        # The second is twice as accurate: it weighs four times as much.
        assert told["geometry"]["coordinates"] == pytest.approx([120.44008, 36.0671], abs=1e-7)
        expected = {
            "detections": 2,
            "images": 2,
            "confidence": 0.9,
            "first_seen_at": "2026-07-01T02:00:00+00:00",
            "last_seen_at": "2026-07-02T02:00:00+00:00",
        }
        assert {name: told["properties"][name] for name in expected} == expected
        assert told["properties"]["accuracy_m"] == pytest.approx(20**0.5)
        items = "/ogc/collections/violations/items"
        seen = client.get(items, params={"datetime": "2026-07-02", "filter": "detections > 1"})
        assert [one["id"] for one in seen.json()["features"]] == [first]


def test_history_is_asked_for_by_its_time(city: Api) -> None:
    code = city.codes[0]
    with city.as_(Role.READER) as reader:

        def versions(**asked: str) -> list[int]:
            found = whole(reader, "components-history", code=code, **asked)
            return [one["properties"]["version"] for one in found]

        assert versions() == [1, 2]
        assert versions(datetime="2025-06-01") == [1]
        assert versions(datetime="2025-04-01") == []
        assert versions(datetime="2025-06-01/..") == [1, 2]
        assert versions(filter="valid_to IS NULL") == [2]
        assert versions(state="active", class_code="0137") == [1, 2]


def test_areas_are_asked_for_by_their_time(city: Api) -> None:
    with city.as_(Role.READER) as reader:

        def over(when: str) -> bool:
            found = whole(reader, "unit-areas", datetime=when, division_code="370202")
            return any(one["properties"]["valid_to"] == "2020-12-31" for one in found)

        assert over("2020-12-31")
        assert not over("2021-01-01")
        for_trees = whole(reader, "unit-areas", class_codes="0301", limit=100)
        assert for_trees
        assert all("0301" in one["properties"]["class_codes"] for one in for_trees)
        sole = {one["properties"]["role"] for one in whole(reader, "unit-areas", role="owner")}
        assert sole == {"owner"}


@pytest.mark.parametrize("collection", ["open-cases", "unit-areas", "components-history"])
@pytest.mark.parametrize("feature", ["0", "-1", "abc", "9" * 30, "1'--", "3702020137000001-x"])
def test_ids_that_none_has_are_not_found(city: Api, collection: str, feature: str) -> None:
    with city.as_(Role.READER) as reader:
        answer = reader.get(f"/ogc/collections/{collection}/items/{feature}")
        assert answer.status_code == 404
        assert re.search("has no feature", answer.json()["detail"])


def test_who_may_not_read_sees_no_case(city: Api) -> None:
    with city.as_(None) as nobody:
        assert nobody.get("/ogc/collections/open-cases/items").status_code == 401
