"""Tables of thematic layers; the features of each version have a table in the schema ``layers``."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Identity, Index, func
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.db.base import Base, big_identity

#: Where the tables of features are.
FEATURE_SCHEMA = "layers"


class LayerEventKind(StrEnum):
    """What can happen to a layer."""

    ADDED = "added"
    LOADED = "loaded"
    FAILED = "failed"
    DESCRIBED = "described"
    REVERTED = "reverted"
    DROPPED = "dropped"
    REMOVED = "removed"


class Layer(Base):
    """What is published, and what people are told about it.

    ``origin`` says what it is read from and how (:class:`~.schemas.Origin`); ``version`` is the
    number of the version that is read now. A removed layer is read by nobody.
    """

    __tablename__ = "layers"
    __table_args__ = (Index("uq_layers_name", func.lower("name"), unique=True),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    description: Mapped[str]
    keywords: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    department: Mapped[str | None]
    field: Mapped[str | None]
    licence: Mapped[str | None]
    source: Mapped[str | None]
    roles: Mapped[list[str] | None] = mapped_column(ARRAY(TEXT))
    origin: Mapped[dict[str, Any]]
    refresh: Mapped[str | None]
    version: Mapped[int]
    added_at: Mapped[datetime] = mapped_column(server_default=func.now())
    removed_at: Mapped[datetime | None]


class LayerVersion(Base):
    """One load of a layer; its table is dropped when it is no longer kept, what is said here stays.

    ``columns`` are :class:`~.schemas.LayerColumn`, ``quality`` is a :class:`~.schemas.Quality` and
    ``facts`` are the :class:`~.schemas.OriginFacts` of what was read.
    """

    __tablename__ = "layer_versions"

    layer_id: Mapped[int] = mapped_column(
        ForeignKey(Layer.id, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    table_name: Mapped[str]
    is_kept: Mapped[bool]
    id_type: Mapped[str]
    columns: Mapped[list[dict[str, Any]]]
    quality: Mapped[dict[str, Any]]
    facts: Mapped[dict[str, Any]]
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]


class LayerRowNote(Base):
    """What was found about a row: why it was refused, with all that it said, or what was done."""

    __tablename__ = "layer_row_notes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["layer_id", "number"], [LayerVersion.layer_id, LayerVersion.number], ondelete="CASCADE"
        ),
        Index("ix_layer_row_notes_row", "layer_id", "number", "row_number", "id"),
    )

    id: Mapped[int] = big_identity()
    layer_id: Mapped[int]
    number: Mapped[int]
    row_number: Mapped[int]
    is_refused: Mapped[bool]
    reason: Mapped[str]
    sentence: Mapped[str]
    attributes: Mapped[dict[str, Any] | None]


class LayerEvent(Base):
    """What happened to a layer; appended, never edited."""

    __tablename__ = "layer_events"
    __table_args__ = (
        CheckConstraint(
            f"kind in ({', '.join(repr(str(one)) for one in LayerEventKind)})", name="kind"
        ),
    )

    id: Mapped[int] = big_identity()
    layer_id: Mapped[int] = mapped_column(ForeignKey(Layer.id, ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    kind: Mapped[str]
    number: Mapped[int | None]
    sentence: Mapped[str]


class LayerRefresh(Base):
    """When a layer is read again by itself, and what became of the last time."""

    __tablename__ = "layer_refreshes"

    layer_id: Mapped[int] = mapped_column(
        ForeignKey(Layer.id, ondelete="CASCADE"), primary_key=True
    )
    next_at: Mapped[datetime] = mapped_column(index=True)
    checked_at: Mapped[datetime | None]
    problem: Mapped[str | None]


class LayersState(Base):
    """The token of what is published: another one after every change of ``layers``.

    A trigger sets it in the transaction of the change, as for ``reference_state``.
    """

    __tablename__ = "layers_state"
    __table_args__ = (CheckConstraint("is_only", name="is_only"),)

    is_only: Mapped[bool] = mapped_column(primary_key=True, default=True)
    token: Mapped[UUID] = mapped_column(server_default=func.gen_random_uuid())
