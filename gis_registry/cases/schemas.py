"""What is said of a case."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class CaseEventEntry(BaseModel):
    """Something that happened to a case."""

    sequence: int
    kind: str
    happened_at: datetime
    actor: str
    note: dict[str, Any]


class CaseSummary(BaseModel):
    """A case: what and where, its state, and its latest dispatch decision."""

    id: int
    division_code: str
    state: str = Field(description="open or closed")
    matter_code: str | None
    matter_name_zh: str | None
    matter_name_en: str | None
    class_code: str | None
    component_code: str | None
    unit_code: str | None
    unit_name_zh: str | None
    unit_name_en: str | None
    responders: list[dict[str, Any]] = Field(description="Nearest when it was decided")
    lon: float
    lat: float
    opened_at: datetime
    events: list[CaseEventEntry] = []


class CasePage(BaseModel):
    """Some cases, the newest first, and where the next ones begin."""

    cases: list[CaseSummary]
    next_before: int | None = Field(description="Give this as `before` for the next page")
