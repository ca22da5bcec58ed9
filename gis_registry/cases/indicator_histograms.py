"""How many cases took how long: histograms as they are kept, packed, and what is read of them.

A packed histogram has six bytes for each bucket with cases: its number (two bytes) and how many
(four), the highest byte first. Buckets come in any order; if one is there several times, its cases
add up. So the database hands over thousands of histograms as they are, and they are added up here:
several times faster than from arrays, and from rows by far.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    LargeBinary,
    ScalarSelect,
    SmallInteger,
    cast,
    func,
    literal_column,
    select,
)

from gis_registry.cases.indicator_measures import UPPER_S

_BUCKETS = len(UPPER_S) + 1
_ENTRY = np.dtype([("bucket", ">i2"), ("cases", ">i4")])
_ZERO = literal_column("0", Integer)
_NOTHING = literal_column("''::bytea", LargeBinary)


@dataclass(frozen=True)
class Histograms:
    """Those of several groups.

    Attributes:
        groups: the names of the groups.
        upto: how many cases are in each bucket and in those before it; a row for each group.
    """

    groups: list[str]
    upto: NDArray[np.int64]

    @classmethod
    def of(cls, packed: Iterable[tuple[str, bytes]]) -> "Histograms":
        """Add up packed histograms, each with the name of the group that it belongs to."""
        rows: dict[str, int] = {}
        belongs, parts = [], []
        for group, part in packed:
            belongs.append(rows.setdefault(group, len(rows)))
            parts.append(part)
        entries = np.frombuffer(b"".join(parts), _ENTRY)
        lengths = [len(part) // _ENTRY.itemsize for part in parts]
        places = np.repeat(np.array(belongs, np.int64) * _BUCKETS, lengths) + entries["bucket"]
        cases = np.bincount(places, entries["cases"], minlength=len(rows) * _BUCKETS)
        cases = cases.astype(np.int64).reshape(len(rows), _BUCKETS)
        return cls(list(rows), cases.cumsum(axis=1))

    def within(self, bucket: int) -> dict[str, int]:
        """Return how many cases of each group are in the buckets up to this one."""
        return dict(zip(self.groups, self.upto[:, bucket].tolist(), strict=True))

    def percentile(self, percent: int) -> dict[str, int]:
        """Return the bucket that this percent of a group's cases do not exceed."""
        total = self.upto[:, -1:]
        found = (self.upto * 100 >= total * percent).argmax(axis=1)
        each = zip(self.groups, found.tolist(), total[:, 0].tolist(), strict=True)
        return {group: bucket for group, bucket, cases in each if cases}


def packed(bucket: ColumnElement[Any], cases: ColumnElement[Any]) -> ColumnElement[bytes]:
    """Return the packed histogram of grouped rows, as an aggregate."""
    number = func.int2send(cast(bucket, SmallInteger), type_=LargeBinary)
    entry = number.concat(func.int4send(cast(cases, Integer), type_=LargeBinary))
    return func.coalesce(
        func.string_agg(entry, _NOTHING, type_=LargeBinary).filter(cases != _ZERO),
        _NOTHING,
    )


def unpacked(histogram: str) -> FromClause:
    """Return the entries of a packed histogram as rows: ``bucket`` and ``cases``.

    Args:
        histogram: in SQL, of columns of the statement that reads from this.
    """
    whole = select(literal_column(histogram, LargeBinary).label("packed")).offset(_ZERO).lateral()
    last = func.octet_length(whole.c.packed, type_=Integer) - _number(1)
    each = func.generate_series(_ZERO, last, _number(_ENTRY.itemsize))
    entry = each.column_valued("entry", joins_implicitly=True)

    def byte(n: int, *, times_two_to: int) -> ColumnElement[int]:
        found = func.get_byte(whole.c.packed, entry + _number(n), type_=Integer)
        return found.bitwise_lshift(_number(times_two_to))

    bucket = byte(0, times_two_to=8) + byte(1, times_two_to=0)
    cases = sum((byte(n, times_two_to=8 * (5 - n)) for n in range(3, 6)), byte(2, times_two_to=24))
    return select(cast(bucket, SmallInteger).label("bucket"), cases.label("cases")).lateral()


def added_up(histogram: str) -> ScalarSelect[bytes]:
    """Return a packed histogram, given as for :func:`unpacked`, with one entry for each bucket."""
    entries = unpacked(histogram)
    summed = (
        select(entries.c.bucket, func.sum(entries.c.cases).label("cases"))
        .group_by(entries.c.bucket)
        .subquery()
    )
    return select(packed(summed.c.bucket, summed.c.cases)).scalar_subquery()


def _number(number: int) -> ColumnElement[int]:
    return literal_column(str(number), Integer)
