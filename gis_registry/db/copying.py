"""Copying columns into a table in the server's binary format, which it reads quicker than text."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from geoalchemy2 import Geometry
from pgpq import ArrowToPostgresBinaryEncoder
from pgpq.encoders import StringEncoderBuilder
from pgpq.schema import Jsonb
from psycopg import sql
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
    session: Session,
    table: FromClause,
    batches: Iterable[pa.Table],
    *,
    into: str,
    is_new: bool = False,
) -> Iterator[int]:
    """Copy batches of columns into a table; yields how many rows are sent after each.

    Each batch is made and encoded while the one before it is sent.

    Args:
        session: open transaction.
        table: says of what types the columns are.
        batches: all with the same columns; geometries as extended WKB, JSON as text.
        into: name of the table, which has these columns and may have others.
        is_new: whether the session's transaction made the table, so that nobody else sees it; its
            rows need not be looked at again then.
    """
    remaining = iter(batches)
    first = next(remaining, None)
    if first is None:
        return
    schema = pa.schema([(name, _arrow_type(table.c[name])) for name in first.column_names])
    encoders = {one.name: ArrowToPostgresBinaryEncoder.infer_encoder(one) for one in schema} | {
        one.name: StringEncoderBuilder.new_with_output(one, Jsonb())
        for one in schema
        if isinstance(table.c[one.name].type, JSONB)
    }
    encoder = ArrowToPostgresBinaryEncoder.new_with_encoders(schema, encoders)

    def encoded(columns: pa.Table | None) -> tuple[int, list[bytes]] | None:
        if columns is None:
            return None
        whole = columns.cast(schema).combine_chunks()
        return len(columns), [encoder.write_batch(one) for one in whole.to_batches()]

    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary, FREEZE {})").format(
        sql.Identifier(into),
        sql.SQL(", ").join(map(sql.Identifier, schema.names)),
        sql.Literal(is_new),
    )
    connection = session.connection().connection.driver_connection
    assert connection is not None  # noqa: S101  a session in a transaction has one
    sent = 0
    with (
        ThreadPoolExecutor(1) as pool,
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        copy.write(encoder.write_header())
        batch = encoded(first)
        while batch is not None:
            following = pool.submit(lambda: encoded(next(remaining, None)))
            count, parts = batch
            for part in parts:
                copy.write(part)
            sent += count
            yield sent
            batch = following.result()
        copy.write(encoder.finish())


def _arrow_type(column: Column[object]) -> pa.DataType:
    kinds = (arrow for kind, arrow in _ARROW_TYPES if isinstance(column.type, kind))
    return next(kinds, pa.string())
