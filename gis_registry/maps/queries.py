"""Everything that rendered maps read."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, func, select
from sqlalchemy.orm import Session

from gis_registry.db.sql import load_queries
from gis_registry.places.tables import Level
from gis_registry.units.tables import Responder, Unit

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def class_totals(session: Session) -> Sequence[RowMapping]:
    """Return the classes that have active components, with how many, by major class and code."""
    return _rows(session, "class_totals", {})


def components(session: Session, *, every: int) -> Sequence[RowMapping]:
    """Return code, class id, lon and lat of every n-th active component, 1: of all."""
    return _rows(session, "components", {"every": every})


def areas(session: Session, *, level: Level, on_date: date) -> Sequence[RowMapping]:
    """Return the divisions of a level with their areas on a date as WKB in EPSG:4490."""
    return _rows(session, "areas", {"level": level.value, "on_date": on_date})


def open_case_count(session: Session) -> int:
    """Return how many cases are open."""
    return int(session.execute(_QUERIES["open_case_count"]).scalar_one())


def components_by_code(session: Session, codes: Sequence[str]) -> dict[str, RowMapping]:
    """Return class names, lon and lat of components by their identifiers."""
    values = {"division_codes": [code[:6] for code in codes], "codes": list(codes)}
    return {row["code"]: row for row in _rows(session, "components_by_code", values)}


def first_reports(session: Session, keys: Sequence[tuple[str, int]]) -> dict[int, RowMapping]:
    """Return channel and text of the first report of cases (division code, number) by number."""
    values = {"division_codes": [key[0] for key in keys], "case_ids": [key[1] for key in keys]}
    return {row["case_id"]: row for row in _rows(session, "first_reports", values)}


def responders(session: Session, *, limit: int) -> Sequence[RowMapping]:
    """Return responders by code, available or not."""
    return _rows(session, "responders", {"limit": limit})


def responder_count(session: Session) -> int:
    """Return how many responders there are."""
    return session.scalar(select(func.count()).select_from(Responder)) or 0


def unit_count(session: Session) -> int:
    """Return how many units there are."""
    return session.scalar(select(func.count()).select_from(Unit)) or 0


def _rows(session: Session, name: str, values: dict[str, Any]) -> Sequence[RowMapping]:
    return session.execute(_QUERIES[name], values).mappings().all()
