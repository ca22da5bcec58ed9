"""What the map's counts cost who writes, and how quickly tiles read them.

    python bench/counts.py HOME [--rows 100000]

reads the busiest tiles and the total of the registry in HOME, beside counting components; then
applies a survey of so many rows and edits one component, each with and without the triggers that
count. Applying is measured by the server's processor time, so it has to run on this machine. What
is applied and edited is rolled back; the survey stays staged.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import func, text
from sqlalchemy.orm import Session

from gis_registry.components import editing
from gis_registry.components.tables import ComponentState
from gis_registry.db.engine import Database
from gis_registry.maps import collections, tiles
from gis_registry.maps import count_queries as counts
from gis_registry.maps import count_upkeep as upkeep
from gis_registry.maps.tiles_grid import Tile
from gis_registry.settings import Settings
from gis_registry.startup import open_registry
from gis_registry.surveys import queries as survey_queries
from gis_registry.surveys import service as surveys
from gis_registry.surveys.tables import Survey, SurveyState

DAY = date(2026, 7, 1)
TILE_LIMIT_MS = 50.0
#: How much longer applying and editing may take with the triggers.
WRITE_LIMIT = 1.1
ZOOMS = (0, 6, 10, 13)
_RECOUNT = "SELECT count(*) FROM components"
_BUSIEST = """
SELECT x >> 4, y >> 4 FROM component_counts_now WHERE level = :level
GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT 1
"""
#: Rows of an area: of each four, three components that were moved by some metres and one new one.
_ROWS = """
INSERT INTO survey_rows_{survey} (survey_id, row_number, verdict, ordinal, class_id, division_code,
  subdistrict_code, cell_code, code, version, geom, accuracy_m, distance_m, surveyed_on, attributes)
SELECT {survey}, row_number() OVER (), CASE WHEN is_new THEN 'new' ELSE 'moved' END,
  CASE WHEN is_new THEN row_number() OVER (PARTITION BY is_new, division_code, class_id) END,
  class_id, division_code, subdistrict_code, cell_code, CASE WHEN NOT is_new THEN code END, version,
  ST_Translate(geom, 5e-5, 0), accuracy_m, CASE WHEN NOT is_new THEN 4.5 END, now(), '{{}}'
FROM (
  SELECT c.*, row_number() OVER () % 4 = 0 AS is_new
  FROM (
    SELECT * FROM components
    WHERE state = 'active' AND GeometryType(geom) = 'POINT'
    ORDER BY geom <-> (
      SELECT ST_PointOnSurface(ST_Collect(geom))
      FROM components TABLESAMPLE SYSTEM (0.1) REPEATABLE (1))
    LIMIT {rows}
  ) AS c
) AS drawn
"""


def took(work: Callable[[], object], *, times: int = 5) -> float:
    """Run something and return how many milliseconds it took, the least of several times."""
    found = []
    for _ in range(times):
        started = perf_counter()
        work()
        found.append((perf_counter() - started) * 1000)
    return min(found)


class Here:
    """Statements in a session's transaction."""

    def __init__(self, session: Session) -> None:
        self._connection = session.connection()

    async def rows(
        self,
        statement: str,
        values: Mapping[str, Any] | None = None,
    ) -> list[tuple[Any, ...]]:
        return [
            tuple(row) for row in self._connection.exec_driver_sql(statement, dict(values or {}))
        ]


def read(session: Session, when: str) -> bool:
    """Read tiles and the total; return whether all were quick enough."""
    is_well = True
    reads = Here(session)
    shown = asyncio.run(tiles.layer(reads, collections.components()))
    for z in ZOOMS:
        tile = Tile(z, *session.execute(text(_BUSIEST), {"level": z + 4}).one())
        ms, version_ms = (
            took(lambda make=make, tile=tile: asyncio.run(make(reads, shown, tile)))
            for make in (tiles.content, tiles.tag)
        )
        share = (ms + version_ms) / TILE_LIMIT_MS
        is_well &= share <= 1
        print(f"  {when}: tile {z}/{tile.x}/{tile.y} {ms:6.1f} ms, "
              f"version {version_ms:4.1f} ms, of the limit {share:.2f}")  # fmt: skip
    total_ms = took(lambda: counts.total(session), times=21)
    print(f"  {when}: total {total_ms:.2f} ms")
    return is_well


