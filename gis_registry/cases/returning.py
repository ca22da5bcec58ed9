"""Cases that change hands: returned by a unit as not its own, or assigned by a dispatcher."""

from pydantic import JsonValue
from sqlalchemy.orm import Session

from gis_registry.cases import by_hand, queries, service
from gis_registry.cases.deciding import ask_again, decide, hand_over
from gis_registry.cases.life_cycle import is_returnable
from gis_registry.cases.schemas import CaseSummary
from gis_registry.cases.tables import CaseEventKind
from gis_registry.components.schemas import Named
from gis_registry.dispatch.schemas import ResponsibleUnit, Sentence, Side
from gis_registry.errors import Conflict, InvalidInput, NotFound
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
        Conflict: it is closed or handled already, or with another unit or nobody.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInput("Returning a case needs a reason: why it is not theirs.")
    case, events = service.locked_open(session, case_id)
    unit, _ = _unit(session, unit_code)
    progress = queries.progress(session, case_id)
    if progress is not None and not is_returnable(progress):
        raise Conflict(
            f"Case {case_id} is handled already: a unit that has handled a case cannot return it "
            "as not theirs. A dispatcher can send it back, or assign it to another unit."
        )
    decision = queries.latest_decision(session, case.division_code, case.id)
    before = ResponsibleUnit.model_validate(decision.responsibility) if decision else None
    if before is None or before.claim is None:
        raise Conflict(f"Case {case_id} is with nobody, so nobody can return it.")
    _require_holder(case_id, before.claim.unit, unit)
    returned = {
        str(one.note["unit_code"]) for one in events if one.kind == CaseEventKind.RETURNED
    } | {unit.code}
    asked = queries.asked_again(session, case.division_code, case.id)
    across = next(
        (one for one in before.sides[1:] if one.unit and one.unit.code not in returned), None
    )
    found = ask_again(session, asked, without=frozenset(returned), across=across)
    grounds = [_why_again(unit, reason, across), *found.grounds]
    decision_id = decide(session, case, asked, found.model_copy(update={"grounds": grounds}))
    note = {
        "unit_code": unit.code,
        "reason": reason,
        "responsibility_id": before.claim.responsibility_id,
        "decision_id": decision_id,
    }
    hand_over(session, case_id, CaseEventKind.RETURNED, found, note, actor=actor)
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
    case, _ = service.locked_open(session, case_id)
    unit, unit_id = _unit(session, unit_code)
    decision = queries.latest_decision(session, case.division_code, case.id)
    if decision is not None and decision.unit_id == unit_id:
        raise Conflict(f"Case {case_id} is with {unit.name_en} ({unit.code}) already.")
    before = ResponsibleUnit.model_validate(decision.responsibility) if decision else None
    found = by_hand.decide(unit, before, reason=reason, actor=actor)
    asked = queries.asked_again(session, case.division_code, case.id)
    decision_id = decide(session, case, asked, found)
    note: dict[str, JsonValue] = {
        "unit_code": unit.code,
        "reason": reason,
        "decision_id": decision_id,
    }
    hand_over(session, case_id, CaseEventKind.ASSIGNED, found, note, actor=actor)
    return service.show(session, case_id)


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


def _require_holder(case_id: int, holder: Named, unit: Named) -> None:
    if holder.code != unit.code:
        raise Conflict(
            f"Case {case_id} is with {holder.name_en} ({holder.code}), not with {unit.name_en} "
            f"({unit.code}): only the unit that has it can return it."
        )


def _why_again(unit: Named, reason: str, across: Side | None) -> Sentence:
    zh = f"{unit.name_zh}退回了本案：“{reason}”"
    en = f"{unit.name_en} returned the case: “{reason}”"
    if across is not None:
        area = across.subdistrict or across.division
        zh += f"；改按边界另一侧的{area.name_zh}认定"
        en += f"; {area.name_en} counts now, on the other side of the boundary"
    return Sentence(step="unit", zh=f"{zh}。", en=f"{en}.")
