"""Tables of the registry.

The current state of every component stands in ``components``; each state that it replaced stands
in ``component_history``. Both name the change that made them, so that a history reads as a list of
who changed what, when and why, and the state of any date is one query over both.

The large tables have no foreign keys: each would be checked row by row. What fills them joins the
tables that they refer to.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.db.base import Base, big_identity, geometry


class ComponentState(StrEnum):
    """Whether a component stands, is gone, or was registered by a survey since reverted."""

    ACTIVE = "active"
    RETIRED = "retired"
    WITHDRAWN = "withdrawn"


class Operation(StrEnum):
    """What a change did to a component."""

    REGISTERED = "registered"
    EDITED = "edited"
    MOVED = "moved"
    CHANGED = "changed"
    RECLASSIFIED = "reclassified"
    MIGRATED = "migrated"
    RETIRED = "retired"
    WITHDRAWN = "withdrawn"
    RESTORED = "restored"


class AliasKind(StrEnum):
    """What else a component is known by."""

    IDENTIFIER = "identifier"
    TAG = "tag"
    QR = "qr"
    CONTRACTOR_KEY = "contractor_key"


class Relation(StrEnum):
    """What became of a component that another one, or several, took the place of."""

    REPLACED_BY = "replaced_by"
    SPLIT_INTO = "split_into"
    MERGED_INTO = "merged_into"


class Change(Base):
    """One transaction that changed components: who, when and why."""

    __tablename__ = "changes"

    id: Mapped[int] = big_identity()
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    reason: Mapped[str]


class ComponentColumns:
    """The columns that a component has now and that each former state of it keeps."""

    division_code: Mapped[str] = mapped_column(primary_key=True, sort_order=-3)
    code: Mapped[str] = mapped_column(primary_key=True, sort_order=-2)
    version: Mapped[int] = mapped_column(sort_order=-1)
    operation: Mapped[str]
    state: Mapped[str]
    geom: Mapped[WKBElement] = geometry("GEOMETRY")
    accuracy_m: Mapped[float]
    subdistrict_code: Mapped[str | None]
    cell_code: Mapped[str | None]
    surveyed_on: Mapped[date]
    is_synthetic: Mapped[bool] = mapped_column(server_default=text("false"))
    attributes: Mapped[dict[str, Any]]

    class_id: Mapped[int]
    supervisor_id: Mapped[int | None]
    owner_id: Mapped[int | None]
    maintainer_id: Mapped[int | None]
    change_id: Mapped[int] = mapped_column(BigInteger)


class Component(ComponentColumns, Base):
    """A physical thing in the registry, as it is now."""

    __tablename__ = "components"
    __table_args__ = (
        CheckConstraint("octet_length(code) between 16 and 17", name="code"),
        CheckConstraint("division_code = left(code, 6)", name="division_code"),
        CheckConstraint("state in ('active', 'retired', 'withdrawn')", name="state"),
        # The class as a point, since an index over two of these is built by sorting: in a third of
        # the time that a number and a geometry take.
        Index(
            "ix_components_class_geom",
            text("point(class_id, 0)"),
            "geom",
            postgresql_using="gist",
        ),
        Index("ix_components_geom", "geom", postgresql_using="gist"),
        Index("ix_components_class_code", "class_id", "division_code", "code"),
    )


class FormerComponent(ComponentColumns, Base):
    """A state that a component had until a later change."""

    __tablename__ = "component_history"
    # By place alone, unlike those that stand: few former states are around any place, each change
    # writes one, and an index by class and place takes twice as long to write.
    __table_args__ = (Index("ix_component_history_geom", "geom", postgresql_using="gist"),)

    version: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)
    ended_by: Mapped[int] = mapped_column(BigInteger)


class SerialCounter(Base):
    """The next serial of a prefix: six digits of division, then the class code."""

    __tablename__ = "serial_counters"

    division_code: Mapped[str] = mapped_column(primary_key=True)
    class_code: Mapped[str] = mapped_column(primary_key=True)
    next_serial: Mapped[int]


class IdentifierBlock(Base):
    """A run of serials issued by one change; together they are every identifier ever issued."""

    __tablename__ = "identifier_blocks"
    __table_args__ = (CheckConstraint("last_serial >= first_serial", name="serials"),)

    division_code: Mapped[str] = mapped_column(primary_key=True)
    class_code: Mapped[str] = mapped_column(primary_key=True)
    first_serial: Mapped[int] = mapped_column(primary_key=True)
    last_serial: Mapped[int]
    change_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Change.id), index=True)


class ComponentAlias(Base):
    """Something else that a component is or was known by: a tag, a key, another identifier.

    The same value may stand for several components: tags are reused and contractors' keys repeat.
    """

    __tablename__ = "component_aliases"
    __table_args__ = (
        CheckConstraint("kind in ('identifier', 'tag', 'qr', 'contractor_key')", name="kind"),
        CheckConstraint("valid_to >= valid_from", name="validity"),
        Index("ix_component_aliases_value_key", "value_key"),
    )

    division_code: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    value_key: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    valid_to: Mapped[date | None]
    value: Mapped[str]
    change_id: Mapped[int] = mapped_column(BigInteger)


class ComponentLineage(Base):
    """One component that took the place of another: replaced, split or merged."""

    __tablename__ = "component_lineage"
    __table_args__ = (
        CheckConstraint(
            "relation in ('replaced_by', 'split_into', 'merged_into')", name="relation"
        ),
        CheckConstraint("predecessor_code <> successor_code", name="two_components"),
        Index("ix_component_lineage_successor_code", "successor_code"),
    )

    predecessor_code: Mapped[str] = mapped_column(primary_key=True)
    successor_code: Mapped[str] = mapped_column(primary_key=True)
    relation: Mapped[str]
    on_date: Mapped[date]
    change_id: Mapped[int] = mapped_column(BigInteger)
