"""Components, facts and responders made by hand, at known distances from known places."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from pyproj import Geod
from sqlalchemy import create_engine, delete, text
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.components import identifiers, queries
from gis_registry.components.tables import Component, ComponentState, Operation
from gis_registry.db.base import SRID
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.places import service as places
from gis_registry.settings import Settings
from gis_registry.units import queries as units
from gis_registry.units.tables import Responder, Responsibility

#: CGCS2000's ellipsoid, as PostGIS takes it for geographies of EPSG:4490.
GEOD = Geod(a=6378137.0, rf=298.257222101)
#: A street corner in Jinhu Road Subdistrict of Shinan District, Qingdao: (lon, lat).
CORNER = (120.3826, 36.0671)
DAY = date(2026, 7, 1)


def moved(lon: float, lat: float, *, azimuth: float, metres: float) -> tuple[float, float]:
    """Return the point that lies so many metres off in a direction (degrees from north)."""
    there_lon, there_lat, _ = GEOD.fwd(lon, lat, azimuth, metres)
    return there_lon, there_lat


def register(
    session: Session,
    lon: float,
    lat: float,
    *,
    class_code: str = "0137",
    accuracy_m: float = 0.5,
    maintainer: str | None = None,
    owner: str | None = None,
    state: ComponentState = ComponentState.ACTIVE,
) -> str:
    """Register a point component and return its identifier."""
    edition_key = places.the_city(session).edition_key
    place = places.locate(session, lon=lon, lat=lat, on_date=DAY)
    change = queries.new_change(session, actor="test", reason="made by hand")
    key = (place.division_code, class_code)
    (serial,) = identifiers.issue(session, change_id=change.id, wanted={key: 1}).values()
    component = Component(
        division_code=place.division_code,
        code=str(identifiers.Identifier(*key, serial)),
        version=1,
        operation=Operation.REGISTERED,
        state=state,
        geom=f"SRID={SRID};POINT({lon} {lat})",
        accuracy_m=accuracy_m,
        subdistrict_code=place.subdistrict_code,
        cell_code=place.cell_code,
        surveyed_on=DAY,
        is_synthetic=True,
        attributes={},
        class_id=catalogue.find_class(session, class_code, edition_key=edition_key).id,
        maintainer_id=units.unit_ids(session)[maintainer] if maintainer else None,
        owner_id=units.unit_ids(session)[owner] if owner else None,
        change_id=change.id,
    )
    session.add(component)
    session.flush()
    return component.code


def forget_facts(session: Session) -> None:
    """Take the city's responsibilities away, so that a test states its own."""
    session.execute(delete(Responsibility))


def add_responder(
    session: Session, code: str, lon: float, lat: float, *, is_available: bool = True
) -> None:
    """Add a crew of the city centre at a place."""
    session.add(
        Responder(
            code=code,
            unit_id=units.unit_ids(session)["QD-CC"],
            name_zh=f"班组{code}",
            name_en=f"crew {code}",
            kind="crew",
            is_available=is_available,
            is_synthetic=True,
            geom=f"SRID={SRID};POINT({lon} {lat})",
        )
    )
    session.flush()


@contextmanager
def copy_of(server: EmbeddedServer, template: str, name: str) -> Iterator[Settings]:
    """Make a copy of a database for as long as a module's tests need it."""
    engine = create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        try:
            yield Settings(database_url=server.url(name))
        finally:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    engine.dispose()


def wait_for_a_lock(database: Database, *, count: int = 1) -> None:
    """Return when somebody, or so many, wait for a lock in the database."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    with database.engine.connect() as connection:
        for _ in range(10_000):
            if (connection.scalar(waiting) or 0) >= count:
                return
            connection.rollback()
    raise AssertionError("Nobody came to wait.")


def border_between(
    session: Session, one: str, other: str
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return two points 6 m apart, the first in one district and the second in the other."""
    vertices = session.execute(
        text(
            """
            SELECT ST_X(p.geom) AS lon, ST_Y(p.geom) AS lat
            FROM division_areas a
            JOIN division_areas b ON b.division_code = :other
            CROSS JOIN LATERAL ST_DumpPoints(a.geom) AS p
            WHERE a.division_code = :one AND ST_DWithin(p.geom::geography, b.geom::geography, 5)
            """
        ),
        {"one": one, "other": other},
    )
    for lon, lat in vertices.all():
        for azimuth in range(0, 360, 45):
            near = moved(lon, lat, azimuth=azimuth, metres=3)
            far = moved(lon, lat, azimuth=azimuth + 180, metres=3)
            found = [places.locate(session, lon=x, lat=y, on_date=DAY) for x, y in (near, far)]
            if [place.division_code for place in found] == [one, other]:
                return near, far
    raise AssertionError(f"No border between {one} and {other}.")


def claim(session: Session, unit: str, *, class_code: str, division: str) -> None:
    """State that a unit maintains a class in a division."""
    edition_key = places.the_city(session).edition_key
    session.add(
        Responsibility(
            unit_id=units.unit_ids(session)[unit],
            role="maintainer",
            class_id=catalogue.find_class(session, class_code, edition_key=edition_key).id,
            division_code=division,
            valid_from=DAY,
        )
    )
    session.flush()
