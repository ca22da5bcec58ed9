"""Tables of units, responsibilities and responders."""

from datetime import date, datetime
from enum import StrEnum

from geoalchemy2 import WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.catalogue.tables import ComponentClass, MatterType
from gis_registry.db.base import Base, geometry
from gis_registry.places.tables import Division


class UnitKind(StrEnum):
    """Where an organisation stands in the city's tree."""

    CITY_CENTRE = "city_centre"
    DISTRICT_CENTRE = "district_centre"
    DEPARTMENT = "department"
    ENTERPRISE = "enterprise"
    GRASSROOTS = "grassroots"


class UnitRole(StrEnum):
    """What a unit is to a component, a class or an area."""

    SUPERVISOR = "supervisor"
    OWNER = "owner"
    MAINTAINER = "maintainer"


class ResponderKind(StrEnum):
    """Who can be sent: a place that people start from, or people on the move."""

    STATION = "station"
    CREW = "crew"


class Unit(Base):
    """An organisation; the units form a tree under the city centre."""

    __tablename__ = "units"
    __table_args__ = (
        CheckConstraint(
            "kind in ('city_centre', 'district_centre', 'department', 'enterprise', 'grassroots')",
            name="kind",
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"), index=True)
    kind: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    division_code: Mapped[str | None] = mapped_column(ForeignKey(Division.code))
    is_synthetic: Mapped[bool] = mapped_column(default=False)


class Responsibility(Base):
    """A dated fact: this unit has this role here, for this; an empty column means any."""

    __tablename__ = "responsibilities"
    __table_args__ = (
        CheckConstraint("role in ('supervisor', 'owner', 'maintainer')", name="role"),
        CheckConstraint("valid_to > valid_from", name="validity"),
        CheckConstraint(
            "num_nonnulls(component_code, class_id, matter_type_id, division_code) > 0",
            name="about_something",
        ),
        Index("ix_responsibilities_component_code", "component_code"),
        Index("ix_responsibilities_class_id_division_code", "class_id", "division_code"),
        Index(
            "ix_responsibilities_matter_type_id_division_code", "matter_type_id", "division_code"
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey(Unit.id), index=True)
    role: Mapped[str]
    component_code: Mapped[str | None]
    class_id: Mapped[int | None] = mapped_column(ForeignKey(ComponentClass.id))
    matter_type_id: Mapped[int | None] = mapped_column(ForeignKey(MatterType.id))
    division_code: Mapped[str | None] = mapped_column(ForeignKey(Division.code), index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    note: Mapped[str] = mapped_column(default="")


class Responder(Base):
    """A station or crew that can be sent, where it is now."""

    __tablename__ = "responders"
    __table_args__ = (
        Index("ix_responders_geom", "geom", postgresql_using="gist"),
        CheckConstraint("kind in ('station', 'crew')", name="kind"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey(Unit.id), index=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]
    is_available: Mapped[bool] = mapped_column(default=True)
    is_synthetic: Mapped[bool] = mapped_column(default=False)
    geom: Mapped[WKBElement] = geometry("POINT")
    positioned_at: Mapped[datetime] = mapped_column(server_default=func.now())
