"""The formats of exported files: what names they end in, what they hold, what they need."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gis_registry.errors import InvalidInput


@dataclass(frozen=True)
class _Traits:
    suffixes: tuple[str, ...]
    driver: str | None = None
    has_layers: bool = False
    own_names: frozenset[str] = frozenset()
    options: tuple[tuple[str, str], ...] = ()


class FileFormat(StrEnum):
    """A format that components can be written in."""

    GEOPACKAGE = "gpkg"
    GEOPARQUET = "parquet"
    GEOJSON = "geojson"
    GEOJSON_SEQUENCE = "geojsonseq"
    FLATGEOBUF = "fgb"
    SHAPEFILE = "shp"
    CSV = "csv"
    XLSX = "xlsx"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The endings of its files' names, the usual one first."""
        return _TRAITS[self].suffixes

    @property
    def driver(self) -> str | None:
        """What GDAL calls it; None: it is written without GDAL."""
        return _TRAITS[self].driver

    @property
    def options(self) -> dict[str, str]:
        """How GDAL is to write it."""
        return dict(_TRAITS[self].options)

    @property
    def has_layers(self) -> bool:
        """Whether one file can hold a layer for each type of geometry."""
        return _TRAITS[self].has_layers

    @property
    def own_names(self) -> frozenset[str]:
        """The names of columns that the format needs for itself."""
        return _TRAITS[self].own_names | {GEOMETRY}

    @property
    def folds_case(self) -> bool:
        """Whether two names that differ only in case are the same to it."""
        return self.driver is not None


#: The column of the geometries, wherever it has a name.
GEOMETRY = "geometry"
_COORDINATES = frozenset({"lon", "lat", "x", "y", "wkt"})
#: As many digits as a coordinate needs to come back as the same number.
_EXACT = (("COORDINATE_PRECISION", "15"), ("SIGNIFICANT_FIGURES", "17"))
#: Text stays text even where it looks like JSON.
_PLAIN_TEXT = ("AUTODETECT_JSON_STRINGS", "NO")

_TRAITS = {
    FileFormat.GEOPACKAGE: _Traits(
        (".gpkg",), "GPKG", has_layers=True, own_names=frozenset({"fid", "geom"})
    ),
    FileFormat.GEOPARQUET: _Traits((".parquet", ".geoparquet")),
    FileFormat.GEOJSON: _Traits((".geojson", ".json"), "GeoJSON", options=(*_EXACT, _PLAIN_TEXT)),
    FileFormat.GEOJSON_SEQUENCE: _Traits(
        (".geojsonl", ".geojsons", ".geojsonseq"),
        "GeoJSONSeq",
        options=_EXACT,
    ),
    FileFormat.FLATGEOBUF: _Traits((".fgb",), "FlatGeobuf"),
    FileFormat.SHAPEFILE: _Traits((".shp", ".shp.zip", ".zip"), "ESRI Shapefile"),
    FileFormat.CSV: _Traits((".csv",), own_names=_COORDINATES),
    FileFormat.XLSX: _Traits((".xlsx",), has_layers=True, own_names=_COORDINATES),
}


def format_of(path: Path, form: FileFormat | None = None) -> FileFormat:
    """Return the format that a file is to have: the one that is said, or that of its name.

    Raises:
        InvalidInput: its name ends in none that is known, or in one that a shapefile cannot have.
    """
    if form is None:
        name = path.name.lower()
        for one in FileFormat:
            if name.endswith(one.suffixes):
                return one
        known = ", ".join(suffix for one in FileFormat for suffix in one.suffixes)
        raise InvalidInput(
            f"{path.name} does not say its format: end its name in one of {known}, or give "
            f"--format ({', '.join(FileFormat)})."
        )
    if form is FileFormat.SHAPEFILE and not path.name.lower().endswith(form.suffixes):
        raise InvalidInput(f"The name of a shapefile ends in .shp or .zip; {path.name} does not.")
    return form


def split_name(path: Path) -> tuple[str, str]:
    """Return the stem and the ending of a file's name; ``.shp.zip`` is one ending."""
    ending = ".shp.zip" if path.name.lower().endswith(".shp.zip") else path.suffix
    return path.name[: len(path.name) - len(ending)], path.name[len(path.name) - len(ending) :]
