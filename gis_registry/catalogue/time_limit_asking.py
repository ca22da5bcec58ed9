"""What people ask of the time limits: how long may it take, why, and what could be found of it."""

from collections.abc import Sequence
from datetime import date

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from gis_registry.catalogue import service
from gis_registry.catalogue.service import CodeEditions
from gis_registry.catalogue.tables import LimitStage
from gis_registry.catalogue.time_limits import (
    AskedLimit,
    Condition,
    FoundLimit,
    conditions_of,
    find_limits,
)
from gis_registry.errors import InvalidInput


class LimitAnswer(BaseModel):
    """How long the stages of a case may take that begin on a day."""

    on: date
    limits: list[FoundLimit] = Field(description="In the order of the stages")
    stages_without: list[str] = Field(description="Stages that have no limit")
    conditions: list[Condition] = Field(
        description="What can be chosen: the default, then what makes a difference to handling"
    )


def answer(
    session: Session,
    *,
    editions: CodeEditions,
    on_date: date,
    class_code: str | None = None,
    matter_code: str | None = None,
    condition: str | None = None,
    stage: LimitStage | None = None,
) -> LimitAnswer:
    """Return the limits of a class or a matter; of neither, those that hold for everything.

    Args:
        session: open transaction.
        editions: to which the codes belong.
        on_date: the day of the city on which the stage begins.
        class_code: code of a component class.
        matter_code: code of a matter, or of a class of whose components something is wrong.
        condition: code of what was found; None: nothing in particular.
        stage: only this one.

    Raises:
        InvalidInput: both codes are given, or there is no such condition.
        UnknownClass, UnknownMatterType: there is no such code.
    """
    if class_code is not None and matter_code is not None:
        raise InvalidInput("Ask for a class or for a matter, not for both.")
    class_id = matter_type_id = None
    present, *earlier = editions.class_editions
    if class_code is not None:
        class_id = service.find_class(
            session, class_code, edition_key=present, earlier_edition_keys=earlier
        ).id
    if matter_code is not None:
        matter_type_id = service.find_matter(
            session,
            matter_code,
            matter_edition_key=editions.matter_edition,
            class_edition_key=present,
            earlier_edition_keys=earlier,
        ).type.id
    stages: Sequence[LimitStage] = [stage] if stage is not None else list(LimitStage)
    found = find_limits(
        session, [AskedLimit(one, matter_type_id, class_id, condition, on_date) for one in stages]
    )
    return LimitAnswer(
        on=on_date,
        limits=[one for one in found if one is not None],
        stages_without=[one for one, limit in zip(stages, found, strict=True) if limit is None],
        conditions=conditions_of(session, matter_type_id, class_id, on_date),
    )
