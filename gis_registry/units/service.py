"""Who there is, and where those who can be sent are now."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput, InvalidPosition, NotFound
from gis_registry.places import service as places
from gis_registry.places.datums import to_cgcs2000
from gis_registry.units import queries
from gis_registry.units.schemas import (
    ResponderEntry,
    ResponderUpdate,
    ResponsibilityEntry,
    UnitDetail,
    UnitEntry,
)
from gis_registry.units.tables import UnitKind


def list_units(session: Session, *, kind: UnitKind | None = None) -> list[UnitEntry]:
    """Return units by code."""
    return [UnitEntry.model_validate(dict(row)) for row in queries.unit_rows(session, kind=kind)]


def show_unit(session: Session, code: str) -> UnitDetail:
    """Return a unit with its parent, its responsibilities, also past ones, and its responders.

    Raises:
        NotFound: there is no such unit.
    """
    code = code.strip()
    unit = _unit(session, code)
    if unit is None:
        raise NotFound(
            f"There is no unit {code!r}; `gis-registry units list` shows those that there are."
        )
    today = datetime.now(ZoneInfo(places.the_city(session).time_zone)).date()
    return UnitDetail(
        **unit.model_dump(),
        parent=_unit(session, unit.parent_code) if unit.parent_code is not None else None,
        responsibilities=[
            ResponsibilityEntry(
                **row, is_past=row["valid_to"] is not None and row["valid_to"] <= today
            )
            for row in queries.responsibilities(session, unit_code=code)
        ],
        responders=list_responders(session, unit_code=code),
    )


def _unit(session: Session, code: str) -> UnitEntry | None:
    rows = queries.unit_rows(session, code=code)
    return UnitEntry.model_validate(dict(rows[0])) if rows else None


def list_responders(
    session: Session, *, only_available: bool = False, unit_code: str | None = None
) -> list[ResponderEntry]:
    """Return responders by code.

    Args:
        session: open transaction.
        only_available: only those who are free to go.
        unit_code: only those of this unit.

    Raises:
        NotFound: there is no such unit.
    """
    if unit_code is not None and not queries.unit_ids(session, [unit_code]):
        raise NotFound(f"There is no unit {unit_code!r}.")
    rows = queries.responder_rows(session, only_available=only_available, unit_code=unit_code)
    return [ResponderEntry.model_validate(dict(row)) for row in rows]


def update_responder(session: Session, code: str, new: ResponderUpdate) -> ResponderEntry:
    """Keep where a responder is, and whether it is free to go.

    Raises:
        NotFound: there is no such responder.
        InvalidInput: nothing is said.
        InvalidPosition: the position is none.
    """
    if new.position is None and new.is_available is None:
        raise InvalidInput("There is nothing to change: give a position or is_available.")
    responder = queries.locked_responder(session, code)
    if responder is None:
        raise NotFound(f"There is no responder {code!r}.")
    if new.position is not None:
        fault = places.position_fault(new.position.lon, new.position.lat)
        if fault is not None:
            raise InvalidPosition(f"This position cannot be used: {fault}.")
        lon, lat = to_cgcs2000(new.position.lon, new.position.lat, new.position.datum)
        responder.geom = f"SRID={SRID};POINT({lon} {lat})"  # type: ignore[assignment]
        responder.positioned_at = datetime.now(UTC)
    if new.is_available is not None:
        responder.is_available = new.is_available
    session.flush()
    (row,) = queries.responder_rows(session, code=code)
    return ResponderEntry.model_validate(dict(row))
