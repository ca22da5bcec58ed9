"""Reports in files: CSV with a column for each field, or JSON lines as the API takes them.

What a file says is sent once: a report without a client key of its own gets one from the file's
contents and its line, so that the same file again, or the rest of one that was interrupted, makes
no report twice.
"""

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy.orm import Session

from gis_registry.errors import InvalidInput, RegistryError, UnreadableFile
from gis_registry.reports import service
from gis_registry.reports.keeping import Submission
from gis_registry.reports.schemas import AnsweredReport, NewReport
from gis_registry.tabular import Row, read_rows, text_encoding

#: Columns of a CSV file that name something else than a field of a report.
_ALSO = {"class": "matter", "key": "client_key"}
_OF_SENDER = "sender_"
_REQUIRED = {"lon", "lat"}
_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class ReadReport:
    """A line of a file, and the report it holds or why it holds none."""

    line: int
    said: NewReport | InvalidInput


@dataclass(frozen=True)
class Imported:
    """What became of a line: its report with the answer, or why it was refused."""

    line: int
    result: AnsweredReport | RegistryError


def read_reports(path: Path) -> Iterator[ReadReport]:
    """Read the reports of a file, the columns or fields being those of :class:`NewReport`.

    In CSV ``class`` may stand for ``matter`` and ``key`` for ``client_key``; the sender's fields
    have ``sender_`` before them; an empty value counts as not given.

    Raises:
        UnreadableFile: it is neither, damaged, or lacks a column; nothing was read of it then.
    """
    if path.suffix.lower() not in (".csv", *_LINES):
        raise UnreadableFile(
            f"{path.name} is neither CSV (.csv) nor JSON lines (.jsonl, .ndjson). Save it as one."
        )
    encoding = text_encoding(path)
    digest = _digest(path)
    is_csv = path.suffix.lower() == ".csv"
    if is_csv:  # a file of which the end cannot be read is refused before its beginning is kept
        deque(read_rows(path, _REQUIRED, encoding=encoding), maxlen=0)
    for line, fields in _csv(path, encoding) if is_csv else _json_lines(path, encoding):
        yield ReadReport(line, _report(fields, f"file:{digest}:{line}"))


def import_reports(
    session: Session, reports: Iterator[ReadReport], *, reported_by: str, count: int
) -> list[Imported]:
    """Answer and keep the next reports of a file, at most so many; none are left: no results."""
    batch = list(islice(reports, count))
    sound = [one.said for one in batch if isinstance(one.said, NewReport)]
    answers = iter(service.submit_all(session, [Submission(one, reported_by) for one in sound]))
    return [
        Imported(one.line, next(answers) if isinstance(one.said, NewReport) else one.said)
        for one in batch
    ]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:24]


def _csv(path: Path, encoding: str) -> Iterator[tuple[int, Mapping[str, object] | InvalidInput]]:
    for row in read_rows(path, _REQUIRED, encoding=encoding):
        yield row.line, InvalidInput(row.damage) if row.damage else _fields(row)


def _fields(row: Row) -> dict[str, object]:
    given = {name: row.text(name) for name in row.values if row.text(name)}
    fields: dict[str, object] = {}
    sender: dict[str, object] = {}
    for name, value in given.items():
        if name.startswith(_OF_SENDER):
            sender[name.removeprefix(_OF_SENDER)] = value
        elif _ALSO.get(name, name) not in given or name not in _ALSO:
            fields[_ALSO.get(name, name)] = value
    return fields | ({"sender": sender} if sender else {})


def _json_lines(path: Path, encoding: str) -> Iterator[tuple[int, object]]:
    with path.open(encoding=encoding) as file:
        for line, text in enumerate(file, start=1):
            if text.strip():
                yield line, _from_json(text)


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        return InvalidInput(f"It is no JSON: {error}. Write one report a line.")
    except RecursionError:
        return InvalidInput("It is nested too deeply to be a report.")


def _report(fields: object, key: str) -> NewReport | InvalidInput:
    if isinstance(fields, InvalidInput):
        return fields
    try:
        new = NewReport.model_validate(fields)
    except ValidationError as error:
        return InvalidInput(_faults(error.errors()))
    return new if new.client_key is not None else new.model_copy(update={"client_key": key})


def _faults(errors: Sequence[Mapping[str, object]]) -> str:
    """Return in a sentence what is wrong with which fields."""
    told = []
    for one in errors[:5]:
        where = one["loc"]
        assert isinstance(where, tuple)  # noqa: S101  as pydantic documents it
        is_unknown = one["type"] == "extra_forbidden"
        said = "a report has no such field; leave it out or rename it" if is_unknown else one["msg"]
        told.append(f"{'.'.join(map(str, where)) or 'report'}: {said}")
    more = f"; and {len(errors) - 5} more" if len(errors) > 5 else ""
    return f"{'; '.join(told)}{more}."
