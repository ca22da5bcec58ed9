"""Everything of dispatch that talks to the database."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.db.sql import load_queries

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def claims(
    session: Session,
    *,
    component_code: str | None,
    maintainer_id: int | None,
    owner_id: int | None,
    class_ids: Sequence[int],
    matter_type_id: int | None,
    areas: Sequence[str],
    on_date: date,
) -> Sequence[RowMapping]:
    """Return every unit that answers for this on a date, with what the claim rests on."""
    values = {
        "component_code": component_code,
        "maintainer_id": maintainer_id,
        "owner_id": owner_id,
        "class_ids": list(class_ids),
        "matter_type_id": matter_type_id,
        "areas": list(areas),
        "on_date": on_date,
    }
    return session.execute(_QUERIES["claims"], values).mappings().all()


def nearest_responders(
    session: Session, *, lon: float, lat: float, count: int
) -> Sequence[RowMapping]:
    """Return the available responders nearest to a point."""
    values = {"lon": lon, "lat": lat, "count": count}
    return session.execute(_QUERIES["nearest_responders"], values).mappings().all()
