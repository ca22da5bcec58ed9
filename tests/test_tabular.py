"""CSV files as people deliver them: every fault is named with its line."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gis_registry.errors import InvalidInput, UnreadableFile
from gis_registry.tabular import Row, read_csv


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def to_file(content: bytes) -> Path:
        path = tmp_path / "some.csv"
        path.write_bytes(content)
        return path

    return to_file


def row(**values: str) -> Row:
    return Row(Path("some.csv"), 7, values)


@pytest.mark.parametrize(
    "content",
    [
        "code,name\n1,路灯\n".encode(),
        "\ufeffcode,name\r\n1,路灯\r\n".encode(),
        'name,"code"\n"路灯",1'.encode(),
    ],
    ids=["plain", "byte order mark and CRLF", "quoted, no last line end"],
)
def test_a_file_is_read_whatever_wrote_it(write: Callable[[bytes], Path], content: bytes) -> None:
    (only,) = read_csv(write(content), {"code", "name"})
    assert (only.text("code"), only.text("name"), only.line) == ("1", "路灯", 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name\n1\n", "has no column code; its header is: name."),
        (b"", "has no column code; its header is: empty."),
        ("code\n路灯\n".encode("gbk"), "is not UTF-8; save it as CSV in UTF-8."),
        (b"code\n" + b"1" * 200_000 + b"\n", "is no CSV file: field larger than field limit"),
        (b'code,name\n1,"lamp\n2,bin\n', "Look for a quotation mark that does not end."),
        (b"code,name,code\n1,lamp,2\n", "has more than one column code; its header is: code,"),
    ],
    ids=["column missing", "empty", "GBK", "endless field", "open quotation", "twice"],
)
def test_a_file_that_cannot_be_read_says_why(
    write: Callable[[bytes], Path], content: bytes, message: str
) -> None:
    path = write(content)
    with pytest.raises(UnreadableFile) as refused:
        list(read_csv(path, {"code"}))
    assert str(refused.value).startswith(str(path))
    assert message in str(refused.value)


def test_a_file_that_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No such file or directory"):
        list(read_csv(tmp_path / "none.csv", set()))
    with pytest.raises(UnreadableFile, match="Is a directory"):
        list(read_csv(tmp_path, set()))


def test_a_line_with_more_values_than_columns_is_refused(
    write: Callable[[bytes], Path],
) -> None:
    path = write(b"code,name\n1,lamp\n2,lamp, broken\n")
    with pytest.raises(InvalidInput) as refused:
        list(read_csv(path, {"code"}))
    assert str(refused.value) == (
        "some.csv, line 3: it has more values than the header has columns; a value that holds a "
        "comma needs quotation marks."
    )


def test_a_line_with_a_nul_is_refused(write: Callable[[bytes], Path]) -> None:
    with pytest.raises(InvalidInput, match="line 2: it contains the NUL character"):
        list(read_csv(write(b"code,name\n1,la\0mp\n"), {"code"}))


def test_a_line_with_fewer_values_has_empty_ones(write: Callable[[bytes], Path]) -> None:
    (only,) = read_csv(write(b"code,name\n1\n"), {"code"})
    assert only.text("name") == ""
    assert only.optional("name") is None


def test_values_are_read_as_what_they_are() -> None:
    one = row(
        name=" 路灯 ",
        width="2.5",
        day="2026-06-30",
        seen="2026-07-06T08:04:00+08:00",
        yes="Yes",
        no="0",
        empty="  ",
    )
    assert one.required("name") == "路灯"
    assert one.number("width") == 2.5
    assert one.number("empty", 3.0) == 3.0
    assert one.date("day") == date(2026, 6, 30)
    assert one.date("empty") is None
    assert one.moment("seen") == datetime(2026, 7, 6, 0, 4, tzinfo=UTC)
    assert one.flag("yes") is True
    assert one.flag("no", default=True) is False
    assert one.flag("empty", default=True) is True
    assert one.flag("absent") is False
    assert one.text("absent", "other") == "other"


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda one: one.required("absent"), "the column 'absent' is empty."),
        (lambda one: one.number("word"), "word is 'wide', not a number."),
        (lambda one: one.number("absent"), "absent is '', not a number."),
        (lambda one: one.date("word"), "word is 'wide', not a date such as 2026-06-30."),
        (lambda one: one.date("day"), "day is '2026-02-30', not a date such as 2026-06-30."),
        (lambda one: one.moment("word"), "word is 'wide', not a time in ISO 8601."),
        (lambda one: one.moment("local"), "local is '2026-07-06T08:04', which has no time zone."),
        (lambda one: one.flag("word"), "word is 'wide'; write true or false."),
    ],
)
def test_a_value_that_is_something_else_is_refused(
    read: Callable[[Row], object], message: str
) -> None:
    one = row(word="wide", day="2026-02-30", local="2026-07-06T08:04")
    with pytest.raises(InvalidInput) as refused:
        read(one)
    assert str(refused.value) == f"some.csv, line 7: {message}"
