"""Aliases: what else a component is known by, from one day until another.

A value may stand for several components: tags are reused, and contractors' keys repeat. Nothing is
deleted: what ended still resolves, with the day on which it ended.
"""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gis_registry.components import ledger_queries as queries
from gis_registry.components.lookup import Found, resolve
from gis_registry.components.queries import new_change
from gis_registry.components.schemas import Alias
from gis_registry.components.tables import AliasKind
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.places import service as places


def aliases(session: Session, code: str) -> list[Alias]:
    """Return everything that a component is or was known by, by kind and date.

    Raises:
        InvalidInput, UnknownIdentifier, Ambiguous: which component is meant is not clear.
    """
    return _aliases(session, resolve(session, code))


def add_alias(
    session: Session,
    code: str,
    *,
    kind: AliasKind,
    value: str,
    actor: str,
    reason: str,
    on_date: date | None = None,
) -> list[Alias]:
    """Make a component known by something else; return all that it is known by.

    Args:
        session: open transaction.
        code: the component.
        kind: what it is.
        value: what is written there.
        actor: who says so.
        reason: why.
        on_date: from this day on; None is today in the city.

    Raises:
        InvalidInput: the value holds nothing to look up, there is no reason, or the day is in the
            future.
        Conflict: the component is known by it already.
        InvalidInput, UnknownIdentifier, Ambiguous: which component is meant is not clear.
    """
    found = resolve(session, code)
    day = day_of(session, on_date)
    value = value.strip()
    if not any(one.isalnum() for one in value):
        raise InvalidInput(f"{value!r} has no letter or digit by which it could be looked up.")
    present = queries.present_alias(session, **_key(found), kind=kind, value=value)
    if present is not None:
        raise Conflict(f"{found.code} has the {kind} {present.value!r} since {present.valid_from}.")
    change = new_change(session, actor=actor, reason=required(reason))
    values = {"kind": kind, "value": value, "valid_from": day, "change_id": change.id}
    queries.add_alias(session, _key(found) | values)
    return _aliases(session, found)


def end_alias(
    session: Session,
    code: str,
    *,
    kind: AliasKind,
    value: str,
    actor: str,
    reason: str,
    on_date: date | None = None,
) -> list[Alias]:
    """End what a component is known by; the value still resolves, with the day of its end.

    Args:
        session: open transaction.
        code: the component.
        kind: what it is.
        value: what is written there.
        actor: who says so.
        reason: why.
        on_date: the first day on which it no longer holds; None is today in the city.

    Raises:
        NotFound: the component is not known by it.
        Conflict: it began after that day.
        InvalidInput: there is no reason, or the day is in the future.
        InvalidInput, UnknownIdentifier, Ambiguous: which component is meant is not clear.
    """
    found = resolve(session, code)
    day = day_of(session, on_date)
    present = queries.present_alias(session, **_key(found), kind=kind, value=value.strip())
    if present is None:
        raise NotFound(
            f"{found.code} has no {kind} {value.strip()!r} at present; "
            f"`gis-registry component alias list {found.code}` shows what it has."
        )
    if day < present.valid_from:
        raise Conflict(f"{found.code} has it since {present.valid_from}; it cannot end on {day}.")
    # The change keeps who ended it and why; the alias itself names the one that began it.
    new_change(
        session,
        actor=actor,
        reason=f"{found.code}: {kind} {present.value} ended. {required(reason)}",
    )
    present.valid_to = day
    session.flush()
    return _aliases(session, found)


def add_survey_aliases(
    session: Session, *, survey_id: int, change_id: int, as_of: date, kinds: Mapping[str, str]
) -> int:
    """Keep what an applied survey says its components are known by.

    To be called when the survey's rows are applied: new rows are found by the identifiers that its
    change was issued. Values that a component has already are skipped; another value of the same
    kind that it has ends on the survey's day.

    Args:
        session: open transaction.
        survey_id: the survey.
        change_id: the change by which it is applied.
        as_of: the survey's day.
        kinds: alias kind → name of the attribute that holds it.

    Returns:
        How many were added.

    Raises:
        InvalidInput: a kind is none.
    """
    unknown = sorted(set(kinds) - set(AliasKind))
    if unknown:
        raise InvalidInput(f"{unknown[0]!r} is no kind of alias; there are {', '.join(AliasKind)}.")
    if not kinds:
        return 0
    return queries.add_survey_aliases(
        session,
        {
            "survey_id": survey_id,
            "change_id": change_id,
            "as_of": as_of,
            "kinds": list(kinds),
            "attributes": list(kinds.values()),
        },
    )


def undo_survey_aliases(session: Session, *, change_id: int) -> None:
    """End what an applied survey made components known by; what it ended goes on.

    Args:
        session: open transaction.
        change_id: the change by which the survey was applied.
    """
    queries.undo_aliases(session, change_id)


def day_of(session: Session, on_date: date | None) -> date:
    """Return a day, today in the city by default.

    Raises:
        InvalidInput: it is in the future.
    """
    today = datetime.now(ZoneInfo(places.the_city(session).time_zone)).date()
    if on_date is not None and on_date > today:
        raise InvalidInput(f"{on_date} is in the future.")
    return on_date or today


def required(reason: str) -> str:
    """Return a reason without white space around it.

    Raises:
        InvalidInput: there is none.
    """
    if not reason.strip():
        raise InvalidInput("A change needs a reason.")
    return reason.strip()


def _aliases(session: Session, found: Found) -> list[Alias]:
    rows = queries.aliases(session, found.division_code, found.code)
    return [Alias.model_validate(one) for one in rows]


def _key(found: Found) -> dict[str, str]:
    return {"division_code": found.division_code, "code": found.code}
