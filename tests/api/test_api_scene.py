"""A scene as the newspaper tells it: an untidy bin, from report to closing in fifty minutes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from living import ZONE, moment
from making import CORNER, register
from photographed import photo
from running_api import Api, running

from gis_registry import clock
from gis_registry.clock import SimulatedClock
from gis_registry.roles import Role
from gis_registry.settings import Settings
from gis_registry.startup import open_registry
from gis_registry.users import service as users

OFFICE, ANOTHER = "QD-G-370202011", "QD-G-370202010"
BIN = "0305"


@dataclass
class Scene:
    """A running API, and the keys of people of two units."""

    api: Api
    unit_keys: dict[str, str]

    def as_(self, who: Role | str | None) -> httpx.Client:
        """Return a client of a role, or of a unit by its code."""
        if isinstance(who, Role) or who is None:
            return self.api.as_(who)
        client = self.api.as_(None)
        client.headers["Authorization"] = f"Bearer {self.unit_keys[who]}"
        return client


@pytest.fixture
def scene(own_settings: Settings, tmp_path: Path) -> Iterator[Scene]:
    """Return an API of a city with one bin, which its subdistrict office keeps tidy."""
    own_settings.home = tmp_path
    with open_registry(own_settings) as database, database.session() as session:
        register(session, *CORNER, class_code=BIN, maintainer=OFFICE)
        keys = {
            unit: users.add_user(session, unit, Role.UNIT, unit_code=unit)
            for unit in (OFFICE, ANOTHER)
        }
    with running(own_settings) as api, clock.simulated(standing("13:51")):
        yield Scene(api, keys)


def standing(text: str) -> SimulatedClock:
    """Return a clock that stands at a time of Wednesday, 2026-06-10."""
    return SimulatedClock(moment(f"06-10 {text}"), datetime.now(ZONE), 0.0)


def it_is(text: str) -> None:
    clock.simulate(standing(text))


def done(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def shown(text: str | None) -> str | None:
    """Return a moment of an answer as the city reads it."""
    return f"{datetime.fromisoformat(text).astimezone(ZONE):%m-%d %H:%M}" if text else None


def test_an_untidy_bin_is_tidy_within_fifty_minutes(scene: Scene) -> None:
    inspector, dispatcher = scene.as_(Role.INSPECTOR), scene.as_(Role.DISPATCHER)
    office, reader = scene.as_(OFFICE), scene.as_(Role.READER)

    def due(number: int) -> str | None:
        return shown(done(reader.get(f"/api/cases/{number}"))["due_at"])

    it_is("13:51")
    lon, lat = CORNER
    report = {
        "lon": lon,
        "lat": lat,
        "matter": BIN,
        "accuracy_m": 5,
        "text": "垃圾箱满溢，周边脏乱",
    }
    answer = done(inspector.post("/api/reports", json=report), 201)
    assert answer["answer"]["responsible"]["claim"]["unit"]["code"] == OFFICE
    number = answer["case_id"]
    case = done(reader.get(f"/api/cases/{number}"))
    assert (case["state"], case["stage"], case["unit_code"]) == ("reported", "filing", OFFICE)
    assert due(number) == "06-10 14:30"  # half a working hour, from when work begins at 14:00

    it_is("14:08")
    status = done(dispatcher.post(f"/api/cases/{number}/file", json={"condition": "overflowing"}))
    assert (status["state"], status["unit_code"]) == ("dispatched", OFFICE)
    assert (status["limit"]["amount"], status["limit"]["unit"]) == (4, "working_hour")
    assert shown(status["due_at"]) == "06-11 08:08"

    it_is("14:40")
    path = f"/api/cases/{number}/handle"
    assert office.post(path, json={}).status_code == 422
    sent = done(
        office.post("/api/photos", content=photo(), headers={"Content-Type": "image/jpeg"}), 201
    )
    change = {"photos": [sent["photo"]], "reason": "已清理"}
    assert scene.as_(ANOTHER).post(path, json=change).status_code == 403
    assert inspector.post(path, json=change).status_code == 403
    status = done(office.post(path, json=change))
    assert (status["state"], shown(status["due_at"])) == ("handled", "06-11 08:40")

    it_is("14:41")
    there = {"position": {"lon": lon, "lat": lat}}
    far = {"position": {"lon": lon + 0.01, "lat": lat}}
    assert inspector.post(f"/api/cases/{number}/verify", json=far).status_code == 422
    status = done(inspector.post(f"/api/cases/{number}/verify", json=there))
    assert (status["state"], shown(status["due_at"])) == ("verified", "06-10 16:41")
    status = done(dispatcher.post(f"/api/cases/{number}/close", json={}))
    assert (status["state"], status["due_at"]) == ("closed", None)

    case = done(reader.get(f"/api/cases/{number}"))
    times = [datetime.fromisoformat(one["happened_at"]) for one in case["events"]]
    assert [one["kind"] for one in case["events"]] == [
        "reported", "filed", "dispatched", "handled", "verified", "closed"
    ]  # fmt: skip
    assert times[-1] - times[0] == timedelta(minutes=50)
    assert_deadlines(done(reader.get(f"/api/cases/{number}/deadline")))
    handling = {"stage": 3, "minutes": True, "limit": 20}
    assert_minutes(
        done(reader.get(f"/api/cases/{number}/deadline", params=handling)), reader, number
    )


def assert_deadlines(told: dict[str, Any]) -> None:
    """Look at every deadline: stage, begun, due, done, minutes that counted and that are left."""
    rows = [
        (
            one["stage"],
            shown(one["began_at"]),
            shown(one["due_at"]),
            shown(one["ended_at"]),
            one["ended_by"],
            one["is_on_time"],
            sum(line["is_counted"] for line in one["ledger"]),
            one["left_s"] / 60,
        )
        for one in told["stages"]
    ]
    assert rows == [
        ("filing", "06-10 13:51", "06-10 14:30", "06-10 14:08", "filed", True, 1, 22),
        ("dispatch", "06-10 14:08", "06-10 14:38", "06-10 14:08", "dispatched", True, 0, 30),
        ("handling", "06-10 14:08", "06-11 08:08", "06-10 14:40", "handled", True, 1, 208),
        ("verification", "06-10 14:40", "06-11 08:40", "06-10 14:41", "verified", True, 1, 239),
        ("closing", "06-10 14:41", "06-10 16:41", "06-10 14:41", "closed", True, 0, 120),
    ]
    assert all(one["is_recomputed_equal"] for one in told["stages"])
    assert all(one["due_at"] == one["recomputed_due_at"] for one in told["stages"])
    filing = told["stages"][0]
    assert [(line["reason_zh"], line["reason_en"]) for line in filing["ledger"]] == [
        ("休息", "break"),
        ("工作时间", "working time"),
    ]
    assert filing["limit"]["sentence_zh"].startswith("立案限0.5工作时：所有案件；")
    handling = told["stages"][2]["limit"]["sentence_en"]
    assert handling.startswith("Handling within 4 working hours: class 0305 ")


def assert_minutes(page: dict[str, Any], reader: httpx.Client, number: int) -> None:
    """Look at each of the 32 minutes of handling, in two pages."""
    (first,) = page["stages"]
    assert len(first["ledger"]) == 20
    rest = reader.get(
        f"/api/cases/{number}/deadline",
        params={"stage": 3, "minutes": True, "since": first["next_since"]},
    )
    (second,) = done(rest)["stages"]
    lines = first["ledger"] + second["ledger"]
    assert (len(lines), second["next_since"]) == (32, None)
    assert [one["left_s"] for one in lines] == [(240 - n) * 60 for n in range(1, 33)]
    assert shown(lines[0]["began_at"]) == "06-10 14:08"
    assert shown(lines[-1]["ended_at"]) == "06-10 14:40"


def test_a_deadline_that_cannot_be_told_is_refused(scene: Scene) -> None:
    reader = scene.as_(Role.READER)
    assert reader.get("/api/cases/4711/deadline").status_code == 404
    lon, lat = CORNER
    report = {"lon": lon, "lat": lat, "matter": BIN}
    number = done(scene.as_(Role.INSPECTOR).post("/api/reports", json=report), 201)["case_id"]
    path = f"/api/cases/{number}/deadline"
    assert len(done(reader.get(path))["stages"]) == 1
    assert reader.get(path, params={"stage": 2}).status_code == 404
    for wrong in ({"stage": 0}, {"limit": 1441}, {"since": "2026-06-10T13:51:00"}, {"since": "x"}):
        assert reader.get(path, params=wrong).status_code == 422
    assert scene.as_(None).get(path).status_code == 401