def stage(session: Session, rows: int) -> int:
    """Stage a survey as if a file had been read and matched."""
    survey = Survey(
        file_name="bench/counts.py",
        file_sha256="",
        crs="EPSG:4490",
        as_of=DAY,
        is_synthetic=True,
        actor="bench",
        state=SurveyState.STAGED,
        row_count=rows,
        accepted_count=rows,
        verdicts={"new": rows // 4, "moved": rows - rows // 4},
        matched_at=func.now(),
    )
    session.add(survey)
    session.flush()
    survey_queries.make_rows_table(session, survey.id)
    session.execute(text(_ROWS.format(survey=survey.id, rows=rows)))
    survey_queries.attach_rows(session, survey.id)
    print(f"  survey {survey.id}: {survey.verdicts}", flush=True)
    return survey.id


@contextmanager
def undone(database: Database, *, is_counting: bool) -> Iterator[Session]:
    """Open a transaction that is rolled back, with or without the triggers."""
    with Session(database.engine) as session:
        if not is_counting:
            session.execute(text("ALTER TABLE components DISABLE TRIGGER USER"))
        yield session
        session.rollback()


def apply(database: Database, survey: int, *, is_counting: bool) -> float:
    """Apply a survey, to be undone; return the seconds that the server's processor worked."""
    with undone(database, is_counting=is_counting) as session:
        process = session.scalar(text("SELECT pg_backend_pid()"))
        before = worked_s(process)
        surveys.apply(session, survey, actor="bench")
        return worked_s(process) - before


def worked_s(process: int) -> float:
    """Return how many seconds a process on this machine has had the processor."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def edit(database: Database, codes: list[str], *, is_counting: bool) -> float:
    """Edit components, each to be undone; return the milliseconds that one takes."""

    def one(session: Session, code: str) -> None:
        retired = ComponentState.RETIRED
        editing.edit(session, code, actor="bench", reason="bench", on_date=DAY, state=retired)

    with undone(database, is_counting=is_counting) as session:
        started = perf_counter()
        for code in codes:
            one(session, code)
        return (perf_counter() - started) * 1000 / len(codes)


def main() -> None:
    """Read, then write with and without the triggers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--survey", type=int, help="a staged survey to use, instead of making one")
    options = parser.parse_args()
    with open_registry(Settings(home=options.home)) as database:
        with database.session() as session:
            upkeep.fold(session)
        with database.session() as session:
            recount_ms = took(lambda: session.execute(text(_RECOUNT)).one(), times=1)
            print(f"  counting components: {recount_ms:.0f} ms")
            is_well = read(session, "folded")
            codes = list(
                session.scalars(
                    text("SELECT code FROM components WHERE state = 'active' LIMIT 200")
                )
            )
        times: dict[bool, list[float]] = {False: [], True: []}
        for is_counting in (False, True, True, False) * 3:
            times[is_counting].append(edit(database, codes, is_counting=is_counting))
        plain, counted = min(times[False]), min(times[True])
        print(f"  one edit: {plain:.2f} ms without, {counted:.2f} ms with: {counted / plain:.2f}")
        with database.session() as session:
            survey = options.survey or stage(session, options.rows)
        times = {False: [], True: []}
        for is_counting in (False, True, True, False, False, True):
            times[is_counting].append(apply(database, survey, is_counting=is_counting))
        plain, counted = min(times[False]), min(times[True])
        ratio = counted / plain
        is_well &= ratio <= WRITE_LIMIT
        print(f"  survey apply: {plain:.1f} s of the server without, {counted:.1f} s with: "
              f"{ratio:.2f}, of the limit {ratio / WRITE_LIMIT:.2f}")  # fmt: skip
        with undone(database, is_counting=True) as session:
            surveys.apply(session, survey, actor="bench")
            is_well &= read(session, "waiting")
            fold_ms = took(lambda: upkeep.fold(session), times=1)
            print(f"  folded in {fold_ms:.0f} ms")
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
