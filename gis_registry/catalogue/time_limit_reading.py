"""Reading a table of time limits from a CSV file: every line that cannot be used, with the reason.

A line names what it is for by one of ``class_codes``, ``matter_codes`` (several codes with spaces
between them, and it counts for each), ``kind`` with ``major_code``, and ``kind``; a line that names
nothing is for everything.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from sqlalchemy.orm import Session

from gis_registry.catalogue import queries
from gis_registry.catalogue.limit_table import EVERYTHING, Limit, Scope, Season
from gis_registry.catalogue.service import CodeEditions
from gis_registry.catalogue.tables import LimitStage, LimitUnit, MatterKind
from gis_registry.errors import InvalidInput, UnreadableFile
from gis_registry.tabular import Row, read_csv

_REQUIRED = {"stage", "amount", "unit"}
_OPTIONAL = {
    *("kind", "major_code", "class_codes", "matter_codes"),
    *("condition", "condition_zh", "condition_en", "season_from", "season_to"),
    *("closing_zh", "closing_en"),
}
_MOST = 10_000
_CONDITION = re.compile(r"[a-z][a-z0-9_]{0,49}")


@dataclass(frozen=True)
class ReadLimit:
    """A limit of the file, the line it stands in, and what it is for in words."""

    line: int
    limit: Limit
    about: str


@dataclass(frozen=True)
class ReadTable:
    """What a file holds: its limits, and by line why the others cannot be used."""

    limits: Sequence[ReadLimit]
    refused: Sequence[tuple[int, str]]


class LimitScopes:
    """What limits can be for: by the codes that a line names, and in words."""

    def __init__(self, session: Session, editions: CodeEditions) -> None:
        """Read the classes and the matters."""
        self._editions = editions
        classes = queries.classes(session)
        matters = queries.matter_types(session, kind=MatterKind.PLACE)
        self._class_ids = {(one.edition_key, one.code): one.id for one in classes}
        self._matter_ids = {(one.edition_key, one.code): one.id for one in matters}
        self._majors = {
            (one.edition_key, "component", one.major_code): one.major_name_zh for one in classes
        } | {(one.edition_key, "place", one.major_code): one.major_name_zh for one in matters}
        self._words: dict[Scope, str] = {
            **{("class", c.id): f"class {c.code} {c.name_zh} {c.name_en}" for c in classes},
            **{("matter_type", m.id): f"matter {m.code} {m.name_zh} {m.name_en}" for m in matters},
            **{("major", *key): f"{key[1]} major {key[2]} {n}" for key, n in self._majors.items()},
            **{("kind", str(kind)): f"every {kind}" for kind in MatterKind},
            EVERYTHING: "everything",
        }

    def about(self, scope: Scope) -> str:
        """Return what a scope is in words."""
        return self._words[scope]

    def of_class(self, code: str) -> Scope:
        """Return the scope of the class of a code.

        Raises:
            InvalidInput: there is no such class.
        """
        for key in self._editions.class_editions:
            if (key, code) in self._class_ids:
                return "class", self._class_ids[key, code]
        raise InvalidInput(
            f"there is no class {code!r} in {' or '.join(self._editions.class_editions)}."
        )

    def of_matter(self, code: str) -> Scope:
        """Return the scope of the matter of places of a code.

        Raises:
            InvalidInput: there is no such matter.
        """
        key = (self._editions.matter_edition, code)
        if key not in self._matter_ids:
            raise InvalidInput(
                f"there is no matter of places {code!r} in {self._editions.matter_edition}; what "
                "is wrong with a component goes by its class, in class_codes."
            )
        return "matter_type", self._matter_ids[key]

    def of_major(self, kind: str, code: str) -> Scope:
        """Return the scope of a major group of a kind.

        Raises:
            InvalidInput: there is no such group.
        """
        is_place = kind == MatterKind.PLACE
        edition = self._editions.matter_edition if is_place else self._editions.class_editions[0]
        if (edition, kind, code) not in self._majors:
            there = sorted(one for key, of, one in self._majors if (key, of) == (edition, kind))
            raise InvalidInput(
                f"there is no major_code {code!r} of kind {kind} in {edition}; there are "
                f"{', '.join(there)}."
            )
        return "major", edition, kind, code


def read_limits(session: Session, path: Path, *, editions: CodeEditions) -> ReadTable:
    """Read a file of limits; nothing is changed.

    Args:
        session: open transaction.
        path: CSV with ``stage, amount, unit`` and, as needed, ``kind, major_code, class_codes,
            matter_codes, condition, condition_zh, condition_en, season_from, season_to,
            closing_zh, closing_en``.
        editions: to which the codes in it belong.

    Raises:
        UnreadableFile: the file cannot be read, or has a column that means nothing.
        InvalidInput: a line has more values than there are columns.
    """
    scopes = LimitScopes(session, editions)
    read: list[ReadLimit] = []
    refused: list[tuple[int, str]] = []
    conditions: dict[str, tuple[int, tuple[str, str]]] = {}
    by_place: dict[tuple[object, ...], list[ReadLimit]] = {}
    for row in read_csv(path, _REQUIRED):
        _require_known_columns(row)
        try:
            for one in _limits(row, scopes):
                _require_same_name(one, conditions)
                _require_no_tie(one, by_place)
                read.append(one)
        except InvalidInput as error:
            refused.append((row.line, _reason(error, row)))
    return ReadTable(read, refused)


def _require_known_columns(row: Row) -> None:
    """A column that is misspelt would make a limit of one class a limit of everything."""
    unknown = sorted(set(row.values) - _REQUIRED - _OPTIONAL - {""})
    if unknown:
        raise UnreadableFile(
            f"{row.path} has columns that no limit has: {', '.join(unknown)}. There are "
            f"{', '.join(sorted(_REQUIRED | _OPTIONAL))}."
        )


def _limits(row: Row, scopes: LimitScopes) -> list[ReadLimit]:
    condition, names = _condition(row)
    closing = _both(row, "closing_zh", "closing_en")
    shared = Limit(
        id=0,
        stage=_one_of(row, "stage", LimitStage),
        scope=EVERYTHING,
        condition_code=condition,
        condition_zh=names[0],
        condition_en=names[1],
        season=_season(row),
        amount=_amount(row),
        unit=_one_of(row, "unit", LimitUnit),
        closing_zh=closing[0],
        closing_en=closing[1],
    )
    return [
        ReadLimit(row.line, replace(shared, scope=scope), scopes.about(scope))
        for scope in _scopes(row, scopes)
    ]


def _scopes(row: Row, scopes: LimitScopes) -> list[Scope]:
    classes, matters = row.text("class_codes").split(), row.text("matter_codes").split()
    kind, major = row.optional("kind"), row.optional("major_code")
    if sum(map(bool, (classes, matters, kind))) > 1:
        raise InvalidInput("it names more than one of class_codes, matter_codes and kind.")
    if kind is None and major is not None:
        raise InvalidInput("a major_code needs its kind: component or place.")
    for codes in (classes, matters):
        twice = {code for code in codes if codes.count(code) > 1}
        if twice:
            raise InvalidInput(f"it names {', '.join(sorted(twice))} twice.")
    if classes:
        return [scopes.of_class(code) for code in classes]
    if matters:
        return [scopes.of_matter(code) for code in matters]
    if kind is None:
        return [EVERYTHING]
    kind = _one_of(row, "kind", MatterKind)
    return [scopes.of_major(kind, major) if major is not None else ("kind", kind)]


def _require_same_name(one: ReadLimit, conditions: dict[str, tuple[int, tuple[str, str]]]) -> None:
    limit = one.limit
    if limit.condition_code is None:
        return
    names = (limit.condition_zh or "", limit.condition_en or "")
    line, there = conditions.setdefault(limit.condition_code, (one.line, names))
    if there != names:
        raise InvalidInput(
            f"the condition {limit.condition_code} is called “{' / '.join(names)}” here and "
            f"“{' / '.join(there)}” in line {line}: a condition has one name."
        )


def _require_no_tie(one: ReadLimit, by_place: dict[tuple[object, ...], list[ReadLimit]]) -> None:
    there = by_place.setdefault(one.limit.key[:3], [])
    for other in there:
        if one.limit.ties_with(other.limit):
            raise InvalidInput(
                f"for {one.about} line {other.line} says the same stage and condition"
                + (" and a season that overlaps" if one.limit.season else "")
                + ": nothing decides between them."
            )
    there.append(one)


def _condition(row: Row) -> tuple[str | None, tuple[str | None, str | None]]:
    code = row.optional("condition")
    names = _both(row, "condition_zh", "condition_en")
    if (code is None) != (names[0] is None):
        raise InvalidInput(
            "a condition needs its code and its names: condition, condition_zh, condition_en."
        )
    if code is not None and not _CONDITION.fullmatch(code):
        raise InvalidInput(
            f"the condition {code!r} is no code: write small letters, digits and _, such as "
            "missing."
        )
    return code, names


def _both(row: Row, zh: str, en: str) -> tuple[str | None, str | None]:
    texts = row.optional(zh), row.optional(en)
    if (texts[0] is None) != (texts[1] is None):
        raise InvalidInput(f"{zh} and {en} go together: write both or neither.")
    return texts


def _season(row: Row) -> Season | None:
    days = row.optional("season_from"), row.optional("season_to")
    if days[0] is None and days[1] is None:
        return None
    for name, day in zip(("season_from", "season_to"), days, strict=True):
        try:
            if day is None or not re.fullmatch(r"[0-9]{2}-[0-9]{2}", day):
                raise ValueError
            date.fromisoformat(f"2024-{day}")  # a leap year
        except ValueError as error:
            raise InvalidInput(f"{name} is {day or ''!r}, not a day such as 11-15.") from error
    return Season(days[0] or "", days[1] or "")


def _amount(row: Row) -> float:
    amount = row.number("amount")
    if not (math.isfinite(amount) and 0 < amount <= _MOST):
        raise InvalidInput(f"amount is {row.text('amount')!r}; it must be over 0, up to {_MOST}.")
    return amount


def _one_of(
    row: Row, column: str, known: type[LimitStage] | type[LimitUnit] | type[MatterKind]
) -> str:
    value = row.required(column)
    if value not in set(known):
        raise InvalidInput(f"{column} is {value!r}; there are {', '.join(known)}.")
    return value


def _reason(error: InvalidInput, row: Row) -> str:
    return str(error).removeprefix(f"{row.path.name}, line {row.line}: ")
