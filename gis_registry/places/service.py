"""Where a point is: its district, subdistrict and cell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis_registry.catalogue.service import CodeEditions
from gis_registry.db import reference
from gis_registry.errors import Conflict, DatabaseUnsuitable, InvalidPosition, NotFound
from gis_registry.places import queries
from gis_registry.places.bordering import Neighbour, neighbours, reach_m
from gis_registry.places.schemas import CityEntry, DivisionEntry, LocatedPlace
from gis_registry.places.tables import City, Level
from gis_registry.profile import CityProfile


@dataclass(frozen=True)
class Point:
    """A position in degrees, EPSG:4490, on a date; its error is the radius that holds 68 in 100."""

    lon: float
    lat: float
    on_date: date
    accuracy_m: float = 0.0


@dataclass(frozen=True)
class Place:
    """Where a point lies; ``outside_m`` is the distance to its subdistrict, 0 inside it.

    ``neighbours`` are the other areas that the true position may lie in, the most probable first,
    by the ``accuracy_m`` of the point.
    """

    division_code: str
    subdistrict_code: str | None
    outside_m: float | None
    cell_code: str | None
    accuracy_m: float = 0.0
    neighbours: tuple[Neighbour, ...] = ()


def set_city(session: Session, profile: CityProfile) -> None:
    """Keep what the profile says of the city."""
    lon, lat = profile.map.center
    values = {
        "is_only": True,
        "key": profile.key,
        "name_zh": profile.name_zh,
        "name_en": profile.name_en,
        "division_code": profile.division_code,
        "time_zone": profile.time_zone,
        "edition_key": profile.edition,
        "matter_edition_key": profile.matter_edition,
        "projected_epsg": profile.projected_epsg,
        "place_tolerance_m": profile.place_tolerance_m,
        "max_missing_share": profile.max_missing_share,
        "map_lon": lon,
        "map_lat": lat,
        "map_zoom": profile.map.zoom,
    }
    session.execute(
        insert(City).values(values).on_conflict_do_update(index_elements=["is_only"], set_=values)
    )


def the_city(session: Session) -> City:
    """Return the city of this registry.

    Raises:
        DatabaseUnsuitable: no profile is loaded.
    """
    known = reference.kept(session, "city")
    if not known:
        city = queries.city(session)
        if city is None:
            raise DatabaseUnsuitable("No city is loaded yet; any gis-registry command loads it.")
        known["city"] = reference.keepable(session, city)
    found: City = known["city"]
    return found


def show_city(session: Session) -> CityEntry:
    """Return what is to be known of the city.

    Raises:
        DatabaseUnsuitable: no profile is loaded.
    """
    return CityEntry.model_validate(the_city(session))


def class_editions(session: Session) -> list[str]:
    """Return the edition of class codes that the city has, then those that it had before."""
    known = reference.kept(session, "class editions")
    if not known:
        former = queries.former_editions(session)
        known["keys"] = list(dict.fromkeys([the_city(session).edition_key, *former]))
    return list(known["keys"])


def today(session: Session) -> date:
    """Return the day that it is in the city."""
    return datetime.now(ZoneInfo(the_city(session).time_zone)).date()


def code_editions(session: Session) -> CodeEditions:
    """Return the editions to which the codes in the city's files belong."""
    return CodeEditions(the_city(session).matter_edition_key, class_editions(session))


def list_divisions(
    session: Session, *, level: Level | None = None, parent_code: str | None = None
) -> list[DivisionEntry]:
    """Return divisions by code.

    Args:
        session: open transaction.
        level: only those of this level.
        parent_code: only those right below this division.

    Raises:
        NotFound: there is no such parent.
    """
    if parent_code is not None and queries.division(session, parent_code) is None:
        raise NotFound(f"There is no division {parent_code!r}.")
    found = queries.divisions(session, level=level, parent_code=parent_code)
    return [DivisionEntry.model_validate(one) for one in found]


def end_division(session: Session, code: str, *, on_date: date) -> DivisionEntry:
    """End the present area of a division that is no more, from a day on.

    Raises:
        NotFound: there is no such division.
        Conflict: it has no area that began before that day and has not ended.
    """
    division = queries.division(session, code)
    if division is None:
        raise NotFound(f"There is no division {code!r}.")
    if not queries.end_area(session, code, on_date):
        raise Conflict(f"{code} has no area that began before {on_date} and has not ended.")
    return DivisionEntry.model_validate(division, from_attributes=True)


def locate_today(session: Session, *, lon: float, lat: float) -> LocatedPlace:
    """Return where a point lies by today's boundaries; see :func:`locate`.

    Raises:
        InvalidPosition: it is no position, or it is outside the city.
    """
    on_date = today(session)
    return locate_on(session, lon=lon, lat=lat, on_date=on_date)


