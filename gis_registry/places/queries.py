"""Reads of places."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from gis_registry.db import reference
from gis_registry.db.sql import load_queries
from gis_registry.places.tables import (
    City,
    Division,
    DivisionArea,
    DivisionPiece,
    EditionChange,
    GridCell,
    Level,
)

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))

# Asked for every report: made once, since to make a statement takes longer than to run it.
_FORMER_EDITIONS = select(EditionChange.from_edition_key, EditionChange.to_edition_key).order_by(
    EditionChange.change_id.desc()
)
_DIVISION_NAMES = select(Division.code, Division.name_zh, Division.name_en).where(
    Division.code.in_(bindparam("codes", expanding=True))
)


def city(session: Session) -> City | None:
    """Return the city, or None while no profile is loaded."""
    return session.get(City, True)


def former_editions(session: Session) -> Sequence[str]:
    """Return the editions that the registry was moved from or to, the latest moves first."""
    return [key for move in session.execute(_FORMER_EDITIONS) for key in move]


def division(session: Session, code: str) -> Division | None:
    """Return a division by its code."""
    return session.get(Division, code)


def divisions(
    session: Session, *, level: Level | None = None, parent_code: str | None = None
) -> Sequence[Division]:
    """Return divisions by code."""
    query = select(Division).order_by(Division.code)
    if level is not None:
        query = query.where(Division.level == level)
    if parent_code is not None:
        query = query.where(Division.parent_code == parent_code)
    return session.scalars(query).all()


def division_names(session: Session, codes: set[str]) -> dict[str, tuple[str, str]]:
    """Return the Chinese and English name of each division code."""
    known: dict[str, tuple[str, str]] = reference.kept(session, "division names")
    missing = codes - known.keys()
    if missing:
        rows = session.execute(_DIVISION_NAMES, {"codes": list(missing)})
        known |= {code: (name_zh, name_en) for code, name_zh, name_en in rows}
    return {code: known[code] for code in codes if code in known}


def counts(session: Session) -> dict[str, int]:
    """Return how many divisions there are at each level, areas, and grid cells."""
    counted = select(Division.level, func.count()).group_by(Division.level)
    by_level = {str(level): int(count) for level, count in session.execute(counted)}
    return {level.value: by_level.get(level, 0) for level in Level} | {
        "area": session.scalar(select(func.count()).select_from(DivisionArea)) or 0,
        "grid_cell": session.scalar(select(func.count()).select_from(GridCell)) or 0,
    }


def cut_areas(session: Session) -> None:
    """Cut new areas into pieces."""
    session.execute(_QUERIES["cut_areas"])


def overlapping(session: Session, area_ids: Sequence[int]) -> list[tuple[str, str]]:
    """Return pairs of divisions of one level, one of them of these areas, on the same ground."""
    rows = session.execute(_QUERIES["overlapping"], {"area_ids": list(area_ids)})
    return [(one, other) for one, other in rows]


def end_area(session: Session, code: str, on_date: date) -> bool:
    """End the present area of a division on a day; return whether it had one since before."""
    ended = session.execute(
        update(DivisionArea)
        .where(
            DivisionArea.division_code == code,
            DivisionArea.valid_to.is_(None),
            DivisionArea.valid_from < on_date,
        )
        .values(valid_to=on_date)
        .returning(DivisionArea.id)
    )
    return ended.first() is not None


def locate(
    session: Session,
    *,
    lons: Sequence[float],
    lats: Sequence[float],
    on_dates: Sequence[date],
    tolerance_m: float,
) -> Sequence[RowMapping]:
    """Return division, subdistrict (with how far outside it is, in metres) and cell of points."""
    values: dict[str, Any] = {
        "lons": [float(one) for one in lons],
        "lats": [float(one) for one in lats],
        "on_dates": list(on_dates),
        "tolerance_m": tolerance_m,
    }
    return session.execute(_QUERIES["locate"], values).mappings().all()


def sides(
    session: Session,
    *,
    lons: Sequence[float],
    lats: Sequence[float],
    on_dates: Sequence[date],
    codes: Sequence[str],
    reaches_m: Sequence[float],
) -> Sequence[RowMapping]:
    """Return for points (``n`` from 0), found in areas with codes, the others within reach."""
    values: dict[str, Any] = {
        "lons": [float(one) for one in lons],
        "lats": [float(one) for one in lats],
        "on_dates": list(on_dates),
        "codes": list(codes),
        "reaches_m": [float(one) for one in reaches_m],
    }
    return session.execute(_QUERIES["sides"], values).mappings().all()


def subdistrict_pieces(session: Session, *, on_date: date) -> Iterator[tuple[str, bytes]]:
    """Return the pieces of the subdistricts of a day: code and WKB."""
    rows = session.execute(
        select(Division.code, func.ST_AsBinary(DivisionPiece.geom))
        .join(DivisionArea, DivisionArea.id == DivisionPiece.area_id)
        .join(Division, Division.code == DivisionArea.division_code)
        .where(
            Division.level == Level.SUBDISTRICT,
            DivisionArea.valid_from <= on_date,
            or_(DivisionArea.valid_to.is_(None), DivisionArea.valid_to > on_date),
        )
    )
    return ((code, bytes(wkb)) for code, wkb in rows)


def cells(session: Session) -> Iterator[tuple[str, bytes]]:
    """Return the grid cells: code and WKB."""
    rows = session.execute(select(GridCell.code, func.ST_AsBinary(GridCell.geom)))
    return ((code, bytes(wkb)) for code, wkb in rows)
