"""Identifiers: reading them as people write them, and issuing each of them once."""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis_registry.components import queries
from gis_registry.components.identifiers import (
    LAST_SERIAL,
    Identifier,
    issue,
    parse_identifier,
)
from gis_registry.components.tables import IdentifierBlock, SerialCounter
from gis_registry.db.engine import Database
from gis_registry.errors import InvalidInput, SerialsExhausted
from gis_registry.settings import Settings

_ASCII_DIGITS = "0123456789"
_FULL_WIDTH = str.maketrans(_ASCII_DIGITS, "０１２３４５６７８９")

codes = st.sampled_from([16, 17]).flatmap(
    lambda length: st.text(_ASCII_DIGITS, min_size=length, max_size=length)
)


@given(codes)
def test_an_identifier_reads_back_as_it_was_written(code: str) -> None:
    identifier = parse_identifier(code)
    assert str(identifier) == code
    assert identifier.division_code == code[:6]
    assert identifier.class_code == code[6:-6]
    assert identifier.serial == int(code[-6:])


@given(
    code=codes,
    separators=st.lists(st.sampled_from(["", " ", "-", "\u3000", "\t", "－", "–", " - ", "."])),
    is_full_width=st.booleans(),
)
def test_spaces_hyphens_and_full_width_digits_are_forgiven(
    code: str, separators: list[str], is_full_width: bool
) -> None:
    between = (separators + [""] * len(code))[: len(code)]
    written = "".join(digit + mark for digit, mark in zip(code, between, strict=True))
    if is_full_width:
        written = written.translate(_FULL_WIDTH)
    assert str(parse_identifier(f"  {written}\n")) == code


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "has 16 or 17 digits, this has 0."),
        ("370202013700000", "this has 15."),
        ("370202013700000123", "this has 18."),
        ("370202O137000001", "this has 15 and other characters."),
        ("370202 0137 00000l", "this has 15 and other characters."),
        ("٣٧٠٢٠٢٠١٣٧٠٠٠٠٠١", "this has 0 and other characters."),
        ("路灯", "this has 0 and other characters."),
        ("9" * 5000, "this has 5000."),
    ],
)
def test_what_is_no_identifier_is_refused_with_what_is_wrong(written: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_identifier(written)
    message = str(refused.value)
    assert message.endswith(why)
    assert len(message) < 160


def test_serials_are_issued_in_runs_that_adjoin(session: Session) -> None:
    change = queries.new_change(session, actor="test", reason="issue")
    lamp, hydrant = ("370202", "0137"), ("370202", "0113")
    assert issue(session, change_id=change.id, wanted={}) == {}
    assert issue(session, change_id=change.id, wanted={lamp: 0}) == {}
    assert issue(session, change_id=change.id, wanted={lamp: 5, hydrant: 1}) == {
        lamp: 1,
        hydrant: 1,
    }
    assert issue(session, change_id=change.id, wanted={lamp: 2}) == {lamp: 6}
    blocks = session.execute(
        select(IdentifierBlock.first_serial, IdentifierBlock.last_serial)
        .where(IdentifierBlock.division_code == "370202", IdentifierBlock.class_code == "0137")
        .order_by(IdentifierBlock.first_serial)
    )
    assert [tuple(block) for block in blocks] == [(1, 5), (6, 7)]


@pytest.fixture
def nearly_exhausted(session: Session) -> Callable[[int], int]:
    """Leave so many serials of street lights in Shinan; return the change to issue them with."""

    def leave(count: int) -> int:
        session.add(
            SerialCounter(
                division_code="370202", class_code="0137", next_serial=LAST_SERIAL + 1 - count
            )
        )
        change = queries.new_change(session, actor="test", reason="issue")
        return change.id

    return leave


def test_the_last_serial_can_be_issued(
    session: Session, nearly_exhausted: Callable[[int], int]
) -> None:
    change_id = nearly_exhausted(3)
    wanted = {("370202", "0137"): 3}
    assert issue(session, change_id=change_id, wanted=wanted) == {("370202", "0137"): 999_997}


@pytest.mark.parametrize(("left", "count"), [(3, 4), (0, 1), (3, 2_000_000)])
def test_nothing_is_issued_when_serials_run_out(
    session: Session, nearly_exhausted: Callable[[int], int], left: int, count: int
) -> None:
    change_id = nearly_exhausted(left)
    wanted = {("370202", "0113"): 7, ("370202", "0137"): count}
    with pytest.raises(SerialsExhausted) as refused, session.begin_nested():
        issue(session, change_id=change_id, wanted=wanted)
    assert str(refused.value).startswith(
        f"{count} identifiers are needed for class 0137 in division 370202, and {left} of its "
        "999,999 serials are left."
    )
    assert session.scalars(select(IdentifierBlock)).all() == []
    counters = {
        one.class_code: one.next_serial for one in session.scalars(select(SerialCounter)).all()
    }
    assert counters == {"0137": LAST_SERIAL + 1 - left}


_KEYS = [
    (division, code) for division in ("370202", "370203", "370215") for code in ("0137", "01037")
]
_ALLOCATORS = 50
_DURATION_S = 10.0


class _Undone(Exception):
    """An allocator that changes its mind."""


def _allocate(
    database: Database, number: int, start: Barrier
) -> list[tuple[tuple[str, str], int, int]]:
    """Issue runs until the time is over; return those that were committed."""
    chance = random.Random(number)
    issued: list[tuple[tuple[str, str], int, int]] = []
    start.wait()
    until = time.monotonic() + _DURATION_S
    while time.monotonic() < until:
        keys = chance.sample(_KEYS, chance.randint(1, 3))
        wanted = {key: chance.randint(1, 40) for key in keys}
        try:
            with database.session() as session:
                change = queries.new_change(session, actor=f"allocator {number}", reason="issue")
                first = issue(session, change_id=change.id, wanted=wanted)
                if chance.random() < 0.25:
                    raise _Undone
        except _Undone:
            continue
        issued += [(key, first[key], wanted[key]) for key in wanted]
    return issued


@pytest.mark.slow
def test_fifty_concurrent_allocators_leave_neither_duplicate_nor_gap(
    own_settings: Settings,
) -> None:
    start = Barrier(_ALLOCATORS, timeout=30)
    with (
        Database(own_settings.model_copy(update={"pool_size": _ALLOCATORS})) as database,
        ThreadPoolExecutor(_ALLOCATORS) as threads,
    ):
        running = [
            threads.submit(_allocate, database, number, start) for number in range(_ALLOCATORS)
        ]
        told = Counter(run for one in running for run in one.result())
        with database.session() as session:
            recorded = Counter(
                ((one.division_code, one.class_code), one.first_serial, one.size)
                for one in session.execute(
                    select(
                        IdentifierBlock.division_code,
                        IdentifierBlock.class_code,
                        IdentifierBlock.first_serial,
                        (IdentifierBlock.last_serial - IdentifierBlock.first_serial + 1).label(
                            "size"
                        ),
                    )
                )
            )
            next_serials = {
                (one.division_code, one.class_code): one.next_serial
                for one in session.scalars(select(SerialCounter))
            }
    assert told == recorded
    assert len(told) > 200
    runs: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for key, first, count in recorded.elements():
        runs[key].append((first, first + count))
    assert set(runs) == set(_KEYS) == set(next_serials)
    for key, blocks in runs.items():
        blocks.sort()
        assert blocks[0][0] == 1
        assert all(before[1] == after[0] for before, after in pairwise(blocks)), key
        assert blocks[-1][1] == next_serials[key]


def test_an_identifier_is_printed_with_all_its_digits() -> None:
    assert str(Identifier("370202", "01037", 7)) == "37020201037000007"
