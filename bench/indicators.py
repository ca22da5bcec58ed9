"""Indicators of millions of past cases: how long each takes, beside counting the cases again.

    python bench/indicators.py HOME [--cases 10000000] [--days 1000]

fills the embedded registry in HOME (an empty folder, or one that this filled before) with past
cases, makes the totals as the migration does, and asks for every indicator by unit, class,
district, subdistrict, matter and day, of a month, of a year, and from February of last year to the
last whole month (the longest time without a whole year). Each answer must come within the limit and
equal a recount by GROUP BY in the same run. Then it lists the cases of every indicator of a month,
and folds the changes that wait.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import indicator_answers as answers
from gis_registry.cases import indicator_counting as counting
from gis_registry.cases import indicator_upkeep as upkeep
from gis_registry.cases.indicator_answers import Asked
from gis_registry.cases.indicator_formulas import Part, indicators
from gis_registry.cases.indicator_views import Grouping, View
from gis_registry.cases.indicators import count
from gis_registry.cases.progress import Progress
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

LIMIT_MS = 200.0
#: As many as a worker that folds every minute leaves at 150 changes a second.
WAITING = 9000

_CASES = """
INSERT INTO case_progress (
  division_code, case_id, version, state, matter_type_id, class_id, subdistrict_code, channel,
  unit_code, reported_at, filed_at, first_dispatched_at, dispatched_at, handling_due_at, handled_at,
  verified_at, ended_at, overdue_at, is_filed_on_time, is_dispatched_on_time, is_handled_on_time,
  is_verified_on_time, is_misfiled, returned, redirected, sent_back, extended, urged, appealed,
  upheld
)
SELECT
  left(places.code, 6), n, 9,
  CASE WHEN is_refused THEN 'not_accepted' WHEN ended_at < now() THEN 'closed'
    WHEN handled_at < now() THEN 'handled' WHEN filed_at < now() THEN 'dispatched'
    ELSE 'reported' END,
  matters.id, matters.class_id, places.code,
  (ARRAY['inspector', 'citizen', 'video', 'drone'])[1 + (r1 * 4)::int % 4],
  units.code, reported_at, pg_temp.past(filed_at), pg_temp.past(dispatched_at),
  pg_temp.past(dispatched_at),
  CASE WHEN dispatched_at < now() THEN due_at END, pg_temp.past(handled_at), pg_temp.past(ended_at),
  pg_temp.past(CASE WHEN is_refused THEN reported_at + interval '20 minutes' ELSE ended_at END),
  CASE WHEN due_at < now() AND handled_at > now() THEN due_at END,
  CASE WHEN filed_at < now() THEN r2 < 0.995 END,
  CASE WHEN dispatched_at < now() THEN r3 < 0.99 END,
  CASE WHEN handled_at < now() THEN handled_at <= due_at END,
  CASE WHEN ended_at < now() THEN r4 < 0.98 END,
  r2 > 0.998, (r3 > 0.97)::int, (r3 > 0.96)::int, (r4 > 0.96)::int, (r4 < 0.03)::int,
  (r5 < 0.01)::int, (r5 > 0.995)::int, (r5 > 0.998)::int
FROM (
  SELECT n, r1, r2, r3, r4, r5, is_refused, reported_at, filed_at, dispatched_at,
    dispatched_at + interval '1 hour' * (2 + 70 * r5) AS due_at,
    dispatched_at - interval '1 hour' * 12 * ln(1 - r4 * 0.9999) AS handled_at,
    dispatched_at - interval '1 hour' * 12 * ln(1 - r4 * 0.9999) + interval '30 minutes' * r1
      AS ended_at
  FROM (
    SELECT *, CASE WHEN NOT is_refused THEN filed END AS filed_at,
      CASE WHEN NOT is_refused THEN filed + interval '6 minutes' * r3 * r3 END AS dispatched_at
    FROM (
      SELECT n, random() AS r1, random() AS r2, random() AS r3, random() AS r4, random() AS r5,
        random() < 0.04 AS is_refused,
        now() - interval '1 day' * :days * (1 - n / CAST(:cases AS float)) AS reported_at,
        now() - interval '1 day' * :days * (1 - n / CAST(:cases AS float))
          + interval '1 minute' * (3 + 40 * random()) AS filed
      FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
    ) AS drawn
  ) AS sent
) AS made
JOIN pg_temp.places ON places.number = 1 + floor(r1 * r1 * (SELECT count(*) FROM pg_temp.places))
JOIN pg_temp.units
  ON units.division_code = left(places.code, 6) AND units.number = floor(r2 * r5 * units.total)
