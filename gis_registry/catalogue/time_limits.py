"""How long a stage of a case may take: the limit that holds on a day, and why it is that one.

Which version holds is read in the caller's transaction; the limits of a version never change, so
each version is read once and kept. What a class or matter is, with its counterparts in other
editions, is read anew each time.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import BaseModel, Field
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue import time_limit_queries as queries
from gis_registry.catalogue.limit_table import EVERYTHING, Limit, LimitTable, Scope, Season
from gis_registry.catalogue.tables import LimitStage, LimitUnit, MatterKind
from gis_registry.db import reference
from gis_registry.errors import InvalidInput

#: How stages, units and kinds are called, in Chinese and English.
STAGE_NAMES = {
    LimitStage.CHECKING: ("核实", "checking"),
    LimitStage.FILING: ("立案", "filing"),
    LimitStage.DISPATCH: ("派遣", "dispatch"),
    LimitStage.HANDLING: ("处置", "handling"),
    LimitStage.VERIFICATION: ("核查", "verification"),
    LimitStage.CLOSING: ("结案", "closing"),
}
UNIT_NAMES = {
    LimitUnit.URGENT_HOUR: ("紧急工作时", "urgent hour"),
    LimitUnit.WORKING_HOUR: ("工作时", "working hour"),
    LimitUnit.WORKING_DAY: ("工作日", "working day"),
    LimitUnit.CALENDAR_DAY: ("自然日", "calendar day"),
}
_KIND_NAMES = {
    MatterKind.COMPONENT: ("所有部件", "all components"),
    MatterKind.PLACE: ("所有事件", "all matters of places"),
}
_DEFAULT_NAME = ("一般情形", "anything else")

_MOST_TABLES_KEPT = 50
_kept: dict[tuple[int, datetime], LimitTable] = {}


@dataclass(frozen=True)
class AskedLimit:
    """A question for a limit.

    ``stage`` is one of :class:`LimitStage`; ``condition`` the code of what was found, None for
    nothing in particular; ``on_date`` the day in the city's zone on which the stage begins.
    """

    stage: str
    matter_type_id: int | None
    class_id: int | None
    condition: str | None
    on_date: date


class FoundLimit(BaseModel):
    """The limit that holds, and why it is this one."""

    id: int
    version: int = Field(description="Number of the version of the limits")
    stage: str = Field(description="checking, filing, dispatch, handling, verification or closing")
    basis: str = Field(description="class, matter_type, major, kind or everything")
    condition_code: str | None = Field(description="Empty: the default")
    condition_zh: str | None
    condition_en: str | None
    season: str | None = Field(description="First and last day, MM-DD; empty: all the year")
    amount: float
    unit: str = Field(description="urgent_hour, working_hour, working_day or calendar_day")
    closing_zh: str | None = Field(description="What must be so for the stage to be done")
    closing_en: str | None
    sentence_zh: str = Field(description="Why this limit")
    sentence_en: str


class Condition(BaseModel):
    """A condition that can be chosen, with the limit for handling that it leads to."""

    code: str | None = Field(description="Empty: the default")
    name_zh: str
    name_en: str
    is_default: bool
    handling: FoundLimit | None


class _Subject:
    """What is asked about: its scopes, the most specific first, and how these are called."""

    def __init__(self, rows: Sequence[queries.SubjectRow]) -> None:
        matter = rows[0]
        classes = [row for row in rows if row.class_id is not None]
        scopes: dict[Scope, queries.SubjectRow] = {("class", row.class_id): row for row in classes}
        if matter.matter_type_id is not None:
            scopes["matter_type", matter.matter_type_id] = matter
        for row in classes:
            scopes.setdefault(("major", row.class_edition, "component", row.class_major), row)
        if matter.kind == MatterKind.PLACE:
            scopes["major", matter.matter_edition, "place", matter.matter_major] = matter
        if classes:
            scopes["kind", "component"] = matter
        if matter.kind is not None:
            scopes["kind", matter.kind] = matter
        scopes[EVERYTHING] = matter
        self._rows = scopes
        self.scopes: Sequence[Scope] = tuple(scopes)

    def name(self, scope: Scope) -> tuple[str, str]:
        """Return how one of the scopes is called, in Chinese and English."""
        row = self._rows[scope]
        match scope:
            case ("class", _):
                code = row.class_code
                return f"小类{code}{row.class_zh}", f"class {code} {row.class_en}"
            case ("matter_type", _):
                code = row.matter_code
                return f"事项{code}{row.matter_zh}", f"matter {code} {row.matter_en}"
            case ("major", _, "component", code):
                return f"大类{code}{row.class_major_zh}", f"major class {code} {row.class_major_en}"
            case ("major", _, _, code):
                return f"大类{code}{row.matter_major_zh}", f"major group {code} of matters"
            case ("kind", kind):
                return _KIND_NAMES[MatterKind(str(kind))]
        return "所有案件", "all cases"


class _Versions:
    """The versions as they are in this transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        known = reference.kept(session, "time limit versions")
        if not known:
            known["rows"] = queries.versions(session)
        self._rows: Sequence[RowMapping] = known["rows"]

    def holding(self, on_date: date) -> RowMapping | None:
        """Return the version that holds on a day."""
        held = (r for r in self._rows if not r["is_withdrawn"] and r["valid_from"] <= on_date)
        return next(held, None)

    def table(self, version: RowMapping) -> LimitTable:
        return table_of(self._session, version["number"], version["loaded_at"])

    def ever_named(self, condition: str, scopes: Collection[Scope]) -> bool:
        """Return whether any version, also one withdrawn, has the condition for these scopes."""
        return any(condition in self.table(one).conditions(scopes) for one in self._rows)


