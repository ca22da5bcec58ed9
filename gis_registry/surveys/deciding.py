"""Deciding what of a staged survey is applied: by verdict, class, area or row."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.surveys import queries, review_queries
from gis_registry.surveys.schemas import Decided, DecisionEntry, NewDecision
from gis_registry.surveys.selecting import Selection, resolved
from gis_registry.surveys.summaries import get_survey, recount
from gis_registry.surveys.tables import Decision, Survey, SurveyDecision, SurveyState, Verdict

#: What applying changes the registry by.
APPLIED_VERDICTS = (
    Verdict.NEW,
    Verdict.MOVED,
    Verdict.CHANGED,
    Verdict.RECLASSIFIED,
    Verdict.MISSING,
)
_DECIDABLE = {
    Decision.ACCEPTED: APPLIED_VERDICTS,
    Decision.REJECTED: (*APPLIED_VERDICTS, Verdict.AMBIGUOUS),
    Decision.DROPPED: (Verdict.REFUSED,),
}
#: What is kept of a decision that takes others back.
_UNDONE = "undone"
#: Matching takes a row's word for which component it is up to the same distance.
_MAX_CHOSEN_DISTANCE_M = 1_000.0


def decide(
    session: Session,
    survey_id: int,
    decision: Decision,
    selection: Selection,
    *,
    actor: str,
    reason: str,
) -> Decided:
    """Accept or reject rows of a staged survey; what is rejected is not applied.

    A missing component that is rejected stays registered.

    Args:
        session: open transaction.
        survey_id: the survey.
        decision: accepted or rejected.
        selection: the rows.
        actor: who decides.
        reason: why.

    Raises:
        NotFound: there is no such survey, class or area.
        Conflict: the survey is not staged.
        InvalidInput: none of the rows can be decided so, or no reason is given.
    """
    survey = _staged(session, survey_id)
    return _write(session, survey, decision, selection, actor=actor, reason=reason)


def drop(
    session: Session, survey_id: int, selection: Selection, *, actor: str, reason: str
) -> Decided:
    """Drop refused rows from quarantine: nothing is expected of them any more.

    Raises:
        NotFound: there is no such survey, class or area.
        Conflict: the survey was stopped as a whole.
        InvalidInput: none of the rows is refused, or no reason is given.
    """
    survey = get_survey(session, survey_id, lock=True)
    if survey.state == SurveyState.STOPPED:
        raise Conflict(
            f"Survey {survey_id} was stopped as a whole, so that no row of it waits for anything."
        )
    return _write(session, survey, Decision.DROPPED, selection, actor=actor, reason=reason)


def choose(
    session: Session,
    survey_id: int,
    chosen: Mapping[int, str | None],
    *,
    actor: str,
    reason: str,
) -> Decided:
    """Say which component ambiguous rows are, or that they are new ones.

    Each row then has the verdict that its distance and class give it, and is accepted.

    Args:
        session: open transaction.
        survey_id: a staged survey.
        chosen: the component's identifier by row number; None: a new component.
        actor: who decides.
        reason: why.

    Raises:
        NotFound: there is no such survey, row or active component.
        Conflict: the survey is not staged, or another row is the component already.
        InvalidInput: a row is not ambiguous, or too far from the component.
    """
    survey = _staged(session, survey_id)
    _require_reason(reason)
    codes = [code for code in chosen.values() if code is not None]
    if len(codes) != len(set(codes)):
        raise InvalidInput("Two rows cannot be the same component; choose one of them.")
    found = review_queries.choices(session, survey_id, chosen)
    for one in found:
        _require_possible(survey_id, one)
    review_queries.choose(session, survey_id, found, reason=f"Chosen by {actor}: {reason}")
    recount(session, survey)
    counted = {Verdict.AMBIGUOUS.value: len(found)}
    selection = Selection(rows=tuple(chosen))
    edits = {"choices": {str(one["row_number"]): _choice(one) for one in found}}
    return _record(
        session,
        survey,
        Decision.ACCEPTED,
        selection,
        counted,
        edits=edits,
        actor=actor,
        reason=reason,
    )


def undo(
    session: Session, survey_id: int, selection: Selection, *, actor: str, reason: str
) -> Decided:
    """Take back what was decided of rows of a staged survey.

    Rows for which a component was chosen are ambiguous again.

    Raises:
        NotFound: there is no such survey, class or area.
        Conflict: the survey is not staged.
        InvalidInput: nothing was decided of these rows, or no reason is given.
    """
    survey = _staged(session, survey_id)
    _require_reason(reason)
    wanted = resolved(session, selection)
    standing = {
        one["row_number"]: one for one in review_queries.standing_choices(session, survey_id)
    }
    counted = review_queries.decide(
        session, survey_id, wanted, None, verdicts=tuple(Verdict), is_decided=True
    )
    if not counted:
        raise InvalidInput(f"Nothing was decided of these rows of survey {survey_id}.")
    if standing:
        _take_back(session, survey, standing)
    return _record(session, survey, _UNDONE, selection, counted, actor=actor, reason=reason)


def decisions(session: Session, survey_id: int) -> list[DecisionEntry]:
    """Return what was decided about a survey's rows, the oldest first.

    Raises:
        NotFound: there is no such survey.
    """
    get_survey(session, survey_id)
    found = review_queries.decisions(session, survey_id)
    return [DecisionEntry.model_validate(one) for one in found]


def take(session: Session, survey_id: int, new: NewDecision, *, actor: str) -> Decided:
    """Do what a decision says that came as one: accept, reject, choose, drop or undo.

    Raises:
        NotFound, Conflict, InvalidInput: as each of these does.
    """
    said: str = new.decision
    how = {"actor": actor, "reason": new.reason}
    if new.choices:
        chosen = {one.row: one.component for one in new.choices}
        if said != Decision.ACCEPTED or new.selects_rows or len(chosen) < len(new.choices):
            raise InvalidInput("Choices are accepted, each row once, and by themselves.")
        return choose(session, survey_id, chosen, **how)
    selection = Selection(
        verdicts=tuple(new.verdicts),
        class_codes=tuple(new.classes),
        areas=tuple(new.areas),
        rows=tuple(new.rows),
        components=tuple(new.components),
        everything=new.everything,
    )
    if said == _UNDONE:
        return undo(session, survey_id, selection, **how)
    if said == Decision.DROPPED:
        return drop(session, survey_id, selection, **how)
    return decide(session, survey_id, Decision(said), selection, **how)


def _write(
    session: Session,
    survey: Survey,
    decision: Decision,
    selection: Selection,
    *,
    actor: str,
    reason: str,
) -> Decided:
    _require_reason(reason)
    wanted = resolved(session, selection)
    selected = review_queries.verdict_counts(session, survey.id, wanted)
    verdicts = _DECIDABLE[decision]
    if not set(selected) & set(verdicts):
        raise InvalidInput(_why_not(survey.id, decision, selected))
    counted = review_queries.decide(session, survey.id, wanted, decision, verdicts=verdicts)
    left_out = {one: count for one, count in selected.items() if one not in verdicts}
    return _record(
        session,
        survey,
        decision,
        selection,
        counted,
        left_out=left_out,
        actor=actor,
        reason=reason,
    )


def _why_not(survey_id: int, decision: str, selected: Mapping[str, int]) -> str:
    """Return why none of the selected rows can be decided so, and what can be done."""
    if not selected:
        return (
            f"Survey {survey_id} has no such rows; `gis-registry survey rows {survey_id}` lists "
            "those that it has."
        )
    if decision == Decision.DROPPED:
        return "Only refused rows are dropped; reject the others instead."
    if Verdict.AMBIGUOUS in selected:
        return (
            "Ambiguous rows cannot be accepted as they are: choose with --row and --component "
            "which component each is, or with --new that it is a new one."
        )
    if Verdict.REFUSED in selected:
        return (
            "Refused rows cannot be accepted or rejected: put them right with `survey correct`, or "
            "drop them with `survey drop`."
        )
    return "These rows change nothing, so that there is nothing to decide."


def _take_back(session: Session, survey: Survey, standing: Mapping[int, RowMapping]) -> None:
    """Make the rows ambiguous again whose choice was just taken back."""
    decided = review_queries.row_numbers(
        session,
        survey.id,
        review_queries.Wanted(rows=tuple(standing), decisions=(review_queries.UNDECIDED,)),
        after=0,
        limit=len(standing),
    )
    if not decided:
        return
    review_queries.unchoose(
        session, survey.id, {number: standing[number]["before"] for number in decided}
    )
    missing = [
        standing[number]["component"] for number in decided if standing[number]["was_missing"]
    ]
    if missing:
        last = review_queries.last_row_number(session, survey.id)
        queries.lack(session, survey.id, after=last, codes=missing)
    recount(session, survey)


def _require_possible(survey_id: int, choice: RowMapping) -> None:
    """Refuse to take a row for a component that it cannot be."""
    number, code = choice["row_number"], choice["code"]
    if choice["verdict"] is None:
        raise NotFound(f"Survey {survey_id} has no row {number}.")
    if choice["verdict"] != Verdict.AMBIGUOUS:
        raise InvalidInput(
            f"Row {number} is {choice['verdict']}, not ambiguous: only for ambiguous rows a "
            "component is chosen. What was chosen before can be undone."
        )
    if code is None:
        return
    if choice["state"] != "active":
        raise NotFound(f"There is no active component {code}.")
    if choice["taken_by"] is not None:
        raise Conflict(
            f"Row {choice['taken_by']} is {code} already, and two rows cannot be one component. "
            "Choose another component; if that row's was chosen, undo it first."
        )
    if choice["distance_m"] > _MAX_CHOSEN_DISTANCE_M:
        raise InvalidInput(
            f"Row {number} is {choice['distance_m']:,.0f} m from {code}; a component that is "
            f"chosen lies at most {_MAX_CHOSEN_DISTANCE_M:,.0f} m off."
        )


def _choice(choice: RowMapping) -> dict[str, Any]:
    """Return a choice as the decision keeps it, with what the row was before."""
    return {
        "component": choice["code"],
        "was_missing": choice["missing_row"] is not None,
        "before": choice["before"],
    }


def _staged(session: Session, survey_id: int) -> Survey:
    survey = get_survey(session, survey_id, lock=True)
    if survey.state != SurveyState.STAGED:
        raise Conflict(
            f"Survey {survey_id} is {survey.state}; only of a staged one rows can be decided."
        )
    return survey


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("A decision needs a reason.")


def _record(
    session: Session,
    survey: Survey,
    decision: str,
    selection: Selection,
    counted: dict[str, int],
    *,
    actor: str,
    reason: str,
    left_out: dict[str, int] | None = None,
    edits: dict[str, Any] | None = None,
) -> Decided:
    """Keep who decided what and why, and return what came of it."""
    row_count = sum(counted.values())
    session.add(
        SurveyDecision(
            survey_id=survey.id,
            actor=actor,
            decision=decision,
            selection=selection.described(),
            edits=edits,
            row_count=row_count,
            reason=reason,
        )
    )
    session.flush()
    return Decided(
        survey=survey.id,
        decision=decision,
        rows=row_count,
        verdicts=counted,
        left_out=left_out or {},
    )
