"""The table of closed survey tasks, and the indexes that the open ones are derived from."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.catalogue.tables import ComponentClass
from gis_registry.db.base import Base, big_identity
from gis_registry.reports.tables import Report

#: All that open tasks read of reports, so that they need not read the reports themselves.
Index(
    "ix_reports_unfound",
    Report.reported_at,
    postgresql_include=[
        "id",
        "division_code",
        "subdistrict_code",
        "cell_code",
        "geom",
        "received_at",
        "matter_type_id",
        "outcome",
        "case_id",
    ],
    postgresql_where=text("outcome in ('none', 'ambiguous')"),
)
Index(
    "ix_reports_scanned",
    Report.reported_at,
    postgresql_where=text("outcome = 'unique' and scanned is not null"),
)


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
