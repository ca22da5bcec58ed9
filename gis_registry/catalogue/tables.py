"""Tables of the catalogue."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.db.base import Base


class GeometryType(StrEnum):
    """What kind of geometry the components of a class have."""

    POINT = "point"
    LINE = "line"
    POLYGON = "polygon"


class MatterKind(StrEnum):
    """Whether a matter is about a component or about a place."""

    COMPONENT = "component"
    PLACE = "place"


class LimitStage(StrEnum):
    """The stages of a case that can have a time limit, in their order."""

    CHECKING = "checking"
    FILING = "filing"
    DISPATCH = "dispatch"
    HANDLING = "handling"
    VERIFICATION = "verification"
    CLOSING = "closing"


class LimitUnit(StrEnum):
    """What a time limit is counted in; only urgent hours run on at night and on holidays."""

    URGENT_HOUR = "urgent_hour"
    WORKING_HOUR = "working_hour"
    WORKING_DAY = "working_day"
    CALENDAR_DAY = "calendar_day"


class Edition(Base):
    """One edition of the standard that class and matter codes belong to."""

    __tablename__ = "editions"

    key: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    class_digits: Mapped[int]
    valid_from: Mapped[date | None]


class ComponentClass(Base):
    """One component class of one edition."""

    __tablename__ = "component_classes"
    __table_args__ = (
        UniqueConstraint("edition_key", "code"),
        CheckConstraint("geometry_type in ('point', 'line', 'polygon')", name="geometry_type"),
        CheckConstraint("accuracy_m > 0", name="accuracy_m"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    edition_key: Mapped[str] = mapped_column(ForeignKey(Edition.key))
    code: Mapped[str]
    major_code: Mapped[str]
    major_name_zh: Mapped[str]
    major_name_en: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    geometry_type: Mapped[str]
    accuracy_m: Mapped[float]
    is_in_profile: Mapped[bool] = mapped_column(default=False)
    certainty: Mapped[str]
    attribute_schema: Mapped[dict[str, Any] | None]


class ClassCounterpart(Base):
    """The same kind of thing in another edition; stored in both directions."""

    __tablename__ = "class_counterparts"

    class_id: Mapped[int] = mapped_column(ForeignKey(ComponentClass.id), primary_key=True)
    counterpart_id: Mapped[int] = mapped_column(
        ForeignKey(ComponentClass.id), primary_key=True, index=True
    )


class MatterType(Base):
    """What can be wrong, with a component or in a place."""

    __tablename__ = "matter_types"
    __table_args__ = (
        UniqueConstraint("edition_key", "kind", "code"),
        CheckConstraint("kind in ('component', 'place')", name="kind"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    edition_key: Mapped[str] = mapped_column(ForeignKey(Edition.key))
    kind: Mapped[str]
    code: Mapped[str]
    major_code: Mapped[str]
    major_name_zh: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    certainty: Mapped[str]


class MatterTypeClass(Base):
    """A class of which a component matter can be about."""

    __tablename__ = "matter_type_classes"

    matter_type_id: Mapped[int] = mapped_column(ForeignKey(MatterType.id), primary_key=True)
    class_id: Mapped[int] = mapped_column(
        ForeignKey(ComponentClass.id), primary_key=True, index=True
    )


class TimeLimitVersion(Base):
    """One table of time limits as a whole; which holds on a day is decided by ``valid_from``.

    Of the versions that were not withdrawn the one with the latest ``valid_from`` holds, and of
    several of that day the one loaded last. Its limits never change.
    """

    __tablename__ = "time_limit_versions"
    __table_args__ = (
        CheckConstraint(
            "num_nulls(withdrawn_at, withdrawn_by, withdrawn_reason) in (0, 3)", name="withdrawn"
        ),
    )

    number: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    title: Mapped[str]
    source: Mapped[str]
    valid_from: Mapped[date]
    # Not the transaction's time: with its number this tells a version from one rolled back.
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    loaded_by: Mapped[str]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    withdrawn_reason: Mapped[str | None]


class TimeLimit(Base):
    """How long a stage may take: of a class, a matter, a major group, a kind, or of everything.

    A major group is one of a kind in an edition. Without a condition it is the default. A season
    is two days as ``MM-DD``, both in it; it may go past the end of the year.
    """

    __tablename__ = "time_limits"
    __table_args__ = (
        CheckConstraint(
            "stage in ('checking', 'filing', 'dispatch', 'handling', 'verification', 'closing')",
            name="stage",
        ),
        CheckConstraint(
            "num_nonnulls(class_id, matter_type_id, kind) <= 1", name="about_one_thing"
        ),
        CheckConstraint("kind in ('component', 'place')", name="kind"),
        CheckConstraint(
            "num_nulls(edition_key, major_code) in (0, 2) "
            "and (major_code is null or kind is not null)",
            name="major",
        ),
        CheckConstraint(
            "num_nulls(condition_code, condition_zh, condition_en) in (0, 3)", name="condition"
        ),
        CheckConstraint(
            "num_nulls(season_from, season_to) in (0, 2) "
            "and season_from ~ '^[01][0-9]-[0-3][0-9]$' and season_to ~ '^[01][0-9]-[0-3][0-9]$'",
            name="season",
        ),
        CheckConstraint("amount > 0 and amount < 'infinity'", name="amount"),
        CheckConstraint(
            "unit in ('urgent_hour', 'working_hour', 'working_day', 'calendar_day')", name="unit"
        ),
        Index("ix_time_limits_version", "version"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    version: Mapped[int] = mapped_column(ForeignKey(TimeLimitVersion.number))
    stage: Mapped[str]
    class_id: Mapped[int | None] = mapped_column(ForeignKey(ComponentClass.id))
    matter_type_id: Mapped[int | None] = mapped_column(ForeignKey(MatterType.id))
    kind: Mapped[str | None]
    edition_key: Mapped[str | None] = mapped_column(ForeignKey(Edition.key))
    major_code: Mapped[str | None]
    condition_code: Mapped[str | None]
    condition_zh: Mapped[str | None]
    condition_en: Mapped[str | None]
    season_from: Mapped[str | None]
    season_to: Mapped[str | None]
    amount: Mapped[float]
    unit: Mapped[str]
    closing_zh: Mapped[str | None]
    closing_en: Mapped[str | None]
