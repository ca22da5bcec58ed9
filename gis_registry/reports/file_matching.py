"""Matching the reports of a CSV file to components, without keeping anything."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy.orm import Session

from gis_registry.errors import InvalidInput, RegistryError, UnreadableFile
from gis_registry.places import service as places
from gis_registry.places.service import Place, Point
from gis_registry.places.tables import City
from gis_registry.reports import matching
from gis_registry.reports.matching import LEAST_PROBABILITY, Weighed
from gis_registry.reports.questions import Question, questions_of
from gis_registry.reports.schemas import NewReport
from gis_registry.reports.tables import Outcome
from gis_registry.reports.weighing import Belief
from gis_registry.tabular import check_columns, text_encoding

#: So many reports are matched at once.
_BATCH = 10_000
#: So many reports of a file, spread over all of it, show what errors its senders have.
_LEARNING = 5000
#: A spreadsheet takes the zero off a class code of so many digits.
_CODE_DIGITS = 4

#: What becomes of a row that cannot be used.
REFUSED = "refused"
_OPTIONAL = ("accuracy_m", "datum", "text", "scanned", "reported_at")

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class MatchedRow:
    """What a row of a file came to; the probability is that of what is said.

    ``candidates`` are codes with their probabilities, most probable first; ``reason`` says why a
    row was refused.
    """

    id: str
    outcome: str
    code: str = ""
    probability: float | None = None
    candidates: tuple[tuple[str, float], ...] = ()
    reason: str = ""


def match_file(session: Session, path: Path, *, progress: Progress) -> Iterator[MatchedRow]:
    """Match every row of a CSV file, in its order; one that cannot be used is refused.

    What the senders of the file mean by an accuracy, and how many components are not on the map, is
    learned from where all of its reports lie.

    Args:
        session: open transaction.
        path: a CSV file in UTF-8 or GB18030 with the columns lon, lat and matter (or class), and
            perhaps id, accuracy_m, text, datum, scanned and reported_at.
        progress: called with the stage, how many rows are done, and how many there are.

    Raises:
        UnreadableFile: it is missing, no such CSV file, or lacks a column.
    """
    rows = _read(path)
    city = places.the_city(session)
    reports = [_report(row, ZoneInfo(city.time_zone)) for row in rows]
    progress("Learning from the file", 0, len(rows))
    sample = reports[:: max(1, -(-len(reports) // _LEARNING))]
    known = [one for one in sample if isinstance(one, NewReport)]
    asked = questions_of(session, known, city, datetime.now(UTC))
    belief = matching.learn(session, [one for one in asked if isinstance(one, Question)])
    for first in range(0, len(rows), _BATCH):
        progress("Matching", first, len(rows))
        batch = reports[first : first + _BATCH]
        answers = _answers(session, batch, city, belief)
        for row, answer in zip(rows[first : first + _BATCH], answers, strict=True):
            yield _told(row["id"], answer)
    progress("Matching", len(rows), len(rows))


def _read(path: Path) -> list[dict[str, str]]:
    """Read the rows by lower-case column; a row without an id gets its number, from 1."""
    try:
        with path.open(encoding=text_encoding(path), newline="") as file:
            reader = csv.DictReader(file, restval="", strict=True)
            reader.fieldnames = _columns(reader.fieldnames or (), path)
            rows = []
            for number, values in enumerate(reader, start=1):
                row = {name: value.strip() for name, value in values.items() if name is not None}
                rows.append(row | {"id": row.get("id") or str(number)})
    except csv.Error as error:
        raise UnreadableFile(
            f"{path} is no CSV file: {error}. Look for a quotation mark that does not end."
        ) from error
    return rows


def _columns(header: Sequence[str], path: Path) -> list[str]:
    columns = [(one or "").strip().lower() for one in header]
    check_columns(path, columns, {"lon", "lat"})
    if not {"matter", "class"} & set(columns):
        raise UnreadableFile(
            f"{path} has no column matter (or class); its header is: {', '.join(columns)}."
        )
    return columns


def _report(row: Mapping[str, str], zone: ZoneInfo) -> NewReport | RegistryError:
    values: dict[str, object] = {name: row[name] for name in _OPTIONAL if row.get(name)}
    matter = row.get("matter") or row.get("class") or ""
    is_short = matter.isdigit() and len(matter) == _CODE_DIGITS - 1
    values |= {
        "lon": row["lon"],
        "lat": row["lat"],
        "matter": matter.zfill(_CODE_DIGITS) if is_short else matter,
    }
    try:
        if row.get("reported_at"):
            at = datetime.fromisoformat(row["reported_at"])
            values["reported_at"] = at if at.tzinfo else at.replace(tzinfo=zone)
        return NewReport.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        return InvalidInput(f"{fault['loc'][0]}: {fault['msg']}.")
    except ValueError:
        return InvalidInput(f"reported_at: {row['reported_at']!r} is not a time in ISO 8601.")


def _answers(
    session: Session, reports: Sequence[NewReport | RegistryError], city: City, belief: Belief
) -> list[Weighed | RegistryError]:
    """Match reports that lie in the city; the others keep their errors."""
    told: list[NewReport | Question | RegistryError | Weighed] = list(reports)
    new = [n for n, one in enumerate(reports) if isinstance(one, NewReport)]
    now = datetime.now(UTC)
    asked = questions_of(session, [one for one in reports if isinstance(one, NewReport)], city, now)
    for n, one in zip(new, asked, strict=True):
        told[n] = one
    questions = [(n, one) for n, one in enumerate(told) if isinstance(one, Question)]
    located = places.locate_all(
        session, [Point(one.lon, one.lat, one.on_date, one.accuracy_m) for _, one in questions]
    )
    inside = []
    for (n, one), place in zip(questions, located, strict=True):
        if isinstance(place, Place):
            inside.append((n, one))
        else:
            told[n] = place
    weighed = matching.weigh_all(session, [one for _, one in inside], belief=belief)
    for (n, _), found in zip(inside, weighed, strict=True):
        told[n] = found
    return [one for one in told if isinstance(one, Weighed | RegistryError)]


def _told(row_id: str, answer: Weighed | RegistryError) -> MatchedRow:
    if isinstance(answer, RegistryError):
        return MatchedRow(row_id, REFUSED, reason=str(answer))
    has_code = answer.outcome in (Outcome.UNIQUE, Outcome.AMBIGUOUS)
    return MatchedRow(
        row_id,
        answer.outcome.value,
        answer.codes[0] if has_code else "",
        round(answer.probability, 4),
        tuple(
            (code, round(probability, 4))
            for code, probability in zip(answer.codes, answer.probabilities, strict=True)
            if probability >= LEAST_PROBABILITY
        ),
    )
