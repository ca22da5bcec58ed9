"""Opening cases: their first event, and the clock that begins with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gis_registry.cases import indicators, queries
from gis_registry.cases.appending import event_row, noted, notice
from gis_registry.cases.clocks import Clock
from gis_registry.cases.progress import Happening, Progress, advance, first_of
from gis_registry.cases.tables import CaseEventKind, CaseState
from gis_registry.catalogue.tables import LimitStage
from gis_registry.catalogue.time_limits import AskedLimit, find_limits
from gis_registry.dispatch.schemas import NearResponder, ResponsibleUnit
from gis_registry.notifications.announcing import announce
from gis_registry.places.working_time import working_time


@dataclass(frozen=True)
class NewCase:
    """A case to open, for a report, with what was decided of it.

    ``lon`` and ``lat`` are degrees in EPSG:4490; ``id`` is a number of :func:`next_id`. What is
    checked already, since an inspector saw it, waits for being filed alone.
    """

    id: int
    report_id: int
    actor: str
    division_code: str
    matter_type_id: int | None
    class_id: int | None
    component_code: str | None
    lon: float
    lat: float
    responsible: ResponsibleUnit
    responders: Sequence[NearResponder]
    subdistrict_code: str | None = None
    channel: str | None = None
    is_checked: bool = False

    @property
    def unit_code(self) -> str | None:
        """The unit that it was decided to be the job of."""
        claim = self.responsible.claim
        return claim.unit.code if claim else None


def open_all(session: Session, new: Sequence[NewCase], *, at: datetime) -> None:
    """Append the first event of new cases, at a moment."""
    by = working_time(session)
    stages = [LimitStage.FILING if one.is_checked else LimitStage.CHECKING for one in new]
    on_date = at.astimezone(by.zone).date()
    limits = find_limits(
        session,
        [
            AskedLimit(stage, one.matter_type_id, one.class_id, None, on_date)
            for one, stage in zip(new, stages, strict=True)
        ],
    )
    opened: list[Progress] = []
    events = []
    for one, stage, limit in zip(new, stages, limits, strict=True):
        begun = Clock(stage=stage, began_at=at, calendar=by.version, limit=limit)
        note = {"state": CaseState.REPORTED, "unit": one.unit_code, **noted(begun, by)}
        event = Happening(1, CaseEventKind.REPORTED, at, note)
        first = first_of({**vars(one), "case_id": one.id, "reported_at": at})
        opened.append(advance(first, event))
        events.append(event_row(first.key, event, actor=one.actor, report_id=one.report_id))
    queries.insert_events(session, events)
    queries.insert_progress(session, opened)
    indicators.count(session, [(None, one) for one in opened])
    announce(session, [notice(event, one) for event, one in zip(events, opened, strict=True)])
