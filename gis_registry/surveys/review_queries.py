"""What reviewing and deciding a survey asks of the database."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, RowMapping, func, or_, select, text, update
from sqlalchemy.orm import Session

from gis_registry.db.sql import load_queries
from gis_registry.surveys import queries
from gis_registry.surveys.tables import SurveyDecision, SurveyRow, Verdict

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))

#: A decision to ask for that is none.
UNDECIDED = "none"


@dataclass(frozen=True)
class Wanted:
    """Which rows of a survey are wanted; what is empty does not restrict them.

    ``districts`` and ``subdistricts`` are taken together: rows in any of them.
    """

    verdicts: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    class_ids: tuple[int, ...] = ()
    districts: tuple[str, ...] = ()
    subdistricts: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    components: tuple[str, ...] = ()


def row_numbers(
    session: Session, survey_id: int, wanted: Wanted, *, after: int, limit: int
) -> Sequence[int]:
    """Return the numbers of wanted rows after one of them, in order."""
    return session.scalars(
        select(SurveyRow.row_number)
        .where(*_conditions(survey_id, wanted), SurveyRow.row_number > after)
        .order_by(SurveyRow.row_number)
        .limit(limit)
    ).all()


def reviewed_rows(session: Session, survey_id: int, numbers: Sequence[int]) -> Sequence[RowMapping]:
    """Return some rows, in order, with the place that their components had before."""
    return _rows(session, "reviewed_rows", {"survey_id": survey_id, "numbers": list(numbers)})


def verdict_counts(session: Session, survey_id: int, wanted: Wanted) -> dict[str, int]:
    """Return how many wanted rows have each verdict."""
    counted = session.execute(
        select(SurveyRow.verdict, func.count())
        .where(*_conditions(survey_id, wanted))
        .group_by(SurveyRow.verdict)
        .order_by(SurveyRow.verdict)
    )
    return {verdict: int(count) for verdict, count in counted}


def decide(
    session: Session,
    survey_id: int,
    wanted: Wanted,
    decision: str | None,
    *,
    verdicts: Sequence[str],
    is_decided: bool = False,
) -> dict[str, int]:
    """Write a decision to the wanted rows of some verdicts; return how many by verdict.

    Args:
        session: open transaction.
        survey_id: the survey.
        wanted: the rows.
        decision: what was decided; None: nothing any more.
        verdicts: only rows of these.
        is_decided: only rows of which something is decided.
    """
    only = [*_conditions(survey_id, wanted), SurveyRow.verdict.in_(verdicts)]
    if is_decided:
        only.append(SurveyRow.decision.is_not(None))
    written = update(SurveyRow).where(*only).values(decision=decision).returning(SurveyRow.verdict)
    changed = written.execution_options(synchronize_session=False).cte("changed")
    counted = select(changed.c.verdict, func.count()).group_by(changed.c.verdict)
    return {
        verdict: int(count)
        for verdict, count in session.execute(counted.order_by(changed.c.verdict))
    }


def choices(
    session: Session, survey_id: int, chosen: Mapping[int, str | None]
) -> Sequence[RowMapping]:
    """Return what rows would be if they were these components, and what stands against it."""
    values = {"row_numbers": list(chosen), "codes": list(chosen.values())}
    return _rows(session, "choices", {"survey_id": survey_id} | values)


def choose(session: Session, survey_id: int, chosen: Sequence[RowMapping], *, reason: str) -> None:
    """Make rows the components that were chosen for them, as :func:`choices` found them."""
    session.execute(
        _QUERIES["choose"],
        {
            "survey_id": survey_id,
            "reason": reason,
            "row_numbers": [one["row_number"] for one in chosen],
            "verdicts": [_verdict(one) for one in chosen],
            "codes": [one["code"] for one in chosen],
            "versions": [one["version"] for one in chosen],
            "distances": [one["distance_m"] for one in chosen],
        },
    )
    codes = [one["code"] for one in chosen if one["missing_row"] is not None]
    if codes:
        session.execute(_QUERIES["not_missing"], {"survey_id": survey_id, "codes": codes})


def standing_choices(session: Session, survey_id: int) -> Sequence[RowMapping]:
    """Return the rows for which something was chosen and still stands."""
    return _rows(session, "standing_choices", {"survey_id": survey_id})


def unchoose(session: Session, survey_id: int, before: Mapping[int, Mapping[str, Any]]) -> None:
    """Make rows what they were before something was chosen for them."""
    rows = [{"row_number": number, **one} for number, one in before.items()]
    values = {"survey_id": survey_id, "before": json.dumps(rows, ensure_ascii=False)}
    session.execute(_QUERIES["unchoose"], values)


def decisions(session: Session, survey_id: int) -> Sequence[SurveyDecision]:
    """Return what was decided about a survey's rows, the oldest first."""
    return session.scalars(
        select(SurveyDecision)
        .where(SurveyDecision.survey_id == survey_id)
        .order_by(SurveyDecision.id)
    ).all()


