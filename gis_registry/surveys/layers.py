"""What every format gives: a layer with fields, and its rows piece by piece, as they stand there.

A layer knows nothing of the city, the mapping's meanings or the system that its coordinates will be
taken to: :mod:`gis_registry.surveys.reading` does that for all formats alike.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gis_registry.errors import InvalidInput
from gis_registry.surveys.shapefiles import Encoding

BATCH_ROWS = 50_000


@dataclass(frozen=True)
class Piece:
    """Some rows of a file in its order.

    Attributes:
        fields: the columns under the file's own names.
        geometries: of each row, in two dimensions, in the file's own coordinates.
        notes: by a row's index within the piece, what reading did to it or could not read.
    """

    fields: pa.Table
    geometries: NDArray[np.object_]
    notes: dict[int, str] = field(default_factory=dict)


class Layer(Protocol):
    """One layer of an opened file.

    Attributes:
        name: the layer's name.
        format: what kind of file it is in, as GDAL names it.
        geometry_type: as the file says it; ``Unknown`` if it says none.
        crs: the coordinate reference system that the file says (WKT, PROJJSON or code), if any.
        row_count: how many rows it has; None: not known before they are read.
        fields: the names of its fields, without those that hold coordinates.
        encoding: of its text, where that is a question.
    """

    @property
    def name(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def geometry_type(self) -> str: ...
    @property
    def crs(self) -> str | None: ...
    @property
    def row_count(self) -> int | None: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def encoding(self) -> Encoding | None: ...

    def pieces(self) -> Iterator[Piece]:
        """Read the rows in the file's order, at most ``BATCH_ROWS`` at once."""
        ...


def plain_columns(table: pa.Table) -> pa.Table:
    """Return columns in the few types that everything after this knows; bytes are left out."""
    columns: dict[str, pa.ChunkedArray] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = pc.cast(column, kind.value_type)
            kind = column.type
        if pa.types.is_large_string(kind) or kind == pa.string_view():
            column = pc.cast(column, pa.string())
        elif pa.types.is_decimal(kind) or pa.types.is_float16(kind):
            column = pc.cast(column, pa.float64())
        elif pa.types.is_null(kind):
            column = pc.cast(column, pa.string())
        if not is_bytes(kind):
            columns[name] = column
    return pa.table(columns) if columns else table.select([])


def is_bytes(kind: pa.DataType) -> bool:
    """Return whether a column holds pictures and the like, which are no attributes."""
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or kind == pa.binary_view()
    )


def refuse_repeated(file_name: str, names: Sequence[str]) -> None:
    """Refuse columns of one name: which of them is meant cannot be said.

    Raises:
        InvalidInput: there are such columns.
    """
    repeated = sorted(one for one, count in Counter(names).items() if count > 1)
    if repeated:
        raise InvalidInput(
            f"{file_name} has several fields named {', '.join(repeated)}; rename all but one."
        )
