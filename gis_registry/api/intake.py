"""Reports taken in: single ones that arrive together are answered together, batches in turn."""

from collections.abc import Sequence

import anyio
from sqlalchemy.orm import Session

from gis_registry.api.combining import Combining
from gis_registry.db.engine import Database
from gis_registry.errors import RegistryError
from gis_registry.reports import service
from gis_registry.reports.keeping import Submission
from gis_registry.reports.schemas import AnsweredReport, NewReport
from gis_registry.roles import Permission
from gis_registry.settings import Settings
from gis_registry.users.service import Actor

Found = AnsweredReport | RegistryError


class Intake:
    """Where reports come in."""

    def __init__(self, database: Database, settings: Settings, turns: anyio.Semaphore) -> None:
        """Begin with nobody waiting; arguments as for :class:`Combining`."""
        self.reports = Combining[NewReport, AnsweredReport](
            database, settings, turns, permissions=[Permission.REPORT], answer=_answer_each
        )
        self.batches = Combining[Sequence[NewReport], list[Found]](
            database,
            settings,
            turns,
            permissions=[Permission.REPORT],
            answer=_answer_batches,
            most_at_once=1,
            plans="auto",
        )


def _answer_each(session: Session, asked: Sequence[tuple[Actor, NewReport]]) -> list[Found]:
    return service.submit_all(session, [Submission(new, actor.name) for actor, new in asked])


def _answer_batches(
    session: Session, asked: Sequence[tuple[Actor, Sequence[NewReport]]]
) -> list[list[Found]]:
    return [
        service.submit_all(session, [Submission(new, actor.name) for new in batch])
        for actor, batch in asked
    ]
