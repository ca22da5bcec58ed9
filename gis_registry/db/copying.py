"""Copying columns into a table in the server's binary format, which it reads quicker than text."""

import pyarrow as pa
from geoalchemy2 import Geometry
from pgpq import ArrowToPostgresBinaryEncoder
from pgpq.encoders import StringEncoderBuilder
from pgpq.schema import Jsonb
from sqlalchemy import BigInteger, Column, Date, Float, FromClause, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

_ARROW_TYPES = (
    (BigInteger, pa.int64()),
    (Integer, pa.int32()),
    (Float, pa.float64()),
    (Date, pa.date32()),
    (Geometry, pa.binary()),
)


def copy_columns(
    session: Session, table: FromClause, columns: pa.Table, *, into: str, is_new: bool = False
) -> None:
    """Copy columns into a table.

    Args:
        session: open transaction.
        table: says of what types the columns are.
        columns: values; geometries as extended WKB, JSON as text.
        into: name of the table, which has these columns and may have others.
        is_new: whether the session's transaction made the table, so that nobody else sees it; its
            rows need not be looked at again then.
    """
    schema = pa.schema([(name, _arrow_type(table.c[name])) for name in columns.column_names])
    encoders = {one.name: ArrowToPostgresBinaryEncoder.infer_encoder(one) for one in schema} | {
        one.name: StringEncoderBuilder.new_with_output(one, Jsonb())
        for one in schema
        if isinstance(table.c[one.name].type, JSONB)
    }
    encoder = ArrowToPostgresBinaryEncoder.new_with_encoders(schema, encoders)
    options = "FORMAT binary, FREEZE" if is_new else "FORMAT binary"
    statement = f"COPY {into} ({', '.join(schema.names)}) FROM STDIN ({options})"
    connection = session.connection().connection.driver_connection
    assert connection is not None  # noqa: S101  a session in a transaction has one
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(encoder.write_header())
        for batch in columns.cast(schema).combine_chunks().to_batches():
            copy.write(encoder.write_batch(batch))
        copy.write(encoder.finish())


def _arrow_type(column: Column[object]) -> pa.DataType:
    kinds = (arrow for kind, arrow in _ARROW_TYPES if isinstance(column.type, kind))
    return next(kinds, pa.string())
