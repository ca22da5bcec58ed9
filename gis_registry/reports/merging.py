"""Putting reports into the case they belong to, taking them out again, and asking beforehand."""

from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import service as cases
from gis_registry.cases.opening import NewCase
from gis_registry.cases.tables import CaseEventKind
from gis_registry.errors import Conflict, InvalidInput, NotFound, RegistryError
from gis_registry.places import service as places
from gis_registry.reports import (
    answering,
    duplicate_queries,
    duplicates,
    queries,
    rewards,
    service,
)
from gis_registry.reports.duplicates import Asked
from gis_registry.reports.schemas import (
    AnsweredReport,
    NewReport,
    SimilarReports,
    Suggestion,
)
from gis_registry.reports.tables import Channel, Report

_Key = tuple[str, int]


def separate(session: Session, report_id: int, *, reason: str, actor: str) -> AnsweredReport:
    """Take a report out of the case that it joined, and open a case of its own for it.

    The unit is the one that its own answer found. What is handled under the former case stays; a
    reward that the report got for it is taken back.

    Raises:
        InvalidInput: no reason is given.
        NotFound: there is no such report.
        Conflict: its case is closed, or has no other report.
    """
    reason = _reason(reason)
    report = _locked(session, report_id)
    case = (report.case_division_code, report.case_id)
    _require_open(session, case)
    if queries.count_of_case(session, *case) == 1:
        raise Conflict(
            f"Report {report_id} is the only one of case {report.case_id}: there is nothing to "
            "separate it from."
        )
    shown = service.show(session, report_id)
    number = cases.next_id(session)
    new = (report.division_code, number)
    cases.open_cases(session, [_case_of(report, shown, number, actor=actor)])
    cases.note(
        session,
        case,
        CaseEventKind.SEPARATED,
        report_id=report_id,
        actor=actor,
        note={"reason": reason, "separated_into": number},
    )
    return _moved(session, report, new, actor=actor)


def merge(
    session: Session, report_id: int, case_id: int, *, reason: str, actor: str
) -> AnsweredReport:
    """Put a report into another open case; its own is closed if no report is left in it.

    A reward that the report got for its own case is taken back.

    Raises:
        InvalidInput: no reason is given.
        NotFound: there is no such report or case.
        Conflict: one of the cases is closed, or it is in that case already.
    """
    reason = _reason(reason)
    there = cases.show(session, case_id)
    new = (there.division_code, there.id)
    report = _locked(session, report_id, new)
    old = (report.case_division_code, report.case_id)
    if old == new:
        raise Conflict(f"Report {report_id} is in case {case_id} already.")
    _require_open(session, old)
    _require_open(session, new)
    is_last = queries.count_of_case(session, *old) == 1
    cases.note(
        session,
        new,
        CaseEventKind.JOINED,
        report_id=report_id,
        actor=actor,
        note={"reason": reason, "merged_from": report.case_id},
    )
    if is_last:
        cases.merge(session, report.case_id, case_id, actor=actor, reason=reason)
    else:
        cases.note(
            session,
            old,
            CaseEventKind.SEPARATED,
            report_id=report_id,
            actor=actor,
            note={"reason": reason, "merged_into": case_id},
        )
    return _moved(session, report, new, actor=actor)


def similar_to(session: Session, new: NewReport) -> SimilarReports:
    """Say which open cases a report would repeat if it were sent now; nothing is kept.

    Raises:
        UnknownMatterType: the matter is neither a matter type nor a class.
        InvalidPosition: the position is none or outside the city.
        InvalidInput: it is from the future, or from before 2000.
    """
    (answered,) = answering.answer_all(
        session, [new], city=places.the_city(session), now=clock.now()
    )
    if isinstance(answered, RegistryError):
        raise answered
    component_code = answered.answer.component_code
    asked = [Asked(0, 0, answered.division_code, answered.question, component_code)]
    (similar,) = duplicates.find_all(session, asked, to_keep=False)
    joined = duplicates.joined_cases(asked, [similar]).get(0)
    reports = {one.id: one for one in queries.by_ids(session, [one.report_id for one in similar])}
    return SimilarReports(
        component_code=component_code,
        joins_case_id=joined.case_id if joined else None,
        similar=[
            Suggestion(
                **duplicates.entry(one).model_dump(),
                state="open",
                reported_at=reports[one.report_id].reported_at,
                text=reports[one.report_id].text,
                component_code=reports[one.report_id].component_code,
            )
            for one in similar
        ],
    )


def _case_of(report: Report, shown: AnsweredReport, number: int, *, actor: str) -> NewCase:
    """Return a case of its own for a report, as it was answered."""
    return NewCase(
        id=number,
        report_id=report.id,
        actor=actor,
        division_code=report.division_code,
        matter_type_id=report.matter_type_id,
        class_id=report.class_id,
        component_code=report.component_code,
        lon=shown.lon,
        lat=shown.lat,
        responsible=shown.answer.responsible,
        responders=shown.answer.responders,
        subdistrict_code=report.subdistrict_code,
        channel=report.channel,
        is_checked=report.channel == Channel.INSPECTOR,
    )


def _reason(said: str) -> str:
    reason = said.strip()
    if not reason:
        raise InvalidInput("Moving a report needs a reason: how it is known.")
    return reason


def _locked(session: Session, report_id: int, *also: _Key) -> Report:
    """Return a report whose case, and some more cases, others cannot change until this ends."""
    while (case := queries.case_of(session, report_id)) is not None:
        attempt = session.begin_nested()
        duplicate_queries.lock_cases(session, {case, *also})
        report = queries.locked(session, report_id)
        if (report.case_division_code, report.case_id) == case:
            attempt.commit()
            return report
        attempt.rollback()  # it was moved meanwhile: whoever holds its case may wait for these
    raise NotFound(f"There is no report {report_id}.")


def _require_open(session: Session, case: _Key) -> None:
    if not duplicate_queries.lock_cases(session, {case}):
        raise Conflict(f"Case {case[1]} is closed: its reports stay in it.")


def _moved(session: Session, report: Report, new: _Key, *, actor: str) -> AnsweredReport:
    """Move a report to another case; the reward of the case that it leaves is taken back."""
    old = (report.case_division_code, report.case_id)
    report.case_division_code, report.case_id = new
    session.flush()
    rewards.take_back_lost(session, *old, actor=actor)
    return service.show(session, report.id)
