"""Staging: the checked rows of a file as columns in memory, and copying them into the survey.

The rows wait in memory until they are judged, so that each is written once, with its verdict.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis_registry.db.base import SRID
from gis_registry.places.locating import Located, Locator
from gis_registry.surveys import queries
from gis_registry.surveys.checked import CheckedBatch, Refusal
from gis_registry.surveys.delivery import Delivery
from gis_registry.surveys.row_values import check_identifier_divisions, repeated_rows

#: Extended WKB of a point before its coordinates: little-endian, point with SRID.
_POINT = np.frombuffer(b"\x01\x01\x00\x00\x20" + SRID.to_bytes(4, "little"), dtype=np.uint8)
_POINT_TYPE = 0
#: What JSON must write in another way than as it is.
_ESCAPED = r'["\\\x00-\x1f]'


@dataclass(frozen=True)
class LocatedRows:
    """A batch of checked rows that are located, as columns.

    Attributes:
        columns: what is compared with the registry.
        texts: what is copied into the survey.
        shapes: the lines and polygons by the row's place in the file, from 0.
        attribute_names: of what the rows say.
    """

    columns: Delivery
    texts: pa.Table
    shapes: dict[int, shapely.Geometry]
    attribute_names: tuple[str, ...]


def locate_rows(
    checked: CheckedBatch,
    locator: Locator,
    *,
    raw: tuple[NDArray[np.float64], NDArray[np.float64]],
    city_name: str,
) -> LocatedRows:
    """Find where checked rows are; good ones that are outside the city are refused.

    Args:
        checked: the rows, geometries in EPSG:4490.
        locator: finds where they are.
        raw: the first coordinates of each row as the file has them.
        city_name: for what is said of rows outside it.
    """
    points = checked.geometries
    extended = np.flatnonzero(shapely.get_type_id(points) > _POINT_TYPE)
    if len(extended):
        points = points.copy()
        points[extended] = shapely.point_on_surface(points[extended])
    lon, lat = shapely.get_x(points), shapely.get_y(points)
    beyond = (np.abs(lon) > 180) | (np.abs(lat) > 90)  # not on earth: such a place says nothing
    lon[beyond], lat[beyond] = np.nan, np.nan
    located = _locate(checked, locator, points, lon, lat, city_name)
    offset = checked.first_row - 1
    return LocatedRows(
        columns=Delivery(
            lon=lon,
            lat=lat,
            raw_x=raw[0],
            raw_y=raw[1],
            class_ids=checked.class_ids,
            accuracies_m=checked.accuracies_m,
            is_good=checked.good.copy(),
            divisions=_numbers(located.division_codes),
            areas=_numbers(located.subdistrict_codes),
            unit_ids=checked.unit_ids,
        ),
        texts=_texts(checked, located),
        shapes=dict(zip((offset + extended).tolist(), checked.geometries[extended], strict=True)),
        attribute_names=tuple(checked.attributes.column_names),
    )


@dataclass
class StagedRows:
    """Rows of a file that are checked and located, in the file's order.

    Attributes:
        session: open transaction, that in which they are stored.
        texts: the columns of each batch as they are copied into the survey.
        shapes: the lines and polygons among the geometries, by the row's place in the file.
        attribute_names: of what the rows say.
    """

    session: Session
    texts: list[pa.Table] = field(default_factory=list)
    shapes: dict[int, shapely.Geometry] = field(default_factory=dict)
    attribute_names: tuple[str, ...] = ()
    _columns: list[Delivery] = field(default_factory=list)

    def add(self, rows: LocatedRows) -> None:
        """Take a batch."""
        self.attribute_names = rows.attribute_names
        self._columns.append(rows.columns)
        self.shapes.update(rows.shapes)
        self.texts.append(rows.texts)

    def delivery(self) -> Delivery:
        """Return all rows as columns."""
        return Delivery(
            *(
                np.concatenate([getattr(one, name) for one in self._columns])
                for name in Delivery.__dataclass_fields__
            )
        )

    def attributes(self, rows: NDArray[np.int64]) -> list[str]:
        """Return the attributes of some rows as JSON, by their places in the file from 0."""
        ends = np.cumsum([len(one) for one in self.texts])
        batches = np.searchsorted(ends, rows, side="right")
        said = np.empty(len(rows), dtype=object)
        for batch in np.unique(batches).tolist():
            mine = np.flatnonzero(batches == batch)
            column = self.texts[batch].column("attributes")
            begin = int(ends[batch]) - len(column)
            said[mine] = column.take(rows[mine] - begin).to_pylist()
        return said.tolist()

    def fingerprints(self) -> NDArray[np.int64]:
        """Return the fingerprints of all rows' attributes, asking for each different one once."""
        encoded = [
            chunk.dictionary_encode()
            for one in self.texts
            for chunk in one.column("attributes").chunks
        ]
        return np.concatenate(
            [
                queries.fingerprints(
                    self.session, one.dictionary.to_pylist(), attribute_names=self.attribute_names
                )[np.asarray(one.indices)]
                for one in encoded
            ]
        )

    def identifiers(self) -> NDArray[np.bytes_] | None:
        """Return the identifiers that the rows give themselves; None if none does."""
        columns = [one.column("identifier") for one in self.texts]
        if all(one.null_count == len(one) for one in columns):
            return None
        whole = pa.concat_arrays([chunk for one in columns for chunk in one.chunks])
        return np.array(whole.fill_null("").to_pylist(), dtype="S17")

    def copy(self, survey_id: int, judged: Mapping[str, NDArray[np.generic]]) -> Iterator[int]:
        """Copy the rows into the survey; yields how many are done after each batch.

        Args:
            survey_id: the survey.
            judged: the columns that judging adds, one entry a row; None and NaN are null.
        """
        return queries.copy_rows(self.session, survey_id, self._whole_rows(survey_id, judged))

    def _whole_rows(
        self, survey_id: int, judged: Mapping[str, NDArray[np.generic]]
    ) -> Iterator[pa.Table]:
        begin = 0
        while self.texts:
            texts = self.texts.pop(0)  # what is copied need not stay in memory
            part = slice(begin, begin + len(texts))
            of_batch = {name: values[part] for name, values in judged.items()}
            yield with_judged(texts, survey_id, begin, of_batch)
            begin += len(texts)


