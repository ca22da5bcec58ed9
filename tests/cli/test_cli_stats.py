"""Indicators on the command line."""

import csv
from random import Random

import pytest
from running_cli import Run
from sqlalchemy import text
from walking import BEGINNING, add_photo, opened, walk

from gis_registry.db.engine import Database
from gis_registry.settings import Settings

DAYS = ("--from", "2026-04-01", "--to", "2026-06-30")
STATS = ("case", "stats")


@pytest.fixture
def walked(own_settings: Settings) -> Settings:
    """Return a registry in which some cases went their ways."""
    with Database(own_settings) as database, database.session() as session:
        add_photo(session)
        random = Random(5)
        case_ids = [opened(session, BEGINNING, random) for _ in range(6)]
        walk(session, case_ids, BEGINNING, random, steps=25)
    return own_settings


def test_indicators_are_shown_as_table_json_and_csv(run: Run, walked: Settings) -> None:
    table = run(walked, *STATS, *DAYS)
    assert (table.exit_code, "准确立案率" in table.out) == (0, True)
    found = run(walked, *STATS, *DAYS, "--json", "--by", "unit").json
    assert (found["from"], found["to"], found["by"]) == ("2026-04-01", "2026-06-30", "unit")
    rows = list(csv.DictReader(run(walked, *STATS, *DAYS, "--csv", "--by", "day").out.splitlines()))
    reported = [one for one in rows if one["key"] == "reported_count"]
    assert (reported[0]["group"], reported[0]["numerator"]) == ("all", "6")
    assert [(one["code"], one["numerator"]) for one in reported[1:] if one["numerator"] != "0"] == [
        ("2026-04-30", "6")
    ]
    month = run(walked, *STATS, "--month", "2026-04", "--by", "division")
    assert "市南区" in month.out


def test_totals_are_checked_and_made_anew(run: Run, walked: Settings) -> None:
    sound = run(walked, *STATS, "--check", "--events", "--json")
    assert (sound.exit_code, sound.json["is_exact"]) == (0, True)
    with Database(walked) as database, database.session() as session:
        session.execute(text("UPDATE case_progress SET urged = urged + 1, filed_at = reported_at"))
    found = run(walked, *STATS, "--check", "--events")
    assert found.exit_code == 1
    assert "does not stand where its events take it" in found.err
    assert run(walked, *STATS, "--rebuild", "--check").out.strip() == (
        "Every total equals a recount."
    )


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("--month", "June"), 2),
        (("--month", "2026-06", "--from", "2026-06-01"), 2),
        (("--by", "weather"), 2),
        (("--unit", "nobody"), 1),
        (("--key", "luck"), 1),
    ],
)
def test_wrong_usage_is_refused(
    run: Run, own_settings: Settings, arguments: tuple[str, ...], exit_code: int
) -> None:
    assert run(own_settings, *STATS, *arguments).exit_code == exit_code
