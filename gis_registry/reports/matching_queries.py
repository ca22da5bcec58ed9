"""Everything of matching that talks to the database, for many reports at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.components import queries as components
from gis_registry.db.sql import load_queries
from gis_registry.reports.clues import Label

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))
_AS_OF = {name: components.as_of(query) for name, query in _QUERIES.items()}

_RECORD = np.dtype(
    [
        ("probe", ">i4"),
        ("distance_m", ">f8"),
        ("accuracy_m", ">f8"),
        ("area_m2", ">f8"),
        ("outline_m", ">f8"),
        ("code", "S17"),
    ]
)


@dataclass(frozen=True)
class Around:
    """Where to look for components: a point in degrees, EPSG:4490, a class, and how far."""

    n: int
    lon: float
    lat: float
    class_id: int
    radius_m: float


@dataclass(frozen=True)
class SeenLabel:
    """What may be written on a component, and where it was seen in degrees, EPSG:4490."""

    n: int
    label: Label
    lon: float
    lat: float


def near(
    session: Session, asked: Sequence[Around], *, most: int, moment: datetime | None
) -> NDArray[np.void]:
    """Return the active components around points, now or at a moment, nearest first.

    The fields are probe (the number asked with), distance_m, accuracy_m, area_m2, outline_m and
    code (padded with spaces).
    """
    if not asked:
        return np.zeros(0, dtype=_RECORD)
    # Those that are neighbours read the same pages one after the other: a quarter less work.
    asked = sorted(asked, key=lambda one: (one.class_id, round(one.lat, 2), one.lon))
    values = _places(asked) | {"radius_m": [one.radius_m for one in asked], "most": most}
    records = _rows(session, "near", values, moment)[0]["records"]
    return np.frombuffer(bytes(records or b""), dtype=_RECORD)


def coarsest(
    session: Session, asked: Sequence[Around], *, moment: datetime | None
) -> dict[int, float]:
    """Return how coarse the components are that are nearest to points, where there are any."""
    if not asked:
        return {}
    rows = _rows(session, "coarsest", _places(asked), moment)
    found: dict[int, float] = {}
    for row in rows:
        found[row["n"]] = max(row["accuracy_m"], found.get(row["n"], 0.0))
    return found


def details(
    session: Session,
    codes: Sequence[str],
    distances_m: Sequence[float],
    *,
    moment: datetime | None,
) -> Sequence[RowMapping]:
    """Return what an answer says of components, in the order asked."""
    if not codes:
        return []
    values = {"codes": list(codes), "distances_m": list(distances_m)}
    return _rows(session, "details", values, moment)


def labels(
    session: Session, codes: Sequence[str], *, moment: datetime | None
) -> Sequence[RowMapping]:
    """Return attributes and aliases (kind, value) of components."""
    if not codes:
        return []
    return _rows(session, "labels", {"codes": list(codes), "moment": moment}, moment)


def named(
    session: Session, asked: Sequence[SeenLabel], *, moment: datetime | None
) -> Sequence[RowMapping]:
    """Return the components that have labels or took the place of one that has, nearest first."""
    if not asked:
        return []
    values = {
        "n": [one.n for one in asked],
        "values": [one.label.text for one in asked],
        "inner_values": [one.label.inner for one in asked],
        "codes": [one.label.code for one in asked],
        "lon": [one.lon for one in asked],
        "lat": [one.lat for one in asked],
        "moment": moment,
    }
    return _rows(session, "named", values, moment)


def _places(asked: Sequence[Around]) -> dict[str, object]:
    return {
        "n": [one.n for one in asked],
        "lon": [one.lon for one in asked],
        "lat": [one.lat for one in asked],
        "class_ids": [one.class_id for one in asked],
    }


def _rows(
    session: Session, name: str, values: dict[str, object], moment: datetime | None
) -> Sequence[RowMapping]:
    if moment is None:
        return session.execute(_QUERIES[name], values).mappings().all()
    return session.execute(_AS_OF[name], values | {"moment": moment}).mappings().all()
