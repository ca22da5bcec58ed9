"""Tables of surveys."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.components.tables import Change
from gis_registry.db.base import Base, big_identity, geometry


class SurveyState(StrEnum):
    """How far a survey has come; a stopped one was found wrong as a whole."""

    STOPPED = "stopped"
    STAGED = "staged"
    APPLIED = "applied"
    REVERTED = "reverted"


class Verdict(StrEnum):
    """What a row of a survey, or a component that it lacks, means for the registry."""

    NEW = "new"
    UNCHANGED = "unchanged"
    MOVED = "moved"
    CHANGED = "changed"
    RECLASSIFIED = "reclassified"
    MISSING = "missing"
    AMBIGUOUS = "ambiguous"
    REFUSED = "refused"


class Decision(StrEnum):
    """What a person decided of a row; without one, all but ambiguous and refused rows apply."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DROPPED = "dropped"
    RETRIED = "retried"


class Survey(Base):
    """One delivery of field data."""

    __tablename__ = "surveys"
    __table_args__ = (
        CheckConstraint("state in ('stopped', 'staged', 'applied', 'reverted')", name="state"),
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
    verdicts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    refusals: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    mapping: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    findings: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    forced_reason: Mapped[str | None]
    matched_at: Mapped[datetime | None]
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    retry_of: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("surveys.id"))
    change_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Change.id))
    reverted_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Change.id))


class SurveyRow(Base):
    """One row of a survey's file, or a component that it lacks, with what became of it.

    The rows of each survey are a table of their own, ``survey_rows_<id>``, so that millions are
    written before they have a key, and not into the log where the server can do without.

    Rows count from 1 in the file's order; the missing components come after the last of them.
    ``code``, ``version`` and ``distance_m`` are of the component that the row was found to be. A
    row that is registered as new has no code of its own here: ``ordinal`` is its place in the run
    of identifiers that its survey was issued for its division and class.
    """

    __tablename__ = "survey_rows"
    __table_args__ = (
        CheckConstraint("(verdict = 'refused') = (refusal is not null)", name="refusal"),
        {"postgresql_partition_by": "LIST (survey_id)"},
    )

    survey_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    row_number: Mapped[int] = mapped_column(primary_key=True)
    ordinal: Mapped[int | None]
    version: Mapped[int | None]
    class_id: Mapped[int | None]
    surveyed_on: Mapped[date | None]
    accuracy_m: Mapped[float | None]
    distance_m: Mapped[float | None]
    score: Mapped[float | None]
    runner_up_m: Mapped[float | None]
    geom: Mapped[WKBElement | None] = geometry("GEOMETRY", nullable=True)
    identifier: Mapped[str | None]
    supervisor_code: Mapped[str | None]
    owner_code: Mapped[str | None]
    maintainer_code: Mapped[str | None]
    division_code: Mapped[str | None]
    subdistrict_code: Mapped[str | None]
    cell_code: Mapped[str | None]
    verdict: Mapped[str]
    code: Mapped[str | None]
    runner_up: Mapped[str | None]
    refusal: Mapped[str | None]
    reason: Mapped[str | None]
    decision: Mapped[str | None]
    attributes: Mapped[dict[str, Any]]
    issues: Mapped[list[dict[str, Any]] | None]


class SurveyDecision(Base):
    """What somebody decided about rows of a survey: which, what, who, when and why."""

    __tablename__ = "survey_decisions"

    id: Mapped[int] = big_identity()
    survey_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Survey.id), index=True)
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    decision: Mapped[str]
    selection: Mapped[dict[str, Any]]
    edits: Mapped[dict[str, Any] | None]
    row_count: Mapped[int]
    reason: Mapped[str]
