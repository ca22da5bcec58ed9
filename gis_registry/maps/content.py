"""What the overview map shows, gathered from the registry: plain data, nothing of pages."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.cases import queries as case_queries
from gis_registry.cases.life_cycle import STATE_NAMES
from gis_registry.cases.tables import Case, CaseState
from gis_registry.maps import outlines, queries
from gis_registry.maps.palette import class_colour, major_colour
from gis_registry.places import service as places
from gis_registry.places.tables import City, Level

COMPONENT_LIMIT = 50_000
CASE_LIMIT = 1_000
RESPONDER_LIMIT = 5_000
_FENCE = 1.5  # interquartile ranges beyond the quartiles: what lies farther out sets no view

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


@dataclass(frozen=True)
class ShownClass:
    """A component class on the map; ``count`` is of the registry, not of what is drawn."""

    id: int
    code: str
    name_zh: str
    name_en: str
    colour: str
    count: int


@dataclass(frozen=True)
class ShownMajor:
    """A major class with its classes, the most frequent first."""

    code: str
    name_zh: str
    name_en: str
    colour: str
    count: int
    classes: list[ShownClass]


@dataclass(frozen=True)
class ShownComponent:
    """A component: one point, for lines and polygons one on them."""

    code: str
    class_id: int
    lon: float
    lat: float


@dataclass(frozen=True)
class ShownArea:
    """A district or subdistrict; ``polygons`` as :mod:`gis_registry.maps.outlines` writes them."""

    code: str
    name_zh: str
    name_en: str
    parent_zh: str
    parent_en: str
    label: tuple[float, float]
    polygons: list[list[outlines.Ring]]


@dataclass(frozen=True)
class CaseComponent:
    """The component that a case is about; a position is missing if it is no longer registered."""

    code: str
    class_zh: str
    class_en: str
    lon: float | None
    lat: float | None


@dataclass(frozen=True)
class CaseResponder:
    """Who was nearest when the case was decided."""

    name_zh: str
    name_en: str
    distance_m: float
    lon: float
    lat: float


@dataclass(frozen=True)
class ShownCase:
    """An open case with what its latest decision says; ``due`` as ISO 8601, None: never."""

    id: int
    lon: float
    lat: float
    opened: str
    state_zh: str
    state_en: str
    due: str | None
    matter_zh: str
    matter_en: str
    text: str
    component: CaseComponent | None
    unit_zh: str
    unit_en: str
    responder: CaseResponder | None


@dataclass(frozen=True)
class ShownResponder:
    """A station or crew, where it is now."""

    name_zh: str
    name_en: str
    kind: str
    is_available: bool
    unit_zh: str
    unit_en: str
    lon: float
    lat: float


@dataclass(frozen=True)
class OverviewContent:
    """Everything on the map."""

    city_zh: str
    city_en: str
    rendered_at: datetime
    map_center: tuple[float, float]
    map_zoom: int
    city_box: Box | None
    core_box: Box | None
    districts: list[ShownArea]
    subdistricts: list[ShownArea]
    sources: list[str]
    majors: list[ShownMajor]
    components: list[ShownComponent]
    component_count: int
    every: int
    cases: list[ShownCase]
    case_count: int
    responders: list[ShownResponder]
    responder_count: int
    unit_count: int
    is_synthetic: bool


def overview_content(session: Session) -> OverviewContent:
    """Gather what the overview map shows now.

    Raises:
        DatabaseUnsuitable: no city is loaded.
    """
    city = places.the_city(session)
    rendered_at = datetime.now(UTC).astimezone(ZoneInfo(city.time_zone))
    totals = queries.class_totals(session)
    count = sum(row["count"] for row in totals)
    every = max(1, math.ceil(count / COMPONENT_LIMIT))
    components = [ShownComponent(**row) for row in queries.components(session, every=every)]
    cases = _cases(session, city)
    districts, district_areas, sources = shown_areas(session, Level.DISTRICT, rendered_at)
    subdistricts, _, more_sources = shown_areas(session, Level.SUBDISTRICT, rendered_at)
    return OverviewContent(
        city_zh=city.name_zh,
        city_en=city.name_en,
        rendered_at=rendered_at,
        map_center=(city.map_lon, city.map_lat),
        map_zoom=city.map_zoom,
        city_box=outlines.bounds(district_areas),
        core_box=core_box([(one.lon, one.lat) for one in components]),
        districts=districts,
        subdistricts=subdistricts,
        sources=sorted(sources | more_sources),
        majors=_majors(totals),
        components=components,
        component_count=count,
        every=every,
        cases=cases,
        case_count=max(len(cases), queries.open_case_count(session)),
        responders=[
            ShownResponder(
                name_zh=row["name_zh"],
                name_en=row["name_en"],
                kind=row["kind"],
                is_available=row["is_available"],
                unit_zh=row["unit_name_zh"],
                unit_en=row["unit_name_en"],
                lon=row["lon"],
                lat=row["lat"],
            )
            for row in queries.responders(session, limit=RESPONDER_LIMIT)
        ],
        responder_count=queries.responder_count(session),
        unit_count=queries.unit_count(session),
        is_synthetic=any(row["is_synthetic"] for row in totals),
    )


def _majors(totals: Sequence[RowMapping]) -> list[ShownMajor]:
    majors = []
    for code, group in groupby(totals, key=lambda row: row["major_code"]):
        rows = list(group)
        classes = [
            ShownClass(
                id=row["id"],
                code=row["code"],
                name_zh=row["name_zh"],
                name_en=row["name_en"],
                colour=class_colour(code, row["rank_in_major"], row["major_size"]),
                count=row["count"],
            )
            for row in rows
        ]
        majors.append(
            ShownMajor(
                code=code,
                name_zh=rows[0]["major_name_zh"],
                name_en=rows[0]["major_name_en"],
                colour=major_colour(code),
                count=sum(one.count for one in classes),
                classes=sorted(classes, key=lambda one: (-one.count, one.code)),
            )
        )
    return majors


def shown_areas(
    session: Session, level: Level, at: datetime
) -> tuple[list[ShownArea], list[shapely.MultiPolygon], set[str]]:
    """Return the divisions of a level, their areas in EPSG:4490, and where these come from."""
    rows = queries.areas(session, level=level, on_date=at.date())
    areas = outlines.simplified([bytes(row["wkb"]) for row in rows])
    shown = [
        ShownArea(
            code=row["code"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            parent_zh=row["parent_name_zh"] or "",
            parent_en=row["parent_name_en"] or "",
            label=outlines.label_point(area),
            polygons=outlines.encoded(area),
        )
        for row, area in zip(rows, areas, strict=True)
    ]
    return shown, areas, {row["source"] for row in rows}


def _cases(session: Session, city: City) -> list[ShownCase]:
    rows = case_queries.summaries(session, only_open=True, limit=CASE_LIMIT)
    return _shown_cases(session, city, rows)


def shown_cases(session: Session, numbers: Collection[int] | None) -> list[ShownCase]:
    """Return those of some cases that are open, as the map shows them now; None: of all.

    Raises:
        DatabaseUnsuitable: no city is loaded.
    """
    city = places.the_city(session)
    if numbers is None:
        return _cases(session, city)
    rows = case_queries.summaries(
        session, only_open=True, conditions=[Case.id.in_(numbers)], limit=len(numbers)
    )
    return _shown_cases(session, city, rows)


def _shown_cases(session: Session, city: City, rows: Sequence[RowMapping]) -> list[ShownCase]:
    components = queries.components_by_code(
        session, [row["component_code"] for row in rows if row["component_code"] is not None]
    )
    reports = queries.first_reports(session, [(row["division_code"], row["id"]) for row in rows])
    zone = ZoneInfo(city.time_zone)
    return [
        ShownCase(
            id=row["id"],
            lon=row["lon"],
            lat=row["lat"],
            opened=f"{row['opened_at'].astimezone(zone):%Y-%m-%d %H:%M}",
            state_zh=STATE_NAMES[CaseState(row["state"])][0],
            state_en=STATE_NAMES[CaseState(row["state"])][1],
            due=row["due_at"].isoformat() if row["due_at"] else None,
            matter_zh=row["matter_name_zh"] or "",
            matter_en=row["matter_name_en"] or "",
            text=reports[row["id"]]["text"] if row["id"] in reports else "",
            component=_case_component(row["component_code"], components),
            unit_zh=row["unit_name_zh"] or "",
            unit_en=row["unit_name_en"] or "",
            responder=_nearest(row),
        )
        for row in rows
    ]


def _case_component(code: str | None, known: dict[str, RowMapping]) -> CaseComponent | None:
    if code is None:
        return None
    row = known.get(code)
    if row is None:
        return CaseComponent(code=code, class_zh="", class_en="", lon=None, lat=None)
    return CaseComponent(
        code=code,
        class_zh=row["class_name_zh"],
        class_en=row["class_name_en"],
        lon=row["lon"],
        lat=row["lat"],
    )


def _nearest(case: RowMapping) -> CaseResponder | None:
    if not case["responders"]:
        return None
    nearest = min(case["responders"], key=lambda one: (one["distance_m"], one["code"]))
    return CaseResponder(
        **{key: nearest[key] for key in ("name_zh", "name_en", "distance_m", "lon", "lat")}
    )


def core_box(at: Sequence[tuple[float, float]]) -> Box | None:
    """Return the extent of places (lon, lat) without those far from most."""
    if not at:
        return None
    places = np.array(at)
    low, high = np.percentile(places, (25, 75), axis=0)
    reach = _FENCE * (high - low)
    inside = places[np.all((places >= low - reach) & (places <= high + reach), axis=1)]
    if not len(inside):
        inside = places
    (west, south), (east, north) = inside.min(axis=0), inside.max(axis=0)
    return float(west), float(south), float(east), float(north)
