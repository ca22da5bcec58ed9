"""Rows that the database wrote as CSV into Arrow's columns, without a loop over their values."""

from binascii import unhexlify

import numpy as np
import pyarrow as pa
import pyarrow.csv


def batch_of(lines: bytes, schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as columns.

    Args:
        lines: some whole rows, one at least, as ``COPY`` writes them; the last value of each is
            its geometry as WKB in hexadecimal digits.
        schema: the names and types of the columns, the last of them binary.
    """
    # Names may be the same until a format's names are given.
    numbered = {str(number): field.type for number, field in enumerate(schema)}
    table = pyarrow.csv.read_csv(
        pa.BufferReader(lines),
        read_options=pyarrow.csv.ReadOptions(
            column_names=list(numbered),
            block_size=len(lines) + 1,  # one block, however long a line is
        ),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=numbered | {str(len(schema) - 1): pa.string()},
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
            true_values=["t", "true"],
            false_values=["f", "false"],
        ),
    ).combine_chunks()
    arrays = [column.chunk(0) for column in table.columns]
    return pa.RecordBatch.from_arrays([*arrays[:-1], _binary(arrays[-1])], schema=schema)


def _binary(hexadecimal: pa.StringArray) -> pa.BinaryArray:
    """Return the bytes that hexadecimal texts stand for."""
    validity, offsets, digits = hexadecimal.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[: len(hexadecimal) + 1]
    data = unhexlify(memoryview(digits)[ends[0] : ends[-1]] if digits is not None else b"")
    starts = pa.py_buffer(((ends - ends[0]) // 2).astype(np.int32))
    return pa.Array.from_buffers(
        pa.binary(), len(hexadecimal), [validity, starts, pa.py_buffer(data)]
    )
