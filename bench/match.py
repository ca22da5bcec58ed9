"""Which component a report means: simulated reports, beside the best that could be done.

    python bench/match.py cambridge FOLDER    real assets of Cambridge, in a scratch registry
    python bench/match.py registry            the registry that the settings name

A SIMULATION: components drawn at random, so that each class has its share; reported from a normal
error of 3, 8 or 20 m (this is what the report says as its accuracy) beside a true place which is
off the registered one by its survey's error. Senders mean different things by an accuracy, so
each is simulated: the radius that holds 68 in 100, the root mean square, the standard error along
each axis, all of them mixed, and one in twenty positions three times as far off. Of two in a
hundred reports the component is left out of what the matcher sees: it is not on the map.

Beside it stands the Bayes-optimal matcher, a plain implementation of its own that is told the true
distribution of errors and which share is missing. Nothing is stored.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from identity import Registry
from numpy.random import Generator
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.places import service as places
from gis_registry.reports import surroundings, weighing
from gis_registry.reports.matching import Weighed, judged, match_all
from gis_registry.reports.questions import Question
from gis_registry.reports.surroundings import Found
from gis_registry.reports.tables import Outcome
from gis_registry.reports.weighing import USUAL, Belief
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

ERRORS_M = (3.0, 8.0, 20.0)
MISSING = 0.02
RATIO, UNIQUE, CALIBRATION = 0.98, 0.99, 0.02
AXIS_OF_68, AXIS_OF_RMS = 1 / math.sqrt(-2 * math.log(1 - 0.68)), 1 / math.sqrt(2)
CAMBRIDGE = (
    ("StreetLights_2017-07-31", "0137", 2.0),
    ("Hydrants_2017-03-22", "0113", 2.0),
    ("LitterBarrels_2017-11-13", "0305", 3.0),
    ("BikeRacks_2018-01-09", "0227", 3.0),
    ("UtilityPoles_2013-08-15", "0130", 1.0),
    ("Signals_2014-12-09", "0214", 10.0),
)


@dataclass(frozen=True)
class Meaning:
    """What senders mean by an accuracy: shares of errors, as multiples of it along each axis."""

    name: str
    shares: tuple[tuple[float, float], ...]


MEANINGS = (
    Meaning("radius of 68 %", ((1.0, AXIS_OF_68),)),
    Meaning("root mean square", ((1.0, AXIS_OF_RMS),)),
    Meaning("along each axis", ((1.0, 1.0),)),
    Meaning("mixed", ((1 / 3, AXIS_OF_68), (1 / 3, AXIS_OF_RMS), (1 / 3, 1.0))),
    Meaning("5 % thrice as far", ((0.95, AXIS_OF_68), (0.05, 3 * AXIS_OF_68))),
)


@dataclass(frozen=True)
class Truth:
    """A component that a simulated report is about; ``is_missing``: it is not on the map."""

    code: str
    class_code: str
    lon: float
    lat: float
    accuracy_m: float
    is_missing: bool


def truths(session: Session, count: int, rng: Generator) -> list[Truth]:
    """Draw point components at random, each class with its share."""
    total = session.scalar(text("SELECT count(*) FROM components WHERE state = 'active'")) or 1
    rows = session.execute(
        text(
            """
            SELECT c.code, k.code AS class_code, ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat,
              c.accuracy_m
            FROM components c TABLESAMPLE BERNOULLI (:percent) REPEATABLE (:seed)
            JOIN component_classes k ON k.id = c.class_id
            WHERE c.state = 'active' AND GeometryType(c.geom) = 'POINT'
            ORDER BY c.code
            """
        ),
        {
            "percent": min(100.0, 150.0 * count / total),
            "seed": int(rng.integers(1 << 30)),
        },
    ).all()
    chosen = rng.permutation(len(rows))[:count]
    missing = rng.random(len(chosen)) < MISSING
    return [
        Truth(*rows[at], is_missing=bool(gone)) for at, gone in zip(chosen, missing, strict=True)
    ]


def reported(
    session: Session, those: Sequence[Truth], error_m: float, meaning: Meaning, rng: Generator
) -> list[Question]:
    """Report each of some components from a place that is off by the error that is meant."""
    city = places.the_city(session)
    codes = {one.class_code for one in those}
    matters = catalogue.find_matters(
        session,
        codes,
        matter_edition_key=city.matter_edition_key,
        class_edition_key=city.edition_key,
        earlier_edition_keys=places.class_editions(session),
    )
    share, scale = np.array(meaning.shares).T
    axis_m = error_m * rng.choice(scale, len(those), p=share)
    sigma = np.hypot(axis_m, [one.accuracy_m for one in those])
    east, north = rng.normal(size=(2, len(those))) * sigma
    now = datetime.now(UTC)
    return [
        Question(
            matter=matters[one.class_code],
            lon=one.lon + float(x) / metres_a_degree(one.lat)[0],
            lat=one.lat + float(y) / metres_a_degree(one.lat)[1],
            accuracy_m=error_m,
            text="",
            scanned=None,
            reported_at=now,
            on_date=now.date(),
        )
        for one, x, y in zip(those, east, north, strict=True)
    ]


def metres_a_degree(lat: float) -> tuple[float, float]:
    """Return metres of a degree of longitude and of latitude on GRS 80."""
    squeezed, axis_m = 0.00669438002290, 6378137.0
    bend = 1 - squeezed * math.sin(math.radians(lat)) ** 2
    east = axis_m / math.sqrt(bend) * math.cos(math.radians(lat))
    north = axis_m * (1 - squeezed) / bend**1.5
    return math.radians(east), math.radians(north)


def best_codes(
    session: Session, asked: Sequence[Question], those: Sequence[Truth], meaning: Meaning
) -> list[str]:
    """Say what the Bayes-optimal matcher says, which knows how errors really are; none: empty."""
    rows = session.execute(
        text(
            """
            SELECT a.n, c.code, ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat, c.accuracy_m
            FROM unnest(
              CAST(:lon AS float8[]), CAST(:lat AS float8[]), CAST(:classes AS int[]),
              CAST(:degrees AS float8[])
            ) WITH ORDINALITY AS a (lon, lat, class_id, degrees, n)
            CROSS JOIN LATERAL (
              SELECT * FROM components c
              WHERE point(c.class_id, 0) ~= point(a.class_id, 0) AND c.state = 'active'
                AND c.geom && ST_Expand(ST_SetSRID(ST_MakePoint(a.lon, a.lat), 4490), a.degrees)
                AND GeometryType(c.geom) = 'POINT'
            ) AS c
            """
        ),
        {
            "lon": [one.lon for one in asked for _ in one.matter.classes],
            "lat": [one.lat for one in asked for _ in one.matter.classes],
            "classes": [about.id for one in asked for about in one.matter.classes],
            "degrees": [
                (6 * one.accuracy_m + 6 * truth.accuracy_m + 60) / 90_000
                for one, truth in zip(asked, those, strict=True)
                for _ in one.matter.classes
            ],
        },
    ).all()
    index = [n for n, one in enumerate(asked) for _ in one.matter.classes]
    around: dict[int, list[tuple[str, float, float]]] = {}
    for n, code, lon, lat, accuracy_m in rows:
        probe = asked[index[n - 1]]
        east, north = metres_a_degree(probe.lat)
        metres = math.hypot((lon - probe.lon) * east, (lat - probe.lat) * north)
        around.setdefault(index[n - 1], []).append((code, metres, accuracy_m))
    return [
        _best_code(around.get(n, []), asked[n].accuracy_m, those[n], meaning)
        for n in range(len(asked))
    ]


def _best_code(
    near: Sequence[tuple[str, float, float]], error_m: float, truth: Truth, meaning: Meaning
) -> str:
    kept = [one for one in near if not (truth.is_missing and one[0] == truth.code)]
    radius_m = 6 * error_m + 60
    others = sum(metres <= radius_m for _, metres, _ in kept) - (not truth.is_missing)
    missing = max(others, 0.5) / (math.pi * radius_m**2) * MISSING / (1 - MISSING)
    best, code = missing, ""
    for one, metres, accuracy_m in kept:
        density = 0.0
        for share, scale in meaning.shares:
            variance = (scale * error_m) ** 2 + accuracy_m**2
            density += share * math.exp(-(metres**2) / 2 / variance) / (2 * math.pi * variance)
        if density > best:
            best, code = density, one
    return code


def without(found: Found, those: Sequence[Truth]) -> Found:
    """Take out what is not on the map for each report."""
    gone = np.zeros(len(found.codes), dtype=np.bool_)
    for n, truth in enumerate(those):
        if truth.is_missing:
            for at in found.of(n):
                gone[at] |= found.codes[at] == truth.code
    kept = np.flatnonzero(~gone)
    return Found(
        found.probes, found.near.picked(kept), found.codes[kept], found.reaches_m[kept], {}
    )


@dataclass(frozen=True)
class Figures:
    """What was measured of some reports."""

    right: float
    best: float
    unique_right: float
    unique: float
    lost: float
    said: float
    said_adaptive: float
    each: float

    def line(self) -> str:
        """Return them beside their limits."""
        marks = (
            self.right >= RATIO * self.best,
            self.unique_right >= UNIQUE,
            max(self.said, self.said_adaptive) <= CALIBRATION,
        )
        return (
            f"{self.right:8.4f} {self.best:8.4f} {self.right / self.best:7.4f}"
            f"{' ' if marks[0] else '!'} {self.unique_right:8.4f}{' ' if marks[1] else '!'}"
            f"{self.unique:7.3f} {self.lost:7.4f} {self.said:8.4f} {self.said_adaptive:8.4f}"
            f"{' ' if marks[2] else '!'} {self.each:7.4f}"
        )


def measured(answers: Sequence[Weighed], best: Sequence[str], those: Sequence[Truth]) -> Figures:
    """Hold answers against the truth, and against the best ones."""
    truth = np.array(["" if one.is_missing else one.code for one in those])
    said = np.array(["" if one.outcome is Outcome.NONE else one.codes[0] for one in answers])
    is_unique = np.array([one.outcome is Outcome.UNIQUE for one in answers])
    is_right = said == truth
    sure = np.array([one.probability for one in answers])
    every = [
        (probability, code == is_)
        for one, is_ in zip(answers, truth, strict=True)
        for code, probability in zip(one.codes, one.probabilities, strict=True)
        if probability >= 0.001
    ]
    lost = [bool(is_) and is_ not in one.codes for one, is_ in zip(answers, truth, strict=True)]
    chances, hits = (np.array(one, dtype=float) for one in zip(*every, strict=True))
    return Figures(
        right=float(is_right.mean()),
        best=float((np.array(best) == truth).mean()),
        unique_right=float(is_right[is_unique].mean()) if is_unique.any() else 1.0,
        unique=float(is_unique.mean()),
        lost=float(np.mean(lost)),
        said=calibration_error(sure, is_right, np.linspace(0, 1, 11)),
        said_adaptive=calibration_error(sure, is_right, np.quantile(sure, np.linspace(0, 1, 11))),
        each=calibration_error(chances, hits, np.linspace(0, 1, 11)),
    )


def calibration_error(
    sure: NDArray[np.float64], hits: NDArray[np.generic], edges: NDArray[np.float64]
) -> float:
    """Return the expected calibration error over bins."""
    where = np.clip(np.searchsorted(edges, sure, side="right") - 1, 0, len(edges) - 2)
    weight = np.bincount(where, minlength=len(edges))
    gap = np.bincount(where, weights=sure - hits.astype(float), minlength=len(edges))
    return float(np.abs(gap).sum() / weight.sum())


def run(session: Session, *, count: int, seed: int) -> None:
    """Simulate, answer and print."""
    rng = np.random.default_rng(seed)
    print(f"SIMULATION, seed {seed}; {count} reports a line, {MISSING:.0%} of them not on the map")
    print(f"limits: ratio >= {RATIO}, unique >= {UNIQUE}, calibration <= {CALIBRATION}")
    head = (
        "   right     best   ratio     unique  share    lost  calibr.  (equal    each"
        "\n                                 right     of          of said  counts)    one"
    )
    print(f"{'error, meaning':40}{head}")
    for meaning in MEANINGS:
        parts: list[tuple[Found, list[Truth], list[str]]] = []
        for error_m in ERRORS_M:
            those = truths(session, count, rng)
            asked = reported(session, those, error_m, meaning, rng)
            best = best_codes(session, asked, those, meaning)
            found = surroundings.look_around(session, asked, belief=USUAL, moment=None)
            found = without(found, those)
            figures = measured(judged(found), best, those)
            print(f"{error_m:4.0f} m, {meaning.name:33}{figures.line()}")
            parts.append((found, those, best))
        print_together(parts, meaning)


def print_together(
    parts: Sequence[tuple[Found, Sequence[Truth], Sequence[str]]], meaning: Meaning
) -> None:
    """Print the figures of all errors together, as one by one and as a file that teaches."""
    those = [one for _, part, _ in parts for one in part]
    best = [one for _, _, part in parts for one in part]
    answers = [one for found, _, _ in parts for one in judged(found)]
    print(f"{'all,    ' + meaning.name:40}{measured(answers, best, those).line()}")
    whole = joined([found for found, _, _ in parts])
    belief = weighing.learned(whole.probes, whole.near)
    print(f"{'a file, ' + meaning.name:40}{measured(judged(whole, belief), best, those).line()}")
    print(f"    learned: {described(belief)}")


def joined(parts: Sequence[Found]) -> Found:
    """Return reports of several parts as one."""
    near, first = parts[0].near.picked(np.zeros(0, dtype=np.int64)), 0
    for one in parts:
        moved = one.near.picked(np.arange(len(one.codes)))
        moved.probe[:] += first
        near, first = near.joined(moved), first + len(one.probes)
    return Found(
        weighing.Probes(
            np.concatenate([one.probes.accuracy_m for one in parts]),
            np.concatenate([one.probes.looked_m for one in parts]),
        ),
        near,
        np.concatenate([one.codes for one in parts]),
        np.concatenate([one.reaches_m for one in parts]),
        {},
    )


def described(belief: Belief) -> str:
    """Return the larger shares of a belief."""
    parts = [
        f"{one.share:.2f} of {one.scale:.2f} (survey {one.survey_scale:g})"
        for one in belief.errors
        if one.share > 0.04
    ]
    return f"{', '.join(parts)}; {belief.missing:.3f} missing"


def timed(session: Session, *, count: int, seed: int) -> None:
    """Print how long many reports take at once, and one alone."""
    rng = np.random.default_rng(seed)
    those = truths(session, count, rng)
    third = len(those) // 3
    asked = [
        one
        for n, error_m in enumerate(ERRORS_M)
        for one in reported(session, those[n * third : (n + 1) * third], error_m, MEANINGS[0], rng)
    ]
    match_all(session, asked[:50])
    began, worked = time.perf_counter(), time.process_time()
    match_all(session, asked)
    whole_s, python_s = time.perf_counter() - began, time.process_time() - worked
    print(f"{len(asked)} reports at once: {whole_s:.2f} s ({python_s:.2f} s in Python); limit 6 s")
    alone = sorted(_seconds(lambda one=one: match_all(session, [one])) for one in asked[:300])
    print(f"one alone: median {alone[150] * 1000:.2f} ms, 95 in 100 {alone[285] * 1000:.2f} ms")


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def cambridge(folder: Path) -> Iterator[Settings]:
    """Load Cambridge's assets into a scratch registry."""
    registry = Registry("cambridge")
    try:
        for name, code, accuracy_m in CAMBRIDGE:
            options = ("--class", code, "--crs", "wgs84", "--accuracy-m", str(accuracy_m))
            survey = registry.load(folder / f"{name}.geojson.gz", *options)
            registry("survey", "apply", str(survey))
        yield Settings(home=registry.home, city="cambridge")
    finally:
        registry.close()


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=4000, help="reports a line")
    parser.add_argument("--seed", type=int, default=7)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("cambridge").add_argument("folder", type=Path)
    commands.add_parser("registry")
    options = parser.parse_args(arguments)

    def measure(settings: Settings) -> None:
        with open_registry(settings) as database, database.session() as session:
            session.execute(text("SET TRANSACTION READ ONLY"))
            run(session, count=options.count, seed=options.seed)
            if options.command == "registry":
                timed(session, count=10_000, seed=options.seed)

    if options.command == "cambridge":
        with cambridge(options.folder) as settings:
            measure(settings)
    else:
        measure(Settings())
    return 0


if __name__ == "__main__":
    sys.exit(main())
