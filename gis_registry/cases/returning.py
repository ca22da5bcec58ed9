"""Cases that change hands: returned by a unit as not its own, or assigned by a dispatcher."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.cases import queries, service
from gis_registry.cases.schemas import CaseSummary
from gis_registry.cases.tables import Case, CaseEvent, CaseEventKind
from gis_registry.catalogue import queries as catalogue
from gis_registry.catalogue.service import Matter
from gis_registry.catalogue.tables import MatterType
from gis_registry.components.schemas import Named
from gis_registry.dispatch import service as dispatch
from gis_registry.dispatch.precedence import Basis
from gis_registry.dispatch.schemas import Claim, ResponsibleUnit, Sentence, Side
from gis_registry.dispatch.service import Question
from gis_registry.dispatch.tables import Decision
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.places import service as places
from gis_registry.places.service import Place, Point
from gis_registry.units import queries as units


def return_case(
    session: Session, case_id: int, *, unit_code: str, reason: str, actor: str
) -> CaseSummary:
    """Note that the unit that a case is with says it is not theirs, and decide again without it.

    All units that returned this case before stay left out. Where the case may lie across a
    boundary, the other side counts next. Boundaries and responsibilities are those of the day on
    which it was reported; the component is as its record is now.

    Args:
        session: open transaction.
        case_id: number of the case.
        unit_code: the unit that returns it.
        reason: why it is not theirs.
        actor: who says so.

    Raises:
        InvalidInput: no reason is given.
        NotFound: there is no such case, or no such unit.
        Conflict: it is closed, or with another unit or nobody.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInput("Returning a case needs a reason: why it is not theirs.")
    case, events = _locked_open(session, case_id)
    unit, _ = _unit(session, unit_code)
    decision = queries.latest_decision(session, case.division_code, case.id)
    before = ResponsibleUnit.model_validate(decision.responsibility) if decision else None
    if before is None or before.claim is None:
        raise Conflict(f"Case {case_id} is with nobody, so nobody can return it.")
    holder = before.claim.unit
    if holder.code != unit.code:
        raise Conflict(
            f"Case {case_id} is with {holder.name_en} ({holder.code}), not with {unit.name_en} "
            f"({unit.code}): only the unit that has it can return it."
        )
    returned = {
        str(one.note["unit_code"]) for one in events if one.kind == CaseEventKind.RETURNED
    } | {unit.code}
    asked = queries.asked_again(session, case.division_code, case.id)
    across = next(
        (one for one in before.sides[1:] if one.unit and one.unit.code not in returned), None
    )
    found = _asked_again(session, asked, without=frozenset(returned), across=across)
    grounds = [_why_again(unit, reason, across), *found.grounds]
    decision_id = _decide(session, case, asked, found.model_copy(update={"grounds": grounds}))
    note = {
        "unit_code": unit.code,
        "reason": reason,
        "responsibility_id": before.claim.responsibility_id,
        "decision_id": decision_id,
    }
    _append(session, case, CaseEventKind.RETURNED, actor, note)
    return service.show(session, case_id)


