"""Versions of the time limits: checked, loaded as a whole, listed, withdrawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue_queries
from gis_registry.catalogue import time_limit_queries as queries
from gis_registry.catalogue.limit_table import Limit, LimitTable
from gis_registry.catalogue.service import CodeEditions
from gis_registry.catalogue.tables import LimitStage, MatterKind, TimeLimitVersion
from gis_registry.catalogue.time_limit_reading import LimitScopes, read_limits
from gis_registry.catalogue.time_limits import (
    amount_words,
    holding_version,
    scopes_of,
    table_of,
)
from gis_registry.errors import Conflict, InvalidInput, NotFound

_MOST_TOLD = 20


@dataclass(frozen=True)
class NewVersion:
    """What is to be known of a version that is loaded."""

    title: str
    source: str
    valid_from: date


class RefusedLine(BaseModel):
    """A line of a file that cannot be used."""

    line: int
    reason: str


class LimitGap(BaseModel):
    """Classes and matters of the city for which a stage has no limit, at least on some days."""

    stage: str
    codes: list[str]


class LimitDifference(BaseModel):
    """What a file says otherwise than the version that holds on its first day."""

    change: str = Field(description="added, removed or changed")
    stage: str
    about: str
    condition: str | None
    season: str | None
    before: str | None
    after: str | None


class CheckedLimits(BaseModel):
    """What a file of limits holds, and what loading it would change."""

    limits: int
    refused: list[RefusedLine]
    gaps: list[LimitGap]
    compared_with: int | None = Field(description="The version that holds on the first day")
    differences: list[LimitDifference]


class LimitVersionEntry(BaseModel):
    """A version of the time limits."""

    number: int
    title: str
    source: str
    valid_from: date
    state: str = Field(description="valid, future, superseded or withdrawn")
    limits: int = Field(description="How many limits it has")
    loaded_at: datetime
    loaded_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_reason: str | None


def check_limits(
    session: Session, path: Path, *, valid_from: date, editions: CodeEditions
) -> CheckedLimits:
    """Say what a file of limits holds and what loading it would change; nothing is changed.

    Raises:
        UnreadableFile: the file cannot be read.
        InvalidInput: a line has more values than there are columns.
    """
    read = read_limits(session, path, editions=editions)
    table = LimitTable([one.limit for one in read.limits])
    holding = holding_version(session, valid_from)
    return CheckedLimits(
        limits=len(table.limits),
        refused=[RefusedLine(line=line, reason=reason) for line, reason in read.refused],
        gaps=_gaps(session, table, editions),
        compared_with=holding["number"] if holding else None,
        differences=_differences(
            table_of(session, holding["number"], holding["loaded_at"]).limits if holding else [],
            table.limits,
            LimitScopes(session, editions),
        ),
    )


def load_limits(
    session: Session, path: Path, new: NewVersion, *, editions: CodeEditions, actor: str
) -> LimitVersionEntry:
    """Load a file of limits as a version, which replaces the one before it as a whole.

    Raises:
        UnreadableFile: the file cannot be read.
        InvalidInput: a line cannot be used, or there is none; the message names every such line.
    """
    if not (new.title.strip() and new.source.strip()):
        raise InvalidInput("Give the limits a title and say their source.")
    limits = _usable(session, path, editions)
    version = TimeLimitVersion(
        title=new.title.strip(),
        source=new.source.strip(),
        valid_from=new.valid_from,
        loaded_by=actor,
    )
    session.add(version)
    session.flush()
    queries.add_limits(session, [_values(one, version.number) for one in limits])
    return _entry(session, version.number, on_date=new.valid_from)


def load_profile_limits(
    session: Session, path: Path, new: NewVersion, *, editions: CodeEditions
) -> int:
    """Load the limits of a city profile, unless a version of theirs says the same already.

    Returns:
        How many limits the file holds.

    Raises:
        UnreadableFile, InvalidInput: as :func:`load_limits`.
    """
    contents = _contents(_usable(session, path, editions))
    for one, _ in queries.versions_counted(session):
        if (one.title, one.valid_from) == (new.title, new.valid_from):
            there = table_of(session, one.number, one.loaded_at)
            if _contents(there.limits) == contents:
                return len(contents)
    return load_limits(session, path, new, editions=editions, actor="city profile").limits


def list_versions(session: Session, *, on_date: date) -> list[LimitVersionEntry]:
    """Return every version, the latest first, with its state on a day."""
    holding = holding_version(session, on_date)
    return [
        LimitVersionEntry(
            number=one.number,
            title=one.title,
            source=one.source,
            valid_from=one.valid_from,
            state=_state(
                one, on_date, is_valid=holding is not None and one.number == holding["number"]
            ),
            limits=limits,
            loaded_at=one.loaded_at,
            loaded_by=one.loaded_by,
            withdrawn_at=one.withdrawn_at,
            withdrawn_by=one.withdrawn_by,
            withdrawn_reason=one.withdrawn_reason,
        )
        for one, limits in queries.versions_counted(session)
    ]


def withdraw(
    session: Session, number: int, *, reason: str, actor: str, on_date: date
) -> LimitVersionEntry:
    """Withdraw a version, which brings the one before it back; its limits stay readable.

    Raises:
        NotFound: there is no such version.
        Conflict: it was withdrawn already.
        InvalidInput: no reason is given.
    """
    if not reason.strip():
        raise InvalidInput("Say why the version is withdrawn.")
    version = queries.version(session, number)
    if version is None:
        raise NotFound(
            f"There is no version {number} of the time limits; `gis-registry catalogue limits "
            "versions` lists them."
        )
    if version.withdrawn_at is not None:
        raise Conflict(
            f"Version {number} was withdrawn already, by {version.withdrawn_by}: "
            f"{version.withdrawn_reason}"
        )
    queries.mark_withdrawn(session, version, by=actor, reason=reason.strip())
    return _entry(session, number, on_date=on_date)


def _usable(session: Session, path: Path, editions: CodeEditions) -> list[Limit]:
    read = read_limits(session, path, editions=editions)
    if read.refused:
        lines = [f"line {line}: {reason}" for line, reason in read.refused[:_MOST_TOLD]]
        if len(read.refused) > _MOST_TOLD:
            lines.append(f"… and {len(read.refused) - _MOST_TOLD} more: see --dry-run.")
        raise InvalidInput(
            "\n".join([f"Nothing was loaded, since lines of {path.name} cannot be used.", *lines])
        )
    if not read.limits:
        raise InvalidInput(f"{path.name} holds no limits.")
    return [one.limit for one in read.limits]


def _values(one: Limit, version: int) -> dict[str, object]:
    basis, *rest = one.scope
    kind = edition = major = None
    if basis == "kind":
        (kind,) = rest
    elif basis == "major":
        edition, kind, major = rest
    return {
        "version": version,
        "stage": one.stage,
        "class_id": rest[0] if basis == "class" else None,
        "matter_type_id": rest[0] if basis == "matter_type" else None,
        "kind": kind,
        "edition_key": edition,
        "major_code": major,
        "condition_code": one.condition_code,
        "condition_zh": one.condition_zh,
        "condition_en": one.condition_en,
        "season_from": one.season.first if one.season else None,
        "season_to": one.season.last if one.season else None,
        "amount": one.amount,
        "unit": one.unit,
        "closing_zh": one.closing_zh,
        "closing_en": one.closing_en,
    }


def _contents(limits: Iterable[Limit]) -> dict[tuple[object, ...], tuple[object, ...]]:
    return {
        one.key: (
            one.amount,
            one.unit,
            one.condition_zh,
            one.condition_en,
            one.closing_zh,
            one.closing_en,
        )
        for one in limits
    }


def _gaps(session: Session, table: LimitTable, editions: CodeEditions) -> list[LimitGap]:
    """Look on each day on which a season begins or has just ended, and on New Year's Day."""
    subjects: list[tuple[str, tuple[int | None, int | None]]] = [
        (f"class {one.code}", (None, one.id))
        for one in catalogue_queries.classes(session, in_profile=True)
    ]
    subjects += [
        (f"matter {one.code}", (one.id, None))
        for one in catalogue_queries.matter_types(
            session, edition_key=editions.matter_edition, kind=MatterKind.PLACE
        )
    ]
    days = {date(2024, 1, 1)}
    for season in {one.season for one in table.limits if one.season is not None}:
        days.add(date.fromisoformat(f"2024-{season.first}"))
        days.add(date.fromisoformat(f"2024-{season.last}") + timedelta(days=1))
    scopes = scopes_of(session, [pair for _, pair in subjects])
    found = []
    for stage in LimitStage:
        codes = [
            name
            for (name, _), of_it in zip(subjects, scopes, strict=True)
            if any(table.find(stage, of_it, None, day) is None for day in days)
        ]
        if codes:
            found.append(LimitGap(stage=stage, codes=codes))
    return found


