"""``gis-registry case deadline``, ``watch`` and ``repair``: what keeps cases in time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.orm import Session

from gis_registry.cases import recounting, watching
from gis_registry.cases.deadline_schemas import CaseDeadlines, StageDeadline
from gis_registry.cases.explaining_deadlines import MOST_LINES, explain_deadlines
from gis_registry.cases.tables import CaseEventKind
from gis_registry.cases.watching import Watched
from gis_registry.cases.wording import EVENT_NAMES
from gis_registry.cli.context import (
    LARGEST_NUMBER,
    AsJson,
    city_profile,
    city_zone,
    read_moment,
    registry,
    transaction,
)
from gis_registry.cli.output import print_facts, print_json, print_sentence, print_table, tell
from gis_registry.db.engine import Database
from gis_registry.errors import InvalidProfile
from gis_registry.profile import ProfileDeadlines

_EVERY_S = 60.0
CaseNumber = Annotated[int, typer.Argument(help="Number of the case.", min=1, max=LARGEST_NUMBER)]


def add_to(app: typer.Typer) -> None:
    """Add these commands to those of cases."""
    app.command("deadline")(deadline)
    app.command("watch")(watch)
    app.command("repair")(repair)


def deadline(
    case: CaseNumber,
    minutes: Annotated[
        bool, typer.Option("--minutes", help="A line for each minute of the last stage.")
    ] = False,
    stage: Annotated[int | None, typer.Option(help="Only this stage, from 1.", min=1)] = None,
    since: Annotated[
        str | None, typer.Option(help="Leave out what ended before this time, with its zone.")
    ] = None,
    limit: Annotated[
        int, typer.Option(help="At most so many lines of each stage.", min=1, max=MOST_LINES)
    ] = MOST_LINES,
    as_json: AsJson = False,
) -> None:
    """Explain the deadlines of a case: limits, what counted, what did not, and why."""
    moment = read_moment(since) if since else None
    with transaction() as session:
        if minutes and stage is None:
            stage = len(explain_deadlines(session, case, limit=1).stages) or None
        found = explain_deadlines(
            session, case, stage=stage, by_minute=minutes, since=moment, limit=limit
        )
        zone = city_zone(session)
    if as_json:
        print_json(found)
        return
    if not found.stages:
        tell(f"Case {case} has had no clock: it is from before cases had a life cycle.")
    for one in found.stages:
        _print(found, one, zone)


def watch(
    once: Annotated[bool, typer.Option("--once", help="Do what is due now, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Warn of deadlines, note what is overdue and urge it; the worker does so every minute."""
    with registry() as database:
        with database.session() as session:
            rules = rules_of(session)
        if not once:
            tell("Watching · press Ctrl-C to stop.")
        with _until_interrupted():
            while True:
                done = _watch(database, rules)
                if as_json:
                    print_json(
                        {"warned": done.warned, "overdue": done.overdue, "urged": done.urged}
                    )
                else:
                    print_sentence(
                        f"{done.warned} warned, {done.overdue} overdue, {done.urged} urged."
                    )
                if once:
                    return
                time.sleep(_EVERY_S)


def repair(
    case: CaseNumber,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what differs, change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write where a case stands again, as its events have it."""
    with transaction() as session:
        found = recounting.recount(session, case) if dry_run else recounting.repair(session, case)
    rows = [(name, kept, counted) for name, (kept, counted) in found.differences.items()]
    if as_json:
        print_json(
            [{"name": name, "kept": kept, "events": counted} for name, kept, counted in rows]
        )
    elif rows:
        print_table(["what", "as it was kept", "as its events have it"], rows)
        tell("This was a dry run: nothing was changed." if dry_run else "It was put right.")
    else:
        print_sentence(f"Case {case} stands where its events say.")


def rules_of(session: Session) -> ProfileDeadlines:
    """Return when the city warns and urges; the usual where its profile is not at hand."""
    try:
        return city_profile(session).deadlines
    except InvalidProfile as error:
        tell(f"{error} Until then it is warned and urged as is usual.")
        return ProfileDeadlines()


@contextmanager
def _until_interrupted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        tell("Stopped.")


def _watch(database: Database, rules: ProfileDeadlines) -> Watched:
    """Do all that is due, in transactions of a batch each."""
    total = Watched()
    is_more = True
    while is_more:
        with database.session() as session:
            done = watching.watch(session, rules)
        total, is_more = total + done, done.is_more
    return total


def _print(found: CaseDeadlines, one: StageDeadline, zone: ZoneInfo) -> None:
    def shown(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"

    print_sentence(f"{one.number}  {one.name_zh} {one.name_en}")
    limit = f"{one.limit.sentence_zh}\n{one.limit.sentence_en}" if one.limit else "无时限 none"
    due = shown(one.due_at) if one.due_at else None
    if one.due_at is None and one.limit:
        due = "暂停中 its clock is stopped"
    if not one.is_recomputed_equal:
        again = shown(one.recomputed_due_at) if one.recomputed_due_at else "none"
        due = f"{due}; recomputed now: {again} (they must be equal)"
    print_facts(
        [
            ("limit", limit),
            ("began", f"{shown(one.began_at)} {_event(one.began_by)}, {one.began_actor}"),
            ("due", due),
            ("done", f"{shown(one.ended_at)} {_event(one.ended_by)}" if one.ended_at else None),
            ("", _standing(one)),
        ]
    )
    if one.ledger:
        print_table(
            ["from", "to", "counts", "left", "why"],
            (
                (
                    f"{line.began_at.astimezone(zone):%m-%d %H:%M}",
                    f"{line.ended_at.astimezone(zone):%m-%d %H:%M}",
                    _duration((line.ended_at - line.began_at).total_seconds())
                    if line.is_counted
                    else "",
                    _duration(line.left_s),
                    f"{line.reason_zh} {line.reason_en}",
                )
                for line in one.ledger
            ),
        )
    if one.next_since:
        tell(f"There is more: --stage {one.number} --since {one.next_since.isoformat()}")
    if one is not found.stages[-1]:
        print_sentence("")


def _event(kind: str | None) -> str:
    return " ".join(EVENT_NAMES[CaseEventKind(kind)]) if kind else ""


def _standing(one: StageDeadline) -> str | None:
    if one.left_s is None:
        return None
    amount = _duration(abs(one.left_s))
    if one.left_s < 0:
        return f"逾期{amount} {amount} late"
    done = "按时，" if one.is_on_time else ""
    return f"{done}剩余{amount} {'on time, ' if one.is_on_time else ''}{amount} left"


def _duration(seconds: float) -> str:
    """Return an amount of time in hours, minutes and seconds, without those that are none."""
    sign, rest = ("-" if seconds < 0 else ""), round(abs(seconds))
    parts = [(rest // 3600, "h"), (rest % 3600 // 60, "min"), (rest % 60, "s")]
    return sign + (" ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min")
