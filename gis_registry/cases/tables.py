"""Tables of cases: the case itself, and what happened to it in order."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.catalogue.tables import ComponentClass, MatterType
from gis_registry.db.base import Base, geometry


class CaseEventKind(StrEnum):
    """What can happen to a case so far."""

    REPORTED = "reported"
    JOINED = "joined"
    SEPARATED = "separated"
    RETURNED = "returned"
    ASSIGNED = "assigned"
    IDENTIFIED = "identified"
    CLOSED = "closed"


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
    )

    division_code: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    happened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    report_id: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[dict[str, Any]]
