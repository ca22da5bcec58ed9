"""Where the exceptions from the working week come from: a kept calendar, or a CSV file."""

from collections.abc import Iterable
from pathlib import Path

from gis_registry.places.working_time import SpecialDay, SpecialDayKind
from gis_registry.tabular import read_csv

#: Every day of twenty years. Working time is looked for day by day, over all that are off.
MOST_DAYS = 20 * 366
_KINDS = {SpecialDayKind.HOLIDAY, SpecialDayKind.WORKING}

TOO_MANY = (
    f"a calendar has {MOST_DAYS:,} holidays and make-up days at most, as many as 20 years have "
    "days. Leave out days on which the week holds."
)


def chinese_days() -> list[SpecialDay]:
    """Return the holidays and make-up working days of the years that ``chinesecalendar`` knows."""
    import chinese_calendar

    names = {one.value: one.chinese for one in chinese_calendar.Holiday}
    days = {
        on_date: SpecialDay(on_date, kind, names[name], name)
        for kind, named in (
            (SpecialDayKind.HOLIDAY, chinese_calendar.holidays),
            (SpecialDayKind.WORKING, chinese_calendar.workdays),  # the last word, as in the package
        )
        for on_date, name in named.items()
    }
    return [days[on_date] for on_date in sorted(days)]


def read_days(paths: Iterable[Path]) -> list[SpecialDay]:
    """Read exceptions from CSV files: ``date, kind, name_zh, name_en``.

    Raises:
        UnreadableFile: a file cannot be read.
        InvalidInput: a row is no exception, its day has one already, or they are too many; file
            and line say so.
    """
    days: dict[object, SpecialDay] = {}
    for path in paths:
        for row in read_csv(path, {"date", "kind", "name_zh", "name_en"}):
            on_date, kind = row.date("date"), row.required("kind")
            if on_date is None:
                raise row.fault("the column 'date' is empty.")
            if kind not in _KINDS:
                raise row.fault(f"kind is {kind!r}; write holiday or working.")
            if on_date in days:
                raise row.fault(f"{on_date} stands there already.")
            if len(days) == MOST_DAYS:
                raise row.fault(f"it is one too many: {TOO_MANY}")
            days[on_date] = SpecialDay(
                on_date, SpecialDayKind(kind), row.required("name_zh"), row.text("name_en")
            )
    return list(days.values())
