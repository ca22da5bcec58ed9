"""What staged surveys can do: apply → revert, and what became of every row."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from gis_registry.components import identifiers, ledger
from gis_registry.components import queries as components
from gis_registry.errors import Conflict
from gis_registry.surveys import queries
from gis_registry.surveys.explaining import row_entry
from gis_registry.surveys.mapping import Mapping
from gis_registry.surveys.progress import Progress, silent
from gis_registry.surveys.schemas import Reverted, SurveyRowEntry, SurveyRowPage, SurveySummary
from gis_registry.surveys.summaries import get_survey, summary_of
from gis_registry.surveys.tables import SurveyState, Verdict

_PAGE_ROWS = 10_000
#: Verdicts that change components that are registered already.
_CHANGING = (Verdict.MOVED, Verdict.CHANGED, Verdict.RECLASSIFIED, Verdict.MISSING)


def apply(
    session: Session, survey_id: int, *, actor: str, progress: Progress | None = None
) -> SurveySummary:
    """Change the registry as a staged survey found, but for what waits or was rejected.

    A survey that is applied stays as it is.

    Raises:
        NotFound: there is no such survey.
        Conflict: it was stopped or reverted, or the registry changed since it was matched.
        SerialsExhausted: a class has not enough serials left in a division.
    """
    tell = progress or silent
    survey = get_survey(session, survey_id, lock=True)
    if survey.state == SurveyState.APPLIED:
        return show(session, survey_id)
    if survey.state == SurveyState.STOPPED:
        raise Conflict(
            f"Survey {survey_id} was stopped: its file is wrong as a whole. What would put it "
            f"right stands in `gis-registry survey show {survey_id}`; then load the file again."
        )
    if survey.state != SurveyState.STAGED:
        raise Conflict(f"Survey {survey_id} was {survey.state}; load its file again instead.")
    components.lock_applying(session)
    changing = any(survey.verdicts.get(one) for one in _CHANGING)
    if changing:
        components.lock_components(session)
    _require_current(session, survey_id)
    queries.renumber(session, survey_id)
    wanted = queries.wanted_identifiers(session, survey_id)
    kinds = Mapping.model_validate(survey.mapping).alias_columns()
    if wanted or changing or kinds:
        change = components.new_change(
            session,
            actor=actor,
            reason=f"Survey {survey_id} of {survey.as_of}: {survey.file_name}",
        )
        if changing:
            tell("Changing", 0, None)
            queries.change_matched(session, survey_id, change_id=change.id)
        if wanted:
            tell("Registering", 0, None)
            identifiers.issue(session, change_id=change.id, wanted=wanted)
            with components.bulk_insert(session, sum(wanted.values())):
                queries.register(
                    session, survey_id, change_id=change.id, is_synthetic=survey.is_synthetic
                )
        survey.change_id = change.id
        session.flush()
        named = ledger.add_survey_aliases(
            session, survey_id=survey_id, change_id=change.id, as_of=survey.as_of, kinds=kinds
        )
        if not (wanted or changing or named):
            survey.change_id = None
            session.delete(change)
    survey.state = SurveyState.APPLIED
    session.flush()
    return show(session, survey_id)


def revert(session: Session, survey_id: int, *, actor: str) -> Reverted:
    """Give every component that an applied survey touched back what it was before.

    What the survey had registered is withdrawn; its identifiers stay issued for ever. Components
    that were changed since are left as they are and named.

    Raises:
        NotFound: there is no such survey.
        Conflict: it is not applied.
    """
    survey = get_survey(session, survey_id, lock=True)
    if survey.state != SurveyState.APPLIED:
        raise Conflict(
            f"Survey {survey_id} is {survey.state}; only an applied one can be reverted."
        )
    components.lock_applying(session)
    kept: Sequence[str] = []
    done = {"withdrawn": 0, "restored": 0}
    if survey.change_id is not None:
        components.lock_components(session)
        change = components.new_change(session, actor=actor, reason=f"Survey {survey_id} reverted")
        done, kept = queries.undo_change(session, survey.change_id, ended_by=change.id)
        ledger.undo_survey_aliases(session, change_id=survey.change_id)
        survey.reverted_by = change.id
    survey.state = SurveyState.REVERTED
    session.flush()
    return Reverted(survey=survey_id, kept=list(kept), **done)


def show(session: Session, survey_id: int) -> SurveySummary:
    """Return a survey and what became of its rows.

    Raises:
        NotFound: there is no such survey.
    """
    return summary_of(get_survey(session, survey_id))


def surveys(session: Session) -> list[SurveySummary]:
    """Return all surveys, the newest first."""
    return [summary_of(one) for one in queries.surveys(session)]


def rows(
    session: Session, survey_id: int, *, verdict: Verdict | None = None
) -> Iterator[SurveyRowEntry]:
    """Return the rows of a survey in the file's order, all of them or those of one verdict.

    Raises:
        NotFound: there is no such survey.
    """
    get_survey(session, survey_id)  # now, not when the first row is asked for
    return _all_rows(session, survey_id, verdict)


def _all_rows(
    session: Session, survey_id: int, verdict: Verdict | None
) -> Iterator[SurveyRowEntry]:
    after: int | None = 0
    while after is not None:
        page = rows_page(session, survey_id, verdict=verdict, after=after, limit=_PAGE_ROWS)
        yield from page.rows
        after = page.next_after


def rows_page(
    session: Session,
    survey_id: int,
    *,
    verdict: Verdict | None = None,
    after: int = 0,
    limit: int = 100,
) -> SurveyRowPage:
    """Return some rows of a survey in the file's order, those after one of them.

    Raises:
        NotFound: there is no such survey.
    """
    get_survey(session, survey_id)
    found = queries.rows(session, survey_id, verdict=verdict, after=after, limit=limit + 1)
    return SurveyRowPage(
        rows=[row_entry(row) for row in found[:limit]],
        next_after=found[limit - 1]["place"] if len(found) > limit else None,
    )


def is_applied(session: Session, path: Path) -> bool:
    """Return whether a file with this content was applied and not reverted."""
    from gis_registry.surveys.reading import sha256_of  # other commands need not wait for it

    return queries.applied_with(session, sha256_of(path)) is not None


def _require_current(session: Session, survey_id: int) -> None:
    """Refuse a survey whose verdicts the registry has overtaken."""
    found = queries.overtaken(session, survey_id)
    if found is not None:
        raise Conflict(
            f"The registry was changed since survey {survey_id} was matched: {found['count']} of "
            f"its components, among them {found['code']} by {found['actor']} "
            f"({found['reason']}). Match it again: gis-registry survey match {survey_id}"
        )
