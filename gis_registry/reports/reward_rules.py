"""The rules by which citizens' reports are rewarded: loaded from CSV files, listed."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path

from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue_queries
from gis_registry.places.coded_rows import CodedRows
from gis_registry.places.tables import City
from gis_registry.reports import reward_queries as queries
from gis_registry.reports.reward_schemas import RewardRuleEntry
from gis_registry.reports.reward_tables import LEAST_YUAN, MOST_YUAN, RewardRule
from gis_registry.tabular import Row, read_csv

_REQUIRED = {"amount_yuan", "valid_from"}
_MOST_PER_DAY = 10_000


def list_rules(session: Session) -> list[RewardRuleEntry]:
    """Return all rules, the most specific first."""
    return [RewardRuleEntry.model_validate(dict(row)) for row in queries.rules(session)]


def load_rules(session: Session, paths: Iterable[Path], *, city: City) -> int:
    """Load rules; of one that is there already its end and note are brought up to date.

    Columns: ``matter_code, class_code, major_code`` (one of them at most; none: any matter),
    ``amount_yuan, daily_limit, needs_photo, valid_from, valid_to, note``. What a rule grants never
    changes: another amount is another rule, which begins on another day.

    Returns:
        How many were read.

    Raises:
        UnreadableFile: a file cannot be read.
        InvalidInput: a row is no rule or contradicts one that is there; the file and line say so.
    """
    majors = {
        one.major_code
        for one in catalogue_queries.matter_types(session, edition_key=city.matter_edition_key)
    }
    present = {_scope(one): one for one in queries.all_rules(session)}
    coded = CodedRows(session, city)
    count = 0
    for path in paths:
        for row in read_csv(path, _REQUIRED):
            count += 1
            rule = _rule(row, coded, city, majors)
            there = present.get(_scope(rule))
            if there is None:
                present[_scope(rule)] = rule
                session.add(rule)
                continue
            if _granted(there) != _granted(rule):
                raise row.fault(
                    f"from {rule.valid_from} there is another rule for the same, of "
                    f"{there.amount_yuan} yuan: let this one begin on another day."
                )
            there.valid_to, there.note = rule.valid_to, rule.note
    session.flush()
    return count


def _rule(row: Row, coded: CodedRows, city: City, majors: set[str]) -> RewardRule:
    valid_from, valid_to = row.date("valid_from"), row.date("valid_to")
    if valid_from is None:
        raise row.fault("the column 'valid_from' is empty.")
    if valid_to is not None and valid_to <= valid_from:
        raise row.fault("it ends on or before the day that it begins.")
    major = row.optional("major_code")
    if major is not None and major not in majors:
        raise row.fault(
            f"{major!r} is no major group of matters in {city.matter_edition_key}; there are "
            f"{', '.join(sorted(majors))}."
        )
    about = [row.optional(name) for name in ("matter_code", "class_code", "major_code")]
    if len([one for one in about if one is not None]) > 1:
        raise row.fault("it names more than one of matter_code, class_code and major_code.")
    return RewardRule(
        matter_type_id=coded.matter_type_id(row),
        class_id=coded.class_id(row),
        major_code=major,
        amount_yuan=_amount(row),
        daily_limit=_daily_limit(row),
        needs_photo=row.flag("needs_photo"),
        valid_from=valid_from,
        valid_to=valid_to,
        note=row.text("note"),
    )


def _amount(row: Row) -> Decimal:
    value = row.required("amount_yuan")
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise row.fault(f"amount_yuan is {value!r}, not a number.") from error
    if not (amount.is_finite() and LEAST_YUAN <= amount <= MOST_YUAN):
        raise row.fault(f"amount_yuan is {value!r}; it must be {LEAST_YUAN} to {MOST_YUAN} yuan.")
    if amount != round(amount, 2):
        raise row.fault(f"amount_yuan is {value!r}; yuan have two decimals.")
    return amount


def _daily_limit(row: Row) -> int | None:
    value = row.optional("daily_limit")
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and 1 <= int(value[:9]) <= _MOST_PER_DAY):
        raise row.fault(f"daily_limit is {value!r}; it must be a number from 1, or empty.")
    return int(value)


def _scope(one: RewardRule) -> tuple[object, ...]:
    return (one.matter_type_id, one.class_id, one.major_code, one.valid_from)


def _granted(one: RewardRule) -> tuple[object, ...]:
    return (one.amount_yuan, one.daily_limit, one.needs_photo)
