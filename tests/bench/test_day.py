"""A small day with every kill loses nothing; and what is lost, doubled or torn is found."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import day
import pytest
from day_checks import faults_of_cases, faults_of_reports
from day_clients import Clients, Desk, Request, Task, Way
from day_ways import Place, Told, plans
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.cases import watching
from gis_registry.cases.appending import Appending
from gis_registry.cases.tables import CaseEventKind
from gis_registry.clock import SimulatedClock
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport

pytestmark = pytest.mark.slow

MIDNIGHT = datetime(2026, 6, 14, 16, tzinfo=UTC)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gr-day-"))
    monkeypatch.setenv("GIS_REGISTRY_HOME", str(folder))
    yield folder
    shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_a_small_day_survives_every_kill(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--components", "1500", "--cases", "40", "--speed", "20000", "--start-s", "0"]
    assert day.main(["--home", str(home), *small, "--kill", "--rounds", "1"]) == 0
    told = capsys.readouterr().out
    assert "killed: one process of the API, the API, the worker, the database" in told
    assert told.rstrip().endswith("faults: 0")


def test_a_day_is_drawn_anew_the_same() -> None:
    places = [Place(120.38, 36.07, "0101")] * 240
    drawn = plans(240, MIDNIGHT, places, seed=7)
    assert drawn == plans(240, MIDNIGHT, places, seed=7)
    assert drawn != plans(240, MIDNIGHT, places, seed=8)
    assert len(drawn) == 260
    assert [one.at for one in drawn] == sorted(one.at for one in drawn)
    assert all(timedelta(0) <= one.at - MIDNIGHT < timedelta(hours=25) for one in drawn)


def test_ways_end_though_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("day_clients._GIVE_UP_S", 0.0)
    clock = SimulatedClock(MIDNIGHT, datetime.now(UTC), 1000)
    nothing = Request("read", "GET", "/", "")

    def way() -> Way:
        yield Task(MIDNIGHT, nothing)

    clients = Clients(1, clock, Desk(lambda _: nothing))
    clients.run([way(), way()], 2)
    assert [str(one)[:15] for one in clients.done] == ["read: no answer"] * 2


@pytest.fixture
def told(session: Session) -> Told:
    """Return what was confirmed of one reported case, which is as it should be."""
    new = NewReport(lon=120.3826, lat=36.0671, matter="06001", client_key="a-day:0")
    case_id = reports.submit(session, new, reported_by="tests").case_id
    session.flush()
    return Told({case_id: ["reported"]}, {"a-day:0": case_id})


def faults(session: Session, told: Told) -> list[str]:
    return [
        *faults_of_reports(session, told, "a-day"),
        *faults_of_cases(session, told, "a-day"),
    ]


def test_a_sound_day_has_no_faults(session: Session, told: Told) -> None:
    assert faults(session, told) == []


def test_what_is_lost_is_found(session: Session, told: Told) -> None:
    (case_id,) = told.events
    told.reports["a-day:1"] = case_id
    told.events[case_id + 1] = ["reported"]
    told.events[case_id].append("checked")
    assert faults(session, told) == [
        "report a-day:1 is lost",
        f"case {case_id + 1} is lost",
        f"case {case_id} has ['reported']; confirmed were ['reported', 'checked']",
    ]


@pytest.mark.parametrize(("actor", "is_fault"), [(watching.ACTOR, False), ("李派遣", True)])
def test_what_the_watch_does_needs_nobody_to_confirm_it(
    session: Session, told: Told, actor: str, is_fault: bool
) -> None:
    (case_id,) = told.events
    work = Appending(session, {case_id})
    work.append(case_id, CaseEventKind.FILED, {"state": "filed"}, actor="李派遣")
    work.append(case_id, CaseEventKind.URGED, {"reason": "逾期"}, actor=actor)
    work.write()
    told.events[case_id].append("filed")
    kinds = ["reported", "filed", "urged"]
    fault = f"case {case_id} has {kinds}; confirmed were {kinds[:-1]}"
    assert faults(session, told) == ([fault] if is_fault else [])


def test_what_is_no_legal_way_or_stands_elsewhere_is_found(session: Session, told: Told) -> None:
    (case_id,) = told.events
    session.execute(
        text(
            """
            INSERT INTO case_events
              (division_code, case_id, sequence, kind, happened_at, actor, note)
            SELECT division_code, case_id, 2, 'verified', happened_at, 'tests', CAST(:note AS jsonb)
            FROM case_events WHERE case_id = :case_id
            """
        ),
        {"case_id": case_id, "note": json.dumps({"state": "verified"})},
    )
    told.events[case_id].append("verified")
    found = faults(session, told)
    assert found[0] == f"case {case_id} was verified while it was reported"
    assert f"case {case_id}: state is reported, its events come to verified" in found
