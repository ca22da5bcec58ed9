"""Notices made by hand."""

from datetime import UTC, datetime

from gis_registry.notifications.announcing import Notice


def notice(number: int = 1, kind: str = "case.filed", division: str = "370202") -> Notice:
    """Return a notice of a case's first event."""
    return Notice(
        id=f"{division}-{number}-1",
        kind=kind,
        case_id=number,
        division_code=division,
        happened_at=datetime(2026, 7, 8, 9, 0, number % 60, tzinfo=UTC),
        data={"state": "open", "note": {"reason": "路灯不亮"}},
    )
