"""Tables of places."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.catalogue.tables import Edition
from gis_registry.db.base import Base, big_identity, geometry


class Level(StrEnum):
    """Levels of divisions, from the largest to the smallest."""

    CITY = "city"
    DISTRICT = "district"
    SUBDISTRICT = "subdistrict"
    COMMUNITY = "community"


class City(Base):
    """The one city of this registry: what its profile said when it was loaded."""

    __tablename__ = "city"
    __table_args__ = (CheckConstraint("is_only", name="is_only"),)

    is_only: Mapped[bool] = mapped_column(primary_key=True, default=True)
    key: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    division_code: Mapped[str]
    time_zone: Mapped[str]
    edition_key: Mapped[str] = mapped_column(ForeignKey(Edition.key))
    matter_edition_key: Mapped[str] = mapped_column(ForeignKey(Edition.key))
    projected_epsg: Mapped[int]
    place_tolerance_m: Mapped[float]
    max_missing_share: Mapped[float] = mapped_column(server_default=text("0.2"))
    primary_edition_key: Mapped[str | None] = mapped_column(ForeignKey(Edition.key))
    map_lon: Mapped[float]
    map_lat: Mapped[float]
    map_zoom: Mapped[int]


class EditionChange(Base):
    """A move of the registry from one edition of the standard to another.

    ``change_id`` is the change that made it (without a foreign key: changes belong to components,
    which know of places, not the other way round). ``before`` is what taking it back needs: the
    primary edition and the classes of the city's profile before, the pairs of classes that it
    moved, and the pairs of counterparts and of matters and classes that it added.
    """

    __tablename__ = "edition_changes"

    change_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    from_edition_key: Mapped[str] = mapped_column(ForeignKey(Edition.key))
    to_edition_key: Mapped[str] = mapped_column(ForeignKey(Edition.key))
    before: Mapped[dict[str, Any]]
    reverted_by: Mapped[int | None] = mapped_column(BigInteger)


class Division(Base):
    """An administrative division by its official code: 6, 9 or 12 digits."""

    __tablename__ = "divisions"
    __table_args__ = (
        CheckConstraint("level in ('city', 'district', 'subdistrict', 'community')", name="level"),
        CheckConstraint("code ~ '^[0-9]{6}([0-9]{3}){0,2}$'", name="code"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str]
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("divisions.code"), index=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]


class DivisionArea(Base):
    """The ground that a division covers from one date until another."""

    __tablename__ = "division_areas"
    __table_args__ = (
        Index("ix_division_areas_geom", "geom", postgresql_using="gist"),
        CheckConstraint("valid_to > valid_from", name="validity"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    division_code: Mapped[str] = mapped_column(ForeignKey(Division.code), index=True)
    geom: Mapped[WKBElement] = geometry("MULTIPOLYGON")
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    source: Mapped[str]


class DivisionPiece(Base):
    """A part of an area with few vertices, so that finding a point's division is quick."""

    __tablename__ = "division_pieces"
    __table_args__ = (Index("ix_division_pieces_geom", "geom", postgresql_using="gist"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    area_id: Mapped[int] = mapped_column(
        ForeignKey(DivisionArea.id, ondelete="CASCADE"), index=True
    )
    geom: Mapped[WKBElement] = geometry("GEOMETRY")


class GridCell(Base):
    """A unit grid cell, the smallest management area, by its 15-digit code."""

    __tablename__ = "grid_cells"
    __table_args__ = (
        Index("ix_grid_cells_geom", "geom", postgresql_using="gist"),
        CheckConstraint("code ~ '^[0-9]{15}$'", name="code"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    subdistrict_code: Mapped[str] = mapped_column(ForeignKey(Division.code), index=True)
    geom: Mapped[WKBElement] = geometry("POLYGON")


class CalendarVersion(Base):
    """What working time was from one load of a calendar until the next; appended, never edited.

    ``hours`` are all the working hours of the week, ``time_zone`` the city's; ``source`` is where
    the version's days come from: a kept calendar or the name of a file.
    """

    __tablename__ = "calendar_versions"

    id: Mapped[int] = big_identity()
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    time_zone: Mapped[str]
    hours: Mapped[list[dict[str, Any]]]
    source: Mapped[str]
    actor: Mapped[str]


class CalendarDay(Base):
    """A day that a version says something new of; of each day, the last word up to a version holds.

    ``regular`` takes back that a day is a holiday or a make-up working day.
    """

    __tablename__ = "calendar_days"
    __table_args__ = (CheckConstraint("kind in ('holiday', 'working', 'regular')", name="kind"),)

    version_id: Mapped[int] = mapped_column(ForeignKey(CalendarVersion.id), primary_key=True)
    on_date: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
