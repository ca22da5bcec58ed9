"""``gis-registry demo``: the main job on both sample cities, and again without a change."""

import pytest
from delivered import row_counts
from running_cli import Run

from gis_registry.db.engine import Database
from gis_registry.settings import Settings

pytestmark = pytest.mark.slow

#: city, components (rows of its surveys that are not refused), reports, detections
CITIES = {"qingdao": ("own_settings", 50, 20), "cambridge": ("cambridge_settings", 12, 3)}


@pytest.mark.parametrize("city", CITIES)
def test_the_demo_answers_everything_once(
    run: Run, request: pytest.FixtureRequest, city: str
) -> None:
    fixture, reports, detections = CITIES[city]
    settings: Settings = request.getfixturevalue(fixture)
    outcome = run(settings, "demo", "--no-serve", "--json")
    assert outcome.exit_code == 0, outcome.err
    answer = outcome.json
    surveys = run(settings, "survey", "list", "--json").json
    assert all(one["state"] == "applied" for one in surveys)
    assert all(one["rows"] == one["accepted"] + one["refused"] for one in surveys)
    assert answer["components"] == sum(one["verdicts"]["new"] for one in surveys)
    assert answer["refused"] == sum(one["refused"] for one in surveys)
    assert answer["detections"] == detections
    assert answer["reports"] == reports + detections
    with Database(settings) as database, database.session() as session:
        before = row_counts(session)
    again = run(settings, "demo", "--no-serve", "--json")
    assert again.exit_code == 0, again.err
    assert again.json | {"key": answer["key"]} == answer
    assert again.json["key"] != answer["key"]
    with Database(settings) as database, database.session() as session:
        after = row_counts(session)
    assert {name for name in after if after[name] != before[name]} <= {"api_keys"}
