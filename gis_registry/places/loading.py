"""Loading divisions and grid cells from polygon files and lists."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd
import shapely
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput
from gis_registry.places import queries
from gis_registry.places.tables import Division, DivisionArea, GridCell, Level
from gis_registry.tabular import read_csv
from gis_registry.vector_files import read_features, text_of

_LEVELS = list(Level)
_DIGITS = {Level.CITY: 6, Level.DISTRICT: 6, Level.SUBDISTRICT: 9, Level.COMMUNITY: 12}

_AREAS = {"Polygon", "MultiPolygon"}

#: Areas of a first load hold from here on; boundaries before it were never recorded.
EARLIEST = date(1900, 1, 1)


@dataclass(frozen=True)
class _DivisionRow:
    place: str
    code: str
    level: str
    parent_code: str | None
    name_zh: str
    name_en: str
    source: str
    polygon: shapely.Geometry | None


def load_divisions(
    session: Session, paths: Iterable[Path], *, valid_from: date = EARLIEST
) -> dict[str, int]:
    """Load divisions from polygon files (``code, level, parent_code, name_zh, name_en, source``).

    A CSV file with the same columns brings divisions without an area. An area that differs from the
    present one ends it on ``valid_from`` and follows it; the same one again changes nothing.

    Returns:
        How many divisions of each level were read, and how many areas are new.

    Raises:
        UnreadableFile, MissingCrs: a file cannot be read.
        InvalidInput: a row contradicts its level or its parent, or a new area covers the ground of
            another division; the message says where.
    """
    rows = [row for path in paths for row in _read_divisions(path)]
    levels = {one.code: one.level for one in queries.divisions(session)}
    levels |= {row.code: row.level for row in rows}
    for row in rows:
        _check_parent(row, levels)
    rows.sort(key=lambda row: (_LEVELS.index(Level(row.level)), row.code))
    values = [
        {key: getattr(row, key) for key in ("code", "level", "parent_code", "name_zh", "name_en")}
        for row in rows
    ]
    if values:
        statement = insert(Division)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["code"],
                set_={key: statement.excluded[key] for key in values[0] if key != "code"},
            ),
            values,
        )
    new_areas = [
        area
        for row in rows
        if row.polygon is not None and (area := _load_area(session, row, valid_from)) is not None
    ]
    for one, other in queries.overlapping(session, new_areas):
        raise InvalidInput(
            f"{one} would cover the same ground as {other} at the same time. If {other} is no "
            f"more, end it first: gis-registry places end {other} --on {valid_from}."
        )
    queries.cut_areas(session)
    read = {level.value: sum(row.level == level for row in rows) for level in Level}
    return read | {"new_areas": len(new_areas)}


def load_grid_cells(session: Session, paths: Iterable[Path]) -> int:
    """Load grid cells from polygon files with ``code`` and ``subdistrict_code``.

    Returns:
        How many were read.

    Raises:
        UnreadableFile, MissingCrs: a file cannot be read.
        InvalidInput: a code has not 15 digits, or its subdistrict is not known.
    """
    subdistricts = {one.code for one in queries.divisions(session, level=Level.SUBDISTRICT)}
    count = 0
    for path in paths:
        frame = read_features(path, {"code", "subdistrict_code"}, {"Polygon"})
        for number, (code, subdistrict) in enumerate(
            zip(frame["code"], frame["subdistrict_code"], strict=True), start=1
        ):
            if not re.fullmatch(r"[0-9]{15}", str(code)):
                raise InvalidInput(
                    f"{path.name}, row {number}: {code!r} is no grid cell code of 15 digits."
                )
            if str(subdistrict) not in subdistricts:
                raise InvalidInput(
                    f"{path.name}, row {number}: {subdistrict!r} is no subdistrict that is known."
                )
        statement = insert(GridCell)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["code"],
                set_={
                    "geom": statement.excluded.geom,
                    "subdistrict_code": statement.excluded.subdistrict_code,
                },
            ),
            [
                {"code": str(code), "subdistrict_code": str(subdistrict), "geom": _ewkt(polygon)}
                for code, subdistrict, polygon in zip(
                    frame["code"], frame["subdistrict_code"], frame.geometry, strict=True
                )
            ],
        )
        count += len(frame)
    return count


def _read_divisions(path: Path) -> list[_DivisionRow]:
    if path.suffix == ".csv":
        read = [
            _DivisionRow(
                place=f"{path.name}, line {row.line}",
                code=row.required("code"),
                level=row.required("level"),
                parent_code=row.optional("parent_code"),
                name_zh=row.required("name_zh"),
                name_en=row.text("name_en"),
                source=row.text("source"),
                polygon=None,
            )
            for row in read_csv(path, {"code", "level", "parent_code", "name_zh"})
        ]
    else:
        frame: gpd.GeoDataFrame = read_features(
            path, {"code", "level", "parent_code", "name_zh"}, _AREAS, may_be_missing=True
        )
        read = [
            _DivisionRow(
                place=f"{path.name}, row {number}",
                code=str(one["code"]),
                level=str(one["level"]),
                parent_code=text_of(one["parent_code"]) or None,
                name_zh=text_of(one["name_zh"]),
                name_en=text_of(one.get("name_en")),
                source=text_of(one.get("source")) or path.name,
                polygon=one["geometry"],
            )
            for number, one in enumerate(frame.to_dict("records"), start=1)
        ]
    for row in read:
        if row.level not in set(Level):
            raise InvalidInput(
                f"{row.place}: the level is {row.level!r}; write {', '.join(Level)}."
            )
        digits = _DIGITS[Level(row.level)]
        if not re.fullmatch(rf"[0-9]{{{digits}}}", row.code):
            raise InvalidInput(
                f"{row.place}: {row.code!r} is no {row.level} code ({digits} digits)."
            )
        if row.polygon is not None and not row.polygon.is_valid:
            reason = shapely.is_valid_reason(row.polygon)
            raise InvalidInput(f"{row.place}: the polygon is not valid ({reason}).")
    return read


def _load_area(session: Session, row: _DivisionRow, valid_from: date) -> int | None:
    """Load a row's area and return its id; None: it is there already."""
    assert row.polygon is not None  # noqa: S101  the caller's condition
    geom = _ewkt(_multi(row.polygon))
    present = session.scalars(
        select(DivisionArea).where(
            DivisionArea.division_code == row.code, DivisionArea.valid_to.is_(None)
        )
    ).one_or_none()
    if present is not None:
        same = session.scalar(
            select(func.ST_OrderingEquals(DivisionArea.geom, func.ST_GeomFromEWKT(geom))).where(
                DivisionArea.id == present.id
            )
        )
        if same:
            return None
        if valid_from <= present.valid_from:
            raise InvalidInput(
                f"{row.place}: {row.code} already has an area since {present.valid_from}; a new "
                "one must hold from a later day (--valid-from)."
            )
        session.execute(
            update(DivisionArea).where(DivisionArea.id == present.id).values(valid_to=valid_from)
        )
    area = DivisionArea(division_code=row.code, geom=geom, valid_from=valid_from, source=row.source)
    session.add(area)
    session.flush()
    return area.id


