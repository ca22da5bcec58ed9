"""Reading the CSV files that profiles and people deliver: UTF-8, a header, every fault named."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from gis_registry.errors import InvalidInput, UnreadableFile


@dataclass(frozen=True)
class Row:
    """One line of a CSV file: its values by column, and where it stands for messages."""

    path: Path
    line: int
    values: dict[str, str]

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
    """Return the encoding of a text file: UTF-8 if all of it is, otherwise GB18030.

    Raises:
        UnreadableFile: it cannot be opened.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "gb18030"
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be opened: {error.strerror}.") from error
    return "utf-8-sig"


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
        raise UnreadableFile(f"{path} is no CSV file: {error}.") from error


def read_csv(path: Path, required: set[str], *, encoding: str = "utf-8-sig") -> Iterator[Row]:
    """Read a CSV file with a header that has at least the required columns.

    Raises:
        UnreadableFile: it is missing, not in the encoding, or lacks a column.
        InvalidInput: a line has more values than there are columns.
    """
    with _reading(path), path.open(encoding=encoding, newline="") as file:
        reader = csv.DictReader(file)
        missing = required - set(reader.fieldnames or ())
        if missing:
            raise UnreadableFile(
                f"{path} has no column {', '.join(sorted(missing))}; "
                f"its header is: {', '.join(reader.fieldnames or ()) or 'empty'}."
            )
        for values in reader:
            row = Row(path, reader.line_num, values)
            if reader.restkey in values:
                raise row.fault(
                    "it has more values than the header has columns; a value that holds a "
                    "comma needs quotation marks."
                )
            yield row
