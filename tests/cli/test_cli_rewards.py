"""``report reward``, ``report rewards``, ``survey tasks`` and ``survey task close``."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from running_cli import Run

from gis_registry.db.engine import Database
from gis_registry.reports import service
from gis_registry.reports.schemas import NewReport
from gis_registry.settings import Settings

LON, LAT = 120.3826, 36.0671


@pytest.fixture(scope="module")
def reports(module_settings: Settings) -> list[int]:
    """Submit citizens' reports, on three days, of a street light that is not registered."""
    now = datetime.now(UTC)
    new = {"lon": LON, "lat": LAT, "matter": "0137", "channel": "citizen"}
    with Database(module_settings) as database, database.session() as session:
        return [
            service.submit(
                session,
                NewReport.model_validate(
                    new
                    | {"sender": {"account": f"wx-{n}"}, "reported_at": now - timedelta(days=3 - n)}
                ),
                reported_by="app",
            ).id
            for n in range(3)
        ]


def test_a_reward_is_shown_decided_and_listed(
    run: Run, module_settings: Settings, reports: list[int]
) -> None:
    number = reports[0]
    shown = run(module_settings, "report", "reward", number)
    assert (shown.exit_code, shown.err) == (0, "")
    assert "can be accepted" in shown.out
    assert "市民账号wx-0（app）上报。" in shown.out
    assert run(module_settings, "report", "reward", number, "--accept").exit_code == 0
    again = run(module_settings, "report", "reward", number, "--accept")
    assert again.exit_code == 1
    assert again.sentence == f"The reward of report {number} is due; it cannot be accepted."
    paid = run(module_settings, "report", "reward", number, "--paid", "A1", "--json").json
    assert [one["state"] for one in paid["events"]] == ["due", "paid"]
    assert "A1" in run(module_settings, "report", "reward", number).out
    run(module_settings, "report", "reward", reports[1], "--refuse", "重复")
    listed = run(module_settings, "report", "rewards", "list")
    assert "wx-0" in listed.out
    assert "paid: 1, 5.00 yuan" in listed.err
    page = run(module_settings, "report", "rewards", "list", "--state", "refused", "--json").json
    assert [(one["report_id"], one["reason"]) for one in page["rewards"]] == [(reports[1], "重复")]
    first = run(module_settings, "report", "rewards", "list", "--limit", 1)
    assert first.sentence == f"There are more: --before {reports[1]}"


def test_one_decision_at_a_time(run: Run, module_settings: Settings, reports: list[int]) -> None:
    both = run(module_settings, "report", "reward", reports[0], "--accept", "--paid", "A1")
    assert both.exit_code == 2
    empty = run(module_settings, "report", "reward", reports[2], "--refuse", " ")
    assert (empty.exit_code, empty.sentence) == (1, "Refusing a reward needs a reason.")
    assert run(module_settings, "report", "reward", 404404).exit_code == 1


def test_rules_are_loaded_and_listed(run: Run, module_settings: Settings, tmp_path: Path) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text("matter_code,amount_yuan,valid_from\n06002,8,2027-01-01\n", encoding="utf-8")
    dry = run(module_settings, "report", "rewards", "load", rules, "--dry-run")
    assert dry.out == "Would load 1 reward rules.\n"
    assert len(run(module_settings, "report", "rewards", "rules", "--json").json) == 7
    assert run(module_settings, "report", "rewards", "load").out == "Loaded 7 reward rules.\n"
    assert run(module_settings, "report", "rewards", "load", rules, "--json").json == {
        "reward_rules": 1
    }
    assert "06002" in run(module_settings, "report", "rewards", "rules").out
    rules.write_text("matter_code,amount_yuan,valid_from\n06002,1,2027-01-01\n", encoding="utf-8")
    refused = run(module_settings, "report", "rewards", "load", rules)
    assert refused.exit_code == 1
    assert refused.sentence == ("rules.csv, line 2: amount_yuan is '1'; it must be 2 to 100 yuan.")


def test_survey_tasks_are_listed_in_every_format_and_closed(
    run: Run, module_settings: Settings, reports: list[int]
) -> None:
    table = run(module_settings, "survey", "tasks")
    assert "路灯" in table.out
    assert table.sentence == "1 in all."
    (task,) = run(module_settings, "survey", "tasks", "--json").json["tasks"]
    (row,) = csv.DictReader(
        io.StringIO(run(module_settings, "survey", "tasks", "--format", "csv").out)
    )
    assert (row["place"], row["class"], row["none"], row["incidents"]) == (
        task["place"],
        "0137",
        "3",
        "3",
    )
    assert row["reports"] == " ".join(map(str, reports))
    features = run(module_settings, "survey", "tasks", "--format", "geojson").json
    (feature,) = features["features"]
    assert features["crs"]["properties"]["name"].endswith("4490")
    assert feature["geometry"]["type"] == "Polygon"
    assert feature["properties"]["place"] == task["place"]
    close = ("survey", "task", "close", task["place"], "0137", "--reason", "=看过了")
    assert run(module_settings, *close).exit_code == 2
    assert run(module_settings, *close, "--done", "--dismiss").exit_code == 2
    assert run(module_settings, "survey", "tasks", "--json", "--format", "csv").exit_code == 2
    assert "is done; it had 3 incidents." in run(module_settings, *close, "--done").out
    assert run(module_settings, *close, "--done").exit_code == 1
    assert run(module_settings, "survey", "tasks").sentence == "There are none."
    done = ("survey", "tasks", "--state", "done")
    assert "=看过了" in run(module_settings, *done).out
    (row,) = csv.DictReader(io.StringIO(run(module_settings, *done, "--format", "csv").out))
    assert row["reason"] == "'=看过了"  # no formula for spreadsheets
    assert run(module_settings, *done, "--json").json["tasks"][0]["closing"]["reason"] == "=看过了"
