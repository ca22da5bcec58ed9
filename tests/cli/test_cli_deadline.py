"""``case deadline``, ``case watch``, ``case repair``, and ``db check --cases``."""

from io import StringIO

import pytest
from living import at, lived, moment
from rich.cells import cell_len
from rich.console import Console
from running_cli import Run
from sqlalchemy import text

from gis_registry.cli import output
from gis_registry.db.engine import Database
from gis_registry.settings import Settings


@pytest.fixture
def number(own_settings: Settings) -> int:
    with Database(own_settings) as database, database.session() as session:
        return lived(session)


def test_deadlines_are_explained_in_both_languages(
    run: Run, own_settings: Settings, number: int
) -> None:
    with at(moment("06-11 11:00")):
        told = run(own_settings, "case", "deadline", number)
        third = run(own_settings, "case", "deadline", number, "--stage", 3, "--json").json
    assert told.exit_code == 0
    for said in (
        "1  立案 filing",
        "立案限0.5工作时",
        "Filing within 0.5 working hours",
        "2026-06-10 14:30",
        "按时，剩余22 min on time, 22 min left",
        "暂停：现场需要（李派遣） paused by 李派遣: 现场需要",
        "延期4个工作时：现场需要（李派遣）",
        "休息 break",
    ):
        assert said in told.out
    assert [one["stage"] for one in third["stages"]] == ["handling"]
    assert third["stages"][0]["is_recomputed_equal"]


def test_deadlines_can_be_read_in_80_columns(
    run: Run, own_settings: Settings, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = StringIO()
    console = Console(file=shown, width=80, markup=False, highlight=False, emoji=False)
    monkeypatch.setattr(output, "results", console)
    with at(moment("06-11 11:00")):
        run(own_settings, "case", "deadline", number)
    lines = shown.getvalue().splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    assert "…" not in shown.getvalue()
    assert any(line.startswith("06-10 14:08  06-10 16:00  1 h 52 min") for line in lines)


def test_minutes_come_page_by_page(run: Run, own_settings: Settings, number: int) -> None:
    with at(moment("06-11 11:00")):
        first = run(own_settings, "case", "deadline", number, "--minutes", "--limit", 30)
        assert len([one for one in first.out.splitlines() if one.startswith("06-1")]) == 30
        since = first.sentence.rpartition(" ")[2]
        asked = ["case", "deadline", number, "--minutes", "--since", since, "--json"]
        (rest,) = run(own_settings, *asked).json["stages"]
    assert first.sentence == f"There is more: --stage 3 --since {since}"
    assert rest["ledger"][0]["began_at"].startswith("2026-06-10T06:38")
    assert rest["next_since"] is None


def test_what_there_is_not_is_refused(run: Run, own_settings: Settings, number: int) -> None:
    missing = run(own_settings, "case", "deadline", 4711)
    assert (missing.exit_code, missing.sentence) == (1, "There is no case 4711.")
    assert run(own_settings, "case", "deadline", number, "--stage", 9).exit_code == 1
    for wrong in (["--stage", 0], ["--limit", 1441], ["--since", "now"], ["--since", "2026-06-10"]):
        assert run(own_settings, "case", "deadline", number, *wrong).exit_code == 2


def test_the_watch_does_what_is_due_and_ends(run: Run, own_settings: Settings, number: int) -> None:
    with at(moment("06-30 11:00")):
        done = run(own_settings, "case", "watch", "--once", "--json").json
        assert done == {"warned": 0, "overdue": 1, "urged": 1}
        again = run(own_settings, "case", "watch", "--once")
    assert again.out == "0 warned, 0 overdue, 0 urged.\n"
    shown = run(own_settings, "case", "show", number, "--json").json
    assert [one["kind"] for one in shown["events"]][-2:] == ["overdue", "urged"]


def test_a_case_is_repaired_after_a_dry_run(run: Run, own_settings: Settings, number: int) -> None:
    sound = run(own_settings, "case", "repair", number)
    assert sound.out == f"Case {number} stands where its events say.\n"
    with Database(own_settings) as database, database.session() as session:
        session.execute(text("UPDATE case_progress SET state = 'closed'"))
    checked = run(own_settings, "db", "check", "--cases", "--json")
    (named,) = [one for one in checked.json if one["check"] == "case-progress"]
    assert (checked.exit_code, named["is_passed"]) == (1, False)
    assert "state is closed, by its events dispatched" in named["message"]
    dry = run(own_settings, "case", "repair", number, "--dry-run")
    assert dry.sentence == "This was a dry run: nothing was changed."
    done = run(own_settings, "case", "repair", number, "--json").json
    assert done == [{"name": "state", "kept": "closed", "events": "dispatched"}]
    checked = run(own_settings, "db", "check", "--cases", "--json")
    (named,) = [one for one in checked.json if one["check"] == "case-progress"]
    assert named["is_passed"]
    assert run(own_settings, "case", "repair", 4711).sentence == "There is no case 4711."
