"""Reads and writes of photos."""

from collections.abc import Collection, Sequence

from sqlalchemy import RowMapping, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis_registry.db.base import without_geom
from gis_registry.photos.tables import Photo

_LOCK = func.hashtextextended("photos", 0)


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


def sizes(session: Session) -> dict[str, int]:
    """Return of every photo how many bytes it has."""
    found = session.execute(select(Photo.sha256, Photo.size_bytes)).all()
    return {one.sha256: one.size_bytes for one in found}


def lock_keeping(session: Session) -> None:
    """Let nobody remove files until the transaction ends: one found may be that of a new row."""
    session.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))


def lock_removing(session: Session) -> None:
    """Let nobody keep photos until the transaction ends; who is keeping one is waited for."""
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def add_photo(session: Session, values: dict[str, object]) -> bool:
    """Add a photo unless it is there; returns whether it was added."""
    added = session.execute(
        insert(Photo).values(values).on_conflict_do_nothing().returning(Photo.sha256)
    )
    return added.first() is not None