def assign_case(
    session: Session, case_id: int, *, unit_code: str, reason: str, actor: str
) -> CaseSummary:
    """Give a case to a unit by hand, whatever the order of precedence says.

    Args:
        session: open transaction.
        case_id: number of the case.
        unit_code: the unit that it goes to.
        reason: why it goes there.
        actor: who decides so.

    Raises:
        InvalidInput: no reason is given.
        NotFound: there is no such case, or no such unit.
        Conflict: it is closed, or with that unit already.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInput("Assigning a case needs a reason: why that unit.")
    case, _ = _locked_open(session, case_id)
    unit, unit_id = _unit(session, unit_code)
    decision = queries.latest_decision(session, case.division_code, case.id)
    if decision is not None and decision.unit_id == unit_id:
        raise Conflict(f"Case {case_id} is with {unit.name_en} ({unit.code}) already.")
    before = ResponsibleUnit.model_validate(decision.responsibility) if decision else None
    others = [before.claim, *before.others] if before and before.claim else []
    found = ResponsibleUnit(
        claim=Claim(
            unit=unit,
            role="",
            basis=Basis.BY_HAND.value,
            division_code=None,
            valid_from=None,
            responsibility_id=None,
        ),
        others=others,
        returned=before.returned if before else [],
        grounds=[
            Sentence(
                step="unit",
                zh=f"{actor}人工指派由{unit.name_zh}负责：“{reason}”。",
                en=f"{actor} assigned it by hand to {unit.name_en}: “{reason}”.",
            )
        ],
    )
    asked = queries.asked_again(session, case.division_code, case.id)
    decision_id = _decide(session, case, asked, found)
    note = {"unit_code": unit.code, "reason": reason, "decision_id": decision_id}
    _append(session, case, CaseEventKind.ASSIGNED, actor, note)
    return service.show(session, case_id)


def _locked_open(session: Session, case_id: int) -> tuple[Case, Sequence[CaseEvent]]:
    summary = service.show(session, case_id)
    case = queries.locked(session, summary.division_code, case_id)
    events = queries.events(session, case.division_code, case.id)
    if events[-1].kind == CaseEventKind.CLOSED:
        zone = ZoneInfo(places.the_city(session).time_zone)
        closed_at = events[-1].happened_at.astimezone(zone)
        raise Conflict(f"Case {case_id} was closed on {closed_at:%Y-%m-%d %H:%M}.")
    return case, events


def _unit(session: Session, code: str) -> tuple[Named, int]:
    code = code.strip()
    rows = units.unit_rows(session, code=code)
    if not rows:
        raise NotFound(
            f"There is no unit {code!r}; `gis-registry units list` shows those that there are."
        )
    row = rows[0]
    named = Named(code=row["code"], name_zh=row["name_zh"], name_en=row["name_en"])
    return named, units.unit_ids(session, [code])[code]


def _why_again(unit: Named, reason: str, across: Side | None) -> Sentence:
    zh = f"{unit.name_zh}退回了本案：“{reason}”"
    en = f"{unit.name_en} returned the case: “{reason}”"
    if across is not None:
        area = across.subdistrict or across.division
        zh += f"；改按边界另一侧的{area.name_zh}认定"
        en += f"; {area.name_en} counts now, on the other side of the boundary"
    return Sentence(step="unit", zh=f"{zh}。", en=f"{en}.")


def _asked_again(
    session: Session, asked: RowMapping, *, without: frozenset[str], across: Side | None
) -> ResponsibleUnit:
    """Ask whose job a case is, leaving some units out; if so on the other side of a boundary."""
    zone = ZoneInfo(places.the_city(session).time_zone)
    on_date = asked["reported_at"].astimezone(zone).date()
    matter_type = session.get_one(MatterType, asked["matter_type_id"])
    is_known = asked["code"] is not None
    if is_known:
        subdistrict = asked["subdistrict_code"]
        place = Place((subdistrict or asked["code"])[:6], subdistrict, None, None)
    elif across is not None:
        subdistrict = across.subdistrict.code if across.subdistrict else None
        place = Place(across.division.code, subdistrict, across.distance_m, None)
    else:
        point = Point(asked["lon"], asked["lat"], on_date, asked["accuracy_m"])
        located = places.locate_all(session, [point])[0]
        if not isinstance(located, Place):
            raise located
        place = located
    classes = tuple(catalogue.classes_of_matter(session, matter_type.id))
    return dispatch.responsible_unit(
        session,
        Question(
            matter=Matter(type=matter_type, classes=classes),
            classes=classes,
            component=asked if is_known else None,
            place=place,
            on_date=on_date,
            without=without,
        ),
    )


def _decide(session: Session, case: Case, asked: RowMapping, found: ResponsibleUnit) -> int:
    """Keep a decision, with who is near now; return its number."""
    code = found.claim.unit.code if found.claim else None
    responders = dispatch.nearest_responders(
        session, lon=asked["lon"], lat=asked["lat"], unit_code=code
    )
    decision = Decision(
        division_code=case.division_code,
        case_id=case.id,
        unit_id=units.unit_ids(session, [code])[code] if code is not None else None,
        responsibility=found.model_dump(mode="json"),
        responders=[one.model_dump(mode="json") for one in responders],
    )
    session.add(decision)
    session.flush()
    return decision.id


def _append(
    session: Session, case: Case, kind: CaseEventKind, actor: str, note: Mapping[str, object]
) -> None:
    event = {
        "division_code": case.division_code,
        "case_id": case.id,
        "kind": kind,
        "actor": actor,
        "report_id": None,
        "note": note,
    }
    queries.append_events(session, [event])
