"""How often a layer is read again, in words or as a line of cron, by the city's clock."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from gis_registry import clock
from gis_registry.errors import InvalidInput

#: At night, when nobody waits; an hourly one not at the full hour, when everything else begins.
_WORDS = {"hourly": "7 * * * *", "daily": "20 2 * * *", "weekly": "20 3 * * 0"}
#: What DCAT calls them.
FREQUENCIES = {"hourly": "HOURLY", "daily": "DAILY", "weekly": "WEEKLY"}
_CRON_PARTS = 5


def checked_period(period: str) -> None:
    """Refuse what does not say how often.

    Raises:
        InvalidInput: it is no word for it and no line of cron, or its time never comes.
    """
    try:
        next_time(period, clock.now(), "UTC")
        is_one = len(_WORDS.get(period, period).split()) == _CRON_PARTS
    except CroniterError:
        is_one = False
    if not is_one:
        raise InvalidInput(
            f"{period!r} does not say how often: write hourly, daily, weekly, or a line of cron "
            'such as "30 6 * * 1-5" (minute, hour, day, month, weekday, by the city\'s clock).'
        )


def next_time(period: str, after: datetime, zone: str) -> datetime:
    """Return when it is time again, in UTC."""
    local = after.astimezone(ZoneInfo(zone))
    found: datetime = croniter(_WORDS.get(period, period), local).get_next(datetime)
    return found.astimezone(UTC)