class StoredRows:
    """The rows of a survey that is stored, in the file's order.

    Attributes:
        shapes: the lines and polygons among the geometries, by the row's place in the file.
    """

    def __init__(
        self, session: Session, survey_id: int, records: NDArray[np.void], named: NDArray[np.bytes_]
    ) -> None:
        """Take what :func:`queries.delivered` gave; ``named`` says which component each row is."""
        self._session, self._survey_id = session, survey_id
        self._records, self._named = records, named
        shapes = queries.row_shapes(session, survey_id)
        places = np.searchsorted(records["row_number"], list(shapes)).tolist()
        geometries = shapely.from_wkb(list(shapes.values()))
        self.shapes: dict[int, shapely.Geometry] = dict(zip(places, geometries, strict=True))

    def attributes(self, rows: NDArray[np.int64]) -> list[str]:
        """Return the attributes of some rows as JSON, by their places in the file from 0."""
        numbers = self._records["row_number"][rows]
        return queries.attributes_of_rows(self._session, self._survey_id, numbers)

    def fingerprints(self) -> NDArray[np.int64]:
        """Return the fingerprints of all rows' attributes."""
        return self._records["fingerprint"].astype(np.int64)

    def identifiers(self) -> NDArray[np.bytes_] | None:
        """Return the identifiers that the rows give themselves; None if none does."""
        return self._named if (self._named != b"").any() else None


def with_judged(
    texts: pa.Table, survey_id: int, begin: int, judged: Mapping[str, NDArray[np.generic]]
) -> pa.Table:
    """Return the columns of a batch that begins at a place, with what judging says of it."""
    columns = {
        "survey_id": pa.repeat(survey_id, len(texts)),
        "row_number": pa.array(np.arange(begin + 1, begin + len(texts) + 1)),
        **{name: _column(values) for name, values in judged.items()},
    }
    for name in texts.column_names:
        if name not in columns:
            columns[name] = texts.column(name)
        elif name in ("refusal", "reason"):  # checking has said why already
            columns[name] = pc.coalesce(texts.column(name), columns[name])
    return pa.table(columns)


def write_judged(
    session: Session,
    survey_id: int,
    row_numbers: NDArray[np.int32],
    is_good: NDArray[np.bool_],
    judged: Mapping[str, NDArray[np.generic]],
) -> None:
    """Write what judging says of the good rows of a survey that is stored already."""
    queries.forget_missing(session, survey_id)
    good = np.flatnonzero(is_good)
    columns = {name: _column(values[good]) for name, values in judged.items() if name != "refusal"}
    numbers = pa.array(row_numbers[good].astype(np.int32))
    queries.rejudge(session, survey_id, pa.table({"row_number": numbers, **columns}))


def repetitions(delivery: Delivery, shapes: Mapping[int, shapely.Geometry]) -> NDArray[np.int64]:
    """Return for each row the number of an earlier row of its class and geometry, or 0."""
    outlines = np.zeros(len(delivery), dtype=np.int64)
    for place, shape in shapes.items():
        outlines[place] = hash(shape.wkb)
    return repeated_rows(
        delivery.class_ids, delivery.lon, delivery.lat, outlines, good=delivery.is_good
    )


def json_rows(attributes: pa.Table) -> pa.Array:
    """Return each row's attributes as a JSON object, without those that are null."""
    parts = [
        _members(name, attributes.column(name))
        for name in attributes.column_names
        if attributes.column(name).null_count < len(attributes)
    ]
    if not parts:
        return pa.repeat("{}", len(attributes))
    # Arrow leaves out rows in which every part is null, so that those get an empty one.
    nothing = np.logical_and.reduce([np.asarray(one.is_null()) for one in parts])
    parts[0] = pc.if_else(nothing, "", parts[0])
    inner = pc.binary_join_element_wise(*parts, ", ", null_handling="skip")
    return pc.binary_join_element_wise("{", inner, "}", "")


