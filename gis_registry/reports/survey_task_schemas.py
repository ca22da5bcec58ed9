"""What is said of survey tasks."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gis_registry.components.schemas import ClassName, Named
from gis_registry.reports.survey_task_tables import TaskState


class TaskPriority(StrEnum):
    """How urgent a survey task is: high from twice the incidents that make it one."""

    HIGH = "high"
    NORMAL = "normal"


class TaskClosing(BaseModel):
    """How a survey task ended."""

    closed_at: datetime
    actor: str
    reason: str


class SurveyTask(BaseModel):
    """A place in which components of a class should be surveyed again, and why."""

    model_config = ConfigDict(populate_by_name=True)

    place: str = Field(description="The grid cell's code, or the key of a square of 100 m")
    cell_code: str | None = Field(description="None: the place is a square outside the grid")
    area: Named = Field(description="Subdistrict, or district where that is not known")
    component_class: ClassName = Field(alias="class", serialization_alias="class")
    state: TaskState = TaskState.OPEN
    priority: TaskPriority
    incident_count: int = Field(
        description="Distinct cases, each once for every day on which it was reported"
    )
    none_count: int = Field(description="Reports that found no component")
    ambiguous_count: int = Field(description="Reports that several components fit")
    far_off_count: int = Field(description="Reports that scanned a component registered elsewhere")
    first_at: datetime
    last_at: datetime
    report_ids: list[int]
    geometry: dict[str, Any] = Field(description="Polygon of the place, GeoJSON, EPSG:4490")
    closing: TaskClosing | None = None


class SurveyTaskList(BaseModel):
    """The most urgent survey tasks, and how many there are."""

    tasks: list[SurveyTask]
    total: int


class NewTaskClosing(BaseModel):
    """That a survey task is done, or that it is none."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    place: str = Field(min_length=1, max_length=50)
    class_code: str = Field(alias="class", min_length=1, max_length=20)
    state: TaskState = Field(description="done or dismissed")
    reason: str = Field(min_length=1, max_length=1000)
