"""What is left after a day: nothing lost, nothing twice, every way legal; and the day's figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from day_city import shares
from day_ways import Told
from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from gis_registry.cases import watching
from gis_registry.cases.life_cycle import TRANSITIONS
from gis_registry.cases.progress import FIELDS, Happening, advance, first_of
from gis_registry.cases.tables import CaseEventKind

_BY_KIND = {one.kind: one for one in TRANSITIONS.values()}
#: What nobody asks for in so many words: it follows, or others do it.
_FOLLOWING = frozenset({"dispatched", "joined"})

_REPORTS = text(
    """
    SELECT r.client_key, count(*) AS count, min(e.case_id) AS case_id, count(e.case_id) AS cases
    FROM reports r
    LEFT JOIN case_events e ON e.report_id = r.id AND e.kind IN ('reported', 'joined')
    WHERE r.client_key LIKE :tag || ':%'
    GROUP BY r.client_key
    """
)
_EVENTS = text(
    """
    SELECT e.case_id, e.sequence, e.kind, e.happened_at, e.note, e.actor
    FROM case_events e
    WHERE e.case_id IN (
      SELECT o.case_id FROM case_events o JOIN reports r ON r.id = o.report_id
      WHERE r.client_key LIKE :tag || ':%' AND o.kind = 'reported')
    ORDER BY e.case_id, e.sequence
    """
)
_PROGRESS = text(
    """
    SELECT p.* FROM case_progress p
    WHERE p.case_id IN (
      SELECT o.case_id FROM case_events o JOIN reports r ON r.id = o.report_id
      WHERE r.client_key LIKE :tag || ':%' AND o.kind = 'reported')
    ORDER BY p.case_id
    """
)


def faults_of_reports(session: Session, told: Told, tag: str) -> Iterator[str]:
    """Look whether every report that was confirmed is there once, and in its case."""
    found = {row["client_key"]: row for row in session.execute(_REPORTS, {"tag": tag}).mappings()}
    for key in sorted(told.reports.keys() - found.keys()):
        yield f"report {key} is lost"
    for key, row in found.items():
        if row["count"] != 1 or row["cases"] != 1:
            yield f"report {key} is there {row['count']} times, in {row['cases']} cases"
        elif key in told.reports and told.reports[key] != row["case_id"]:
            yield f"report {key} is in case {row['case_id']}, not {told.reports[key]}"


def faults_of_cases(session: Session, told: Told, tag: str) -> Iterator[str]:
    """Look whether every case has just the events that were confirmed, on a legal way.

    Where it stands must be what its events come to.
    """
    stored = {row["case_id"]: row for row in session.execute(_PROGRESS, {"tag": tag}).mappings()}
    for case_id in sorted(told.events.keys() - stored.keys()):
        yield f"case {case_id} is lost"
    rows = session.execute(_EVENTS, {"tag": tag}).mappings()
    for case_id, events in groupby(rows, key=lambda row: row["case_id"]):
        happened = list(events)
        if case_id not in stored:
            yield f"case {case_id} stands nowhere"
            continue
        kinds = [
            row["kind"]
            for row in happened
            if row["kind"] not in _FOLLOWING and row["actor"] != watching.ACTOR
        ]
        asked = [kind for kind in told.events.get(case_id, []) if kind not in _FOLLOWING]
        if kinds != asked:
            yield f"case {case_id} has {kinds}; confirmed were {asked}"
        yield from _faults_of_way(stored[case_id], happened)


def _faults_of_way(stored: RowMapping, events: Sequence[RowMapping]) -> Iterator[str]:
    case_id = stored["case_id"]
    now = first_of(stored)
    for n, row in enumerate(events, start=1):
        kind = CaseEventKind(row["kind"])
        if row["sequence"] != n:
            yield f"case {case_id} has event {row['sequence']} in place {n}"
        before = now
        now = advance(before, Happening(row["sequence"], kind, row["happened_at"], row["note"]))
        step = _BY_KIND.get(kind)
        if step is not None and before.state not in step.before:
            yield f"case {case_id} was {kind} while it was {before.state}"
        if step is not None and step.after not in (None, now.state):
            yield f"case {case_id} was {kind} and then {now.state}, not {step.after}"
        if n > 1 and row["happened_at"] < events[n - 2]["happened_at"]:
            yield f"case {case_id} was {kind} before what was before it"
    for name in FIELDS:
        if getattr(now, name) != stored[name]:
            said, comes_to = stored[name], getattr(now, name)
            yield f"case {case_id}: {name} is {said}, its events come to {comes_to}"


def figures(session: Session, tag: str, *, late: timedelta) -> list[str]:
    """Return the day's figures as lines: what was filed, dispatched, handled, closed, and when."""
    rows = session.execute(_PROGRESS, {"tag": tag}).mappings().all()

    def count(what: str) -> int:
        return sum(bool(row[what]) for row in rows)

    filed, dispatched, closed = count("filed_at"), count("dispatched_at"), count("ended_at")
    handled = count("handled_at")
    lines = shares(
        [
            ("filed", filed, len(rows)),
            ("dispatched, of those filed", dispatched, filed),
            ("handled, of those dispatched", handled, dispatched),
            ("ended", closed, len(rows)),
            *[
                (
                    f"{name} on time",
                    sum(row[f"is_{name}_on_time"] is True for row in rows),
                    sum(row[f"is_{name}_on_time"] is not None for row in rows),
                )
                for name in ("checked", "filed", "dispatched", "handled", "verified", "closed")
            ],
            ("dispatched right (not returned)", dispatched - count("returned"), dispatched),
            ("done right (not sent back)", handled - count("sent_back"), handled),
            ("extended", count("extended"), dispatched),
            ("urged", count("urged"), dispatched),
            ("appealed", count("appealed"), len(rows)),
            ("reopened", count("reopened"), len(rows)),
        ]
    )
    for name, first, last in (
        ("reported to filed", "reported_at", "filed_at"),
        ("filed to handled", "filed_at", "handled_at"),
        ("reported to closed", "reported_at", "ended_at"),
    ):
        lines.append(f"  {name:34} {_percentiles(rows, first, last)}")
    minutes = late.total_seconds() / 60
    lines.append(f"  {'the latest step was late by':34} {minutes:,.0f} min")
    return lines


def _percentiles(rows: Iterable[Mapping[str, Any]], first: str, last: str) -> str:
    taken = sorted(
        (row[last] - row[first]).total_seconds() / 60 for row in rows if row[last] is not None
    )
    if not taken:
        return "none"
    p50, p95 = (taken[min(len(taken) - 1, int(len(taken) * q))] for q in (0.5, 0.95))
    return f"p50 {p50:,.0f} min, p95 {p95:,.0f} min"
