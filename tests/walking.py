"""Cases that go ways of their own: opened, and changed at random through the life cycle."""

from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

from sqlalchemy.orm import Session

from gis_registry.cases import changing, returning, service
from gis_registry.cases.appending import Appending
from gis_registry.cases.changing import AskedChange
from gis_registry.cases.life_cycle import Action
from gis_registry.cases.schemas import CaseChange
from gis_registry.cases.tables import CaseEventKind
from gis_registry.catalogue.tables import LimitUnit
from gis_registry.clock import SimulatedClock, simulated
from gis_registry.errors import RegistryError
from gis_registry.photos.tables import Photo
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport
from gis_registry.reports.tables import Channel
from gis_registry.roles import Role
from gis_registry.users.service import Actor

BOSS = Actor("王调度", Role.ADMINISTRATOR)
#: Thursday evening in the city: days and a month end while cases go on.
BEGINNING = datetime(2026, 4, 30, 8, 0, tzinfo=UTC)
UNITS = ("QD-CC", "QD-G-370202-T07", "QD-G-370203-T01")
PHOTO = "a" * 64
_places = count()


def add_photo(session: Session) -> None:
    """Keep the photo that goes with handling."""
    session.add(
        Photo(
            sha256=PHOTO, media_type="image/jpeg", size_bytes=1, width=1, height=1,
            received_at=BEGINNING, received_by="test",
        )
    )  # fmt: skip
    session.flush()


def at(moment: datetime) -> SimulatedClock:
    """Return a clock that stands still, all but."""
    return SimulatedClock(moment, datetime.now(UTC), 0.0)


def opened(session: Session, moment: datetime, random: Random | None = None) -> int:
    """Open a case where there is none yet."""
    random = random or Random(1)
    here = next(_places)
    new = NewReport(
        lon=120.36 + 0.002 * (here % 15),
        lat=36.062 + 0.002 * (here // 15 % 10),
        matter=random.choice(["0101", "0137", "06001"]),
        accuracy_m=5,
        channel=random.choice([Channel.INSPECTOR, Channel.CITIZEN, Channel.DRONE]),
        reported_at=moment,
    )
    with simulated(at(moment)):
        return reports.submit(session, new, reported_by="李巡查").case_id


def asked(case_id: int, action: Action, random: Random | None = None) -> AskedChange:
    """Return a change with what its action needs."""
    random = random or Random(1)
    needs_more = action in (Action.EXTEND, Action.ASK_EXTENSION)
    return AskedChange(
        case_id,
        action,
        BOSS,
        CaseChange(
            reason="理由",
            photos=[PHOTO] if action is Action.HANDLE else [],
            unit_code=random.choice(UNITS) if action is Action.DISPATCH else None,
            amount=random.choice([1.0, 30.0]) if needs_more else None,
            unit=LimitUnit.URGENT_HOUR if needs_more else None,
            is_upheld=random.random() < 0.5 if action is Action.DECIDE_APPEAL else None,
        ),
    )


def walk(
    session: Session, case_ids: list[int], moment: datetime, random: Random, *, steps: int
) -> datetime:
    """Change cases at random, some at once, while time goes on; what is refused changes nothing."""
    for _ in range(steps):
        moment += timedelta(seconds=random.choice([1, 61, 1800, 3 * 3600, 40 * 3600]))
        chosen = random.choices(case_ids, k=random.randint(1, 6))
        if random.random() < 0.15:
            _hand_on(session, chosen[0], moment, random)
            continue
        wanted = []
        for one in chosen:
            possible = _possible(session, one)
            if possible:
                wanted.append(asked(one, random.choice(possible), random))
        changing.change_all(session, wanted, at=moment)
    return moment


def _possible(session: Session, case_id: int) -> list[Action]:
    """Return what can be done with a case."""
    status = changing.status_of(Appending(session, {case_id}).progress(case_id), BOSS)
    return [Action(one) for one in status.actions]


def _hand_on(session: Session, case_id: int, moment: datetime, random: Random) -> None:
    try:
        with simulated(at(moment)), session.begin_nested():
            found = service.show(session, case_id)
            if random.random() < 0.3:
                key = (found.division_code, case_id)
                service.note(session, key, CaseEventKind.OVERDUE, actor="clock", note={})
            elif found.unit_code is not None and random.random() < 0.5:
                returning.return_case(
                    session, case_id, unit_code=found.unit_code, reason="不归我们", actor="x"
                )
            else:
                returning.assign_case(
                    session, case_id, unit_code=random.choice(UNITS), reason="归他们", actor="x"
                )
    except RegistryError:
        pass
