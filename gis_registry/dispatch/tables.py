"""Tables of dispatch decisions."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.db.base import Base
from gis_registry.units.tables import Unit


class Decision(Base):
    """Which unit a case goes to and who is near, with the grounds; appended, never edited."""

    __tablename__ = "decisions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["division_code", "case_id"], ["cases.division_code", "cases.id"], ondelete="CASCADE"
        ),
        Index("ix_decisions_case_id", "division_code", "case_id"),
    )

    division_code: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey(Unit.id))
    responsibility: Mapped[dict[str, Any]]
    responders: Mapped[list[dict[str, Any]]]
    decided_at: Mapped[datetime] = mapped_column(server_default=func.now())
