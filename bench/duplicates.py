"""Duplicates among a city's real requests, beside the nearest earlier open one of the same type.

    python bench/duplicates.py FOLDER
    python bench/duplicates.py REQUESTS.csv[.gz] PAIRS.csv

FOLDER holds Boston's 311 requests (``boston_311_*.csv.gz``) and the pairs that staff named when
they closed a duplicate (``duplicate_pairs_*.csv``: duplicate_case, original_case). Other months of
the same columns go as two files. Every request with a position is asked of the very code that
answers reports, in order of time and in batches of an hour, on a scratch database that is thrown
away: its TYPE is the matter and its REASON the major kind. Only what was known then counts. A case
is open until the request that opened it was closed, which is looked at once an hour; titles, queues
and closing texts, written later, are not read, so the reports have no text.

Rows at the city's default position have none and are not asked: their pairs count as not found, for
the baseline too. So do pairs whose original came later than its duplicate; a second figure leaves
those out, and a third takes only the pairs from May 2015 on: two of the model's figures were chosen
by the earlier ones. An original is found if it is a report of the case that is named.
"""

import argparse
import csv
import gzip
import heapq
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import SecretStr
from scipy.spatial import cKDTree
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.cases import queries as cases
from gis_registry.cases.tables import Case, CaseEvent
from gis_registry.catalogue.service import Matter
from gis_registry.catalogue.tables import MatterType
from gis_registry.db.base import SRID
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.places.service import the_city
from gis_registry.reports import duplicates, queries
from gis_registry.reports.duplicates import Asked, Similar
from gis_registry.reports.questions import Question
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

