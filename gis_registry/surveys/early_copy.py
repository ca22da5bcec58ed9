"""Copying rows as new ones while others are still read, where nothing is registered yet.

What stands in an empty registry can be nothing else. Reading and copying then take the time of the
longer one. If the whole turns out otherwise (the file is stopped, or repeats itself), the rows are
copied again as they were judged.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis_registry.surveys import queries
from gis_registry.surveys.delivery import ordinals
from gis_registry.surveys.staging import LocatedRows, with_judged
from gis_registry.surveys.tables import Verdict

_WAITING_BATCHES = 2
_PATIENCE_S = 0.1


class EarlyCopy:
    """Copies rows into a survey in a thread, which alone uses the session until this is left."""

    def __init__(self, session: Session, survey_id: int) -> None:
        """Make the table of the survey's rows."""
        self._session, self._survey_id = session, survey_id
        self._batches: Queue[pa.Table | None] = Queue(_WAITING_BATCHES)
        self._verdicts: list[NDArray[np.object_]] = []
        self._row_count = 0
        self._counted: dict[int, int] = {}
        queries.make_rows_table(session, survey_id)

    def __enter__(self) -> Self:
        """Begin to copy."""
        self._pool = ThreadPoolExecutor(1)
        self._copying = self._pool.submit(self._copy)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait until all is copied; after an error, only until the present batch is."""
        while error is not None and not self._batches.empty():
            try:
                self._batches.get_nowait()
            except Empty:
                break
        self._put(None)
        self._pool.shutdown()
        if error is None:
            self._copying.result()

    def add(self, rows: LocatedRows) -> None:
        """Copy a batch, the good rows as new ones."""
        good = rows.columns.is_good
        verdict = np.where(good, Verdict.NEW.value, Verdict.REFUSED.value).astype(object)
        judged: dict[str, NDArray[np.generic]] = {
            "verdict": verdict,
            "score": np.where(good, 1.0, np.nan),
            "ordinal": ordinals(rows.columns, good, self._counted),
        }
        self._put(with_judged(rows.texts, self._survey_id, self._row_count, judged))
        self._verdicts.append(verdict)
        self._row_count += len(verdict)

    def holds(self, judged: dict[str, NDArray[np.generic]]) -> bool:
        """Return whether the rows were judged as they were copied."""
        copied = np.concatenate([np.empty(0, dtype=object), *self._verdicts])
        said = judged["reason"] != np.array(None)
        return bool((judged["verdict"] == copied).all() and not said.any())

    def _copy(self) -> None:
        for _ in queries.copy_rows(self._session, self._survey_id, self._waiting()):
            pass

    def _waiting(self) -> Iterator[pa.Table]:
        while (batch := self._batches.get()) is not None:
            yield batch

    def _put(self, batch: pa.Table | None) -> None:
        while not self._copying.done():  # else it failed, and its result says why
            try:
                self._batches.put(batch, timeout=_PATIENCE_S)
            except Full:
                continue
            return
        self._copying.result()
