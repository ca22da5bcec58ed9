"""Opening vector files: one error for all the ways in which a file can be unreadable."""

from pathlib import Path

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput, MissingCrs, UnreadableFile


def gdal_path(path: Path) -> str:
    """Return the name by which GDAL opens a file, also a gzipped one or a zipped shapefile.

    Raises:
        UnreadableFile: there is no such file.
    """
    if not path.exists():
        raise UnreadableFile(f"There is no file {path}.")
    if path.suffix == ".gz":
        return f"/vsigzip/{path.resolve()}"
    if path.suffix == ".zip":
        return f"/vsizip/{path.resolve()}"
    return str(path)


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
    try:
        frame = pyogrio.read_dataframe(gdal_path(path))
    except (DataSourceError, DataLayerError) as error:
        raise UnreadableFile(f"{path} cannot be read as a vector file: {error}") from error
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
