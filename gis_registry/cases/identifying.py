"""Saying which component a case is about, where matching left it open or was wrong."""

from sqlalchemy.orm import Session

from gis_registry.cases import queries, service
from gis_registry.cases.deciding import ask_again, decide, hand_over
from gis_registry.cases.schemas import CaseSummary
from gis_registry.cases.tables import Case, CaseEventKind
from gis_registry.catalogue import queries as catalogue
from gis_registry.components import service as components
from gis_registry.components.schemas import ComponentCard
from gis_registry.components.tables import ComponentState
from gis_registry.dispatch.schemas import Sentence
from gis_registry.errors import Conflict, InvalidInput


def identify_case(
    session: Session, case_id: int, *, component: str, reason: str, actor: str
) -> CaseSummary:
    """Note which component a case is about, and decide again whose job that is.

    What its reports were answered stays as it is; the event keeps what the case was about before.

    Args:
        session: open transaction.
        case_id: number of the case.
        component: its identifier, tag, or the text of its QR code.
        reason: how that is known.
        actor: who says so.

    Raises:
        InvalidInput: no reason is given; the component is none, or of a class that the matter
            cannot be about.
        NotFound: there is no such case.
        UnknownIdentifier: there is no such component.
        Ambiguous: several components have that tag.
        Conflict: the case is closed, or about that component already; the component is gone.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInput("Naming a case's component needs a reason: how it is known.")
    case, _ = service.locked_open(session, case_id)
    found = components.show(session, component)
    if found.state != ComponentState.ACTIVE:
        raise Conflict(f"{found.code} is {found.state}: name the one that stands there now.")
    if found.code == case.component_code:
        raise Conflict(f"Case {case_id} is about {found.code} already.")
    before = case.component_code
    case.class_id = _class_id(session, case, found)
    case.component_code = found.code
    session.flush()
    asked = queries.asked_again(session, case.division_code, case.id)
    unit = ask_again(session, asked)
    why = Sentence(
        step="component",
        zh=f"{actor}认定所涉部件是{found.code}：“{reason}”。",
        en=f"{actor} named {found.code} as the component: “{reason}”.",
    )
    decided = unit.model_copy(update={"grounds": [why, *unit.grounds]})
    note = {
        "component_code": found.code,
        "class_id": case.class_id,
        "before": before,
        "reason": reason,
        "decision_id": decide(session, case, asked, decided),
    }
    hand_over(session, case_id, CaseEventKind.IDENTIFIED, decided, note, actor=actor)
    return service.show(session, case_id)


def _class_id(session: Session, case: Case, found: ComponentCard) -> int:
    """Return the number of a component's class, which the matter of the case must be able to be."""
    matter_type_id, wanted = case.matter_type_id, found.component_class
    for one in catalogue.classes_of_matter(session, matter_type_id) if matter_type_id else ():
        if (one.edition_key, one.code) == (wanted.edition, wanted.code):
            return one.id
    raise InvalidInput(
        f"{found.code} is a {wanted.name_en} ({wanted.name_zh}), which the matter of case "
        f"{case.id} cannot be about. Report the right matter, and close this case."
    )