JOIN pg_temp.matters ON matters.number = 1 + floor(r3 * r4 * (SELECT count(*) FROM pg_temp.matters))
ORDER BY n
"""
_PREPARE = """
SET LOCAL session_replication_role = replica;
SELECT setseed(0.5);
CREATE FUNCTION pg_temp.past(moment timestamptz) RETURNS timestamptz LANGUAGE sql
  AS 'SELECT CASE WHEN moment < now() THEN moment END';
CREATE TEMP TABLE places ON COMMIT DROP AS
  SELECT row_number() OVER (ORDER BY md5(code)) AS number, code
  FROM divisions WHERE level = 'subdistrict';
CREATE TEMP TABLE units ON COMMIT DROP AS
  SELECT division_code, row_number() OVER of_division - 1 AS number, code,
    count(*) OVER (PARTITION BY division_code) AS total
  FROM (SELECT left(division_code, 6) AS division_code, code FROM public.units) AS known
  WINDOW of_division AS (PARTITION BY division_code ORDER BY md5(code));
CREATE TEMP TABLE matters ON COMMIT DROP AS
  SELECT row_number() OVER (ORDER BY md5(m.code)) AS number, m.id, c.class_id
  FROM matter_types m LEFT JOIN matter_type_classes c ON c.matter_type_id = m.id
