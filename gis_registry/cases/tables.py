"""Tables of cases: the case itself, and what happened to it in order."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import (
    BigInteger,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.catalogue.tables import ComponentClass, MatterType
from gis_registry.db.base import Base, geometry

# As PostgreSQL writes it, so that models and migrations can be compared.
_IS_OPEN = "state <> ALL (ARRAY['closed'::text, 'not_accepted'::text, 'merged'::text])"


class CaseState(StrEnum):
    """Where a case is in its life cycle."""

    REPORTED = "reported"
    CHECKED = "checked"
    FILED = "filed"
    DISPATCHED = "dispatched"
    IN_HANDLING = "in_handling"
    HANDLED = "handled"
    VERIFIED = "verified"
    CLOSED = "closed"
    NOT_ACCEPTED = "not_accepted"
    SUSPENDED = "suspended"
    MERGED = "merged"


#: Nothing is left to be done.
ENDED = frozenset({CaseState.CLOSED, CaseState.NOT_ACCEPTED, CaseState.MERGED})


class CaseEventKind(StrEnum):
    """What can happen to a case."""

    REPORTED = "reported"
    JOINED = "joined"
    SEPARATED = "separated"
    MERGED = "merged"
    ASSIGNED = "assigned"
    IDENTIFIED = "identified"
    CHECKED = "checked"
    FILED = "filed"
    NOT_ACCEPTED = "not_accepted"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    HANDLED = "handled"
    SENT_BACK = "sent_back"
    VERIFIED = "verified"
    CLOSED = "closed"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    EXTENSION_ASKED = "extension_asked"
    EXTENDED = "extended"
    EXTENSION_DENIED = "extension_denied"
    APPEALED = "appealed"
    APPEAL_DECIDED = "appeal_decided"
    REOPENED = "reopened"
    URGED = "urged"
    WARNED = "warned"
    OVERDUE = "overdue"


class Case(Base):
    """An incident that one or more reports are evidence of.

    Which component it is about may be found out later; an event says so, and nothing else changes.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_id", "id"),
        Index("ix_cases_geom", "geom", postgresql_using="gist"),
        Index("ix_cases_component_code", "division_code", "component_code"),
    )

    division_code: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    matter_type_id: Mapped[int | None] = mapped_column(ForeignKey(MatterType.id))
    class_id: Mapped[int | None] = mapped_column(ForeignKey(ComponentClass.id))
    component_code: Mapped[str | None]
    geom: Mapped[WKBElement] = geometry("POINT")
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def key(self) -> tuple[str, int]:
        """Its division code and number."""
        return self.division_code, self.id


class CaseEvent(Base):
    """Something that happened to a case; appended, never edited.

    ``report_id`` is the report that opened, joined or left it.
    """

    __tablename__ = "case_events"
    __table_args__ = (
        ForeignKeyConstraint(
            ["division_code", "case_id"], ["cases.division_code", "cases.id"], ondelete="CASCADE"
        ),
        Index("ix_case_events_happened_at", "happened_at", postgresql_using="brin"),
    )

    division_code: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    happened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    report_id: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[dict[str, Any]]


#: On whose days indicators count cases. Those of a month lie together in the table, more or less.
_MOMENTS = (
    "reported_at",
    "checked_at",
    "filed_at",
    "first_dispatched_at",
    "handling_due_at",
    "handled_at",
    "verified_at",
    "ended_at",
)


class CaseProgress(Base):
    """Where a case stands: what its events come to, kept beside them so that it can be asked for.

    It changes in the transaction that appends an event, and can be made again from the events at
    any time (:mod:`gis_registry.cases.progress`). ``version`` is the place of the last event.
    ``clock`` is the limit of the stage that runs, with its pauses and extensions. What indicators
    count stands in columns: when each stage ended and whether that was on time, how often the case
    was returned, sent back, extended, urged and appealed. ``channel`` is that of its first report.
    ``handling_due_at`` stays when it is handled, and is empty while nothing is to be handled.
    ``redirected`` counts how often it left a unit that it was dispatched to, ``upheld`` appeals
    that were upheld. It is misfiled when it ends without having been handled, or was refused first.
    """

    __tablename__ = "case_progress"
    __table_args__ = (
        ForeignKeyConstraint(
            ["division_code", "case_id"], ["cases.division_code", "cases.id"], ondelete="CASCADE"
        ),
        Index("ix_case_progress_open", "case_id", postgresql_where=text("is_open")),
        Index(
            "ix_case_progress_unit_code", "unit_code", "case_id", postgresql_where=text("is_open")
        ),
        Index("ix_case_progress_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index(
            "ix_case_progress_moments",
            *_MOMENTS,
            postgresql_using="brin",
            postgresql_with={"autosummarize": "on"},
            postgresql_ops=dict.fromkeys(_MOMENTS, "timestamptz_minmax_multi_ops"),
        ),
    )

    division_code: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    version: Mapped[int]
    state: Mapped[str]
    is_open: Mapped[bool] = mapped_column(Computed(_IS_OPEN, persisted=True))
    resumes_to: Mapped[str | None]
    matter_type_id: Mapped[int | None]
    class_id: Mapped[int | None]
    subdistrict_code: Mapped[str | None]
    channel: Mapped[str | None]
    unit_code: Mapped[str | None]
    condition: Mapped[str | None]
    stage: Mapped[str | None]
    stage_began_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    clock: Mapped[dict[str, Any] | None]
    warned_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    reported_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    filed_at: Mapped[datetime | None]
    first_dispatched_at: Mapped[datetime | None]
    dispatched_at: Mapped[datetime | None]
    handling_due_at: Mapped[datetime | None]
    handled_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    is_checked_on_time: Mapped[bool | None]
    is_filed_on_time: Mapped[bool | None]
    is_dispatched_on_time: Mapped[bool | None]
    is_handled_on_time: Mapped[bool | None]
    is_verified_on_time: Mapped[bool | None]
    is_closed_on_time: Mapped[bool | None]
    is_misfiled: Mapped[bool] = mapped_column(server_default=text("false"))
    returned: Mapped[int] = mapped_column(server_default="0")
    redirected: Mapped[int] = mapped_column(server_default="0")
    sent_back: Mapped[int] = mapped_column(server_default="0")
    extended: Mapped[int] = mapped_column(server_default="0")
    urged: Mapped[int] = mapped_column(server_default="0")
    appealed: Mapped[int] = mapped_column(server_default="0")
    upheld: Mapped[int] = mapped_column(server_default="0")
    reopened: Mapped[int] = mapped_column(server_default="0")
