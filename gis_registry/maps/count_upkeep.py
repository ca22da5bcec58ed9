"""Keeping the counts of components: folding what waits, making them anew, checking them."""

from sqlalchemy.orm import Session

from gis_registry.db.checks import CheckResult
from gis_registry.maps import count_queries as queries
from gis_registry.notifications.periodic import periodic

#: So many changes are added up on reading without anybody noticing.
_MOST_WAITING = 20_000
_SHOWN = 3


def fold(session: Session) -> None:
    """Add what waits to counts and versions; whoever asks meanwhile gets the same."""
    queries.fold_alone(session)
    queries.fold(session)


def fold_if_long(session: Session, *, most: int = _MOST_WAITING) -> bool:
    """Fold if much waits and nobody else does; for where no worker runs.

    Returns:
        Whether it was folded.
    """
    if not queries.is_long(session, most=most) or not queries.may_fold_alone(session):
        return False
    queries.fold(session)
    return True


def recount(session: Session) -> None:
    """Make all counts anew from the components; who changes one meanwhile waits.

    Every tile has another version then.
    """
    queries.recount(session)


def check_counts(session: Session) -> CheckResult:
    """Count all components again and compare, with what waits, in one snapshot."""
    found = queries.differences(session, most=_SHOWN + 1)
    if not found:
        message = "The map counts every component once."
    else:
        shown = "; ".join(map(_said, found[:_SHOWN]))
        message = (
            f"The map counts wrongly: {shown}{' …' if len(found) > _SHOWN else ''}. "
            "Make the counts anew: gis-registry db recount"
        )
    return CheckResult("map-counts", not found, message)


def _said(one: queries.Difference) -> str:
    wrong = "few" if one.missing > 0 else "many"
    return (
        f"level {one.level}, cell {one.x}/{one.y}, class {one.class_id}, {one.state}, "
        f"unit {one.unit_id or 'none'}: {abs(one.missing)} too {wrong}"
    )


TASKS = (periodic("* * * * *")(fold),)
