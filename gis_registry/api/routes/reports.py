"""Reports: taken in and answered, listed, shown, explained."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated

import anyio
from fastapi import APIRouter, Query, Request, Response, status
from pydantic import (
    BaseModel,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from gis_registry.api.access import LaterRoute, SentKey, note_actor, requires, requires_later
from gis_registry.api.intake import Intake
from gis_registry.api.problems import Problem, explained_faults, guarded, told
from gis_registry.api.routes.parameters import LARGEST, Before, Limit, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.errors import (
    Conflict,
    InvalidPosition,
    NotFound,
    RegistryError,
    RequestTooLarge,
    UnknownMatterType,
)
from gis_registry.reports import explaining, service
from gis_registry.reports.explaining import Language
from gis_registry.reports.schemas import AnsweredReport, Explanation, NewReport, ReportPage
from gis_registry.reports.service import LARGEST_BATCH
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/reports", tags=["reports"], route_class=LaterRoute)


class BatchEntry(BaseModel):
    """What became of one report of a batch: its answer, or why it was refused."""

    index: int = Field(description="Its place in the batch, from 0")
    report: AnsweredReport | None = None
    problem: Problem | None = None


class BatchAnswer(BaseModel):
    """What became of a batch: each report is kept and answered, or refused with a reason."""

    accepted: int = Field(description="Reports with an answer, those known before included")
    refused: int
    results: list[BatchEntry] = Field(description="In the order of the batch")


Many = Annotated[
    list[dict[str, JsonValue]],
    Field(min_length=1, max_length=LARGEST_BATCH, description="Reports, each as a single one"),
]


def _checked(body: object, _: ValidatorFunctionWrapHandler) -> object:
    """Check a body as the one or the other, so that faults name its fields and nothing else."""
    form: type = Many if isinstance(body, list) else NewReport
    return TypeAdapter(form).validate_python(body)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=AnsweredReport | BatchAnswer,
    dependencies=[requires_later(Permission.REPORT)],
    responses={
        200: {
            "model": AnsweredReport | BatchAnswer,
            "description": "The client key was known: the first answer; or the answer to a batch",
        },
        **guarded(UnknownMatterType, InvalidPosition, Conflict, RequestTooLarge),
    },
)
async def submit_report(
    request: Request,
    key: SentKey,
    report: Annotated[NewReport | Many, WrapValidator(_checked)],
) -> Response:
    """Answer a report: the component meant, the responsible unit, who is nearest, and why.

    A list is a batch: each of its reports is kept and answered, or refused with its own problem.
    """
    intake: Intake = request.app.state.intake
    known = partial(note_actor, request)
    if isinstance(report, list):
        results, sound = await anyio.to_thread.run_sync(_checked_batch, report)
        found = await intake.batches.ask(key, [new for _, new in sound], known=known)
        return await anyio.to_thread.run_sync(_told_batch, results, sound, found)
    answered = await intake.reports.ask(key, report, known=known)
    return _as_json(
        answered,
        status_code=status.HTTP_200_OK if answered.is_repeat else status.HTTP_201_CREATED,
        headers={"Location": f"{router.prefix}/{answered.id}"},
    )


def _as_json(
    answer: BaseModel,
    *,
    status_code: int = status.HTTP_200_OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an answer as it is: it was checked when it was made."""
    return Response(
        answer.model_dump_json(by_alias=True), status_code, headers, media_type="application/json"
    )


def _checked_batch(
    batch: Sequence[Mapping[str, JsonValue]],
) -> tuple[list[BatchEntry], list[tuple[BatchEntry, NewReport]]]:
    """Return the entries of a batch, and those that hold a report with it."""
    results = [BatchEntry(index=index) for index in range(len(batch))]
    sound: list[tuple[BatchEntry, NewReport]] = []
    for result, said in zip(results, batch, strict=True):
        try:
            sound.append((result, NewReport.model_validate(said)))
        except ValidationError as error:
            invalid, faults = explained_faults(error.errors())
            result.problem = told(invalid, faults=faults)
    return results, sound


def _told_batch(
    results: list[BatchEntry],
    sound: Sequence[tuple[BatchEntry, NewReport]],
    found: Sequence[AnsweredReport | RegistryError],
) -> Response:
    for (result, _), one in zip(sound, found, strict=True):
        if isinstance(one, AnsweredReport):
            result.report = one
        else:
            result.problem = told(one)
    accepted = sum(one.report is not None for one in results)
    return _as_json(
        BatchAnswer(accepted=accepted, refused=len(results) - accepted, results=results)
    )


@router.get("", dependencies=[requires(Permission.READ)], responses=guarded())
def list_reports(
    session: DatabaseSession,
    case: Annotated[
        int | None, Query(ge=1, le=LARGEST, description="Only those of the case with this number")
    ] = None,
    before: Before = None,
    limit: Limit = 100,
) -> ReportPage:
    """List reports, the newest first."""
    return service.page(session, before=before, limit=limit, case_id=case)


@router.get("/{number}", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def show_report(session: DatabaseSession, number: Number) -> AnsweredReport:
    """Show a report as it was answered."""
    return service.show(session, number)


@router.get(
    "/{number}/explanation",
    dependencies=[requires(Permission.READ)],
    responses=guarded(NotFound),
)
def explain_report(
    session: DatabaseSession,
    number: Number,
    lang: Annotated[
        Language | None, Query(description="Sentences in this language only; else in both")
    ] = None,
) -> Explanation:
    """Tell step by step how a report came to its answer, and whether it would again."""
    return explaining.explain(session, number, language=lang)
