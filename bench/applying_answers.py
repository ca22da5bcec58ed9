"""Clients that ask a server all the time, and what their answers say of one change."""

from __future__ import annotations

import http.client
import json
import random
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import mapbox_vector_tile
import numpy as np

#: How many times as long an answer may take while a survey is applied.
LIMIT = 2.0
PHASES = ("alone", "loading", "applying", "after")
_LONGEST_S = 60.0
_MADE_AT = re.compile(rb'"timeStamp":"[^"]*",')


@dataclass(frozen=True)
class Question:
    """What is asked, and of which kind that is."""

    kind: str
    address: str


@dataclass(frozen=True)
class Answer:
    """When a question was asked and answered, and which of its contents was told."""

    question: Question
    began_s: float
    ended_s: float
    content: int


@dataclass(frozen=True)
class Moment:
    """A time, and how much processor time each had used by then."""

    at_s: float
    used_s: dict[str, float]


@dataclass
class Clients:
    """Clients that ask all the time, and what they were told.

    Attributes:
        contents: every content that was told, once, and its number.
    """

    port: int
    questions: Sequence[Question]
    answers: list[Answer] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    contents: dict[tuple[Question, bytes], int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, connection: http.client.HTTPConnection, question: Question) -> None:
        """Ask and note what was told."""
        began_s = time.perf_counter()
        connection.request("GET", question.address)
        answer = connection.getresponse()
        body = answer.read()
        ended_s = time.perf_counter()
        if answer.status == 404:  # it is gone, which is all that is told
            body = b"{}"
        elif answer.status not in (200, 204):
            self.faults[f"{question.kind}: {answer.status} {body[:200]!r}"] += 1
            return
        said = (question, _MADE_AT.sub(b"", body))
        with self.lock:
            content = self.contents.setdefault(said, len(self.contents))
            self.answers.append(Answer(question, began_s, ended_s, content))

    def ask_all(self) -> None:
        """Ask every question once."""
        connection = self._connection(0)
        for one in self.questions:
            self.ask(connection, one)
        connection.close()

    @contextmanager
    def asking(self, count: int, *, pause_s: float, seed: int) -> Iterator[None]:
        """Let so many clients ask until the end."""
        is_over = threading.Event()
        threads = [
            threading.Thread(target=self._run, args=(number, is_over, pause_s, seed))
            for number in range(count)
        ]
        for one in threads:
            one.start()
        try:
            yield
        finally:
            is_over.set()
            for one in threads:
                one.join(_LONGEST_S + 10)

    def _connection(self, number: int) -> http.client.HTTPConnection:
        """Connect from an address of the client's own: each has its share of the database."""
        source = (f"127.0.1.{number + 1}", 0)
        return http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=_LONGEST_S, source_address=source
        )

    def _run(self, number: int, is_over: threading.Event, pause_s: float, seed: int) -> None:
        chance = random.Random(f"{seed} {number}")
        connection = self._connection(number)
        while not is_over.is_set():
            try:
                self.ask(connection, chance.choice(self.questions))
            except (OSError, http.client.HTTPException) as error:
                self.faults[f"{type(error).__name__}: {error}"] += 1
                connection.close()
            if pause_s:
                is_over.wait(chance.expovariate(1 / pause_s))
        connection.close()


@cache
def meaning(body: bytes, is_tile: bool) -> str:
    """Return what an answer says of the registry, whatever the order it is written in."""
    if is_tile:
        layers = mapbox_vector_tile.decode(body) if body else {}
        features = [one for layer in layers.values() for one in layer["features"]]
        total = sum(one["properties"]["count"] for one in features)
        told = sorted(json.dumps(one, sort_keys=True) for one in features)
        return json.dumps([total, told])
    page = json.loads(body)
    page.pop("links", None)
    if page.pop("isNumberMatchedEstimated", False):
        del page["numberMatched"]
    return json.dumps(page, sort_keys=True)