def locate_on(session: Session, *, lon: float, lat: float, on_date: date) -> LocatedPlace:
    """Return where a point lies by the boundaries of a day, with names; see :func:`locate`.

    Raises:
        InvalidPosition: it is no position, or it is outside the city.
    """
    place = locate(session, lon=lon, lat=lat, on_date=on_date)

    def entry(code: str | None) -> DivisionEntry | None:
        found = queries.division(session, code) if code is not None else None
        return DivisionEntry.model_validate(found) if found is not None else None

    return LocatedPlace(
        division=entry(place.division_code),
        subdistrict=entry(place.subdistrict_code),
        outside_m=place.outside_m,
        cell_code=place.cell_code,
    )


def position_fault(lon: float, lat: float) -> str | None:
    """Return why a position cannot be one on the ground in degrees, or None if it can."""
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return "the coordinates are not numbers"
    if lon == 0 and lat == 0:
        return "the position is 0, 0, which stands for a missing one"
    if abs(lat) > 90:
        swapped = " (longitude and latitude may be swapped)" if abs(lon) <= 90 else ""
        return f"the latitude {lat:g} is beyond 90 degrees{swapped}"
    if abs(lon) > 180:
        return f"the longitude {lon:g} is beyond 180 degrees"
    return None


def locate(session: Session, *, lon: float, lat: float, on_date: date) -> Place:
    """Return where a point lies on a date.

    Args:
        session: open transaction.
        lon: longitude in degrees, EPSG:4490.
        lat: latitude in degrees, EPSG:4490.
        on_date: the day whose boundaries count.

    Raises:
        InvalidPosition: it is no position, or it is outside the city.
    """
    found = locate_all(session, [Point(lon=lon, lat=lat, on_date=on_date)])[0]
    if isinstance(found, InvalidPosition):
        raise found
    return found


def locate_all(session: Session, points: Sequence[Point]) -> list[Place | InvalidPosition]:
    """Return where each point lies on its date, or why that cannot be said."""
    faults = [position_fault(one.lon, one.lat) for one in points]
    sound = [one for one, fault in zip(points, faults, strict=True) if fault is None]
    city = the_city(session)
    rows = _rows(session, sound, city)
    outside = [one for one, row in zip(sound, rows, strict=True) if row["division_code"] is None]
    swapped = _swapped_inside(session, outside, city)
    near = _neighbours(session, sound, rows)

    def told(
        point: Point, row: RowMapping, others: tuple[Neighbour, ...]
    ) -> Place | InvalidPosition:
        if row["division_code"] is None:
            hint = (
                " With longitude and latitude exchanged it would be inside: give the longitude "
                "first."
                if point in swapped
                else " Check the position and its datum."
            )
            return InvalidPosition(f"{point.lon:g}, {point.lat:g} is not in {city.name_en}.{hint}")
        return Place(
            division_code=row["division_code"],
            subdistrict_code=row["subdistrict_code"],
            outside_m=row["outside_m"],
            cell_code=row["cell_code"],
            accuracy_m=point.accuracy_m,
            neighbours=others,
        )

    found = map(told, sound, rows, near)
    return [
        next(found) if fault is None else InvalidPosition(f"This position cannot be used: {fault}.")
        for fault in faults
    ]


def _rows(session: Session, points: Sequence[Point], city: City) -> Sequence[RowMapping]:
    if not points:
        return []
    return queries.locate(
        session,
        lons=[one.lon for one in points],
        lats=[one.lat for one in points],
        on_dates=[one.on_date for one in points],
        tolerance_m=city.place_tolerance_m,
    )


def _swapped_inside(session: Session, points: Sequence[Point], city: City) -> set[Point]:
    """Return the points that would be in the city with longitude and latitude exchanged."""
    sound = [one for one in points if position_fault(one.lat, one.lon) is None]
    exchanged = [replace(one, lon=one.lat, lat=one.lon) for one in sound]
    rows = _rows(session, exchanged, city)
    return {one for one, row in zip(sound, rows, strict=True) if row["division_code"] is not None}


def _neighbours(
    session: Session, points: Sequence[Point], rows: Sequence[RowMapping]
) -> list[tuple[Neighbour, ...]]:
    """Return for each point the other areas that it may truly lie in."""
    asked = [
        n
        for n, (one, row) in enumerate(zip(points, rows, strict=True))
        if one.accuracy_m > 0 and row["division_code"] is not None
    ]
    told: list[tuple[Neighbour, ...]] = [()] * len(points)
    if not asked:
        return told
    sides = queries.sides(
        session,
        lons=[points[n].lon for n in asked],
        lats=[points[n].lat for n in asked],
        on_dates=[points[n].on_date for n in asked],
        codes=[rows[n]["subdistrict_code"] or rows[n]["division_code"] for n in asked],
        reaches_m=[(rows[n]["outside_m"] or 0) + reach_m(points[n].accuracy_m) for n in asked],
    )
    distances_m: dict[int, dict[str, float]] = {}
    for side in sides:
        distances_m.setdefault(asked[side["n"]], {})[side["code"]] = side["distance_m"]
    for n, distances in distances_m.items():
        told[n] = neighbours(
            distances, accuracy_m=points[n].accuracy_m, outside_m=rows[n]["outside_m"] or 0
        )
    return told
