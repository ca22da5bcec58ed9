"""Keeping reports that were answered: their numbers, their cases and their rows, many at once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy.orm import Session

from gis_registry.cases import service as cases
from gis_registry.cases.opening import NewCase
from gis_registry.db.base import SRID
from gis_registry.reports import answering, duplicates, queries
from gis_registry.reports.answering import Answered
from gis_registry.reports.duplicates import Asked, Similar
from gis_registry.reports.schemas import AnsweredReport, NewReport
from gis_registry.reports.tables import Channel


@dataclass(frozen=True)
class Submission:
    """A report as it arrives, and who sends it."""

    report: NewReport
    reported_by: str

    @property
    def key(self) -> tuple[str, str] | None:
        """The sender and its own key for the report, if it has one."""
        key = self.report.client_key
        return None if key is None else (self.reported_by, key)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all that the report says."""
        said = self.report.model_dump_json(exclude={"client_key"})
        return hashlib.sha256(said.encode()).hexdigest()


def keep(
    session: Session, incoming: Sequence[tuple[Submission, Answered]], *, now: datetime
) -> list[AnsweredReport]:
    """Keep answered reports, each in a case of its own or in that of an earlier one."""
    asked = [
        Asked(report_id, case_id, found.division_code, found.question, found.answer.component_code)
        for (report_id, case_id), (_, found) in zip(
            queries.next_numbers(session, len(incoming)), incoming, strict=True
        )
    ]
    similar = duplicates.find_all(session, asked)
    joined = duplicates.joined_cases(asked, similar)
    cases.open_cases(
        session,
        [
            _case(one, sent, found)
            for one, (sent, found) in zip(asked, incoming, strict=True)
            if one.report_id not in joined
        ],
    )
    told = [
        _told(one, sent, found, others, joined.get(one.report_id), now)
        for one, others, (sent, found) in zip(asked, similar, incoming, strict=True)
    ]
    queries.insert_reports(
        session,
        [
            _row(sent, found, report, joined.get(report.id))
            for report, (sent, found) in zip(told, incoming, strict=True)
        ],
    )
    cases.join(
        session,
        [
            cases.Joining(case.case_division_code, case.case_id, report.id, report.reported_by)
            for report in told
            if (case := joined.get(report.id))
        ],
    )
    return told


def _case(asked: Asked, sent: Submission, found: Answered) -> NewCase:
    return NewCase(
        id=asked.case_id,
        report_id=asked.report_id,
        actor=sent.reported_by,
        division_code=asked.case_division_code,
        matter_type_id=asked.question.matter.type.id,
        class_id=found.class_id,
        component_code=asked.component_code,
        lon=asked.question.lon,
        lat=asked.question.lat,
        responsible=found.answer.responsible,
        responders=found.answer.responders,
        subdistrict_code=found.place.subdistrict_code,
        channel=sent.report.channel,
        is_checked=sent.report.channel is Channel.INSPECTOR,
    )


def _told(
    asked: Asked,
    sent: Submission,
    found: Answered,
    similar: Sequence[Similar],
    joined: Similar | None,
    now: datetime,
) -> AnsweredReport:
    new, question = sent.report, found.question
    return AnsweredReport(
        id=asked.report_id,
        division_code=found.division_code,
        channel=new.channel,
        matter=answering.matter_name(question.matter),
        text=new.text,
        lon=question.lon,
        lat=question.lat,
        accuracy_m=new.accuracy_m,
        photos=new.photos,
        reported_at=question.reported_at,
        received_at=now,
        reported_by=sent.reported_by,
        client_key=new.client_key,
        case_id=asked.case_id if joined is None else joined.case_id,
        is_duplicate=joined is not None,
        answer=duplicates.with_similar(found.answer, similar, joined),
    )


def _row(
    sent: Submission, found: Answered, report: AnsweredReport, joined: Similar | None
) -> dict[str, object]:
    new = sent.report
    return {
        "division_code": report.division_code,
        "id": report.id,
        "client_key": report.client_key,
        "fingerprint": None if sent.key is None else sent.fingerprint,
        "channel": report.channel,
        "matter_type_id": found.question.matter.type.id,
        "class_id": found.class_id,
        "text": report.text,
        "scanned": new.scanned,
        "address": new.address,
        "media_url": new.media_url,
        "photos": report.photos,
        "sender": new.sender.model_dump(exclude_none=True) if new.sender else {},
        "geom": f"SRID={SRID};POINT({report.lon} {report.lat})",
        "datum": new.datum,
        "accuracy_m": report.accuracy_m,
        "reported_at": report.reported_at,
        "received_at": report.received_at,
        "reported_by": report.reported_by,
        "subdistrict_code": found.place.subdistrict_code,
        "cell_code": found.place.cell_code,
        "outcome": report.answer.outcome,
        "component_code": report.answer.component_code,
        "case_division_code": report.division_code if joined is None else joined.case_division_code,
        "case_id": report.case_id,
        "answer": report.answer,
    }
