"""Reads and writes of photos."""

from collections.abc import Collection, Sequence

from sqlalchemy import RowMapping, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis_registry.db.base import without_geom
from gis_registry.photos.tables import Photo


def photos(session: Session, hashes: Collection[str]) -> Sequence[RowMapping]:
    """Return photos with their positions in degrees, EPSG:4490."""
    return (
        session.execute(
            select(
                *without_geom(Photo),
                func.ST_X(Photo.geom).label("lon"),
                func.ST_Y(Photo.geom).label("lat"),
            ).where(Photo.sha256.in_(hashes))
        )
        .mappings()
        .all()
    )


def photo(session: Session, sha256: str) -> RowMapping | None:
    """Return a photo with its position in degrees, EPSG:4490."""
    return next(iter(photos(session, [sha256])), None)


def add_photo(session: Session, values: dict[str, object]) -> bool:
    """Add a photo unless it is there; returns whether it was added."""
    added = session.execute(
        insert(Photo).values(values).on_conflict_do_nothing().returning(Photo.sha256)
    )
    return added.first() is not None