_ZONE = ZoneInfo("America/New_York")
_DEFAULT_POSITION = (42.3594, -71.0587)
_DIVISION = "000000"
_BASELINE_M, _BASELINE_DAYS = 100.0, 60.0
#: How soon repeats become rarer, and how far is searched at least, were chosen by earlier pairs.
_CHOSEN_BEFORE = datetime(2015, 5, 1, tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Request:
    """A request as it came in, and when it was closed."""

    key: str
    opened_at: datetime
    closed_at: datetime
    type: str
    reason: str
    lon: float
    lat: float

    @property
    def has_position(self) -> bool:
        """Whether the position is more than the city's default."""
        return (self.lat, self.lon) != _DEFAULT_POSITION


def read_requests(path: Path) -> list[Request]:
    """Read the requests in order of time."""
    with _opened(path) as file:
        requests = [
            Request(
                key=row["CASE_ENQUIRY_ID"],
                opened_at=_moment(row["OPEN_DT"]),
                closed_at=_moment(row["CLOSED_DT"]) if row["CLOSED_DT"] else _NEVER,
                type=row["TYPE"],
                reason=row["REASON"],
                lon=float(row["LONGITUDE"]),
                lat=float(row["LATITUDE"]),
            )
            for row in csv.DictReader(file)
        ]
    return sorted(requests, key=lambda one: (one.opened_at, one.key))


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Read which request repeats which."""
    with _opened(path) as file:
        return [(row["duplicate_case"], row["original_case"]) for row in csv.DictReader(file)]


def _opened(path: Path):  # type: ignore[no-untyped-def]
    return gzip.open(path, "rt") if path.suffix == ".gz" else path.open()


def _moment(said: str) -> datetime:
    return datetime.strptime(said, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=_ZONE).astimezone(UTC)


class Replay:
    """The requests asked one hour after the other, with what was answered."""

    def __init__(self, session: Session, requests: Sequence[Request], accuracy_m: float) -> None:
        """Add the types of the requests as matters of a place."""
        self.session = session
        self.accuracy_m = accuracy_m
        self.similar: dict[str, list[Similar]] = {}
        self.joined: dict[str, Similar] = {}
        self.case_of: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        self.spent_s = 0.0
        self._closing: list[tuple[datetime, int]] = []
        edition_key = the_city(session).matter_edition_key
        self._matters = {}
        for n, (type_, reason) in enumerate(sorted({(one.type, one.reason) for one in requests})):
            matter = MatterType(
                edition_key=edition_key, kind="place", code=f"X{n}", major_code=reason,
                major_name_zh=reason, name_zh=type_, name_en=type_, certainty="x",
            )  # fmt: skip
            session.add(matter)
            self._matters[type_, reason] = Matter(matter, ())
        session.flush()

    def ask(self, batch: Sequence[Request]) -> None:
        """Ask for what a batch repeats, and keep it."""
        self._close(batch[0].opened_at)
        first = len(self.case_of) + 1
        asked = [
            Asked(n, n, _DIVISION, self._question(one), None) for n, one in enumerate(batch, first)
        ]
        began_s = time.perf_counter()
        similar = duplicates.find_all(self.session, asked)
        joined = duplicates.joined_cases(asked, similar)
        self.spent_s += time.perf_counter() - began_s
        for request, one, others in zip(batch, asked, similar, strict=True):
            case = joined.get(one.report_id)
            self.similar[request.key] = others
            self.numbers[request.key] = one.report_id
            self.case_of[request.key] = case.case_id if case else one.case_id
            if case:
                self.joined[request.key] = case
            else:
                heapq.heappush(self._closing, (request.closed_at, one.case_id))
        self._keep(batch, asked)

    def _question(self, one: Request) -> Question:
        return Question(
            matter=self._matters[one.type, one.reason], lon=one.lon, lat=one.lat,
            accuracy_m=self.accuracy_m, text="", scanned=None,
            reported_at=one.opened_at, on_date=one.opened_at.date(),
        )  # fmt: skip

    def _close(self, moment: datetime) -> None:
        closed = []
        while self._closing and self._closing[0][0] <= moment:
            closed.append(heapq.heappop(self._closing)[1])
        if closed:
            rows = [_event(case_id, 2, "closed") for case_id in closed]
            cases.insert(self.session, CaseEvent, rows)

    def _keep(self, batch: Sequence[Request], asked: Sequence[Asked]) -> None:
        opened = [
            (one, request)
            for one, request in zip(asked, batch, strict=True)
            if request.key not in self.joined
        ]
        rows: list[dict[str, object]] = [
            {"division_code": _DIVISION, "id": one.case_id, "geom": _point(request)}
            for one, request in opened
        ]
        if rows:
            cases.insert(self.session, Case, rows)
            events = [_event(one.case_id, 1, "reported") for one, _ in opened]
            cases.insert(self.session, CaseEvent, events)
        queries.insert_reports(
            self.session,
            [
                {
                    "division_code": _DIVISION, "id": one.report_id, "channel": "citizen",
                    "matter_type_id": one.question.matter.type.id, "text": "",
                    "geom": _point(request), "datum": "wgs84", "accuracy_m": self.accuracy_m,
                    "reported_at": request.opened_at, "reported_by": "bench", "outcome": "place",
                    "case_division_code": _DIVISION, "case_id": self.case_of[request.key],
                    "answer": {},
                }
                for one, request in zip(asked, batch, strict=True)
            ],
        )  # fmt: skip


def _event(case_id: int, sequence: int, kind: str) -> dict[str, object]:
    return {
        "division_code": _DIVISION, "case_id": case_id, "sequence": sequence, "kind": kind,
        "actor": "bench", "note": {},
    }  # fmt: skip


def _point(one: Request) -> str:
    return f"SRID={SRID};POINT({one.lon} {one.lat})"


def replay(requests: Sequence[Request], accuracy_m: float) -> Replay:
    """Ask all requests on a scratch database."""
    home = Path(tempfile.mkdtemp(prefix="gr-bench-"))
    server = EmbeddedServer(home)
    server.acquire()
    try:
        settings = Settings(database_url=SecretStr(server.url("postgres")))
        with open_registry(settings) as database, Session(database.engine) as session:
            run = Replay(session, requests, accuracy_m)
            for n, (_, batch) in enumerate(
                groupby(requests, lambda one: f"{one.opened_at:%y%j%H}")
            ):
                run.ask(list(batch))
                if n % 200 == 0:
                    session.execute(text("ANALYZE reports, cases, case_events, matter_types"))
                    session.commit()
            session.rollback()
            return run
    finally:
        server.release()
        shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


class Baseline:
    """The nearest earlier open request of the same type within 100 m and 60 days."""

    def __init__(self, requests: Sequence[Request]) -> None:
        """Take the requests in order of time."""
        self._requests = requests
        self._index = {one.key: n for n, one in enumerate(requests)}
        lat = np.radians([one.lat for one in requests])
        lon = np.radians([one.lon for one in requests])
        scale = np.cos(lat.mean()) if len(lat) else 1.0
        self._xy = 6371008.8 * np.column_stack([lon * scale, lat])
        self._tree = cKDTree(self._xy)

    def ranked(self, key: str) -> Iterator[str]:
        """Yield what may be the original, the nearest first; of equals the newest."""
        asked = self._index[key]
        one = self._requests[asked]
        found = []
        for n in self._tree.query_ball_point(self._xy[asked], _BASELINE_M):
            other = self._requests[n]
            age_days = (one.opened_at - other.opened_at).total_seconds() / 86400
            is_open = other.closed_at > one.opened_at
            if n < asked and other.type == one.type and is_open and age_days <= _BASELINE_DAYS:
                found.append((float(np.hypot(*(self._xy[n] - self._xy[asked]))), -n))
        yield from (self._requests[-n].key for _, n in sorted(found))


@dataclass
class Score:
    """At which places originals were found (none: not found)."""

    name: str
    places: list[int | None]

    def line(self, numbers: Sequence[int]) -> str:
        """Return the shares of the pairs with these numbers."""
        places = [self.places[n] for n in numbers]
        total = max(1, len(places))
        first = sum(place == 0 for place in places) / total
        five = sum(place is not None and place < 5 for place in places) / total
        rank = sum(1 / (place + 1) for place in places if place is not None) / total
        return f"{self.name:58}{first:8.1%}{five:11.1%}{rank:8.3f}"


def _place(ranked: Sequence[object], wanted: object) -> int | None:
    return ranked.index(wanted) if wanted in ranked else None


def report(requests: Sequence[Request], pairs: Sequence[tuple[str, str]], run: Replay) -> None:
    """Print what was found of the pairs, beside the baseline."""
    by_key = {one.key: one for one in requests}
    placed = [one for one in requests if one.has_position]
    order = {one.key: n for n, one in enumerate(requests)}
    without, with_all = Baseline(placed), Baseline(requests)
    ours, openers, peer, peer_all = (
        Score("this program", []),
        Score("  of those where it opened the case that is named", []),
        Score("nearest of the type, open, 100 m, 60 days", []),
        Score("  with the default position taken for one", []),
    )
    by_type: dict[str, list[tuple[int | None, int | None]]] = defaultdict(list)
    for duplicate, original in pairs:
        similar = run.similar.get(duplicate, [])
        is_known = original in run.case_of and order[original] < order[duplicate]
        case_id = run.case_of.get(original)
        ours.places.append(_place([one.case_id for one in similar], case_id) if is_known else None)
        number = run.numbers.get(original)
        openers.places.append(_place([one.report_id for one in similar], number))
        has_position = by_key[duplicate].has_position
        peer.places.append(
            _place(list(without.ranked(duplicate)), original) if has_position else None
        )
        peer_all.places.append(_place(list(with_all.ranked(duplicate)), original))
        by_type[by_key[duplicate].type].append((ours.places[-1], peer.places[-1]))
    everything = range(len(pairs))
    earlier = [n for n in everything if order[pairs[n][1]] < order[pairs[n][0]]]
    later_half = [n for n in everything if by_key[pairs[n][0]].opened_at >= _CHOSEN_BEFORE]
    print(
        f"{len(requests):,} requests, {len(requests) - len(placed):,} of them without a position;"
    )
    print(f"{len(pairs):,} pairs, in {len(earlier):,} of which the original came first\n")
    groups: dict[str, Sequence[int]] = {
        "of all pairs": everything,
        "of those whose original came first": earlier,
        f"of all pairs from {_CHOSEN_BEFORE:%d %B %Y} on": later_half,
    }
    for what, numbers in groups.items():
        print(f"{what:58}{'first':>8}{'first five':>11}{'MRR':>8}")
        for score in (ours, openers, peer, peer_all):
            print(score.line(numbers))
        print()
    print(f"{'by type':42}{'pairs':>6}{'first':>8}{'five':>8}{'baseline':>10}{'five':>8}")
    for name, found in sorted(by_type.items(), key=lambda one: -len(one[1]))[:15]:
        shares = [
            sum(one[which] is not None and one[which] < most for one in found) / len(found)  # type: ignore[operator]
            for which in (0, 1)
            for most in (1, 5)
        ]
        print(
            f"{name[:40]:42}{len(found):6}{shares[0]:8.0%}{shares[1]:8.0%}"
            f"{shares[2]:10.0%}{shares[3]:8.0%}"
        )
    _print_joined(pairs, run)


def _print_joined(pairs: Sequence[tuple[str, str]], run: Replay) -> None:
    """Print how far the pairs bear out what joined by itself, and the probabilities."""
    known: dict[str, set[str]] = defaultdict(set)
    for duplicate, original in pairs:
        known[duplicate].add(original)
        known[original].add(duplicate)
    right = Counter[bool]()
    for duplicate, original in pairs:
        for one, other in ((duplicate, original), (original, duplicate)):
            if one in run.joined and other in run.case_of:
                right[run.joined[one].case_id == run.case_of[other]] += 1
    total = len(run.case_of)
    count = len(run.joined)
    print(f"\njoined by themselves (from {duplicates.JOINED_FROM:g}): {count:,} of {total:,}")
    if right.total():
        print(
            f"of {right.total():,} that joined and that a pair names, "
            f"{right[True] / right.total():.1%} joined the case of the other one"
        )
    print(
        "The pairs are those that staff wrote down: far from all, so the share of the others that"
    )
    print("are duplicates cannot be told from them.")
    print(f"\n{'probability of the first':30}{'requests':>10}{'in a pair with its case':>26}")
    members: dict[int, set[str]] = defaultdict(set)
    for key, case_id in run.case_of.items():
        members[case_id].add(key)
    bins: dict[int, list[bool]] = defaultdict(list)
    for key, similar in run.similar.items():
        if similar:
            edge = min(int(similar[0].probability * 10), 9)
            bins[edge].append(bool(known[key] & members[similar[0].case_id]))
    for edge, found in sorted(bins.items()):
        label = f"{edge / 10:.1f} to {edge / 10 + 0.1:.1f}"
        print(f"{label:30}{len(found):10,}{sum(found) / len(found):26.1%}")
    print(f"\nasking took {run.spent_s / total * 1000:.2f} ms a request")


def main() -> None:
    """Read, replay and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("paths", type=Path, nargs="+", help="FOLDER, or REQUESTS and PAIRS")
    parser.add_argument("--accuracy-m", type=float, default=10.0, help="of an address, in metres")
    arguments = parser.parse_args()
    if len(arguments.paths) == 1:
        folder = arguments.paths[0]
        requests_path = next(iter(sorted(folder.glob("*311*.csv*"))))
        pairs_path = next(iter(sorted(folder.glob("*pairs*.csv"))))
    else:
        requests_path, pairs_path = arguments.paths
    requests = read_requests(requests_path)
    keys = {one.key for one in requests}
    pairs = [one for one in read_pairs(pairs_path) if keys.issuperset(one)]
    run = replay([one for one in requests if one.has_position], arguments.accuracy_m)
    report(requests, pairs, run)


if __name__ == "__main__":
    main()
