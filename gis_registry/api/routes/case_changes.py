"""What can be done with cases: an address for each row of the life cycle, and one for many cases.

The table (:mod:`gis_registry.cases.life_cycle`) says what there is, who may, and what it needs.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gis_registry.api.access import (
    CurrentActor,
    LaterRoute,
    SentKey,
    note_actor,
    requires,
    requires_later,
)
from gis_registry.api.changes import ANY_CHANGE, Changes, NewChange
from gis_registry.api.preconditions import IfMatch, expected_versions, version_tag
from gis_registry.api.problems import Problem, guarded, told
from gis_registry.api.routes.parameters import LARGEST, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.cases import changing, listing
from gis_registry.cases.changing import AskedChange
from gis_registry.cases.life_cycle import STATE_NAMES, TRANSITIONS, Action, Transition
from gis_registry.cases.schemas import CaseChange, CaseFilter, CaseStatus
from gis_registry.cases.tables import CaseState
from gis_registry.errors import (
    Conflict,
    NotFound,
    Outdated,
    RegistryError,
    RequestTooLarge,
)

router = APIRouter(prefix="/api/cases", tags=["cases"], route_class=LaterRoute)

#: So many are changed in one transaction at most.
MOST_AT_ONCE = 1000


class BulkChange(BaseModel):
    """Something to be done with many cases: those named, or those that a filter means."""

    model_config = ConfigDict(extra="forbid")

    action: Action
    cases: list[Annotated[int, Field(ge=1, le=LARGEST)]] | None = Field(
        default=None, min_length=1, max_length=MOST_AT_ONCE, description="Their numbers"
    )
    filter: CaseFilter | None = None
    after: int | None = Field(
        default=None, ge=1, le=LARGEST, description="With a filter: `next_after` of an answer"
    )
    change: CaseChange = CaseChange()
    dry_run: bool = Field(default=False, description="Tell what would come of it, change nothing")

    @model_validator(mode="after")
    def _names_them_once(self) -> "BulkChange":
        if (self.cases is None) == (self.filter is None):
            raise ValueError("give either cases or filter")
        if self.filter == CaseFilter():
            raise ValueError("say which cases by filter: state, unit, division, matter …")
        return self


class BulkEntry(BaseModel):
    """What became of one case: where it stands now, or why it was left as it is."""

    case: int
    status: CaseStatus | None = None
    problem: Problem | None = None


class BulkAnswer(BaseModel):
    """What became of many cases."""

    done: int
    refused: int
    results: list[BulkEntry] = Field(
        description="In the order asked; by a filter, the oldest first"
    )
    next_after: int | None = Field(description="There may be more: give this as `after` for them")


@router.post(
    "/bulk",
    dependencies=[requires(*ANY_CHANGE)],
    responses=guarded(NotFound, RequestTooLarge),
)
def change_cases(session: DatabaseSession, actor: CurrentActor, bulk: BulkChange) -> BulkAnswer:
    """Do the same with many cases: each is changed, or refused with its own problem.

    A filter means a thousand cases in one request, the oldest first; `next_after` leads to the
    next ones. What the action needs is as for a single case.
    """
    actor.require(*TRANSITIONS[bulk.action].permissions)
    numbers = bulk.cases or listing.numbers(
        session,
        bulk.filter or CaseFilter(),
        own_unit=actor.unit_code,
        after=bulk.after,
        limit=MOST_AT_ONCE,
    )
    found = changing.change_all(
        session, [AskedChange(number, bulk.action, actor, bulk.change) for number in numbers]
    )
    if bulk.dry_run:
        session.rollback()
    results = [
        BulkEntry(case=number, problem=told(one))
        if isinstance(one, RegistryError)
        else BulkEntry(case=number, status=one)
        for number, one in zip(numbers, found, strict=True)
    ]
    refused = sum(one.problem is not None for one in results)
    is_full = bulk.filter is not None and len(numbers) == MOST_AT_ONCE
    return BulkAnswer(
        done=len(results) - refused,
        refused=refused,
        results=results,
        next_after=numbers[-1] if is_full else None,
    )


def _route_of(transition: Transition) -> Callable[..., Awaitable[CaseStatus]]:
    async def change_case(
        request: Request,
        response: Response,
        key: SentKey,
        number: Number,
        if_match: IfMatch = None,
        change: CaseChange = _NOTHING_SAID,
    ) -> CaseStatus:
        changes: Changes = request.app.state.changes
        new = NewChange(number, transition.action, change, expected_versions(if_match))
        status = await changes.ask(key, new, known=partial(note_actor, request))
        response.headers["ETag"] = version_tag(status.version)
        return status

    return change_case


_NOTHING_SAID = CaseChange()


def _description(transition: Transition) -> str:
    states = [f"{STATE_NAMES[one][1]}" for one in CaseState if one in transition.before]
    when = f"It can be done while the case is {', '.join(states)}."
    then = f"Then it is {STATE_NAMES[transition.after][1]}." if transition.after else ""
    needs = f"It needs: {', '.join(sorted(transition.needs))}." if transition.needs else ""
    return "\n\n".join(part for part in (transition.hint, f"{when} {then}", needs) if part)


for _transition in TRANSITIONS.values():
    router.add_api_route(
        f"/{{number}}/{_transition.action}",
        _route_of(_transition),
        methods=["POST"],
        name=f"{_transition.action.replace('-', '_')}_case",
        summary=f"{_transition.name_zh} {_transition.name_en}",
        description=_description(_transition),
        dependencies=[requires_later(*_transition.permissions)],
        responses=guarded(NotFound, Conflict, Outdated, RequestTooLarge),
    )
