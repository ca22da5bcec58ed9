"""Reading the CSV files that profiles and people deliver: UTF-8, a header, every fault named."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from gis_registry.errors import InvalidInput, UnreadableFile


@dataclass(frozen=True)
class Row:
    """One line of a CSV file: its values by column, and where it stands for messages.

    ``damage`` says why the values cannot be relied on; mostly it is empty.
    """

    path: Path
    line: int
    values: dict[str, str]
    damage: str = ""

    def fault(self, message: str) -> InvalidInput:
        """Return an error that names the file and the line."""
        return InvalidInput(f"{self.path.name}, line {self.line}: {message}")

    def text(self, column: str, default: str = "") -> str:
        """Return a value without the white space around it."""
        return (self.values.get(column) or "").strip() or default

    def optional(self, column: str) -> str | None:
        """Return a value, or None where it is empty."""
        return self.text(column) or None

    def required(self, column: str) -> str:
        """Return a value that must not be empty."""
        value = self.text(column)
        if not value:
            raise self.fault(f"the column {column!r} is empty.")
        return value

    def number(self, column: str, default: float | None = None) -> float:
        """Return a value as a number."""
        value = self.text(column)
        if not value and default is not None:
            return default
        try:
            return float(value)
        except ValueError as error:
            raise self.fault(f"{column} is {value!r}, not a number.") from error

    def date(self, column: str) -> date | None:
        """Return a value as a date (YYYY-MM-DD), or None where it is empty."""
        value = self.text(column)
        try:
            return date.fromisoformat(value) if value else None
        except ValueError as error:
            raise self.fault(f"{column} is {value!r}, not a date such as 2026-06-30.") from error

    def moment(self, column: str) -> datetime:
        """Return a value as a time with its zone."""
        value = self.required(column)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise self.fault(f"{column} is {value!r}, not a time in ISO 8601.") from error
        if moment.tzinfo is None:
            raise self.fault(f"{column} is {value!r}, which has no time zone.")
        return moment

    def flag(self, column: str, *, default: bool = False) -> bool:
        """Return a value as yes or no."""
        value = self.text(column).lower()
        if value in {"true", "yes", "1"}:
            return True
        if value in {"false", "no", "0"}:
            return False
        if value:
            raise self.fault(f"{column} is {value!r}; write true or false.")
        return default


def text_encoding(path: Path) -> str:
    """Return the encoding that all of a text file is in: UTF-8 or GB18030.

    Raises:
        UnreadableFile: it cannot be opened, or is in neither.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            with path.open(encoding=encoding) as file:
                while file.read(1 << 20):
                    pass
        except UnicodeDecodeError:
            continue
        except OSError as error:
            raise UnreadableFile(f"{path} cannot be opened: {error.strerror}.") from error
        return encoding
    raise UnreadableFile(f"{path} is neither UTF-8 nor GB18030; save it in UTF-8.")


def csv_header(path: Path) -> set[str]:
    """Return the names of the columns of a CSV file, which tell what it holds.

    Raises:
        UnreadableFile: it is missing, not UTF-8, or no CSV file.
    """
    with _reading(path), path.open(encoding="utf-8-sig", newline="") as file:
        return {name.strip() for name in next(csv.reader(file), [])}


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a CSV file is read into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be opened: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{path} is not UTF-8; save it as CSV in UTF-8.") from error
    except csv.Error as error:
        raise UnreadableFile(
            f"{path} is no CSV file: {error}. Look for a quotation mark that does not end."
        ) from error


def check_columns(path: Path, names: Sequence[str], required: set[str]) -> None:
    """Refuse the header of a CSV file that lacks a column, or has one twice.

    Raises:
        UnreadableFile: it does.
    """
    header = f"its header is: {', '.join(names) or 'empty'}."
    missing = ", ".join(sorted(required - set(names)))
    if missing:
        raise UnreadableFile(f"{path} has no column {missing}; {header}")
    twice = ", ".join(sorted({name for name in names if name and names.count(name) > 1}))
    if twice:
        raise UnreadableFile(f"{path} has more than one column {twice}; {header}")


def read_rows(path: Path, required: set[str], *, encoding: str = "utf-8-sig") -> Iterator[Row]:
    """Read a CSV file as :func:`read_csv`, damaged lines too."""
    with _reading(path), path.open(encoding=encoding, newline="") as file:
        reader = csv.DictReader(file, strict=True)
        check_columns(path, reader.fieldnames or (), required)
        for values in reader:
            yield Row(path, reader.line_num, values, _damage(values, reader.restkey))


def read_csv(path: Path, required: set[str], *, encoding: str = "utf-8-sig") -> Iterator[Row]:
    """Read a CSV file with a header that has at least the required columns.

    Raises:
        UnreadableFile: it is missing, not in the encoding, lacks a column, has one twice, or a
            quotation mark does not end.
        InvalidInput: a line has more values than there are columns, or contains NUL.
    """
    for row in read_rows(path, required, encoding=encoding):
        if row.damage:
            raise row.fault(row.damage)
        yield row


def _damage(values: Mapping[str | None, str | None], surplus: str | None) -> str:
    if surplus in values:
        return (
            "it has more values than the header has columns; a value that holds a comma needs "
            "quotation marks."
        )
    if any("\0" in (value or "") for value in values.values()):
        return "it contains the NUL character."
    return ""
