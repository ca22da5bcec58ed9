"""What there is around reports: components within reach, and what speaks for one of them."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.components.tables import ComponentState
from gis_registry.reports import clues
from gis_registry.reports import matching_queries as queries
from gis_registry.reports.clues import Clue, ClueKind, Gone, Label, Said
from gis_registry.reports.matching_queries import Around, SeenLabel
from gis_registry.reports.questions import Question
from gis_registry.reports.weighing import Belief, Floats, Near, Probes, reach_m

#: So many of a class are weighed at most around a coarse position, the nearest ones.
_MOST = 1000
#: How dense components stand is read from at least this far around; candidates are only in reach.
_DENSITY_M = 30.0
#: A label beyond so many times the reach is on the wrong component, or the position is wrong.
_PLAUSIBLE = 2.0
#: How many components around a report are held against the numbers in its text, the nearest ones.
_READ_LABELS = 50


@dataclass(frozen=True)
class Found:
    """Reports with what is around them, in the order of reports and codes.

    ``reaches_m`` says how far off each component could be; ``clues`` are by its position, ``gone``
    by report.
    """

    probes: Probes
    near: Near
    codes: NDArray[np.str_]
    reaches_m: Floats
    clues: dict[int, Clue]
    gone: dict[int, list[Gone]] = field(default_factory=dict)

    def of(self, probe: int) -> range:
        """Return the positions of the components around a report."""
        first, end = np.searchsorted(self.near.probe, [probe, probe + 1]).tolist()
        return range(first, end)


def look_around(
    session: Session, asked: Sequence[Question], *, belief: Belief, moment: datetime | None
) -> Found:
    """Find the components of the matters' classes around reports.

    Args:
        session: open transaction.
        asked: what the reports ask, each of some classes.
        belief: how wide errors are, which says how far to look.
        moment: the components as they were then; as they are now if not given.
    """
    accuracy_m = np.array([one.accuracy_m for one in asked], dtype=np.float64)
    coarse_m = np.array(
        [max(about.accuracy_m for about in one.matter.classes) for one in asked], dtype=np.float64
    )
    looked_m = np.maximum(reach_m(accuracy_m, coarse_m, belief), _DENSITY_M)
    records = _records(session, asked, np.arange(len(asked)), looked_m, moment)
    coarsest_m = _coarsest(session, asked, records, coarse_m, moment)
    further = np.flatnonzero(coarsest_m > coarse_m)
    if further.size:
        looked_m[further] = np.maximum(
            reach_m(accuracy_m[further], coarsest_m[further], belief), _DENSITY_M
        )
        again = _records(session, asked, further, looked_m, moment)
        records = np.concatenate([records[~np.isin(records["probe"], further)], again])
    records = records[records["distance_m"] <= looked_m[records["probe"]]]  # it was a box
    records = records[np.lexsort((records["code"], records["probe"]))]
    near = Near(
        probe=records["probe"].astype(np.int64),
        distance_m=records["distance_m"].astype(np.float64),
        accuracy_m=records["accuracy_m"].astype(np.float64),
        area_m2=records["area_m2"].astype(np.float64),
        outline_m=records["outline_m"].astype(np.float64),
        odds=np.ones(len(records)),
    )
    _look_less_where_cut_off(looked_m, near, [one.lat for one in asked])
    reaches_m = reach_m(accuracy_m[near.probe], near.accuracy_m, belief)
    codes = np.strings.rstrip(records["code"]).astype(np.str_)
    return Found(Probes(accuracy_m, looked_m), near, codes, reaches_m, {})


def _records(
    session: Session,
    asked: Sequence[Question],
    which: NDArray[np.int64],
    looked_m: Floats,
    moment: datetime | None,
) -> NDArray[np.void]:
    around = [one for n in which.tolist() for one in _around(asked[n], n, float(looked_m[n]))]
    return queries.near(session, around, most=_MOST, moment=moment)


def _coarsest(
    session: Session,
    asked: Sequence[Question],
    records: NDArray[np.void],
    coarse_m: Floats,
    moment: datetime | None,
) -> Floats:
    """Return how coarse the components around are known: some coarser than is usual of their class.

    Where there are none, the nearest ones may be so coarse that they are within reach all the same.
    """
    coarsest_m = coarse_m.copy()
    probe = records["probe"].astype(np.int64)
    np.maximum.at(coarsest_m, probe, records["accuracy_m"].astype(np.float64))
    empty = np.flatnonzero(np.bincount(probe, minlength=len(asked)) == 0).tolist()
    around = [one for n in empty for one in _around(asked[n], n, 0.0)]
    for n, value in queries.coarsest(session, around, moment=moment).items():
        coarsest_m[n] = max(coarsest_m[n], value)
    return coarsest_m


def _around(question: Question, n: int, radius_m: float) -> list[Around]:
    return [
        Around(n, question.lon, question.lat, one.id, radius_m) for one in question.matter.classes
    ]


def _look_less_where_cut_off(looked_m: Floats, near: Near, lats: Sequence[float]) -> None:
    """Take back how far was looked where there are more components than are weighed.

    The nearest by degrees fill an ellipse; a circle inside it has been looked at.
    """
    count = np.bincount(near.probe, minlength=len(looked_m))
    for n in np.flatnonzero(count >= _MOST).tolist():
        farthest_m = float(near.distance_m[near.probe == n].max())
        looked_m[n] = min(looked_m[n], farthest_m * math.cos(math.radians(lats[n])))


def with_labels(
    session: Session,
    asked: Sequence[Question],
    said: Sequence[Said],
    found: Found,
    *,
    moment: datetime | None,
) -> Found:
    """Add the components that labels name, wherever they stand, and say so of those around.

    A label of one that stands no more names what took its place.
    """
    labels = [(n, label) for n, one in enumerate(said) for label in one.labels]
    rows = queries.named(
        session,
        [SeenLabel(i, label, asked[n].lon, asked[n].lat) for i, (n, label) in enumerate(labels)],
        moment=moment,
    )
    hits: dict[int, list[RowMapping]] = defaultdict(list)
    for row in rows:
        hits[row["n"]].append(row)
    named: dict[tuple[int, str], tuple[RowMapping, Clue]] = {}
    gone: dict[int, list[Gone]] = defaultdict(list)
    for i, those in hits.items():
        n, label = labels[i]
        standing = [one for one in those if one["state"] == ComponentState.ACTIVE]
        for row, clue in _named(asked[n], label, standing):
            known = named.get((n, row["code"]))
            if known is None or clue.odds > known[1].odds:
                named[n, row["code"]] = (row, clue)
        if not standing and (label.is_sure or _plausible(asked[n], those)):
            gone[n].append(_gone(label, those[0]))
    return replace(_with_named(found, named), gone=gone)


def _named(
    question: Question, label: Label, hits: Sequence[RowMapping]
) -> list[tuple[RowMapping, Clue]]:
    """Return the components that a label can mean; a sure one in doubt where none is plausible.

    What has the label now comes before what had it once, and before what took another's place.
    """
    present = [one for one in hits if not one["is_past"]] or hits
    own = [one for one in present if one["label_of"] is None] or present
    meant = _plausible(question, own) or _plausible(question, present)
    odds, is_doubtful = label.odds, False
    if not meant and label.is_sure:
        meant, odds, is_doubtful = list(own[:1]), 0.0, True
    return [
        (one, Clue(label.kind, label.text, one["kind"], odds, is_doubtful, one["label_of"]))
        for one in meant
    ]


def _plausible(question: Question, hits: Sequence[RowMapping]) -> list[RowMapping]:
    """Return the components of the matter's classes that are near enough."""
    classes = {one.id for one in question.matter.classes}
    return [
        one
        for one in hits
        if one["class_id"] in classes
        and one["distance_m"] <= _PLAUSIBLE * reach_m(question.accuracy_m, one["accuracy_m"])
    ]


