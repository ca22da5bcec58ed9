"""Listing cases: which are meant, and page by page, the newest or those due first."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import queries, service
from gis_registry.cases.schemas import CaseFilter, CaseOrder, CasePage, CaseSummary
from gis_registry.cases.tables import ENDED, Case, CaseProgress
from gis_registry.catalogue.tables import ComponentClass, MatterType
from gis_registry.errors import InvalidInput, NotFound, UnknownClass, UnknownMatterType
from gis_registry.places import queries as places
from gis_registry.places.tables import Division, Level

_EVERYTHING = CaseFilter()
#: Where cases without a limit begin, in a place of a page.
_NO_LIMIT = "none"


def page(
    session: Session,
    *,
    where: CaseFilter = _EVERYTHING,
    order: CaseOrder = CaseOrder.NEWEST,
    own_unit: str | None = None,
    before: int | None = None,
    after: str | None = None,
    limit: int = 100,
) -> CasePage:
    """Return cases without their events.

    Args:
        session: open transaction.
        where: which are meant.
        order: the newest first, or open ones by when they are due, those without a limit last.
        own_unit: the unit of who asks, for those of their own.
        before: only those before this number, where the newest come first.
        after: only those after this place, where those due come first.
        limit: how many at most.

    Raises:
        InvalidInput: the limit is not 1 to 1000; the place is none of a page; what is meant
            cannot be.
        NotFound: there is no such unit or division.
        UnknownClass: there is no such class.
        UnknownMatterType: there is no such matter type.
    """
    if not 1 <= limit <= 1000:
        raise InvalidInput("The limit must be 1 to 1000.")
    by_due = order is CaseOrder.DUE
    if (before if by_due else after) is not None:
        raise InvalidInput("Give `before` for the newest first, and `after` for those due first.")
    conditions = conditions_of(session, where, own_unit=own_unit)
    if before is not None:
        conditions.append(Case.id < before)
    if after is not None:
        conditions.append(_due_after(after))
    find = queries.summaries_by_due if by_due else queries.summaries
    rows = find(session, conditions=conditions, limit=limit + 1)
    cases = [service.summary_of(row) for row in rows[:limit]]
    there_are_more = len(rows) > limit
    return CasePage(
        cases=cases,
        next_before=cases[-1].id if there_are_more and not by_due else None,
        next_after=_place(cases[-1]) if there_are_more and by_due else None,
    )


def numbers(
    session: Session,
    where: CaseFilter,
    *,
    own_unit: str | None = None,
    after: int | None = None,
    limit: int = 1000,
) -> Sequence[int]:
    """Return the numbers of the cases that are meant, the oldest first.

    Raises:
        InvalidInput, NotFound: as for :func:`page`.
    """
    conditions = conditions_of(session, where, own_unit=own_unit)
    if after is not None:
        conditions.append(Case.id > after)
    return queries.numbers(session, conditions=conditions, limit=limit)


def conditions_of(
    session: Session, where: CaseFilter, *, own_unit: str | None = None
) -> list[ColumnElement[bool]]:
    """Return what holds for where the cases stand that are meant.

    Raises:
        InvalidInput, NotFound: as for :func:`page`.
    """
    progress = CaseProgress
    found: list[ColumnElement[bool]] = []
    if where.only_open or (where.state is not None and where.state not in ENDED):
        # Said of open states too, since open cases have an index of their own.
        found.append(progress.is_open.expression)
    if where.state is not None:
        found.append(progress.state == where.state)
    if where.stage is not None:
        found.append(progress.stage == where.stage)
    if where.condition is not None:
        found.append(progress.condition == where.condition)
    if where.overdue:
        found.append(progress.due_at < clock.now())
    if where.due_from is not None:
        found.append(progress.due_at >= where.due_from)
    if where.due_before is not None:
        found.append(progress.due_at < where.due_before)
    if where.until is not None:
        found.append(progress.reported_at <= where.until)
    if where.unit is not None:
        found.append(progress.unit_code == _unit(session, where.unit))
    if where.mine:
        if own_unit is None:
            raise InvalidInput("You are of no unit, so no cases are those of yours.")
        found.append(progress.unit_code == own_unit)
    if where.division is not None:
        found.append(_in_division(session, where.division))
    if where.matter is not None:
        matters = queries.ids_by_code(session, MatterType, where.matter)
        if not matters:
            raise UnknownMatterType(f"There is no matter type {where.matter!r}.")
        found.append(progress.matter_type_id.in_(matters))
    if where.component_class is not None:
        classes = queries.ids_by_code(session, ComponentClass, where.component_class)
        if not classes:
            raise UnknownClass(f"There is no component class {where.component_class!r}.")
        found.append(progress.class_id.in_(classes))
    return found


def _unit(session: Session, code: str) -> str:
    if code not in queries.unit_codes(session, [code]):
        raise NotFound(
            f"There is no unit {code!r}; `gis-registry units list` shows those that there are."
        )
    return code


def _in_division(session: Session, code: str) -> ColumnElement[bool]:
    division = places.division(session, code)
    if division is None:
        raise NotFound(f"There is no division {code!r}.")
    match Level(division.level):
        case Level.CITY:
            districts = select(Division.code).where(Division.parent_code == code)
            in_city = CaseProgress.division_code
            return or_(in_city == code, in_city.in_(districts))
        case Level.DISTRICT:
            return CaseProgress.division_code == code
        case Level.SUBDISTRICT:
            return CaseProgress.subdistrict_code == code
    raise InvalidInput(f"{code} is a community: cases are listed by district or subdistrict.")


def _place(last: CaseSummary) -> str:
    """Return where a page ends; in UTC, so that it has no character that addresses change."""
    due_at = f"{last.due_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if last.due_at else _NO_LIMIT
    return f"{due_at}_{last.id}"


def _due_after(place: str) -> ColumnElement[bool]:
    """Return that a case comes after the end of a page."""
    moment, _, number = place.rpartition("_")
    try:
        due_at = None if moment == _NO_LIMIT else datetime.fromisoformat(moment)
        case_id = int(number)
    except ValueError as error:
        raise InvalidInput(f"{place!r} is no place of a page: give `next_after` of one.") from error
    if (due_at is not None and due_at.tzinfo is None) or not 0 < case_id < 2**63:
        raise InvalidInput(f"{place!r} is no place of a page: give `next_after` of one.")
    has_no_limit, is_later = CaseProgress.due_at.is_(None), CaseProgress.case_id > case_id
    if due_at is None:
        return and_(has_no_limit, is_later)
    is_then = CaseProgress.due_at == due_at
    return or_(CaseProgress.due_at > due_at, and_(is_then, is_later), has_no_limit)
