"""Finding a survey, counting its rows, and what is told of it."""

from collections.abc import Sequence

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.errors import NotFound
from gis_registry.surveys import queries
from gis_registry.surveys.findings import BatchCheck
from gis_registry.surveys.schemas import SurveySummary
from gis_registry.surveys.tables import Survey, SurveyState, Verdict

_WHILE_STAGED = BatchCheck.OTHER_STAGED


def get_survey(session: Session, survey_id: int, *, lock: bool = False) -> Survey:
    """Return a survey, if asked so that nobody else can change it until the transaction ends.

    Raises:
        NotFound: there is no such survey.
    """
    survey = queries.survey(session, survey_id, lock=lock)
    if survey is None:
        raise NotFound(
            f"There is no survey {survey_id}; `gis-registry survey list` shows what there is."
        )
    return survey


def summary_of(survey: Survey) -> SurveySummary:
    """Return a survey and what became of its rows; what else is staged only while it is itself."""
    is_staged = survey.state == SurveyState.STAGED
    return SurveySummary(
        survey=survey.id,
        file_name=survey.file_name,
        crs=survey.crs,
        as_of=survey.as_of,
        state=survey.state,
        is_synthetic=survey.is_synthetic,
        rows=survey.row_count,
        accepted=survey.accepted_count,
        refused=survey.refused_count,
        verdicts=survey.verdicts,
        refusals=survey.refusals,
        findings=[one for one in survey.findings if is_staged or one["check"] != _WHILE_STAGED],
        forced_reason=survey.forced_reason,
        actor=survey.actor,
        loaded_at=survey.loaded_at,
    )


def recount(session: Session, survey: Survey) -> None:
    """Count a survey's rows, by verdict and refusal, after some got another one."""
    counted = queries.counts(session, survey.id)
    survey.verdicts = _totals(counted, "verdict")
    survey.refusals = _totals(counted, "refusal")
    survey.row_count = sum(survey.verdicts.values()) - survey.verdicts.get(Verdict.MISSING, 0)
    survey.refused_count = survey.verdicts.get(Verdict.REFUSED, 0)
    survey.accepted_count = survey.row_count - survey.refused_count
    session.flush()


def _totals(counted: Sequence[RowMapping], what: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in counted:
        if row[what] is not None:
            totals[row[what]] = totals.get(row[what], 0) + row["count"]
    return totals
