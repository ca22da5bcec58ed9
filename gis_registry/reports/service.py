"""What reports can do: be submitted, which answers them and opens their case, and be shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.collecting import not_collecting
from gis_registry.components.schemas import Named
from gis_registry.db import reference
from gis_registry.errors import Conflict, InvalidInput, NotFound, RegistryError
from gis_registry.places import service as places
from gis_registry.reports import answering, queries
from gis_registry.reports.answering import Answered
from gis_registry.reports.keeping import Submission, keep
from gis_registry.reports.schemas import (
    Answer,
    AnsweredReport,
    NewReport,
    ReportPage,
    ReportSummary,
)
from gis_registry.reports.tables import Report

#: As many as a city of millions gets in a day.
LARGEST_BATCH = 10_000


@dataclass(frozen=True)
class _Known:
    """A report that is kept already, and a digest of what it said (older ones have none)."""

    report: AnsweredReport
    fingerprint: str | None


def submit(session: Session, new: NewReport, *, reported_by: str) -> AnsweredReport:
    """Answer a report, open its case or join that of an earlier one, and keep all of it.

    The same client key of the same sender twice is one report: the second time the first answer is
    returned.

    Raises:
        UnknownMatterType: the matter is neither a matter type nor a class.
        InvalidPosition: the position is none or outside the city.
        InvalidInput: it is from the future, or from before 2000.
        Conflict: the client key is that of a report that says something else.
    """
    found = submit_all(session, [Submission(new, reported_by)])[0]
    if isinstance(found, RegistryError):
        raise found
    return found


@not_collecting()
def submit_all(
    session: Session, submissions: Sequence[Submission]
) -> list[AnsweredReport | RegistryError]:
    """Answer reports as :func:`submit` does, all at once; one that is refused gets its error.

    The others are kept all the same; each counts as earlier than those after it. A client key is
    that of the first report that is kept with it, however many were refused before.
    """
    with reference.held(session):
        return _submit_all(session, submissions)


def _submit_all(
    session: Session, submissions: Sequence[Submission]
) -> list[AnsweredReport | RegistryError]:
    known = _known(session, submissions)
    said = [
        n if one.key is None else (one.key, one.fingerprint) for n, one in enumerate(submissions)
    ]
    fresh = {
        what: one.report
        for what, one in zip(said, submissions, strict=True)
        if one.key not in known
    }
    now = clock.now()
    city = places.the_city(session)
    answers = answering.answer_all(session, list(fresh.values()), city=city, now=now)
    answered = dict(zip(fresh, answers, strict=True))
    taken: set[tuple[str, str] | None] = set(known)
    incoming: dict[int, tuple[Submission, Answered]] = {}
    for n, (what, one) in enumerate(zip(said, submissions, strict=True)):
        found = answered.get(what)
        if isinstance(found, Answered) and one.key not in taken:
            incoming[n] = (one, found)
            if one.key is not None:
                taken.add(one.key)
    kept = dict(zip(incoming, keep(session, list(incoming.values()), now=now), strict=True))
    refused = {what: one for what, one in answered.items() if isinstance(one, RegistryError)}
    told: list[AnsweredReport | RegistryError] = []
    for n, one in enumerate(submissions):
        if n not in kept:
            told.append(_repeated(one, known) or refused[said[n]])
            continue
        told.append(kept[n])
        if one.key is not None:
            known[one.key] = _Known(kept[n], one.fingerprint)
    return told


def _known(session: Session, submissions: Sequence[Submission]) -> dict[tuple[str, str], _Known]:
    """Return by sender and key what was sent before, and let nobody else send the same now."""
    keys = {one.key for one in submissions if one.key is not None}
    if not keys:
        return {}
    queries.lock_client_keys(session, keys)
    return {
        (row["Report"].reported_by, row["Report"].client_key): _Known(
            _shown(row), row["Report"].fingerprint
        )
        for row in queries.by_client_keys(session, keys)
    }


def _repeated(
    one: Submission, known: dict[tuple[str, str], _Known]
) -> AnsweredReport | RegistryError | None:
    """Return the first answer to a report that was kept before, if it says the same."""
    before = None if one.key is None else known.get(one.key)
    if before is None:
        return None
    if before.fingerprint not in (None, one.fingerprint):
        return Conflict(
            f"The client key {one.report.client_key!r} is that of report {before.report.id}, "
            "which says something else. Send what is new with a key of its own."
        )
    return before.report.model_copy(update={"is_repeat": True})


def show(session: Session, report_id: int) -> AnsweredReport:
    """Return a report as it was answered.

    Raises:
        NotFound: there is no such report.
    """
    row = queries.report(session, report_id)
    if row is None:
        raise NotFound(f"There is no report {report_id}.")
    return _shown(row)


def _shown(row: RowMapping) -> AnsweredReport:
    report: Report = row["Report"]
    matter_type = row["MatterType"]
    return AnsweredReport(
        id=report.id,
        division_code=report.division_code,
        channel=report.channel,
        matter=Named(
            code=matter_type.code, name_zh=matter_type.name_zh, name_en=matter_type.name_en
        ),
        text=report.text,
        lon=row["lon"],
        lat=row["lat"],
        accuracy_m=report.accuracy_m,
        photos=report.photos,
        reported_at=report.reported_at,
        received_at=report.received_at,
        reported_by=report.reported_by,
        client_key=report.client_key,
        case_id=report.case_id,
        is_duplicate=row["is_duplicate"],
        answer=Answer.model_validate(report.answer),
    )


def page(
    session: Session, *, before: int | None = None, limit: int = 100, case_id: int | None = None
) -> ReportPage:
    """Return reports, the newest first, of all cases or of one.

    Raises:
        InvalidInput: the limit is not 1 to 1000.
    """
    if not 1 <= limit <= 1000:
        raise InvalidInput("The limit must be 1 to 1000.")
    rows = queries.page(session, before=before, limit=limit + 1, case_id=case_id)
    reports = [ReportSummary.model_validate(dict(row)) for row in rows[:limit]]
    return ReportPage(reports=reports, next_before=reports[-1].id if len(rows) > limit else None)
