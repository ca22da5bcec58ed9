"""The calendar of working time over HTTP."""

import pytest
from running_api import Api

from gis_registry.roles import Role


def test_the_calendar_of_a_month_is_shown(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    answer = client.get("/api/places/calendar", params={"year": 2026, "month": 10}).json()
    assert (answer["version"], answer["source"]) == (1, "chinesecalendar")
    assert answer["time_zone"] == "Asia/Shanghai"
    assert [one["date"] for one in answer["days"] if one["kind"] == "holiday"] == [
        f"2026-10-0{n}" for n in range(1, 8)
    ]
    assert answer["days"][9] | {"hours": len(answer["days"][9]["hours"])} == {
        "date": "2026-10-10",
        "kind": "make_up",
        "name_zh": "国庆节",
        "name_en": "National Day",
        "hours": 2,
        "note_zh": "",
        "note_en": "",
    }
    first = client.get("/api/places/calendar", params={"version": 1}).json()
    assert len(first["days"]) in (365, 366)


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"version": 2**63 - 1}, 404),
        ({"version": 2**63}, 422),
        ({"year": 0}, 422),
        ({"year": 9000, "month": 12}, 200),
        ({"month": 13}, 422),
        ({"year": "now"}, 422),
    ],
)
def test_what_is_no_calendar_is_refused(
    shared_api: Api, parameters: dict[str, str], status: int
) -> None:
    client = shared_api.as_(Role.READER)
    assert client.get("/api/places/calendar", params=parameters).status_code == status
    assert shared_api.as_(None).get("/api/places/calendar").status_code == 401