def _gone(label: Label, row: RowMapping) -> Gone:
    return Gone(label.text, row["code"], row["state"] == ComponentState.WITHDRAWN)


def _with_named(found: Found, named: Mapping[tuple[int, str], tuple[RowMapping, Clue]]) -> Found:
    if not named:
        return found
    near, codes = found.near, found.codes
    known = {(n, codes[at]) for n in {n for n, _ in named} for at in found.of(n)}
    added = [(n, row) for (n, code), (row, _) in named.items() if (n, code) not in known]
    added_near = Near(
        probe=np.array([n for n, _ in added], dtype=np.int64),
        distance_m=np.array([row["distance_m"] for _, row in added], dtype=np.float64),
        accuracy_m=np.array([row["accuracy_m"] for _, row in added], dtype=np.float64),
        area_m2=np.zeros(len(added)),
        outline_m=np.zeros(len(added)),
        odds=np.ones(len(added)),
    )
    near = near.joined(added_near)
    added_reaches_m = reach_m(found.probes.accuracy_m[added_near.probe], added_near.accuracy_m)
    codes = np.concatenate([codes, np.array([row["code"] for _, row in added], dtype=np.str_)])
    order = np.lexsort((codes, near.probe))
    found = Found(
        found.probes,
        near.picked(order),
        codes[order],
        np.concatenate([found.reaches_m, added_reaches_m])[order],
        {},
    )
    for n in {n for n, _ in named}:
        for at in found.of(n):
            entry = named.get((n, found.codes[at]))
            if entry is not None:
                found.clues[at] = entry[1]
                found.near.odds[at] = entry[1].odds
    return found


def with_numbers(
    session: Session, said: Sequence[Said], found: Found, *, moment: datetime | None
) -> Found:
    """Hold the numbers in texts against what is written on the components around."""
    labelled = {int(found.near.probe[at]) for at in found.clues}
    held: dict[int, list[int]] = {}
    for n, one in enumerate(said):
        if one.tokens and n not in labelled:
            around = [at for at in found.of(n) if found.near.distance_m[at] <= found.reaches_m[at]]
            around.sort(key=lambda at: float(found.near.distance_m[at]))
            held[n] = around[:_READ_LABELS]
    codes = {at: str(found.codes[at]) for those in held.values() for at in those}
    written = {
        row["code"]: clues.written_on(row["attributes"], row["aliases"] or [])
        for row in queries.labels(session, sorted(set(codes.values())), moment=moment)
    }
    for n, those in held.items():
        fits = clues.numbers_fit(said[n].tokens, [written.get(codes[at], {}) for at in those])
        for at, fit in zip(those, fits, strict=True):
            found.near.odds[at] = fit.odds
            if fit.token is not None:
                clue = Clue(ClueKind.NUMBER, fit.token.text, fit.name, fit.odds)
                found.clues[at] = clue
    return found
