"""Tables of surveys."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.components.tables import Change
from gis_registry.db.base import Base, big_identity, geometry


class SurveyState(StrEnum):
    """How far a survey has come."""

    STAGED = "staged"
    APPLIED = "applied"
    REVERTED = "reverted"


class Verdict(StrEnum):
    """What a row of a survey means for the registry."""

    NEW = "new"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Survey(Base):
    """One delivery of field data."""

    __tablename__ = "surveys"
    __table_args__ = (
        CheckConstraint("state in ('staged', 'applied', 'reverted')", name="state"),
        CheckConstraint("row_count = accepted_count + refused_count", name="adds_up"),
        Index("ix_surveys_file_sha256", "file_sha256"),
    )

    id: Mapped[int] = big_identity()
    file_name: Mapped[str]
    file_sha256: Mapped[str]
    crs: Mapped[str]
    as_of: Mapped[date]
    is_synthetic: Mapped[bool]
    actor: Mapped[str]
    state: Mapped[str]
    row_count: Mapped[int] = mapped_column(default=0)
    accepted_count: Mapped[int] = mapped_column(default=0)
    refused_count: Mapped[int] = mapped_column(default=0)
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    change_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Change.id))
    reverted_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Change.id))


class SurveyRow(Base):
    """One row of a survey's file, with what became of it; rows count from 1."""

    __tablename__ = "survey_rows"
    __table_args__ = (
        CheckConstraint("(verdict = 'refused') = (refusal is not null)", name="refusal"),
    )

    survey_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    row_number: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int | None]
    geom: Mapped[WKBElement | None] = geometry("GEOMETRY", nullable=True)
    accuracy_m: Mapped[float | None]
    surveyed_on: Mapped[date | None]
    supervisor_code: Mapped[str | None]
    owner_code: Mapped[str | None]
    maintainer_code: Mapped[str | None]
    attributes: Mapped[dict[str, Any]]
    division_code: Mapped[str | None]
    subdistrict_code: Mapped[str | None]
    cell_code: Mapped[str | None]
    verdict: Mapped[str | None]
    code: Mapped[str | None]
    distance_m: Mapped[float | None]
    refusal: Mapped[str | None]
    reason: Mapped[str | None]
