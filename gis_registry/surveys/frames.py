"""Surveys as GeoDataFrames, for notebooks and other analysis in Python."""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy.orm import Session

from gis_registry.db.base import SRID
from gis_registry.surveys.explaining import reason_of
from gis_registry.surveys.schemas import SurveyRowEntry
from gis_registry.surveys.selecting import EVERYTHING, Selection, selected_rows


def rows_frame(
    session: Session, survey_id: int, *, verdicts: Sequence[str] | None = None
) -> gpd.GeoDataFrame:
    """Return what became of each row of a survey, and the components that it lacks.

    Args:
        session: open transaction.
        survey_id: the survey.
        verdicts: only rows of these; None: all.

    Returns:
        One line for each, in EPSG:4490, with the columns of ``survey rows --format csv``, the
        row's attributes as a dictionary each, and in ``registered`` the place that its component
        had before the survey, where that is another one than the row's.

    Raises:
        NotFound: there is no such survey.
        InvalidInput: no verdict is named.
    """
    columns = [*SurveyRowEntry.model_fields, "attributes", "wkb", "registered_wkb"]
    selection = EVERYTHING if verdicts is None else Selection(verdicts=tuple(verdicts))
    found = selected_rows(session, survey_id, selection)
    records = [
        [reason_of(row) if name == "reason" else row[name] for name in columns] for row in found
    ]
    frame = pd.DataFrame.from_records(records, columns=columns)
    frame["row"] = frame["row"].astype("Int64")
    for name in ("distance_m", "score", "runner_up_m", "lon", "lat"):
        frame[name] = frame[name].astype(float)
    geometry, registered = (_geometries(frame.pop(name)) for name in ("wkb", "registered_wkb"))
    frame["registered"] = gpd.GeoSeries(registered, crs=SRID)
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(geometry, crs=SRID))


def _geometries(column: "pd.Series[bytes]") -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    wkb = np.array([None if one is None else bytes(one) for one in column], dtype=object)
    geometries: np.ndarray[tuple[int], np.dtype[np.object_]] = shapely.from_wkb(wkb)
    return geometries
