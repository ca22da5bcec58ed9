"""Staging: finding where checked rows are, and copying them into the survey."""

import csv
import json
from datetime import date
from io import BytesIO, TextIOWrapper

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from sqlalchemy.orm import Session

from gis_registry.db.base import SRID
from gis_registry.places import queries as places_queries
from gis_registry.places.tables import City
from gis_registry.surveys import queries
from gis_registry.surveys.checking import CheckedBatch, Refusal
from gis_registry.surveys.tables import Verdict

_COLUMNS = (
    "survey_id",
    "row_number",
    "class_id",
    "geom",
    "accuracy_m",
    "surveyed_on",
    "supervisor_code",
    "owner_code",
    "maintainer_code",
    "attributes",
    "division_code",
    "subdistrict_code",
    "cell_code",
    "verdict",
    "refusal",
    "reason",
)


def stage_rows(
    session: Session, survey_id: int, checked: CheckedBatch, *, city: City, as_of: date
) -> None:
    """Keep checked rows in a survey; good ones that lie outside the city are refused first.

    Args:
        session: open transaction.
        survey_id: the survey.
        checked: rows with geometries in EPSG:4490.
        city: the city that they must be in.
        as_of: the day whose boundaries count.
    """
    _copy(session, survey_id, checked, _locate(session, checked, city, as_of))


def _locate(
    session: Session, checked: CheckedBatch, city: City, as_of: date
) -> dict[str, list[str | None]]:
    """Find where the good rows are, and refuse those that are outside the city."""
    count = len(checked.geometries)
    found: dict[str, list[str | None]] = {
        name: [None] * count for name in ("division_code", "subdistrict_code", "cell_code")
    }
    good = np.flatnonzero(checked.good)
    if len(good) == 0:
        return found
    points = shapely.point_on_surface(checked.geometries[good])
    lons, lats = shapely.get_x(points), shapely.get_y(points)
    located = places_queries.locate(
        session,
        lons=lons.tolist(),
        lats=lats.tolist(),
        on_date=as_of,
        tolerance_m=city.place_tolerance_m,
    )
    outside = np.zeros(count, dtype=bool)
    for index, place in zip(good, located, strict=True):
        for name, codes in found.items():
            codes[index] = place[name]
        outside[index] = place["division_code"] is None
    if outside.any():
        _refuse_outside(session, checked, city, as_of, outside)
    return found


def _refuse_outside(
    session: Session,
    checked: CheckedBatch,
    city: City,
    as_of: date,
    outside: "np.typing.NDArray[np.bool_]",
) -> None:
    points = shapely.point_on_surface(checked.geometries[outside])
    lons, lats = shapely.get_x(points), shapely.get_y(points)
    swapped = places_queries.locate(
        session,
        lons=lats.tolist(),
        lats=np.clip(lons, -90, 90).tolist(),
        on_date=as_of,
        tolerance_m=city.place_tolerance_m,
    )
    reasons = {
        int(index): f"{lon:.6f}, {lat:.6f} is not in {city.name_en}"
        + (
            "; with longitude and latitude exchanged it would be."
            if other["division_code"]
            else "."
        )
        for index, lon, lat, other in zip(np.flatnonzero(outside), lons, lats, swapped, strict=True)
    }
    checked.refuse(outside, Refusal.OUTSIDE_CITY, reasons.__getitem__)


def _copy(
    session: Session, survey_id: int, checked: CheckedBatch, located: dict[str, list[str | None]]
) -> None:
    count = len(checked.geometries)
    class_ids = [one or None for one in checked.class_ids.tolist()]
    frame = pd.DataFrame(
        {
            "survey_id": survey_id,
            "row_number": np.arange(checked.first_row, checked.first_row + count),
            "class_id": pd.array(class_ids, dtype="Int64"),
            "geom": shapely.to_wkb(
                shapely.set_srid(checked.geometries, SRID), hex=True, include_srid=True
            ),
            "accuracy_m": checked.accuracies_m,
            "surveyed_on": checked.dates.to_pylist(),
            **{name: codes.to_pylist() for name, codes in checked.units.items()},
            "attributes": _as_json(checked.attributes),
            **located,
            "verdict": np.where(checked.good, Verdict.NEW.value, Verdict.REFUSED.value),
            "refusal": checked.refusal,
            "reason": checked.reason,
        }
    )
    buffer = BytesIO()
    with TextIOWrapper(buffer, encoding="utf-8", newline="", write_through=True) as text:
        frame[list(_COLUMNS)].to_csv(
            text, header=False, index=False, quoting=csv.QUOTE_MINIMAL, lineterminator="\n"
        )
        queries.copy_rows(session, _COLUMNS, buffer)


def _as_json(attributes: pa.Table) -> list[str]:
    """Return each row's attributes as a JSON object, without those that are empty."""
    return [
        json.dumps(
            {name: value for name, value in row.items() if value is not None}, ensure_ascii=False
        )
        for row in attributes.to_pylist()
    ]
