"""The life cycle of cases over HTTP: what can be done when, by whom, and what it needs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import pytest
from making import CORNER, copy_of, forget_facts, moved
from photographed import photo
from running_api import Api, running
from structlog.testing import capture_logs
from waiting import wait_until

from gis_registry.cases.life_cycle import TRANSITIONS
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.roles import Role
from gis_registry.startup import open_registry
from gis_registry.users import service as users

MINE, OTHER = "QD-E-01", "QD-E-02"
_numbers = count()

Who = Role | str


@dataclass
class Desk:
    """A running API of a city where nobody is responsible, with users of two units."""

    api: Api
    unit_keys: dict[str, str]
    photo: str = ""

    def as_(self, who: Who | None) -> httpx.Client:
        """Return a client of a role, or of a unit by its code."""
        if isinstance(who, Role) or who is None:
            return self.api.as_(who)
        client = self.api.as_(None)
        client.headers["Authorization"] = f"Bearer {self.unit_keys[who]}"
        return client

    def report(self, channel: str = "citizen", **more: Any) -> int:
        """Report something where nothing was reported before; return the case."""
        row, place = divmod(next(_numbers), 12)
        lon, lat = moved(
            *moved(*CORNER, azimuth=0, metres=400 * row), azimuth=90, metres=400 * place
        )
        body = {"lon": lon, "lat": lat, "accuracy_m": 5, "matter": "06001", "channel": channel}
        answer = self.as_(Role.DISPATCHER).post("/api/reports", json=body | more)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["case_id"])

    def do(
        self, case: int, action: str, who: Who | None = Role.ADMINISTRATOR, **change: Any
    ) -> httpx.Response:
        """Do something with a case."""
        return self.as_(who).post(f"/api/cases/{case}/{action}", json=change)

    def case(self, state: str) -> int:
        """Return a new case that has come to a state."""
        number = self.report()
        for action in ROADS[state]:
            done = self.do(number, action, **self.needed(action, number))
            assert done.status_code == 200, done.text
        assert self.shown(number)["state"] == state.split(" and ")[0]
        return number

    def needed(self, action: str, case: int) -> dict[str, Any]:
        """Return what an action cannot do without; who verifies was there."""
        there = {name: self.shown(case)[name] for name in ("lon", "lat")}
        given = {
            "reason": {"reason": "理由 reason"},
            "photos": {"photos": [self.photo]},
            "position": {"position": there},
            "unit": {"unit_code": MINE},
            "limit": {"amount": 4, "unit": "working_hour"},
            "verdict": {"is_upheld": True},
        }
        said: dict[str, Any] = {"reason": "理由 reason"} if action == "close" else {}
        for need in TRANSITIONS[action].needs:  # type: ignore[index]  an Action is its text
            said |= given[need]
        return said

    def shown(self, case: int, who: Who = Role.READER) -> dict[str, Any]:
        """Return a case as it is shown."""
        shown: dict[str, Any] = self.as_(who).get(f"/api/cases/{case}").json()
        return shown


@pytest.fixture(scope="module")
def desk(server: EmbeddedServer, qingdao_template: str) -> Iterator[Desk]:
    with copy_of(server, qingdao_template, "api_cases") as settings:
        with open_registry(settings) as database, database.session() as session:
            forget_facts(session)
            keys = {
                unit: users.add_user(session, unit, Role.UNIT, unit_code=unit)
                for unit in (MINE, OTHER)
            }
        with running(settings) as api:
            desk = Desk(api, keys)
            sent = desk.as_(Role.DISPATCHER).post(
                "/api/photos", content=photo(), headers={"Content-Type": "image/jpeg"}
            )
            desk.photo = sent.json()["photo"]
            yield desk


#: How a case comes to each state, step by step.
ROADS: dict[str, list[str]] = {
    "reported": [],
    "checked": ["check"],
    "filed": ["file"],
    "dispatched": ["file", "dispatch"],
    "in_handling": ["file", "dispatch", "accept"],
    "handled": ["file", "dispatch", "handle"],
    "verified": ["file", "dispatch", "handle", "verify"],
    "closed": ["close"],
    "not_accepted": ["not-accept"],
    "suspended": ["file", "dispatch", "suspend"],
    "dispatched and asked": ["file", "dispatch", "ask-extension"],
    "handled and appealed": ["file", "dispatch", "handle", "appeal"],
}
DESK = {Role.DISPATCHER}
SCENE = {Role.DISPATCHER, Role.INSPECTOR}
UNIT: set[Who] = {Role.DISPATCHER, MINE}


@dataclass
class Row:
    """An action as the table has it: from which state, by whom besides administrators, then."""

    action: str
    before: str
    who: set[Any]
    then: str
    not_before: list[str] = field(default_factory=list)


TABLE = [
    Row("check", "reported", SCENE, "checked", ["checked", "filed", "closed"]),
    Row("file", "reported", DESK, "filed", ["filed", "dispatched", "not_accepted"]),
    Row("file", "checked", DESK, "filed"),
    Row("not-accept", "checked", DESK, "not_accepted", ["filed", "closed"]),
    Row("dispatch", "filed", DESK, "dispatched", ["reported", "dispatched", "handled"]),
    Row("accept", "dispatched", UNIT, "in_handling", ["filed", "in_handling", "suspended"]),
    Row("handle", "dispatched", UNIT, "handled", ["filed", "handled", "closed"]),
    Row("handle", "in_handling", UNIT, "handled"),
    Row("send-back", "handled", SCENE, "in_handling", ["dispatched", "closed"]),
    Row("send-back", "verified", SCENE, "in_handling"),
    Row("verify", "handled", SCENE, "verified", ["in_handling", "verified"]),
    Row("close", "verified", DESK, "closed", ["closed", "not_accepted"]),
    Row("close", "reported", DESK, "closed"),
    Row("suspend", "dispatched", DESK, "suspended", ["suspended", "closed"]),
    Row("resume", "suspended", DESK, "dispatched", ["dispatched"]),
    Row("ask-extension", "in_handling", UNIT, "in_handling", ["filed", "handled"]),
    Row("extend", "dispatched", DESK, "dispatched", ["suspended"]),
    Row("deny-extension", "dispatched and asked", DESK, "dispatched", ["filed", "dispatched"]),
    Row("appeal", "handled", UNIT, "handled", ["reported", "filed"]),
    Row("decide-appeal", "handled and appealed", DESK, "handled", ["closed", "handled"]),
    Row("reopen", "closed", DESK, "filed", ["filed", "verified"]),
    Row("reopen", "not_accepted", DESK, "filed"),
    Row("urge", "dispatched", DESK, "dispatched", ["reported", "closed"]),
]
EVERYBODY: set[Any] = {*Role, MINE, OTHER}


def test_the_table_of_this_test_has_every_action() -> None:
    assert {row.action for row in TABLE} == {str(one) for one in TRANSITIONS}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.action} when {row.before}")
def test_each_action_is_for_those_who_may(desk: Desk, row: Row) -> None:
    number = desk.case(row.before)
    needed = desk.needed(row.action, number)
    allowed = row.who | {Role.ADMINISTRATOR}
    for who in sorted(EVERYBODY - allowed, key=str):
        refused = desk.do(number, row.action, who, **needed)
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-permitted")
        assert row.action not in desk.shown(number, who)["actions"]
    assert desk.do(number, row.action, None, **needed).status_code == 401
    for who in sorted(allowed, key=str):
        assert row.action in desk.shown(number, who)["actions"]
    before = desk.shown(number)
    who = sorted(row.who, key=str)[0]
    done = desk.do(number, row.action, who, **needed)
    assert done.status_code == 200, done.text
    status = done.json()
    etag = done.headers["etag"].removeprefix("W/")  # a long answer comes compressed
    assert (status["state"], etag) == (row.then, f'"{status["version"]}"')
    after = desk.shown(number)
    assert after["events"][: len(before["events"])] == before["events"]
    event = after["events"][len(before["events"])]
    assert event["kind"] == str(TRANSITIONS[row.action].kind)  # type: ignore[index]
    assert (after["state"], after["version"]) == (row.then, status["version"])
    assert event["name_zh"]


@pytest.mark.parametrize(
    "row", [one for one in TABLE if one.not_before], ids=lambda row: str(row.action)
)
def test_no_action_is_done_when_it_is_not_its_time(desk: Desk, row: Row) -> None:
    for state in row.not_before:
        number = desk.case(state)
        refused = desk.do(number, row.action, **desk.needed(row.action, number))
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")
        assert "possible now:" in refused.json()["detail"]
        assert desk.shown(number)["state"] == state


@pytest.mark.parametrize(
    "row",
    [one for one in TABLE if TRANSITIONS[one.action].needs],  # type: ignore[index]
    ids=lambda row: f"{row.action} when {row.before}",
)
def test_what_an_action_needs_must_be_given(desk: Desk, row: Row) -> None:
    number = desk.case(row.before)
    needed = desk.needed(row.action, number)
    needed.pop("position", None)  # who dispatches may verify from afar, with a reason
    for name in needed:
        if name == "amount":
            continue
        given = {key: value for key, value in needed.items() if key != name}
        refused = desk.do(number, row.action, **given)
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-input")
        assert "give" in refused.json()["detail"]
    assert desk.shown(number)["state"] == row.before.split(" and ")[0]


@pytest.mark.parametrize(
    ("action", "said", "named"),
    [
        ("file", {"unit_code": MINE}, "leave out the unit"),
        ("file", {"amount": 3, "unit": "working_hour"}, "leave out the time"),
        ("file", {"amount": 3}, "leave out the time"),
        ("file", {"is_upheld": True}, "leave out the verdict"),
    ],
)
def test_what_an_action_would_not_follow_is_refused(
    desk: Desk, action: str, said: dict[str, Any], named: str
) -> None:
    number = desk.report()
    refused = desk.do(number, action, **said)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-input")
    assert named in refused.json()["detail"]
    assert desk.shown(number)["version"] == 1


@pytest.mark.parametrize("action", ["assign", "return", "component"])
def test_who_hands_a_case_on_by_what_they_read_is_refused_once_it_changed(
    desk: Desk, action: str
) -> None:
    number = desk.case("dispatched")
    read = desk.shown(number)["version"]
    assert desk.do(number, "accept").status_code == 200
    said = {
        "assign": {"unit_code": OTHER},
        "return": {"unit_code": MINE},
        "component": {"component": "3702020101000001"},
    }[action]
    asking = desk.as_(Role.DISPATCHER)
    for tag, status in ((read, 412), (read + 1, 422 if action == "component" else 200)):
        answer = asking.post(
            f"/api/cases/{number}/{action}",
            json={**said, "reason": "理由"},
            headers={"If-Match": f'"{tag}"'},
        )
        assert answer.status_code == status, answer.text
    if action != "component":
        assert answer.headers["ETag"].removeprefix("W/") == f'"{answer.json()["version"]}"'


def test_cases_due_first_end_with_those_that_have_no_limit(desk: Desk) -> None:
    limited, suspended, closed = desk.report(), desk.case("suspended"), desk.case("closed")
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        asked = {"order": "due", "limit": 3, **({"after": after} if after else {})}
        answer = desk.as_(Role.READER).get("/api/cases", params=asked).json()
        found += answer["cases"]
        after = answer["next_after"]
        if after is None:
            break
    numbers = [one["id"] for one in found]
    assert len(set(numbers)) == len(numbers)
    assert numbers.index(limited) < numbers.index(suspended)
    assert closed not in numbers
    due = [one["due_at"] for one in found]
    with_limit = [one for one in due if one is not None]
    assert due == sorted(with_limit) + [None] * (len(due) - len(with_limit))


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ("*", 200),
        ('"{now}"', 200),
        ('"77", "{now}"', 200),
        ('"77","{now}",', 200),
        ('W/"77", W/"{now}"', 200),
        ('"77", "78"', 412),
        ('"{now}", three', 422),
        ('*, "{now}"', 422),
        (",", 422),
        (", ".join(f'"{n}"' for n in range(1000)), 422),
    ],
)
def test_any_of_several_versions_may_be_there(desk: Desk, tags: str, status: int) -> None:
    number = desk.case("filed")
    now = desk.shown(number)["version"]
    sent = {"If-Match": tags.replace("{now}", str(now))}
    for path, said in (
        (f"/api/cases/{number}/urge", {"reason": "催办"}),
        (f"/api/cases/{number}/assign", {"reason": "现场", "unit_code": MINE}),
    ):
        answer = desk.as_(Role.DISPATCHER).post(path, json=said, headers=sent)
        assert answer.status_code == status, answer.text
        if status == 412:
            assert "not 77 or 78" in answer.json()["detail"]
        elif status == 200:
            sent = {"If-Match": tags.replace("{now}", answer.headers["ETag"].strip('"'))}


@pytest.mark.parametrize("nothing", [{}, {"open": False}, {"mine": False, "overdue": False}])
def test_a_filter_that_asks_for_nothing_changes_no_case(
    desk: Desk, nothing: dict[str, bool]
) -> None:
    number = desk.report()
    asking = desk.as_(Role.DISPATCHER)
    bulk = {"action": "close", "filter": nothing, "change": {"reason": "清理"}}
    refused = asking.post("/api/cases/bulk", json=bulk)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-input")
    assert "say which cases by filter" in refused.json()["detail"]
    assert desk.shown(number)["state"] == "reported"
    bulk["filter"] = {"state": "suspended", "division": "370203"}
    assert asking.post("/api/cases/bulk", json=bulk | {"dry_run": True}).status_code == 200


def test_a_unit_that_has_handled_a_case_cannot_return_it(desk: Desk) -> None:
    number = desk.case("handled")
    said = {"unit_code": MINE, "reason": "不归我们"}
    for who in (MINE, Role.DISPATCHER):
        refused = desk.do(number, "return", who, **said)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")
        assert "is handled already" in refused.json()["detail"]
    assert desk.do(number, "suspend", reason="等待").status_code == 200
    assert desk.do(number, "return", MINE, **said).status_code == 409
    assert desk.do(number, "resume", reason="继续").status_code == 200
    assert desk.do(number, "send-back", reason="未清理").status_code == 200
    assert desk.do(number, "return", MINE, **said).status_code == 200


def test_the_log_names_who_was_refused_a_change(desk: Desk) -> None:
    number = desk.case("closed")
    with capture_logs() as lines:
        assert desk.do(number, "file", Role.DISPATCHER).status_code == 409
        assert desk.do(number, "file", Role.READER).status_code == 403
        assert desk.do(number, "file", Role.DISPATCHER, nonsense=1).status_code == 422
        assert desk.do(number, "file", Role.READER, nonsense=1).status_code == 403
        assert desk.do(number, "file", None).status_code == 401
        unusable = {"lon": 0.0, "lat": 0.0, "matter": "06001"}
        client = desk.as_(Role.INSPECTOR)
        assert client.post("/api/reports", json=unusable).status_code == 422
        wait_until(lambda: len([one for one in lines if one["event"] == "request"]) == 6)
    assert [one["actor"] for one in lines if one["event"] == "request"] == [
        *("dispatcher-1", "reader-1", "dispatcher-1", "reader-1", "anonymous", "inspector-1")
    ]