def last_row_number(session: Session, survey_id: int) -> int:
    """Return the number of the last row, or of the last component that is missing."""
    last = select(func.max(SurveyRow.row_number)).where(SurveyRow.survey_id == survey_id)
    return session.scalar(last) or 0


def remember(session: Session, survey_id: int, *, chosen: Iterable[int]) -> None:
    """Keep what was decided of rows while they are matched again."""
    session.execute(_QUERIES["remember"], {"survey_id": survey_id, "chosen": list(chosen)})


def reinstate(session: Session, survey_id: int) -> None:
    """Give rows back what was decided of them, where they came out as they were."""
    for name in ("reinstate_rows", "reinstate_missing", "reinstate_new"):
        session.execute(_QUERIES[name], {"survey_id": survey_id})
    session.execute(text("DROP TABLE decided"))


def delivered_row(session: Session, survey_id: int, row_number: int) -> RowMapping | None:
    """Return what a row of a survey says, or None if there is no such row."""
    values = {"survey_id": survey_id, "row_number": row_number}
    return session.execute(_QUERIES["delivered_row"], values).mappings().one_or_none()


def repeated_row(
    session: Session, survey_id: int, row_number: int, *, class_id: int, geom: str
) -> int | None:
    """Return the number of another row with this class and geometry (extended WKB), or None."""
    values = {"survey_id": survey_id, "row_number": row_number}
    found: int | None = session.scalar(
        _QUERIES["repeated_row"], values | {"class_id": class_id, "geom": geom}
    )
    return found


def correct(session: Session, survey_id: int, row_number: int, columns: Mapping[str, Any]) -> None:
    """Write what a row says now; if it is good, it waits to be matched."""
    values = {"survey_id": survey_id, "row_number": row_number}
    session.execute(_QUERIES["correct"], values | dict(columns))


def retry(session: Session, survey_id: int, *, retry_id: int) -> int:
    """Copy the rows that wait for a person into another survey; return how many there are."""
    values = {"survey_id": survey_id, "retry_id": retry_id}
    queries.make_rows_table(session, retry_id)
    queries.attach_rows(session, retry_id)
    copied = session.execute(_QUERIES["retry"], values)
    session.execute(_QUERIES["mark_retried"], {"survey_id": survey_id})
    return int(copied.rowcount)  # type: ignore[attr-defined]


def held(
    session: Session, survey_id: int, *, box: tuple[float, float, float, float]
) -> NDArray[np.bytes_]:
    """Return the identifiers that rows of the surveys that this one retries are already.

    Args:
        session: open transaction.
        survey_id: a survey that retries rows of another one.
        box: west, south, east, north in degrees, EPSG:4490.
    """
    west, south, east, north = box
    values = {"survey_id": survey_id, "west": west, "south": south, "east": east, "north": north}
    return np.array(session.scalars(_QUERIES["held"], values).all(), dtype="S17")


def counts(session: Session, survey_id: int) -> Sequence[RowMapping]:
    """Return how many rows there are by verdict, class and area, and where."""
    return _rows(session, "counts", {"survey_id": survey_id})


def drawn(session: Session, survey_id: int, every: Mapping[str, int]) -> Sequence[RowMapping]:
    """Return every n-th row of some verdicts with what it is compared with."""
    values = {"verdicts": list(every), "every": list(every.values())}
    return _rows(session, "drawn", {"survey_id": survey_id} | values)


def _verdict(choice: RowMapping) -> str:
    return str(Verdict.NEW if choice["code"] is None else choice["chosen_verdict"])


def _rows(session: Session, name: str, values: Mapping[str, Any]) -> Sequence[RowMapping]:
    return session.execute(_QUERIES[name], values).mappings().all()


def _conditions(survey_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [SurveyRow.survey_id == survey_id]
    if wanted.verdicts:
        conditions.append(SurveyRow.verdict.in_(wanted.verdicts))
    if wanted.decisions:
        named = SurveyRow.decision.in_(wanted.decisions)
        none = SurveyRow.decision.is_(None)
        conditions.append(or_(named, none) if UNDECIDED in wanted.decisions else named)
    if wanted.class_ids:
        conditions.append(SurveyRow.class_id.in_(wanted.class_ids))
    if wanted.districts or wanted.subdistricts:
        conditions.append(
            or_(
                SurveyRow.division_code.in_(wanted.districts),
                SurveyRow.subdistrict_code.in_(wanted.subdistricts),
            )
        )
    if wanted.rows:
        conditions.append(SurveyRow.row_number.in_(wanted.rows))
    if wanted.components:
        conditions.append(SurveyRow.code.in_(wanted.components))
    return conditions
