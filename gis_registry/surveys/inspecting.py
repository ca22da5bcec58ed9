"""Looking at a delivery before it is loaded: what is in it, and which mapping would fit it.

It asks no database. What would stop a load because something is not declared (the coordinate
reference system, one of several layers) is a warning here.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
import tomli_w
from pydantic import BaseModel, JsonValue
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from gis_registry.archives import unpacked
from gis_registry.db.base import SRID
from gis_registry.errors import MissingCrs
from gis_registry.surveys.conversion import as_texts
from gis_registry.surveys.geometries import first_vertices
from gis_registry.surveys.layers import Layer
from gis_registry.surveys.mapping import AxisOrder, Mapping
from gis_registry.surveys.proposing import Certainty, Guess, propose
from gis_registry.surveys.reading import list_layers, open_layer
from gis_registry.surveys.systems import WITHOUT_OWN_CRS, in_cgcs2000, system_of

#: Fields are described by as many rows from the file's beginning.
SAMPLE_ROWS = 10_000
_SAMPLES = 3
_SHOWN = 40


class LayerSummary(BaseModel):
    """A layer of a file; ``rows`` is empty where only reading all of it would tell."""

    name: str
    geometry_type: str
    rows: int | None


class FieldSummary(BaseModel):
    """A field, described by the first rows: share of rows with a value, different ones, some."""

    name: str
    type: str
    filled: float
    distinct: int
    samples: list[str]


class Extent(BaseModel):
    """The rectangle around the first vertices of all rows."""

    min_x: float
    min_y: float
    max_x: float
    max_y: float


class Inspection(BaseModel):
    """What a file holds, and a mapping proposed for it.

    Attributes:
        crs: as the file says it or the mapping declares it; None: not said.
        geometry_types: how many rows have which type of geometry.
        extent: in the file's own coordinates.
        extent_degrees: in EPSG:4490; None as long as the system is not known.
        sampled_rows: how many rows the fields are described by.
        notes: what reading had to say about rows, with the number of rows; the ten most frequent.
        guesses: every line of the proposal with its grounds; what is only possible is not in
            ``mapping``.
    """

    file: str
    format: str | None = None
    layers: list[LayerSummary]
    layer: str | None = None
    rows: int | None = None
    geometry_types: dict[str, int] = {}
    crs: str | None = None
    encoding: str | None = None
    encoding_reason: str | None = None
    extent: Extent | None = None
    extent_degrees: Extent | None = None
    sampled_rows: int = 0
    fields: list[FieldSummary] = []
    notes: dict[str, int] = {}
    warnings: list[str] = []
    guesses: list[Guess] = []
    mapping: Mapping = Mapping()


@dataclass
class _Contents:
    """What reading a whole layer shows."""

    rows: int = 0
    types: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    bounds: "np.typing.NDArray[np.float64] | None" = None
    places: "np.typing.NDArray[np.float64] | None" = None
    sample: pa.Table | None = None


def inspect(path: Path, mapping: Mapping | None = None) -> Inspection:
    """Look at a file.

    Args:
        path: any file that :func:`~gis_registry.surveys.reading.open_source` opens.
        mapping: what is known already: the layer, the system, columns of coordinates …

    Raises:
        UnreadableFile: it cannot be read, or no column holds coordinates.
        InvalidInput: fields have one name, or the encoding or the declared system is wrong.
    """
    known = mapping or Mapping()
    plain = unpacked(path)
    names = list_layers(plain.path)
    if known.layer is None and len(names) > 1:
        layers = [open_layer(path, plain.path, known.overridden(layer=name)) for name in names]
        return Inspection(
            file=path.name,
            format=layers[0].format,
            layers=[_summary(one) for one in layers],
            warnings=[
                f"{path.name} has several layers; choose one with --layer: {', '.join(names)}."
            ],
        )
    layer = open_layer(path, plain.path, known)
    contents = _contents(layer)
    known, layer, contents, decimal = _with_commas(path, plain.path, known, layer, contents)
    crs, degrees, warnings = _system(path, layer, known, contents)
    guesses = [
        *_guess_of_layer(layer, names),
        *decimal,
        *_guesses_of_place(layer, known, contents, has_system=crs is not None),
        *(propose(contents.sample) if contents.sample is not None else []),
    ]
    return Inspection(
        file=path.name,
        format=layer.format,
        layers=[_summary(layer)],
        layer=layer.name,
        rows=contents.rows,
        geometry_types=dict(contents.types),
        crs=crs,
        encoding=layer.encoding and layer.encoding.name,
        encoding_reason=layer.encoding and layer.encoding.reason,
        extent=_extent(contents.bounds),
        extent_degrees=degrees,
        sampled_rows=0 if contents.sample is None else len(contents.sample),
        fields=[] if contents.sample is None else _fields(contents.sample),
        notes=dict(contents.notes.most_common(10)),
        warnings=warnings,
        guesses=guesses,
        mapping=_mapping_of(known, guesses),
    )


def mapping_text(inspection: Inspection) -> str:
    """Return the proposed mapping as TOML, each line with its grounds.

    What is only possible stands in a comment, ready to be made a line.
    """
    sections: dict[str, list[str]] = {"": []}
    for guess in inspection.guesses:
        section, _, key = guess.key.rpartition(".")
        is_table = isinstance(guess.value, dict)
        content = tomli_w.dumps(
            {key: guess.value} if not is_table else dict(guess.value)  # type: ignore[arg-type]
        ).rstrip()
        lines = sections.setdefault(guess.key if is_table else section, [])
        lines.append(f"# {guess.certainty}: {guess.reason}")
        if guess.certainty is Certainty.POSSIBLE:
            content = "\n".join(f"# {line}" for line in content.splitlines())
        lines.append(content)
    head = [
        f"# A mapping proposed for {inspection.file}: read every line, and correct it.",
        "# A line that is only possible is a comment; docs/surveys.md explains all keys.",
    ]
    text = ["\n".join([*head, "", *sections.pop("")])]
    text += ["\n".join([f"[{section}]", *lines]) for section, lines in sections.items()]
    return "\n\n".join(one.rstrip() for one in text) + "\n"


def _summary(layer: Layer) -> LayerSummary:
    return LayerSummary(name=layer.name, geometry_type=layer.geometry_type, rows=layer.row_count)


def _contents(layer: Layer) -> _Contents:
    """Read a layer to its end and keep what describes it."""
    found = _Contents()
    samples: list[pa.Table] = []
    for piece in layer.pieces():
        if found.rows < SAMPLE_ROWS:
            samples.append(piece.fields.slice(0, SAMPLE_ROWS - found.rows))
        kinds, counts = np.unique(shapely.get_type_id(piece.geometries), return_counts=True)
        for kind, count in zip(kinds, counts, strict=True):
            name = "none" if kind < 0 else shapely.GeometryType(kind).name.title()
            found.types[name] += int(count)
        found.notes.update(piece.notes.values())
        x, y = first_vertices(piece.geometries)
        there = np.isfinite(x) & np.isfinite(y)
        if there.any():
            places = np.array([x[there], y[there]])
            edges = np.array([*places.min(axis=1), *places.max(axis=1)])
            found.places = places[:, :SAMPLE_ROWS] if found.places is None else found.places
            known = edges if found.bounds is None else found.bounds
            found.bounds = np.array(
                [*np.minimum(known[:2], edges[:2]), *np.maximum(known[2:], edges[2:])]
            )
        found.rows += len(piece.geometries)
    found.sample = _joined(samples) if samples else None
    return found


def _joined(samples: list[pa.Table]) -> pa.Table:
    """Join pieces; a column of several types becomes text."""
    try:
        return pa.concat_tables(samples, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        texts = [pa.table({n: as_texts(one[n]) for n in one.column_names}) for one in samples]
        return pa.concat_tables(texts)


def _with_commas(
    path: Path, plain: Path, known: Mapping, layer: Layer, contents: _Contents
) -> tuple[Mapping, Layer, _Contents, list[Guess]]:
    """Read a table again with decimal commas, if no coordinate can be read otherwise."""
    if contents.places is not None or layer.format not in {"CSV", "XLSX"} or known.decimal == ",":
        return known, layer, contents, []
    other = known.model_copy(update={"decimal": ","})
    again = open_layer(path, plain, other)
    found = _contents(again)
    if found.places is None:
        return known, layer, contents, []
    guess = _guess("decimal", ",", "the coordinates are numbers with commas", Certainty.CERTAIN)
    return other, again, found, [guess]


def _system(
    path: Path, layer: Layer, known: Mapping, contents: _Contents
) -> tuple[str | None, Extent | None, list[str]]:
    """Return the system, the extent in degrees, and what has to be declared."""
    try:
        system, said = system_of(path.name, layer.crs, known.crs, layer.format)
    except MissingCrs as error:
        return None, None, [str(error)]
    warnings = []
    if known.crs is None and layer.format in WITHOUT_OWN_CRS and said == "EPSG:4326":
        warnings.append(
            "GeoJSON cannot say its datum, so that WGS 84 is taken; if the places are from a "
            "Chinese map service, declare --crs gcj02 or bd09."
        )
    if contents.bounds is None:
        return said, None, [f"{path.name} has no row with coordinates that can be read."]
    min_x, min_y, max_x, max_y = contents.bounds
    if known.axis_order is AxisOrder.NORTHING_EASTING:
        min_x, min_y, max_x, max_y = min_y, min_x, max_y, max_x
    corners = shapely.points([[min_x, min_y], [min_x, max_y], [max_x, min_y], [max_x, max_y]])
    degrees = shapely.total_bounds(in_cgcs2000(corners, system))
    extent = _extent(degrees) if np.isfinite(degrees).all() else None
    if extent is None:
        return said, None, [f"The coordinates lie beyond what {said} can hold."]
    return said, extent, warnings


def _guess_of_layer(layer: Layer, names: list[str]) -> list[Guess]:
    several = len(names) > 1
    return [_guess("layer", layer.name, "it was chosen", Certainty.CERTAIN)] if several else []


def _guesses_of_place(
    layer: Layer, known: Mapping, contents: _Contents, *, has_system: bool
) -> list[Guess]:
    """Say what the coordinates look like: a hint for who declares, and no more."""
    guesses: list[Guess] = []
    if known.crs is not None:
        guesses.append(_guess("crs", known.crs, "it was declared", Certainty.CERTAIN))
    if contents.places is None:
        return guesses
    x, y = np.median(contents.places, axis=1)
    is_swapped = _is_northing(x, y)
    if is_swapped and known.axis_order is AxisOrder.EASTING_NORTHING:
        reason = f"{x:.10g}, {y:.10g} look like north first, east second"
        guesses.append(_guess("axis_order", "northing-easting", reason, Certainty.POSSIBLE))
    if not has_system:
        value, reason = _possible_system(*((y, x) if is_swapped else (x, y)))
        guesses.append(_guess("crs", value, reason, Certainty.POSSIBLE))
    elif layer.crs is not None and not is_swapped and known.crs is None:
        guesses += _prefix_guess(layer.crs, x)
    return guesses


def _is_northing(x: float, y: float) -> bool:
    """Return whether the first of two coordinates in China can only be the one to the north."""
    if max(abs(x), abs(y)) <= 180:
        return bool(3 <= x <= 54 and 73 <= y <= 136)
    return bool(3e5 <= x <= 6e6 and (2e5 <= y <= 8e5 or 1.3e7 <= y <= 4.6e7) and x > 1e6)


def _possible_system(x: float, y: float) -> tuple[str, str]:
    """Return a system that coordinates (east, north) in China might be in, and why."""
    if abs(x) <= 180 and abs(y) <= 90:
        return "wgs84", "these are degrees; ask whether they are wgs84, cgcs2000, gcj02 or bd09"
    zone = int(x // 1_000_000)
    if 25 <= zone <= 45:
        reason = f"the easting begins with {zone}, a zone of 3 degrees of CGCS2000 (if it is that)"
        return f"EPSG:{4488 + zone}", reason
    if 13 <= zone <= 23:
        reason = f"the easting begins with {zone}, a zone of 6 degrees of CGCS2000 (if it is that)"
        return f"EPSG:{4478 + zone}", reason
    reason = (
        "these are metres; ask for the system (EPSG:4534 … 4554 have 75, 78 … 135 degrees east)"
    )
    return "EPSG:4549", reason


def _prefix_guess(said: str, x: float) -> list[Guess]:
    """Say so if eastings carry a zone's number that the file's system has not, or lack one."""
    try:
        system = CRS.from_user_input(said)
    except CRSError:
        return []
    if not system.is_projected or system.area_of_use is None:
        return []
    area = system.area_of_use
    middle = Transformer.from_crs(SRID, system, always_xy=True).transform(
        (area.west + area.east) / 2, (area.south + area.north) / 2
    )[0]
    if abs(x - middle) < 1_000_000:
        return []
    reason = f"the eastings (about {x:,.0f}) are not those of {system.name} (about {middle:,.0f})"
    return [_guess("crs", _possible_system(x, 0)[0], reason, Certainty.POSSIBLE)]


def _fields(sample: pa.Table) -> list[FieldSummary]:
    fields = []
    for name in sample.column_names:
        column = sample[name]
        try:
            texts = as_texts(column)
        except pa.ArrowNotImplementedError:  # lists and the like
            texts = pa.chunked_array([[str(one) for one in column.to_pylist()]], pa.string())
        there = pc.and_(texts.is_valid(), pc.not_equal(pc.utf8_trim_whitespace(texts), ""))
        values = texts.filter(there)
        distinct = values.unique()
        fields.append(
            FieldSummary(
                name=name,
                type=str(column.type),
                filled=round(len(values) / len(column), 4) if len(column) else 0.0,
                distinct=len(distinct),
                samples=[str(one)[:_SHOWN] for one in distinct[:_SAMPLES].to_pylist()],
            )
        )
    return fields


def _extent(bounds: "np.typing.NDArray[np.float64] | None") -> Extent | None:
    if bounds is None:
        return None
    return Extent(
        **dict(zip(("min_x", "min_y", "max_x", "max_y"), map(float, bounds), strict=True))
    )


def _guess(key: str, value: JsonValue, reason: str, certainty: Certainty) -> Guess:
    return Guess(key=key, value=value, reason=reason, certainty=certainty)


def _mapping_of(known: Mapping, guesses: list[Guess]) -> Mapping:
    """Return what is known already with the guesses that are more than possible."""
    content: dict[str, JsonValue] = known.model_dump(
        mode="json", by_alias=True, exclude_defaults=True
    )
    for guess in guesses:
        if guess.certainty is Certainty.POSSIBLE:
            continue
        section, _, key = guess.key.rpartition(".")
        part = content.setdefault(section, {}) if section else content
        if isinstance(part, dict):
            part.setdefault(key, guess.value)
    return Mapping.model_validate(content)
