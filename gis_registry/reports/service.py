"""What reports can do: be submitted, which answers them and opens their case, and be shown."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gis_registry.cases import service as cases
from gis_registry.components.schemas import Named
from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.places import service as places
from gis_registry.reports import answering, queries
from gis_registry.reports.schemas import (
    Answer,
    AnsweredReport,
    NewReport,
    ReportPage,
    ReportSummary,
)
from gis_registry.reports.tables import Report

_CLOCK_SKEW = timedelta(minutes=10)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def submit(session: Session, new: NewReport, *, reported_by: str) -> AnsweredReport:
    """Answer a report, open its case, and keep all of it.

    The same client key of the same sender twice is one report: the second time the first answer is
    returned.

    Raises:
        UnknownMatterType: the matter is neither a matter type nor a class.
        InvalidPosition: the position is none or outside the city.
        InvalidInput: it is from the future, or from before 2000.
    """
    if new.client_key is not None:
        queries.lock_client_key(session, reported_by, new.client_key)
        known = queries.by_client_key(session, reported_by, new.client_key)
        if known is not None:
            return show(session, known.id).model_copy(update={"is_repeat": True})
    city = places.the_city(session)
    now = datetime.now(UTC)
    reported_at = new.reported_at or now
    if reported_at > now + _CLOCK_SKEW:
        raise InvalidInput(f"The report is from the future: {reported_at.isoformat()}.")
    if reported_at < _EARLIEST:
        raise InvalidInput(f"The report is from before 2000: {reported_at.isoformat()}.")
    on_date = reported_at.astimezone(ZoneInfo(city.time_zone)).date()
    answered = answering.answer(session, new, city=city, on_date=on_date)
    answer, position, place = answered.answer, answered.position, answered.place
    case_id = cases.open_case(
        session,
        division_code=answered.division_code,
        matter_type_id=answered.matter.type.id,
        class_id=answered.class_id,
        component_code=answer.component_code,
        lon=position.lon,
        lat=position.lat,
        actor=reported_by,
        responsible=answer.responsible,
        responders=answer.responders,
    )
    report = Report(
        division_code=answered.division_code,
        client_key=new.client_key,
        channel=new.channel,
        matter_type_id=answered.matter.type.id,
        class_id=answered.class_id,
        text=new.text,
        geom=f"SRID={SRID};POINT({position.lon} {position.lat})",
        datum=new.datum,
        accuracy_m=new.accuracy_m,
        reported_at=reported_at,
        received_at=now,
        reported_by=reported_by,
        subdistrict_code=place.subdistrict_code,
        cell_code=place.cell_code,
        outcome=answer.outcome,
        component_code=answer.component_code,
        case_id=case_id,
        answer=answer.model_dump(mode="json", by_alias=True),
    )
    session.add(report)
    session.flush()
    return AnsweredReport(
        id=report.id,
        division_code=report.division_code,
        channel=new.channel,
        matter=answering.matter_name(answered.matter),
        text=new.text,
        lon=position.lon,
        lat=position.lat,
        accuracy_m=new.accuracy_m,
        reported_at=reported_at,
        received_at=now,
        reported_by=reported_by,
        client_key=new.client_key,
        case_id=case_id,
        answer=answer,
    )


def show(session: Session, report_id: int) -> AnsweredReport:
    """Return a report as it was answered.

    Raises:
        NotFound: there is no such report.
    """
    row = queries.report(session, report_id)
    if row is None:
        raise NotFound(f"There is no report {report_id}.")
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
        answer=Answer.model_validate(report.answer),
    )


def page(session: Session, *, before: int | None = None, limit: int = 100) -> ReportPage:
    """Return reports, the newest first.

    Raises:
        InvalidInput: the limit is not 1 to 1000.
    """
    if not 1 <= limit <= 1000:
        raise InvalidInput("The limit must be 1 to 1000.")
    rows = queries.page(session, before=before, limit=limit + 1)
    reports = [ReportSummary.model_validate(dict(row)) for row in rows[:limit]]
    return ReportPage(reports=reports, next_before=reports[-1].id if len(rows) > limit else None)
