"""What reports can do: be submitted, which answers them and opens their case, and be shown."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.cases import service as cases
from gis_registry.cases.service import NewCase
from gis_registry.components.schemas import Named
from gis_registry.db.base import SRID
from gis_registry.errors import Conflict, InvalidInput, NotFound, RegistryError
from gis_registry.places import service as places
from gis_registry.reports import answering, duplicates, queries
from gis_registry.reports.answering import Answered
from gis_registry.reports.duplicates import Asked
from gis_registry.reports.schemas import (
    Answer,
    AnsweredReport,
    NewReport,
    ReportPage,
    ReportSummary,
)
from gis_registry.reports.tables import Report


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
    found = submit_all(session, [new], reported_by=reported_by)[0]
    if isinstance(found, RegistryError):
        raise found
    return found


def submit_all(
    session: Session, reports: Sequence[NewReport], *, reported_by: str
) -> list[AnsweredReport | RegistryError]:
    """Answer reports as :func:`submit` does, all at once; one that is refused gets its error.

    The others are kept all the same; each counts as earlier than those after it.
    """
    known = _known(session, reports, reported_by)
    seen: set[str | None] = set(known)
    fresh: list[int] = []
    for n, new in enumerate(reports):
        if new.client_key is None or new.client_key not in seen:
            fresh.append(n)
            seen.add(new.client_key)
    now = datetime.now(UTC)
    answered = answering.answer_all(
        session, [reports[n] for n in fresh], city=places.the_city(session), now=now
    )
    incoming = [
        (reports[n], one)
        for n, one in zip(fresh, answered, strict=True)
        if isinstance(one, Answered)
    ]
    kept = iter(_keep(session, incoming, reported_by=reported_by, now=now))
    told: dict[int, AnsweredReport | RegistryError] = {}
    for n, found in zip(fresh, answered, strict=True):
        one = next(kept) if isinstance(found, Answered) else found
        told[n] = one
        key = reports[n].client_key
        if key is not None and isinstance(one, AnsweredReport):
            known[key] = _Known(one, _fingerprint(reports[n]))
    failed = {reports[n].client_key: one for n, one in told.items()}
    return [
        told[n] if n in told else _repeated(new, known) or failed[new.client_key]
        for n, new in enumerate(reports)
    ]


def _known(session: Session, reports: Sequence[NewReport], reported_by: str) -> dict[str, _Known]:
    """Return by client key what the sender sent before, and let nobody else send the same now."""
    keys = {one.client_key for one in reports if one.client_key is not None}
    if not keys:
        return {}
    queries.lock_client_keys(session, reported_by, keys)
    rows = queries.by_client_keys(session, reported_by, keys)
    return {
        row["Report"].client_key: _Known(_shown(row), row["Report"].fingerprint) for row in rows
    }


def _repeated(new: NewReport, known: dict[str, _Known]) -> AnsweredReport | RegistryError | None:
    """Return the first answer to a report that was kept before, if it says the same."""
    before = known.get(new.client_key or "")
    if before is None:
        return None
    if before.fingerprint not in (None, _fingerprint(new)):
        return Conflict(
            f"The client key {new.client_key!r} is that of report {before.report.id}, which says "
            "something else. Send what is new with a key of its own."
        )
    return before.report.model_copy(update={"is_repeat": True})


def _fingerprint(new: NewReport) -> str:
    """Return a digest of all that a report says."""
    said = new.model_dump_json(exclude={"client_key"})
    return hashlib.sha256(said.encode()).hexdigest()


def _keep(
    session: Session,
    incoming: Sequence[tuple[NewReport, Answered]],
    *,
    reported_by: str,
    now: datetime,
) -> list[AnsweredReport]:
    """Keep answered reports, each in a case of its own or in that of an earlier one."""
    asked = [
        Asked(report_id, case_id, one.division_code, one.question, one.answer.component_code)
        for report_id, case_id, (_, one) in zip(
            queries.next_report_ids(session, len(incoming)),
            cases.next_ids(session, len(incoming)),
            incoming,
            strict=True,
        )
    ]
    similar = duplicates.find_all(session, asked)
    joined = duplicates.joined_cases(asked, similar)
    cases.open_cases(
        session,
        [
            NewCase(
                id=one.case_id,
                report_id=one.report_id,
                division_code=one.case_division_code,
                matter_type_id=one.question.matter.type.id,
                class_id=found.class_id,
                component_code=one.component_code,
                lon=one.question.lon,
                lat=one.question.lat,
                responsible=found.answer.responsible,
                responders=found.answer.responders,
            )
            for one, (_, found) in zip(asked, incoming, strict=True)
            if one.report_id not in joined
        ],
        actor=reported_by,
    )
    told = []
    for one, others, (new, found) in zip(asked, similar, incoming, strict=True):
        case = joined.get(one.report_id)
        told.append(
            AnsweredReport(
                id=one.report_id,
                division_code=found.division_code,
                channel=new.channel,
                matter=answering.matter_name(one.question.matter),
                text=new.text,
                lon=one.question.lon,
                lat=one.question.lat,
                accuracy_m=new.accuracy_m,
                reported_at=one.question.reported_at,
                received_at=now,
                reported_by=reported_by,
                client_key=new.client_key,
                case_id=case.case_id if case else one.case_id,
                is_duplicate=case is not None,
                answer=duplicates.with_similar(found.answer, others, case),
            )
        )
    queries.insert_reports(
        session,
        [
            {
                "division_code": found.division_code,
                "id": one.report_id,
                "client_key": new.client_key,
                "fingerprint": None if new.client_key is None else _fingerprint(new),
                "channel": new.channel,
                "matter_type_id": one.question.matter.type.id,
                "class_id": found.class_id,
                "text": new.text,
                "scanned": new.scanned,
                "address": new.address,
                "media_url": new.media_url,
                "sender": new.sender.model_dump(exclude_none=True) if new.sender else {},
                "geom": f"SRID={SRID};POINT({one.question.lon} {one.question.lat})",
                "datum": new.datum,
                "accuracy_m": new.accuracy_m,
                "reported_at": one.question.reported_at,
                "received_at": now,
                "reported_by": reported_by,
                "subdistrict_code": found.place.subdistrict_code,
                "cell_code": found.place.cell_code,
                "outcome": report.answer.outcome,
                "component_code": one.component_code,
                "case_division_code": joined[one.report_id].case_division_code
                if one.report_id in joined
                else one.case_division_code,
                "case_id": report.case_id,
                "answer": report.answer.model_dump(mode="json", by_alias=True),
            }
            for one, report, (new, found) in zip(asked, told, incoming, strict=True)
        ],
    )
    cases.join(
        session,
        {
            one.report_id: (case.case_division_code, case.case_id)
            for one in asked
            if (case := joined.get(one.report_id))
        },
        actor=reported_by,
    )
    return told


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