"""
_BATCH = 1_000_000


class Recounted(View):
    """A view that is answered by counting cases."""

    scope = None  # type: ignore[assignment]


def fill(session: Session, *, cases: int, days: int) -> None:
    """Make past cases, without the events that brought them there."""
    for statement in _PREPARE.split(";\n"):
        session.execute(text(statement))
    for first in range(1, cases + 1, _BATCH):
        last = min(cases, first + _BATCH - 1)
        values = {"cases": cases, "days": days, "first": first, "last": last}
        session.execute(text(_CASES), values)
        print(f"  {last:,} cases", flush=True)


def wait(session: Session) -> None:
    """Let changes wait, as between two folds: cases that were handled once more just now."""
    fields = [one.name for one in dataclass_fields(Progress)]
    rows = session.execute(
        select(*(counting.PROGRESS.c[name] for name in fields))
        .where(counting.PROGRESS.c.handled_at.is_not(None))
        .order_by(counting.PROGRESS.c.case_id.desc())
        .limit(WAITING // 8)
    )
    before = [Progress(**row) for row in rows.mappings()]
    now = clock.now()
    after = [replace(one, handled_at=now, is_handled_on_time=False) for one in before]
    count(session, list(zip(before, after, strict=True)))
    session.execute(
        update(counting.PROGRESS)
        .where(counting.PROGRESS.c.case_id.in_([one.case_id for one in before]))
        .values(handled_at=now, is_handled_on_time=False)
    )


_T = TypeVar("_T")


def took(work: Callable[[], _T]) -> tuple[float, _T]:
    """Run something and return the milliseconds that it took."""
    started = perf_counter()
    found = work()
    return (perf_counter() - started) * 1000, found


def compare(session: Session) -> bool:
    """Ask for every indicator; return whether all are right and in time."""
    today = answers.view_of(session, Asked()).today
    month_end = today.replace(day=1) - timedelta(days=1)
    periods = {
        "month": Asked(first=month_end.replace(day=1), last=month_end),
        "year": Asked(first=(today - timedelta(days=364)).replace(day=1), last=today),
        "longest": Asked(first=date(month_end.year - 1, 2, 1), last=month_end),
    }
    every = list(indicators().values())
    is_well = True
    print(f"{'by':12} {'of a':7} {'slowest':28} {'ms':>7} {'/limit':>7} {'all ms':>7} "
          f"{'recount ms':>10} {'times':>6} equal")  # fmt: skip
    for period, asked in periods.items():
        for by in (None, Grouping.UNIT, Grouping.CLASS, Grouping.DIVISION, Grouping.SUBDISTRICT,
                   Grouping.MATTER, Grouping.DAY):  # fmt: skip
            wanted = replace(asked, by=by)
            view = answers.view_of(session, wanted)
            times = {}
            for one in every:
                ask = partial(answers._values, session, [one], view)
                times[one.key] = min(took(ask)[0] for _ in range(3))
            slowest = max(times, key=lambda key: times[key])
            all_ms, found = took(partial(answers._values, session, every, view))
            recount = partial(answers._values, session, every, Recounted(**vars(view)))
            recount_ms, counted = took(recount)
            is_equal = found == counted
            is_well &= is_equal and times[slowest] <= LIMIT_MS
            print(f"{by or 'city':12} {period:7} {slowest:28} {times[slowest]:7.1f} "
                  f"{times[slowest] / LIMIT_MS:7.2f} {all_ms:7.0f} {recount_ms:10.0f} "
                  f"{recount_ms / all_ms:6.0f} {is_equal}", flush=True)  # fmt: skip
    return is_well


def drill(session: Session) -> bool:
    """List the cases of every indicator of a month; return whether all come in time."""
    month_end = answers.view_of(session, Asked()).today.replace(day=1) - timedelta(days=1)
    month = Asked(first=month_end.replace(day=1), last=month_end)
    groups = answers.answer(session, replace(month, by=Grouping.UNIT)).groups
    times = {}
    for asked in (month, replace(month, unit=groups[len(groups) // 2].code)):
        for key, part in product(indicators(), Part):
            work = partial(answers.cases, session, asked, key, part)
            times[asked.unit or "city", key, part] = min(took(work)[0] for _ in range(3))
    slowest = max(times, key=lambda one: times[one])
    print(f"cases of indicators of a month, {len(times)} lists: at most {times[slowest]:.0f} ms "
          f"({times[slowest] / LIMIT_MS:.2f} of the limit: {' '.join(slowest)}), "
          f"on average {sum(times.values()) / len(times):.0f} ms", flush=True)  # fmt: skip
    return times[slowest] <= LIMIT_MS


def main() -> None:
    """Fill, make the totals, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--cases", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=1000)
    options = parser.parse_args()
    with open_registry(Settings(home=options.home)) as database:
        with database.session() as session:
            if not session.scalar(text("SELECT EXISTS (SELECT FROM case_progress)")):
                ms, _ = took(lambda: fill(session, cases=options.cases, days=options.days))
                session.execute(text("ANALYZE case_progress"))
                print(f"filled in {ms / 1000:.0f} s")
        with database.session() as session:
            ms, _ = took(lambda: upkeep.rebuild(session))
            print(f"totals made in {ms / 1000:.0f} s")
            wait(session)
        with database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.execute(text("VACUUM ANALYZE"))
        with database.session() as session:
            is_well = compare(session)
            is_well &= drill(session)
            waiting = session.scalar(text("SELECT count(*) FROM indicator_changes"))
            ms, _ = took(lambda: upkeep.fold(session))
            print(f"{waiting:,} changes folded in {ms:.0f} ms ({ms / LIMIT_MS:.2f} of the limit)")
            sizes = session.execute(text("SELECT relname, pg_size_pretty(pg_total_relation_size("
                "oid)) FROM pg_class WHERE relname IN ('case_progress', 'indicator_totals',"
                " 'indicator_histograms') ORDER BY 1"))  # fmt: skip
            print(", ".join(f"{name} {size}" for name, size in sizes))
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