def find_limits(session: Session, asked: Sequence[AskedLimit]) -> list[FoundLimit | None]:
    """Return for each question the limit that holds, or None where the city has none.

    A condition that only another version names counts as nothing in particular, so that a case
    that was given it goes on under a new version.

    Raises:
        InvalidInput: a stage or condition does not exist; the message names those that do.
    """
    versions = _Versions(session)
    subjects = _subjects(session, {(one.matter_type_id, one.class_id) for one in asked})
    found: list[FoundLimit | None] = []
    for one in asked:
        if one.stage not in STAGE_NAMES:
            raise InvalidInput(
                f"There is no stage {one.stage!r}; there are {', '.join(LimitStage)}."
            )
        subject = subjects[one.matter_type_id, one.class_id]
        version = versions.holding(one.on_date)
        if one.condition is not None and not (
            version is not None
            and one.condition in versions.table(version).conditions(subject.scopes)
        ):
            _require_named(versions, subject, one.condition, version)
        found.append(_find(versions, version, subject, one))
    return found


def conditions_of(
    session: Session, matter_type_id: int | None, class_id: int | None, on_date: date
) -> list[Condition]:
    """Return what can be chosen on a day: the default, then what makes a difference to handling."""
    pair = (matter_type_id, class_id)
    subject = _subjects(session, {pair})[pair]
    versions = _Versions(session)
    version = versions.holding(on_date)
    codes: list[str | None] = [None]
    if version is not None:
        table = versions.table(version)
        codes += table.effective_conditions(subject.scopes, on_date)
    conditions = []
    for code in codes:
        asked = AskedLimit(LimitStage.HANDLING, matter_type_id, class_id, code, on_date)
        handling = _find(versions, version, subject, asked)
        name_zh, name_en = _DEFAULT_NAME
        if code is not None and handling is not None:
            name_zh, name_en = handling.condition_zh or code, handling.condition_en or code
        conditions.append(
            Condition(
                code=code,
                name_zh=name_zh,
                name_en=name_en,
                is_default=code is None,
                handling=handling,
            )
        )
    return conditions


def holding_version(session: Session, on_date: date) -> RowMapping | None:
    """Return number, title, first day and time of loading of the version that holds on a day."""
    return _Versions(session).holding(on_date)


def scopes_of(
    session: Session, pairs: Collection[tuple[int | None, int | None]]
) -> list[Sequence[Scope]]:
    """Return for pairs of matter type and class what limits can be for, the most specific first."""
    subjects = _subjects(session, pairs)
    return [subjects[pair].scopes for pair in pairs]


def table_of(session: Session, number: int, loaded_at: datetime) -> LimitTable:
    """Return the limits of a version, which never change.

    Another database may have a version of the same number, and one that is rolled back may be
    followed by another of its number: ``loaded_at`` tells them apart.
    """
    table = _kept.get((number, loaded_at))
    if table is None:
        table = LimitTable([_limit(row) for row in queries.limits(session, number)])
        if len(_kept) >= _MOST_TABLES_KEPT:
            _kept.clear()
        _kept[number, loaded_at] = table
    return table


