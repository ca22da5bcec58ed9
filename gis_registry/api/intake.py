"""Reports that arrive at about the same time are answered together, in one transaction.

Whoever comes while others are being answered waits for them, and is then answered with all who have
come meanwhile. A batch of eight costs little more than one report, so that many senders at once are
served more quickly this way than side by side.
"""

import threading
from collections import deque
from dataclasses import dataclass

from gis_registry.api.sessions import limit_statements
from gis_registry.db.engine import Database
from gis_registry.reports import service
from gis_registry.reports.keeping import Submission
from gis_registry.reports.schemas import AnsweredReport
from gis_registry.settings import Settings

_MOST_AT_ONCE = 100


@dataclass
class _Waiting:
    """A report that waits for its answer."""

    submission: Submission
    result: AnsweredReport | BaseException | None = None


class Intake:
    """Takes single reports from many threads, and answers in batches those that wait."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Begin with nobody waiting."""
        self._database = database
        self._settings = settings
        self._waiting: deque[_Waiting] = deque()
        self._turn = threading.Lock()

    def submit(self, submission: Submission) -> AnsweredReport:
        """Return a report's answer once it is committed.

        Raises:
            RegistryError: as :func:`gis_registry.reports.service.submit`.
        """
        mine = _Waiting(submission)
        self._waiting.append(mine)
        with self._turn:
            while mine.result is None:
                count = min(len(self._waiting), _MOST_AT_ONCE)
                self._answer([self._waiting.popleft() for _ in range(count)])
        if isinstance(mine.result, BaseException):
            raise mine.result
        return mine.result

    def _answer(self, batch: list[_Waiting]) -> None:
        try:
            with self._database.session() as session:
                limit_statements(session, self._settings, plans="force_generic_plan")
                found = service.submit_all(session, [one.submission for one in batch])
        except BaseException as error:
            if len(batch) == 1:
                batch[0].result = error
                return
            for one in batch:  # what one of them ran into is not the others' fault
                self._answer([one])
            return
        for one, result in zip(batch, found, strict=True):
            one.result = result