def _members(name: str, column: pa.ChunkedArray) -> pa.Array:
    """Return ``"name": value`` for each row, null where the value is."""
    key = json.dumps(name, ensure_ascii=False) + ": "
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks)
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        if pc.any(pc.match_substring_regex(values, _ESCAPED)).as_py():
            encoded = values.dictionary_encode()
            written = pa.array(
                [json.dumps(one, ensure_ascii=False) for one in encoded.dictionary.to_pylist()],
                pa.string(),
            )
            return pc.binary_join_element_wise(key, written.take(encoded.indices), "")
        return pc.binary_join_element_wise(key + '"', values, '"', "")
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_finite(values), values, None)
    if pa.types.is_nested(kind):
        return pa.array(
            [
                None if one is None else key + json.dumps(one, ensure_ascii=False, default=str)
                for one in values.to_pylist()
            ],
            pa.string(),
        )
    return pc.binary_join_element_wise(key, values.cast(pa.string()), "")


def _locate(
    checked: CheckedBatch,
    locator: Locator,
    points: NDArray[np.object_],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    city_name: str,
) -> Located:
    """Find where the good rows are, and refuse those that are outside the city."""
    good = np.flatnonzero(checked.good)
    found = locator.locate(points[good])
    located = Located(*(np.full(len(checked), None, dtype=object) for _ in range(3)))
    for name in ("division_codes", "subdistrict_codes", "cell_codes"):
        getattr(located, name)[good] = getattr(found, name)
    outside = checked.good & pc.is_null(_column(located.division_codes)).to_numpy(
        zero_copy_only=False
    )
    if outside.any():
        exchanged = dict(
            zip(
                np.flatnonzero(outside).tolist(),
                locator.is_inside(lat[outside], lon[outside]).tolist(),
                strict=True,
            )
        )
        checked.refuse(
            outside,
            Refusal.OUTSIDE_CITY,
            lambda row: (
                f"{lon[row]:.6f}, {lat[row]:.6f} is not in {city_name}"
                + (
                    "; with longitude and latitude exchanged it would be."
                    if exchanged[row]
                    else "."
                )
            ),
        )
    check_identifier_divisions(checked, _column(located.division_codes))
    return located


def _texts(checked: CheckedBatch, located: Located) -> pa.Table:
    known = checked.class_ids > 0
    issues: list[str | None] = [None] * len(checked)
    for index, found in checked.issues.items():
        issues[index] = json.dumps([asdict(one) for one in found], ensure_ascii=False)
    nothing = pa.nulls(len(checked), pa.string())
    return pa.table(
        {
            "class_id": pa.array(checked.class_ids, mask=~known),
            "geom": _well_known_binary(checked.geometries),
            "accuracy_m": _column(checked.accuracies_m),
            "surveyed_on": checked.dates,
            "identifier": nothing if checked.identifiers is None else checked.identifiers,
            **{
                f"{role}_code": checked.units.get(f"{role}_code", nothing)
                for role in ("supervisor", "owner", "maintainer")
            },
            "division_code": _column(located.division_codes),
            "subdistrict_code": _column(located.subdistrict_codes),
            "cell_code": _column(located.cell_codes),
            "attributes": json_rows(checked.attributes),
            "refusal": _column(checked.refusal),
            "reason": _column(checked.reason),
            "issues": pa.array(issues, pa.string()),
        }
    )


def _well_known_binary(geometries: NDArray[np.object_]) -> pa.Array:
    """Return geometries as extended WKB, quickly if all are points."""
    if (shapely.get_type_id(geometries) != _POINT_TYPE).any() or shapely.is_empty(geometries).any():
        with_srid = shapely.set_srid(geometries, SRID)
        return pa.array(
            shapely.to_wkb(with_srid, include_srid=True, output_dimension=2), pa.binary()
        )
    count = len(geometries)
    coordinates = np.ascontiguousarray(shapely.get_coordinates(geometries), dtype="<f8")
    raw = np.empty((count, len(_POINT) + 16), dtype=np.uint8)
    raw[:, : len(_POINT)] = _POINT
    raw[:, len(_POINT) :] = coordinates.view(np.uint8).reshape(count, 16)
    offsets = np.arange(count + 1, dtype=np.int32) * raw.shape[1]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(raw)]
    return pa.Array.from_buffers(pa.binary(), count, buffers)


def _column(values: NDArray[np.generic]) -> pa.Array:
    if values.dtype.kind == "f":
        return pa.array(values, mask=np.isnan(values))
    if values.dtype.kind == "S":
        return pa.array(values, mask=values == b"").cast(pa.string())
    if values.dtype.kind == "O":
        return pa.array(values, pa.string(), from_pandas=True)
    return pa.array(values)


def _numbers(codes: NDArray[np.object_]) -> NDArray[np.int32]:
    numbers = pa.array(codes, pa.string(), from_pandas=True).cast(pa.int32()).fill_null(0)
    return np.asarray(numbers)
