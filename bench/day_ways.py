"""The ways that the cases of a day go: what is reported when, and all that happens to it.

Everything here is made up. Each case draws its own way by its own seed, so that the same day goes
the same way again, as far as the server answers the same.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from day_clients import Answer, Refused, Request, Task, Way

#: Reports by hour of the day, in thousandths.
_HOURS = (
    14, 11, 9, 8, 9, 14, 26, 46, 66, 68, 66, 58, 48, 50, 62, 64, 62, 56, 48, 46, 48, 48, 41, 32,
)  # fmt: skip
_CHANNELS = (("inspector", 62), ("citizen", 28), ("partner", 6), ("video", 4))
_TEXTS = ("", "路灯不亮", "井盖破损", "垃圾桶满了没有人清", "路面有积水", "暴露垃圾", "乱堆物料")
_HANDLED = timedelta(minutes=95)  # the median, where the limit is not shorter


@dataclass(frozen=True)
class Person:
    """A user with a key."""

    name: str
    key: str


@dataclass(frozen=True)
class Place:
    """Where something is wrong, and what."""

    lon: float
    lat: float
    matter: str


@dataclass
class People:
    """Who works on the day; unit users by the unit that they are of."""

    inspectors: Sequence[Person]
    dispatchers: Sequence[Person]
    units: Mapping[str, Person]


@dataclass(frozen=True)
class Plan:
    """A report to come; ``repeats`` is the number of the plan that it says again."""

    number: int
    at: datetime
    place: Place
    channel: str
    repeats: int | None = None


@dataclass
class Told:
    """What the server confirmed: cases with the events that were asked for, and reports."""

    events: dict[int, list[str]] = field(default_factory=dict)
    reports: dict[str, int] = field(default_factory=dict)
    joined: int = 0
    outdated: Counter[str] = field(default_factory=Counter)


def plans(cases: int, midnight: datetime, places: Sequence[Place], seed: int) -> list[Plan]:
    """Draw a day's reports, in order of time; one in twelve repeats one of the hour before."""
    rng = random.Random(seed)
    moments = sorted(
        midnight + timedelta(hours=hour, seconds=rng.uniform(0, 3600))
        for hour in rng.choices(range(24), _HOURS, k=cases)
    )
    names, weights = zip(*_CHANNELS, strict=True)
    found = [
        Plan(n, at, place, rng.choices(names, weights)[0])
        for n, (at, place) in enumerate(zip(moments, places, strict=False))
    ]
    for n in range(cases // 12):
        first = rng.choice(found[:cases])
        at = first.at + timedelta(minutes=rng.uniform(5, 55))
        found.append(Plan(cases + n, at, first.place, "citizen", first.number))
    return sorted(found, key=lambda one: one.at)


class CaseWay:
    """One case's way through the day."""

    def __init__(
        self, plan: Plan, people: People, told: Told, photo: Callable[[str], bytes], *, tag: str
    ) -> None:
        self.plan = plan
        self.people = people
        self.told = told
        self.photo = photo
        self.tag = tag
        self.rng = random.Random(f"{tag}:{plan.number}")
        self.inspector = self.rng.choice(people.inspectors)
        self.dispatcher = self.rng.choice(people.dispatchers)
        self.at = plan.at
        self.id = 0
        self.version = 0
        self.state = ""
        self.unit_code: str | None = None
        self.due_at: datetime | None = None

    def go(self) -> Way:
        """Report it, and see it through."""
        is_known = yield from self._report()
        if is_known:
            return
        yield from self._judge()
        if self.state == "not_accepted":
            if not self._happens(0.15):
                return
            yield from self._do("reopen", self.dispatcher, (30, 90), reason="补充材料后属实")
        yield from self._handle()
        yield from self._finish()

    def _happens(self, share: float) -> bool:
        return self.rng.random() < share

    def _report(self) -> Generator[Task, Answer, bool]:
        """Report it; return whether it joined another case."""
        plan, by = self.plan, self.inspector
        client_key = f"{self.tag}:{plan.number}"
        said = {
            "lon": plan.place.lon,
            "lat": plan.place.lat,
            "matter": plan.place.matter,
            "accuracy_m": 5.0,
            "text": self.rng.choice(_TEXTS),
            "channel": plan.channel,
            "client_key": client_key,
        }
        answer = yield self._task("report", by, "/api/reports", said)
        if answer.status not in (200, 201):
            raise Refused(f"report {plan.number}: {answer.status} {answer.body}")
        self.at = answer.at
        self.told.reports[client_key] = answer.body["case_id"]
        if answer.body["is_duplicate"]:
            self.told.joined += 1
            return True
        self.id, self.version, self.state = answer.body["case_id"], 1, "reported"
        self.told.events[self.id] = ["reported"]
        claim = answer.body["answer"]["responsible"]["claim"]
        self.unit_code = claim["unit"]["code"] if claim else None
        return False

    def _judge(self) -> Generator[Task, Answer, None]:
        """Check it and file it, or refuse it."""
        if self.plan.channel != "inspector":
            yield from self._do("check", self.inspector, (5, 40), position=self._scene())
        if self._happens(0.025):
            yield from self._do("not-accept", self.dispatcher, (2, 12), reason="经核实不属实")
        elif self._happens(0.35):
            yield from self._file_with_others()
        else:
            yield from self._do("file", self.dispatcher, (1, 10))

    def _file_with_others(self) -> Generator[Task, Answer, None]:
        answer = yield Task(self.at + self._between(1, 4), None, self.id)
        if answer.status != 200:
            raise Refused(f"filing together: {answer.status} {answer.body}")
        found = next(one for one in answer.body["results"] if one["case"] == self.id)
        status = found["status"]
        if status is None and answer.is_repeat:
            status = yield from self._happened("filed", self.version, self.dispatcher)
        if status is None:
            raise Refused(f"case {self.id} filed with others: {found}")
        self._note("filed", status, answer.at)

    def _handle(self) -> Generator[Task, Answer, None]:
        """See that a unit gets it and does it."""
        if self.state == "filed":
            yield from self._dispatch()
        if self._happens(0.03):
            yield from self._return()
        if self._happens(0.9):
            yield from self._do("accept", self._unit(), (2, 15))
        if self._happens(0.02):
            yield from self._do("suspend", self.dispatcher, (5, 20), reason="等待停水通知")
            yield from self._do("resume", self.dispatcher, (30, 120), reason="可以施工")
        if self._happens(0.03):
            more = {"amount": 1, "unit": "working_day"}
            asked = {"reason": "缺少配件", **more}
            yield from self._do("ask-extension", self._unit(), (5, 20), **asked)
            if self._happens(0.7):
                granted = {"reason": "情况属实", **more}
                yield from self._do("extend", self.dispatcher, (5, 30), **granted)
            else:
                yield from self._do("deny-extension", self.dispatcher, (5, 30), reason="理由不足")
        if self._happens(0.02):
            yield from self._do("urge", self.dispatcher, (5, 30), reason="市民再次来电")
        yield from self._done(self._handling_time())
        if self._happens(0.03):
            yield from self._do("send-back", self.inspector, (10, 40), reason="现场未清理干净")
            yield from self._done(self._between(20, 60))

    def _finish(self) -> Generator[Task, Answer, None]:
        """Look at it, close it; some are not content."""
        yield from self._do("verify", self.inspector, (5, 45), position=self._scene())
        yield from self._do("close", self.dispatcher, (1, 15))
        if self._happens(0.005):
            yield from self._do("appeal", self._unit(), (5, 30), reason="不应计入超时")
            verdict = {"reason": "已复核", "is_upheld": self._happens(0.5)}
            yield from self._do("decide-appeal", self.dispatcher, (10, 60), **verdict)
        if self._happens(0.005):
            yield from self._do("reopen", self.dispatcher, (10, 40), reason="问题再次出现")
            if self.state == "filed":
                yield from self._dispatch()
            yield from self._done(self._between(20, 60))
            yield from self._do("verify", self.inspector, (5, 20), position=self._scene())
            yield from self._do("close", self.dispatcher, (1, 10))

    def _dispatch(self) -> Generator[Task, Answer, None]:
        code = self.unit_code or self.rng.choice(sorted(self.people.units))
        yield from self._do("dispatch", self.dispatcher, (1, 8), unit_code=code)

    def _return(self) -> Generator[Task, Answer, None]:
        """Let the unit return it as not its own; it is decided again."""
        by, before, unit_code = self._unit(), self.version, self.unit_code
        self.at += self._between(3, 15)
        said = {"unit_code": unit_code, "reason": "不属我单位"}
        answer = yield self._task("return", by, f"/api/cases/{self.id}/return", said)
        if answer.status != 200:
            status = yield from self._happened("returned", before, by)
            if status is None:
                raise Refused(f"case {self.id} returned by {unit_code}: {answer.body}")
        else:
            status = yield from self._read()
        self._note("returned", status, answer.at)
        if self.state == "filed":
            yield from self._dispatch()

    def _done(self, after: timedelta) -> Generator[Task, Answer, None]:
        """Send a photo of what was done, and say that it is done."""
        by = self._unit()
        self.at += after
        picture = self.photo(f"{self.tag}:{self.plan.number}:{self.version}")
        sent = Request("photo", "POST", "/api/photos", by.key, picture, "image/jpeg")
        answer = yield Task(self.at, sent)
        if answer.status not in (200, 201):
            raise Refused(f"photo: {answer.status} {answer.body}")
        self.at = answer.at
        yield from self._do("handle", by, (0, 0.5), photos=[answer.body["photo"]], reason="已处理")

    def _handling_time(self) -> timedelta:
        """Draw how long it takes from now: nearly always within the limit."""
        drawn = _HANDLED * self.rng.lognormvariate(0, 0.6)
        drawn = min(drawn, timedelta(hours=4.5))
        if self.due_at is None:
            return drawn
        left = self.due_at - self.at
        if self._happens(0.02) and left < timedelta(hours=6):
            return max(left, timedelta(0)) + self._between(10, 60)
        return max(min(drawn, left * 0.7), timedelta(minutes=1))

    def _do(
        self, action: str, by: Person, minutes: tuple[float, float], **said: object
    ) -> Generator[Task, Answer, None]:
        """Do something some minutes later; what came between is read first, as people do."""
        self.at += self._between(*minutes)
        kind, path = _KINDS[action], f"/api/cases/{self.id}/{action}"
        for _ in range(5):
            before = self.version
            answer = yield self._task(action, by, path, said, if_match=before)
            if answer.status == 200:
                self._note(kind, answer.body, answer.at)
                return
            if answer.status not in (409, 412):
                break
            status = yield from self._happened(kind, before, by)
            if status is not None:
                self._note(kind, status, answer.at)
                return
            self.told.outdated[action] += 1
            self.at = answer.at
        raise Refused(f"case {self.id}, {action}: {answer.status} {answer.body}")

    def _happened(
        self, kind: str, before: int, by: Person
    ) -> Generator[Task, Answer, dict[str, Any] | None]:
        """Look whether what was asked has happened since, though no answer came."""
        case = yield from self._read()
        self.version = case["version"]
        since = [one for one in case["events"] if one["sequence"] > before]
        is_done = any(one["kind"] == kind and one["actor"] == by.name for one in since)
        return case if is_done else None

    def _read(self) -> Generator[Task, Answer, dict[str, Any]]:
        read = Request("read", "GET", f"/api/cases/{self.id}", self.dispatcher.key)
        answer = yield Task(self.at, read)
        if answer.status != 200:
            raise Refused(f"case {self.id} read: {answer.status} {answer.body}")
        case: dict[str, Any] = answer.body
        return case

    def _note(self, kind: str, status: Mapping[str, Any], at: datetime) -> None:
        self.at = at
        self.version, self.state = status["version"], status["state"]
        self.unit_code = status["unit_code"]
        self.due_at = datetime.fromisoformat(status["due_at"]) if status["due_at"] else None
        self.told.events[self.id].append(kind)

    def _task(
        self,
        kind: str,
        by: Person,
        path: str,
        said: Mapping[str, object],
        *,
        if_match: int | None = None,
    ) -> Task:
        body = json.dumps(said, ensure_ascii=False).encode()
        return Task(self.at, Request(kind, "POST", path, by.key, body, if_match=if_match))

    def _unit(self) -> Person:
        return self.people.units[self.unit_code or ""]

    def _scene(self) -> dict[str, float]:
        return {"lon": self.plan.place.lon, "lat": self.plan.place.lat, "accuracy_m": 10.0}

    def _between(self, least: float, most: float) -> timedelta:
        return timedelta(minutes=self.rng.uniform(least, most))


#: The event that each action appends.
_KINDS = {
    "check": "checked",
    "file": "filed",
    "not-accept": "not_accepted",
    "dispatch": "dispatched",
    "accept": "accepted",
    "handle": "handled",
    "send-back": "sent_back",
    "verify": "verified",
    "close": "closed",
    "suspend": "suspended",
    "resume": "resumed",
    "ask-extension": "extension_asked",
    "extend": "extended",
    "deny-extension": "extension_denied",
    "appeal": "appealed",
    "decide-appeal": "appeal_decided",
    "reopen": "reopened",
    "urge": "urged",
}