@dataclass(frozen=True)
class Verdict:
    """Of which state the answers of each kind were.

    Attributes:
        counted: how many of before, after, neither, or where both say the same.
        neither: to what questions answers were of neither.
        late: how many were of before though somebody had seen what is after.
    """

    counted: dict[str, Counter[str]]
    neither: Counter[str]
    late: int


def judge(clients: Clients, before: Sequence[Answer], after: Sequence[Answer]) -> Verdict:
    """Hold every answer against those that were told alone before and afterwards."""
    meanings = {
        number: meaning(body, question.kind.startswith("tile"))
        for (question, body), number in clients.contents.items()
    }
    first = {one.question: meanings[one.content] for one in before}
    last = {one.question: meanings[one.content] for one in after}
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    said: dict[str, list[Answer]] = defaultdict(list)
    for one in clients.answers:
        told, question = meanings[one.content], one.question
        ways = {first[question]: "before", last[question]: "after"}
        is_same = first[question] == last[question]
        way = "neither" if told not in ways else "unchanged" if is_same else ways[told]
        counted[question.kind][way] += 1
        said[way].append(one)
    seen_s = min((one.ended_s for one in said["after"]), default=float("inf"))
    late = sum(one.began_s > seen_s for one in said["before"])
    return Verdict(counted, Counter(one.question.address for one in said["neither"]), late)


def report_times(answers: Sequence[Answer], moments: Sequence[Moment]) -> bool:
    """Print how long answers took in each phase; return whether applying kept the limit."""
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    for phase, began, ended in zip(PHASES, moments[:-1], moments[1:], strict=True):
        during = [
            one for one in answers if one.began_s < ended.at_s and one.ended_s > began.at_s
        ]  # partly within counts
        for one in during:
            taken[phase, one.question.kind].append((one.ended_s - one.began_s) * 1000)
        seconds = ended.at_s - began.at_s
        used = ", ".join(
            f"{name} {(spent_s - began.used_s[name]) / seconds:.2f}"
            for name, spent_s in ended.used_s.items()
        )
        print(f"{phase}: {seconds:.1f} s, {len(during) / seconds:.0f} answers a second; "
              f"processors used: {used}")  # fmt: skip
    is_well = True
    print("in ms: p50 and p95 alone, then with their ratios to those")
    for kind in dict.fromkeys(one.question.kind for one in answers):
        usual = np.percentile(taken["alone", kind], (50, 95))
        told = [f"{kind:10} {usual[0]:7.1f} {usual[1]:7.1f}"]
        for phase in PHASES[1:]:
            ms = taken[phase, kind]
            if not ms:
                told.append(f"{phase}: none")
                continue
            p50, p95 = np.percentile(ms, (50, 95))
            ratios = p50 / usual[0], p95 / usual[1]
            told.append(f"{phase} {p50:.1f} {p95:.1f} = {ratios[0]:.2f} {ratios[1]:.2f}")
            if phase == "applying":
                told.append(f"{max(ratios) / LIMIT:.2f} of the limit, longest {max(ms):.0f} ms")
                is_well &= max(ratios) <= LIMIT
        print("; ".join(told), flush=True)
    return is_well


def report_verdict(clients: Clients, verdict: Verdict) -> bool:
    """Print of which state answers were; return whether all were of before or of after."""
    ways = ("before", "after", "unchanged", "neither")
    print("answers  " + " ".join(f"{way:>10}" for way in ways))
    for kind, counted in verdict.counted.items():
        print(f"{kind:8} " + " ".join(f"{counted[way]:10,}" for way in ways))
    neither, refused = sum(verdict.neither.values()), sum(clients.faults.values())
    print(f"of neither {neither}; of before after somebody saw what is after: {verdict.late}; "
          f"not answered: {refused}", *verdict.neither, *clients.faults, sep="\n  ")  # fmt: skip
    return not (neither or verdict.late or refused)
