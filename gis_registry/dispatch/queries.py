"""Everything of dispatch that talks to the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path

from sqlalchemy import RowMapping, select
from sqlalchemy.orm import Session

from gis_registry.components.schemas import Named
from gis_registry.db import reference
from gis_registry.db.sql import load_queries
from gis_registry.units.tables import Unit

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def claims(
    session: Session,
    *,
    component_codes: Collection[str],
    class_ids: Collection[int],
    matter_type_ids: Collection[int],
    areas: Collection[str],
    first_date: date,
    last_date: date,
) -> Sequence[RowMapping]:
    """Return the facts of some days about any of these, and those about anything."""
    values = {
        "component_codes": list(component_codes),
        "class_ids": list(class_ids),
        "matter_type_ids": list(matter_type_ids),
        "areas": list(areas),
        "first_date": first_date,
        "last_date": last_date,
    }
    return session.execute(_QUERIES["claims"], values).mappings().all()


def units_by_id(session: Session, ids: Collection[int]) -> Mapping[int, Named]:
    """Return what units are called."""
    known: dict[int, Named] = reference.kept(session, "units")
    missing = set(ids) - known.keys()
    if missing:
        query = select(Unit.id, Unit.code, Unit.name_zh, Unit.name_en).where(Unit.id.in_(missing))
        known |= {
            row.id: Named(code=row.code, name_zh=row.name_zh, name_en=row.name_en)
            for row in session.execute(query)
        }
    return {one: known[one] for one in ids if one in known}


def nearest_responders(
    session: Session, *, lons: Sequence[float], lats: Sequence[float], count: int
) -> Sequence[RowMapping]:
    """Return the available responders nearest to points, so many for each.

    Points are in degrees, EPSG:4490; rows say by ``n``, from 0, whose they are.
    """
    values = {
        "lons": [float(one) for one in lons],
        "lats": [float(one) for one in lats],
        "count": count,
    }
    return session.execute(_QUERIES["nearest_responders"], values).mappings().all()


def matters_asked(
    session: Session, *, matter_edition_key: str, class_edition_key: str
) -> Sequence[RowMapping]:
    """Return what can be asked in the city: matters of a place, then of each of its classes."""
    values = {"matter_edition_key": matter_edition_key, "class_edition_key": class_edition_key}
    return session.execute(_QUERIES["matters_asked"], values).mappings().all()


def places_asked(session: Session, *, on_date: date) -> Sequence[RowMapping]:
    """Return the smallest divisions with a responsibility of their own, by code."""
    return session.execute(_QUERIES["places_asked"], {"on_date": on_date}).mappings().all()


def doubts(
    session: Session,
    *,
    asked: Sequence[RowMapping],
    areas_of: Mapping[str, Sequence[str]],
    bases: Sequence[str],
    roles: Sequence[str],
    on_date: date,
) -> Sequence[RowMapping]:
    """Return where no unit comes first (no facts), or several units do (their facts).

    Args:
        session: open transaction.
        asked: rows with ``matter_type_id, class_ids``; the answer counts them from 1 as ``n``.
        areas_of: for each place the areas that it lies in, the smallest first.
        bases: what claims rest on, the strongest first.
        roles: roles, the strongest first.
        on_date: the day whose facts count.
    """
    classes = [(n, one) for n, row in enumerate(asked, start=1) for one in row["class_ids"]]
    lying = [
        (place, area, size)
        for place, areas in areas_of.items()
        for size, area in enumerate([*areas, ""])
    ]
    values = {
        "matter_type_ids": [row["matter_type_id"] for row in asked],
        "class_of": [n for n, _ in classes],
        "class_ids": [one for _, one in classes],
        "place_codes": [place for place, _, _ in lying],
        "areas": [area for _, area, _ in lying],
        "sizes": [size for _, _, size in lying],
        "bases": list(bases),
        "roles": list(roles),
        "on_date": on_date,
    }
    return session.execute(_QUERIES["doubts"], values).mappings().all()


def facts(session: Session, ids: Sequence[int]) -> Sequence[RowMapping]:
    """Return what responsibilities say."""
    return session.execute(_QUERIES["facts"], {"ids": list(ids)}).mappings().all()