def _differences(
    before: Sequence[Limit], after: Sequence[Limit], scopes: LimitScopes
) -> list[LimitDifference]:
    was = {one.key: one for one in before}
    will_be = {one.key: one for one in after}
    found = []
    for key in {**was, **will_be}:
        old, new = was.get(key), will_be.get(key)
        if old is not None and new is not None and _contents([old]) == _contents([new]):
            continue
        stage, scope, condition, season = key
        found.append(
            LimitDifference(
                change="added" if old is None else "removed" if new is None else "changed",
                stage=stage,
                about=scopes.about(scope),
                condition=condition,
                season=str(season) if season else None,
                before=_words(old),
                after=_words(new),
            )
        )
    return found


def _words(one: Limit | None) -> str | None:
    if one is None:
        return None
    words = [amount_words(one.amount, one.unit)[1]]
    words += [
        text
        for text in (one.condition_zh, one.condition_en, one.closing_zh, one.closing_en)
        if text
    ]
    return "; ".join(words)


def _state(one: TimeLimitVersion, on_date: date, *, is_valid: bool) -> str:
    if one.withdrawn_at is not None:
        return "withdrawn"
    if is_valid:
        return "valid"
    return "future" if one.valid_from > on_date else "superseded"


def _entry(session: Session, number: int, *, on_date: date) -> LimitVersionEntry:
    return next(one for one in list_versions(session, on_date=on_date) if one.number == number)