def amount_words(amount: float, unit: str) -> tuple[str, str]:
    """Return an amount of time as people say it, in Chinese and English."""
    zh, en = UNIT_NAMES[LimitUnit(unit)]
    return f"{amount:g}{zh}", f"{amount:g} {en}{'' if amount == 1 else 's'}"


def _limit(row: RowMapping) -> Limit:
    scope: Scope = EVERYTHING
    if row["class_id"] is not None:
        scope = ("class", row["class_id"])
    elif row["matter_type_id"] is not None:
        scope = ("matter_type", row["matter_type_id"])
    elif row["major_code"] is not None:
        scope = ("major", row["edition_key"], row["kind"], row["major_code"])
    elif row["kind"] is not None:
        scope = ("kind", row["kind"])
    same = ("id", "stage", "condition_code", "condition_zh", "condition_en")
    season = Season(row["season_from"], row["season_to"]) if row["season_from"] else None
    return Limit(
        **{name: row[name] for name in (*same, "amount", "unit", "closing_zh", "closing_en")},
        scope=scope,
        season=season,
    )


def _subjects(
    session: Session, pairs: Collection[tuple[int | None, int | None]]
) -> dict[tuple[int | None, int | None], _Subject]:
    known: dict[tuple[int | None, int | None], _Subject] = reference.kept(session, "subjects")
    missing = [pair for pair in pairs if pair not in known]
    if missing:
        rows: list[list[queries.SubjectRow]] = [[] for _ in missing]
        for row in queries.subjects(session, missing):
            rows[row.number - 1].append(row)
        known |= {pair: _Subject(its) for pair, its in zip(missing, rows, strict=True)}
    return {pair: known[pair] for pair in pairs}


def _require_named(
    versions: _Versions, subject: _Subject, condition: str, version: RowMapping | None
) -> None:
    if versions.ever_named(condition, subject.scopes):
        return
    names: dict[str, Limit] = {}
    if version is not None:
        scopes = set(subject.scopes)
        for one in versions.table(version).limits:
            is_of_it = one.scope in scopes and one.stage == LimitStage.HANDLING
            if one.condition_code is not None and is_of_it:
                names.setdefault(one.condition_code, one)
    there = ", ".join(
        f"{code} ({one.condition_zh}, {one.condition_en})" for code, one in names.items()
    )
    _, about = subject.name(subject.scopes[0])
    raise InvalidInput(
        f"There is no condition {condition!r} for {about}; "
        + (f"there are {there}." if there else "there are none.")
    )


def _find(
    versions: _Versions, version: RowMapping | None, subject: _Subject, asked: AskedLimit
) -> FoundLimit | None:
    if version is None:
        return None
    table = versions.table(version)
    one = table.find(asked.stage, subject.scopes, asked.condition, asked.on_date)
    if one is None:
        return None
    sentence_zh, sentence_en = _sentences(one, subject, version, asked.condition)
    return FoundLimit(
        id=one.id,
        version=version["number"],
        stage=one.stage,
        basis=str(one.scope[0]),
        condition_code=one.condition_code,
        condition_zh=one.condition_zh,
        condition_en=one.condition_en,
        season=str(one.season) if one.season else None,
        amount=one.amount,
        unit=one.unit,
        closing_zh=one.closing_zh,
        closing_en=one.closing_en,
        sentence_zh=sentence_zh,
        sentence_en=sentence_en,
    )


def _sentences(
    one: Limit, subject: _Subject, version: RowMapping, condition: str | None
) -> tuple[str, str]:
    stage_zh, stage_en = STAGE_NAMES[LimitStage(one.stage)]
    scope_zh, scope_en = subject.name(one.scope)
    time_zh, time_en = amount_words(one.amount, one.unit)
    if one.condition_code is not None:
        scope_zh += f"“{one.condition_zh}”"
        scope_en += f", {one.condition_en}"
    elif condition is not None:
        scope_zh += f"（“{condition}”无专门时限）"
        scope_en += f" ({condition} has no limit of its own)"
    if one.season is not None:
        scope_zh += f"，当季{one.season}"
        scope_en += f", in the season {one.season}"
    return (
        f"{stage_zh}限{time_zh}：{scope_zh}；时限表第{version['number']}版《{version['title']}》。",
        f"{stage_en.capitalize()} within {time_en}: {scope_en}; version {version['number']} of the "
        f"time limits, “{version['title']}”.",
    )
