"""Survey files as contractors deliver them, written for a test at places that are known."""

import json
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
from making import moved
from shapely.geometry import Point
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.surveys import loading, service
from gis_registry.surveys.loading import SurveyFile
from gis_registry.surveys.mapping import Mapping
from gis_registry.surveys.schemas import SurveyRowEntry, SurveySummary

LIGHT = "0137"
GUARDRAIL = "0507"  # a line
WATER = "0509"  # a polygon

Place = tuple[float, float]


def places(count: int) -> list[Place]:
    """Return places in the north of Qingdao's old town, 45 m or more apart: (lon, lat)."""
    return [(120.35 + 0.0005 * (n % 20), 36.08 + 0.0005 * (n // 20)) for n in range(count)]


def frame(at: Sequence[object], **columns: Sequence[object]) -> gpd.GeoDataFrame:
    """Return rows at places or of geometries, in EPSG:4490."""
    geometries = [Point(one) if isinstance(one, tuple) else one for one in at]
    columns = columns or {"name": [f"灯{n}" for n in range(1, len(geometries) + 1)]}
    return gpd.GeoDataFrame(columns, geometry=geometries, crs=4490)


def point(lon: float, lat: float) -> dict[str, object]:
    """Return a point as GeoJSON has it."""
    return {"type": "Point", "coordinates": [lon, lat]}


def write_geojson(
    path: Path, rows: Sequence[tuple[dict[str, object] | None, dict[str, object]]]
) -> Path:
    """Write rows (geometry, properties) as GeoJSON, whatever is wrong with them."""
    features = [
        {"type": "Feature", "geometry": geometry, "properties": properties}
        for geometry, properties in rows
    ]
    collection = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")
    return path


def load(session: Session, path: Path, **described: object) -> SurveySummary:
    """Stage and apply a file, by default of street lights."""
    staged = stage(session, path, **described)
    return service.apply(session, staged.survey, actor="test")


def stage(session: Session, path: Path, **described: object) -> SurveySummary:
    """Stage a file, by default of street lights."""
    return loading.stage(session, delivery(path, **described), actor="test")


def delivery(path: Path, *, is_synthetic: bool = False, **described: object) -> SurveyFile:
    """Return a file with what is said of it, by default one of street lights."""
    if "class_field" not in described:
        described.setdefault("class_code", LIGHT)
    mapping = Mapping().overridden(**described)  # type: ignore[arg-type]
    return SurveyFile(path=path, mapping=mapping, is_synthetic=is_synthetic)


def rows_of(session: Session, survey: int) -> list[SurveyRowEntry]:
    """Return what became of each row of a survey."""
    return list(service.rows(session, survey))


def row_counts(session: Session) -> dict[str, int]:
    """Return how many rows each table of the registry has."""
    tables = session.scalars(
        text(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname"
        )
    ).all()
    return {table: session.scalar(text(f'SELECT count(*) FROM "{table}"')) or 0 for table in tables}


def place_near(place: Place, metres: float) -> Place:
    """Return the place so many metres east of another."""
    return moved(*place, azimuth=90, metres=metres)
