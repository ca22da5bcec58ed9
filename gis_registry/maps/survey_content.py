"""What the map of a survey shows, gathered from its rows: plain data, nothing of pages."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import shapely
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue
from gis_registry.maps.content import Box, ShownArea, core_box, shown_areas
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places
from gis_registry.places.tables import Level
from gis_registry.surveys import review_queries
from gis_registry.surveys import service as surveys
from gis_registry.surveys.explaining import reason_of
from gis_registry.surveys.schemas import SurveySummary
from gis_registry.surveys.tables import Verdict

#: So many rows that are anything but unchanged are drawn at most, and so many unchanged ones.
CHANGED_LIMIT = 20_000
UNCHANGED_LIMIT = 8_000
#: In the order in which they are shown and drawn, the last one on top.
VERDICTS = (
    Verdict.UNCHANGED,
    Verdict.NEW,
    Verdict.CHANGED,
    Verdict.MOVED,
    Verdict.MISSING,
    Verdict.RECLASSIFIED,
    Verdict.REFUSED,
    Verdict.AMBIGUOUS,
)
_DECIMALS = 7  # of degrees: a centimetre
_POINT, _LINE, _POLYGON = 0, 1, 3


@dataclass
class Tally:
    """How many rows of a class or an area have each verdict, and where they are."""

    code: str
    name_zh: str
    name_en: str
    counts: Counter[str] = field(default_factory=Counter)
    box: Box | None = None

    @property
    def changed(self) -> int:
        """How many rows are anything but unchanged."""
        return self.counts.total() - self.counts[Verdict.UNCHANGED]

    def add(self, row: RowMapping) -> None:
        """Count some rows."""
        self.counts[row["verdict"]] += row["count"]
        if row["verdict"] in (Verdict.REFUSED, Verdict.UNCHANGED) or row["west"] is None:
            return
        box = (row["west"], row["south"], row["east"], row["north"])
        mine = self.box or box
        self.box = (
            min(mine[0], box[0]),
            min(mine[1], box[1]),
            max(mine[2], box[2]),
            max(mine[3], box[3]),
        )


@dataclass(frozen=True)
class ShownRow:
    """A row on the map; geometries as nested lists of lat, lon (see ``_drawn``)."""

    row: int | None
    verdict: str
    code: str | None
    class_id: int | None
    area_code: str | None
    geometry: list[Any]
    before: list[Any] | None
    before_class_id: int | None
    distance_m: float | None
    score: float | None
    runner_up: str | None
    runner_up_m: float | None
    other: list[Any] | None
    identifier: str | None
    reason: str
    decision: str | None


@dataclass(frozen=True)
class SurveyContent:
    """Everything on the map of a survey.

    Attributes:
        class_names: code, Chinese and English name of the classes of drawn rows, by id.
        every: one in how many rows of each verdict is drawn.
        unplaced: how many of the rows that would be drawn have no geometry.
    """

    summary: SurveySummary
    city_zh: str
    city_en: str
    rendered_at: datetime
    classes: list[Tally]
    class_names: Mapping[int, tuple[str, str, str]]
    areas: list[Tally]
    rows: list[ShownRow]
    unchanged: list[list[Any]]
    every: Mapping[str, int]
    unplaced: int
    box: Box | None
    map_center: tuple[float, float]
    map_zoom: int
    districts: list[ShownArea]
    subdistricts: list[ShownArea]
    sources: list[str]


def survey_content(
    session: Session, survey_id: int, *, verdicts: Collection[str] | None = None
) -> SurveyContent:
    """Gather what the map of a survey shows; ``verdicts`` restricts what is drawn.

    Raises:
        NotFound: there is no such survey.
    """
    summary = surveys.show(session, survey_id)
    city = places.the_city(session)
    rendered_at = datetime.now(UTC).astimezone(ZoneInfo(city.time_zone))
    every = sampling(
        {
            one: count
            for one, count in summary.verdicts.items()
            if verdicts is None or one in verdicts
        }
    )
    drawn = review_queries.drawn(session, survey_id, every)
    placed = [row for row in drawn if row["wkb"] is not None]
    rows = [
        _shown(row) for row in placed if row["verdict"] != Verdict.UNCHANGED and _is_somewhere(row)
    ]
    districts, _, sources = shown_areas(session, Level.DISTRICT, rendered_at)
    subdistricts, _, more_sources = shown_areas(session, Level.SUBDISTRICT, rendered_at)
    unchanged = [
        _first(_drawn(row["wkb"])) for row in placed if row["verdict"] == Verdict.UNCHANGED
    ]
    classes, areas = _tallies(session, survey_id)
    return SurveyContent(
        summary=summary,
        city_zh=city.name_zh,
        city_en=city.name_en,
        rendered_at=rendered_at,
        classes=classes,
        class_names=_class_names(session, rows),
        areas=areas,
        rows=sorted(rows, key=lambda one: VERDICTS.index(Verdict(one.verdict))),
        unchanged=unchanged,
        every=every,
        unplaced=len(drawn) - len(rows) - len(unchanged),
        box=_box(rows, unchanged),
        map_center=(city.map_lon, city.map_lat),
        map_zoom=city.map_zoom,
        districts=districts,
        subdistricts=subdistricts,
        sources=sorted(sources | more_sources),
    )


def sampling(counts: Mapping[str, int]) -> dict[str, int]:
    """Return one in how many rows of each verdict is drawn, so that rare ones are drawn all."""
    every = {}
    left = CHANGED_LIMIT
    changed = sorted((n, one) for one, n in counts.items() if one != Verdict.UNCHANGED and n)
    for place, (count, verdict) in enumerate(changed):
        share = left // (len(changed) - place)
        every[verdict] = max(1, -(-count // share))
        left -= -(-count // every[verdict])
    if counts.get(Verdict.UNCHANGED):
        every[Verdict.UNCHANGED.value] = max(1, -(-counts[Verdict.UNCHANGED] // UNCHANGED_LIMIT))
    return every


def _tallies(session: Session, survey_id: int) -> tuple[list[Tally], list[Tally]]:
    """Return how many rows of each class and of each area have which verdict, most first."""
    counted = review_queries.counts(session, survey_id)
    known = {one.id: one for one in catalogue.classes(session)}
    codes = {row["area_code"] for row in counted if row["area_code"]}
    names = places_queries.division_names(session, codes)
    classes: dict[int | None, Tally] = {}
    areas: dict[str | None, Tally] = {}
    for row in counted:
        class_id, area = row["class_id"], row["area_code"]
        if class_id not in classes:
            one = known.get(class_id) if class_id else None
            classes[class_id] = (
                Tally("", "类别不明", "unknown class")
                if one is None
                else Tally(one.code, one.name_zh, one.name_en)
            )
        if area not in areas:
            areas[area] = Tally(area or "", *names.get(area or "", ("辖区外", "in no area")))
        classes[class_id].add(row)
        areas[area].add(row)
    return _most_first(classes.values()), _most_first(areas.values())


def _class_names(session: Session, rows: Sequence[ShownRow]) -> dict[int, tuple[str, str, str]]:
    wanted = {one.class_id for one in rows} | {one.before_class_id for one in rows}
    return {
        one.id: (one.code, one.name_zh, one.name_en)
        for one in catalogue.classes(session)
        if one.id in wanted
    }


def _most_first(tallies: Iterable[Tally]) -> list[Tally]:
    return sorted(tallies, key=lambda one: (-one.changed, -one.counts.total(), one.code))


def _shown(row: RowMapping) -> ShownRow:
    before = row["registered_wkb"]
    other = row["runner_up_wkb"]
    return ShownRow(
        row=row["row"],
        verdict=row["verdict"],
        code=row["code"],
        class_id=row["class_id"],
        area_code=row["area_code"],
        geometry=_drawn(row["wkb"]),
        before=None if before is None else _drawn(before),
        before_class_id=row["registered_class_id"],
        distance_m=row["distance_m"],
        score=row["score"],
        runner_up=row["runner_up"],
        runner_up_m=row["runner_up_m"],
        other=None if other is None else _drawn(other),
        identifier=row["identifier"],
        reason=reason_of(row),
        decision=row["decision"],
    )


def _is_somewhere(row: RowMapping) -> bool:
    """Return whether a row has a place on a map at all; refused ones may have none."""
    geometry = shapely.from_wkb(bytes(row["wkb"]))
    if geometry.is_empty:
        return False
    west, south, east, north = geometry.bounds
    return bool(-180 <= west <= east <= 180 and -90 <= south <= north <= 90)


def _drawn(wkb: bytes) -> list[Any]:
    """Return lat, lon of a point, a list of them for a line, a list of rings for a polygon.

    What has several parts is drawn as one point on it.
    """
    geometry = shapely.from_wkb(bytes(wkb))
    kind = shapely.get_type_id(geometry)
    if kind == _LINE:
        return _vertices(geometry.coords)
    if kind == _POLYGON:
        return [_vertices(ring.coords) for ring in (geometry.exterior, *geometry.interiors)]
    at = geometry if kind == _POINT else geometry.point_on_surface()
    return [round(at.y, _DECIMALS), round(at.x, _DECIMALS)]


def _vertices(coordinates: Iterable[Sequence[float]]) -> list[list[float]]:
    return [[round(one[1], _DECIMALS), round(one[0], _DECIMALS)] for one in coordinates]


def _first(drawn: list[Any]) -> list[Any]:
    """Return lat, lon of the first vertex."""
    return drawn if not isinstance(drawn[0], list) else _first(drawn[0])


def _box(rows: Sequence[ShownRow], unchanged: Sequence[list[Any]]) -> Box | None:
    """Return where most of what would change is, or else most of the rest."""
    by_kind: dict[bool, list[list[Any]]] = defaultdict(list)
    for one in rows:
        by_kind[one.verdict == Verdict.REFUSED].append(_first(one.geometry))
    at = by_kind[False] or list(unchanged) or by_kind[True]
    return core_box([(lon, lat) for lat, lon in at])