def _check_parent(row: _DivisionRow, levels: Mapping[str, str]) -> None:
    place = _LEVELS.index(Level(row.level))
    if place == 0:
        if row.parent_code is not None:
            raise InvalidInput(f"{row.place}: a city has no parent.")
        return
    expected = _LEVELS[place - 1]
    if row.parent_code is None or row.parent_code not in levels:
        raise InvalidInput(
            f"{row.place}: its parent {row.parent_code or '(empty)'} is not a division."
        )
    if levels[row.parent_code] != expected:
        raise InvalidInput(
            f"{row.place}: its parent {row.parent_code} is a {levels[row.parent_code]}; that of a "
            f"{row.level} is a {expected}."
        )
    if expected is not Level.CITY and not row.code.startswith(row.parent_code):
        raise InvalidInput(
            f"{row.place}: its code {row.code} does not begin with its parent's, {row.parent_code}."
        )


def _multi(polygon: shapely.Geometry) -> shapely.MultiPolygon:
    flat = shapely.force_2d(polygon)
    return flat if isinstance(flat, shapely.MultiPolygon) else shapely.MultiPolygon([flat])


def _ewkt(geometry: shapely.Geometry) -> str:
    return f"SRID={SRID};{shapely.to_wkt(shapely.force_2d(geometry), rounding_precision=-1)}"
