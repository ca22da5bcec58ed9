"""Tables of the catalogue."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, UniqueConstraint
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
