"""The table of closed survey tasks, and the index that the open ones are derived by."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.catalogue.tables import ComponentClass
from gis_registry.db.base import Base, big_identity


class TaskState(StrEnum):
    """Whether somebody still has to go and look."""

    OPEN = "open"
    DONE = "done"
    DISMISSED = "dismissed"


class SurveyTaskClosing(Base):
    """That a survey task was done or dismissed, by whom and why; appended, never edited.

    ``place`` is a grid cell's code or the key of a square. ``task`` is the task as it was.
    """

    __tablename__ = "survey_task_closings"
    __table_args__ = (
        CheckConstraint("state in ('done', 'dismissed')", name="state"),
        Index("ix_survey_task_closings_place_class_id", "place", "class_id", "closed_at"),
    )

    id: Mapped[int] = big_identity()
    place: Mapped[str]
    class_id: Mapped[int] = mapped_column(ForeignKey(ComponentClass.id))
    state: Mapped[str]
    closed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    reason: Mapped[str]
    task: Mapped[dict[str, Any]]
