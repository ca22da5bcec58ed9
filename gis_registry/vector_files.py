"""Opening vector files: one error for all the ways in which a file can be unreadable."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from gis_registry.archives import unpacked
from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput, MissingCrs, UnreadableFile


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn every way in which a vector file cannot be read into an error that says which file.

    Raises:
        UnreadableFile: what is done within cannot read it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            yield
    except (
        DataSourceError,
        DataLayerError,
        OSError,  # Arrow's own errors of reading are some of these
        UnicodeDecodeError,
        pa.ArrowException,
        shapely.GEOSException,
    ) as error:
        raise UnreadableFile(f"{path.name or path} {_fault(path, error)}") from error


def read_features(
    path: Path, required: set[str], types: set[str], *, may_be_missing: bool = False
) -> gpd.GeoDataFrame:
    """Read a small vector file whole, in EPSG:4490.

    Args:
        path: the file.
        required: fields that it must have.
        types: geometry types that it may have, such as ``Polygon``.
        may_be_missing: whether a row may have no geometry.

    Raises:
        UnreadableFile: it cannot be read or lacks a field.
        MissingCrs: it does not say its coordinate reference system.
        InvalidInput: a row has another geometry, or none; the message names the row.
    """
    plain = unpacked(path)
    with readable(plain.path):
        frame = pyogrio.read_dataframe(str(plain.path))
    missing = required - set(frame.columns)
    if missing:
        raise UnreadableFile(
            f"{path} has no field {', '.join(sorted(missing))}; "
            f"it has: {', '.join(map(str, frame.columns))}."
        )
    if frame.crs is None:
        raise MissingCrs(f"{path} does not say its coordinate reference system.")
    for row, geometry in enumerate(frame.geometry, start=1):
        found = None if geometry is None or geometry.is_empty else geometry.geom_type
        if found not in types and not (found is None and may_be_missing):
            raise InvalidInput(
                f"{path.name}, row {row}: the geometry is {found or 'missing'}; "
                f"it must be a {' or '.join(sorted(types))}."
            )
    return frame.to_crs(SRID)


def text_of(value: object) -> str:
    """Return a field's value as text without the white space around it; a missing one is empty."""
    return "" if value is None or pd.isna(value) else str(value).strip()


def _fault(path: Path, error: Exception) -> str:
    """Return what is wrong with a file that GDAL refuses, in words for who sent it."""
    reason = str(error)
    if not path.exists():
        return "is not there."
    if path.is_file() and path.stat().st_size == 0:
        return "is empty."
    if isinstance(error, UnicodeDecodeError) or "Invalid UTF8" in reason:
        return "holds text that is not UTF-8: save it again in that encoding."
    if "not recognized as being in a supported file format" in reason:
        return (
            "is no vector file: give a Shapefile (also zipped), GeoPackage, GeoJSON, FileGDB, KML, "
            "FlatGeobuf, GeoParquet, CSV or XLSX. If it should be one of these, it is damaged."
        )
    plain = reason.replace(str(path.resolve()), path.name).replace(str(path), path.name)
    return f"cannot be read; it may be damaged or cut short ({plain.strip().rstrip('.')})."
