"""``units check`` on facts that are made up."""

import csv
import io
from datetime import date

import pytest
from making import claim, forget_facts
from running_cli import Run

from gis_registry.db.engine import Database
from gis_registry.settings import Settings
from gis_registry.units import queries as units
from gis_registry.units.tables import Responsibility

LIGHT, SHINAN = "0137", "370202"
DAY = "2026-07-02"


@pytest.fixture(scope="module")
def facts(module_settings: Settings) -> Settings:
    """State that one unit has the city, and that two have the lights of a district."""
    with Database(module_settings) as database, database.session() as session:
        forget_facts(session)
        city = Responsibility(
            unit_id=units.unit_ids(session)["QD-CC"],
            role="supervisor",
            division_code="370200",
            valid_from=date(2026, 1, 1),
        )
        session.add(city)
        for unit in ("QD-E-01", "QD-E-02"):
            claim(session, unit, class_code=LIGHT, division=SHINAN)
    return module_settings


def test_a_tie_is_shown_with_both_units_and_exits_1(run: Run, facts: Settings) -> None:
    outcome = run(facts, "units", "check", "--on", DAY)
    assert outcome.exit_code == 1
    assert "conflict: these claims weigh the same" in outcome.out
    assert "QD-E-01" in outcome.out
    assert "QD-E-02" in outcome.out
    assert "gaps" not in outcome.out
    assert outcome.sentence.endswith(
        "matters with gaps: 0, conflicts: 1. --format csv lists every place."
    )


def test_a_gap_is_counted_and_named_in_full_on_request(run: Run, facts: Settings) -> None:
    outcome = run(facts, "units", "check", "--on", "2025-12-31")
    assert outcome.exit_code == 1
    assert "gaps: nobody is responsible" in outcome.out
    assert "everywhere" in outcome.out
    answer = run(facts, "units", "check", "--on", "2025-12-31", "--json").json
    assert (len(answer["gaps"]), answer["conflicts"]) == (answer["matter_count"], [])
    rows = list(
        csv.DictReader(
            io.StringIO(run(facts, "units", "check", "--on", "2025-12-31", "--format", "csv").out)
        )
    )
    assert len(rows) == answer["matter_count"] * answer["place_count"]
    assert {one["finding"] for one in rows} == {"gap"}
    light = [one for one in rows if one["matter"] == LIGHT]
    assert {(one["class"], one["name_zh"]) for one in light} == {(LIGHT, "路灯")}
    assert len({one["place"] for one in light}) == answer["place_count"]


def test_the_lines_of_a_tie_name_units_and_facts(run: Run, facts: Settings) -> None:
    outcome = run(facts, "units", "check", "--on", DAY, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert outcome.exit_code == 1
    assert {one["finding"] for one in rows} == {"conflict"}
    assert {one["units"] for one in rows} == {"QD-E-01 QD-E-02"}
    assert {one["place"][:6] for one in rows} == {SHINAN}
    (conflict,) = run(facts, "units", "check", "--on", DAY, "--json").json["conflicts"]
    numbers = " ".join(str(one["responsibility_id"]) for one in conflict["facts"])
    assert {one["responsibilities"] for one in rows} == {numbers}


def test_nothing_found_exits_0(run: Run, facts: Settings) -> None:
    outcome = run(facts, "units", "check", "--on", "2026-03-01")
    assert outcome.exit_code == 0
    assert outcome.out.strip().endswith("on 2026-03-01 has one unit that comes first.")
    nothing = run(facts, "units", "check", "--on", "2026-03-01", "--format", "csv")
    assert (nothing.exit_code, len(nothing.out.splitlines())) == (0, 1)


@pytest.mark.parametrize(
    "options", [("--on", "2026-13-01"), ("--on", "today"), ("--json", "--format", "csv")]
)
def test_what_is_not_meant_is_wrong_usage(
    run: Run, facts: Settings, options: tuple[str, ...]
) -> None:
    assert run(facts, "units", "check", *options).exit_code == 2
