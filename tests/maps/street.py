"""A small registry to draw: a street of lamps with covers, and cases on it."""

from collections import Counter
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue
from gis_registry.components import identifiers, queries
from gis_registry.components.tables import Component
from gis_registry.db.base import SRID
from gis_registry.places import service as places
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport

LAMP, COVER, TREE = "0137", "0101", "0401"
START = (120.3826, 36.0671)
STEP_DEG = 0.0004  # about 36 m to the east
EVIL = "<script>window.broken = true</script><img src=x onerror='window.broken = true'>"


def register(session: Session, classes: list[str], *, is_synthetic: bool = False) -> list[str]:
    """Register a component of each class, one after the other along a street to the east."""
    edition = places.the_city(session).edition_key
    change = queries.new_change(session, actor="test", reason="registered for a test")
    lon, lat = START
    found = places.locate(session, lon=lon, lat=lat, on_date=date(2026, 7, 1))
    division = found.division_code
    serials = identifiers.issue(
        session,
        change_id=change.id,
        wanted=Counter((division, class_code) for class_code in classes),
    )
    codes = []
    for number, class_code in enumerate(classes):
        serial = serials[division, class_code]
        serials[division, class_code] += 1
        codes.append(str(identifiers.Identifier(division, class_code, serial)))
        known = catalogue.class_by_code(session, class_code, edition)
        assert known is not None
        session.add(
            Component(
                division_code=division,
                code=codes[-1],
                version=1,
                operation="registered",
                state="active",
                geom=f"SRID={SRID};POINT({lon + number * STEP_DEG:.6f} {lat})",
                accuracy_m=0.5,
                subdistrict_code=found.subdistrict_code,
                cell_code=None,
                surveyed_on=date(2026, 7, 1),
                is_synthetic=is_synthetic,
                attributes={},
                class_id=known.id,
                change_id=change.id,
            )
        )
    session.flush()
    return codes


def report(session: Session, matter: str, number: int, said: str) -> int:
    """Report a matter where the component of this number stands; return the case's number."""
    new = NewReport(
        lon=START[0] + number * STEP_DEG, lat=START[1], accuracy_m=2, matter=matter, text=said
    )
    return reports.submit(session, new, reported_by="test").case_id


def register_many(session: Session, count: int) -> None:
    """Register street lamps on a grid of 10 m in one statement, for sizes and times."""
    codes = register(session, [LAMP])
    session.execute(
        text(
            """
            INSERT INTO components (division_code, code, version, operation, state, geom,
              accuracy_m, surveyed_on, is_synthetic, attributes, class_id, change_id)
            SELECT division_code, left(code, 10) || lpad(n::text, 6, '0'), 1, 'registered',
              'active', ST_SetSRID(ST_MakePoint(
                ST_X(geom) + (n % 150) * 0.00011, ST_Y(geom) + (n / 150) * 0.00009), 4490),
              0.5, surveyed_on, true, '{}', class_id, change_id
            FROM components, generate_series(2, :count) AS n
            WHERE code = :code
            """
        ),
        {"count": count, "code": codes[0]},
    )
