"""Cases as a dispatcher handles them by commands: a whole life, many at once, and refusals."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from living import PLACE, open_case
from making import CORNER, moved
from PIL import Image
from running_cli import Run

from gis_registry.cases.life_cycle import TRANSITIONS
from gis_registry.db.engine import Database
from gis_registry.settings import Settings

#: Each case lies where no other does, so that no report joins an earlier case.
_PLACES = (moved(*CORNER, azimuth=90, metres=330 * number) for number in count())
DRY = "This was a dry run: nothing was kept."


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Return a photo of the scene."""
    path = tmp_path / "after.jpg"
    Image.new("RGB", (64, 48), (90, 120, 90)).save(path)
    return path


@pytest.fixture
def settings(
    module_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Settings:
    """Return the settings of the module, with photos in a folder of the test."""
    monkeypatch.setenv("GIS_REGISTRY_PHOTO_STORE", str(tmp_path / "photos"))
    return module_settings


def new_case(run: Run, settings: Settings, *, matter: str = "06001") -> int:
    """Report something at a place of its own and return its case."""
    lon, lat = next(_PLACES)
    submit = ("report", "submit", "--lon", lon, "--lat", lat, "--matter", matter)
    number: int = run(settings, *submit, "--json").json["case_id"]
    return number


def status(run: Run, settings: Settings, *arguments: object) -> Any:
    """Change a case, which is not refused, and return where it stands."""
    done = run(settings, "case", *arguments, "--json")
    assert done.exit_code == 0, done.err
    return done.json


def test_a_case_lives_by_commands(run: Run, settings: Settings, photo: Path) -> None:
    number = new_case(run, settings, matter="0137")
    case = run(settings, "case", "show", number, "--json").json
    there = ("--lon", case["lon"], "--lat", case["lat"])
    more = ("--amount", 4, "--amount-unit", "working_hour")
    walked = [
        (status(run, settings, action, number, *said)["state"], action)
        for action, *said in (
            ("check", *there),
            ("file", "--condition", "unlit"),
            ("accept",),
            ("ask-extension", "--reason", "配件未到", *more),
            ("extend", "--reason", "同意", *more),
            ("suspend", "--reason", "等停电许可"),
            ("resume", "--reason", "许可已到"),
            ("urge", "--reason", "市民再次来电"),
            ("handle", "--photo", photo),
            ("send-back", "--reason", "仍不亮"),
            ("handle", "--photo", photo, "--reason", "换了镇流器"),
            ("verify", *there),
            ("close",),
            ("appeal", "--reason", "非本单位养护"),
            ("decide-appeal", "--reason", "查实", "--uphold"),
            ("reopen", "--reason", "又不亮"),
        )
    ]
    assert [state for state, _ in walked] == [
        *("checked", "dispatched", "in_handling", "in_handling", "in_handling", "suspended"),
        *("in_handling", "in_handling", "handled", "in_handling", "handled", "verified"),
        *("closed", "closed", "closed", "dispatched"),
    ]
    shown = run(settings, "case", "show", number)
    for said in (
        "申诉裁定 appeal decided",
        "延长 more time: 4工作时 4 working hours",
        "情形 condition: unlit",
        "照片 photos: 1",
        "成立 upheld: 是 yes",
        f"  gis-registry case handle {number} --photo FILE",
    ):
        assert said in shown.out
    told = run(settings, "case", "deadline", number)
    assert "返工 sent back" in told.out
    assert "sent_back" not in told.out
    conditions = run(settings, "case", "conditions", number)
    assert "1 working day" in conditions.out
    found = run(settings, "case", "conditions", number, "--json").json
    assert "unlit" in [one["code"] for one in found]


def test_many_are_changed_and_the_refused_are_listed(run: Run, settings: Settings) -> None:
    one, two, three = (new_case(run, settings, matter="08004") for _ in range(3))
    status(run, settings, "file", two)
    meant = ("file", "--all", "--state", "reported", "--matter", "08004")
    dry = run(settings, "case", *meant, "--dry-run")
    assert (dry.exit_code, dry.out, dry.sentence) == (0, "Done: 2; refused: 0.\n", DRY)
    assert run(settings, "case", "show", one, "--json").json["state"] == "reported"
    named = run(settings, "case", "file", one, two, 4711)
    assert named.exit_code == 1
    assert f"Case {two} is dispatched, which is no time to file; possible now: accept," in named.out
    assert "There is no case 4711." in named.out
    assert named.out.endswith("Done: 1; refused: 2.\n")
    rest = run(settings, "case", *meant, "--json").json
    assert (rest["done"], rest["refused"]) == (1, 0)
    assert [each["case"] for each in rest["results"]] == [three]
    assert rest["results"][0]["status"]["state"] == "dispatched"
    again = run(settings, "case", "file", one, 4711, "--json")
    assert again.exit_code == 1
    assert [each["problem"]["code"] for each in again.json["results"]] == ["conflict", "not-found"]
    undone = run(settings, "case", "close", one, two, three, "--reason", "误立", "--json").json
    assert undone["done"] == 3
    listed = run(settings, "case", "list", "--matter", "08004", "--state", "closed", "--json").json
    assert [each["id"] for each in listed["cases"]] == [three, two, one]
    assert (
        run(settings, "case", "list", "--matter", "08004", "--open", "--json").json["cases"] == []
    )


def test_a_dry_run_of_one_shows_what_would_follow(run: Run, settings: Settings) -> None:
    number = new_case(run, settings)
    dry = run(settings, "case", "file", number, "--dry-run")
    assert "已派遣 dispatched" in dry.out
    assert "处置限" in dry.out
    assert dry.sentence == DRY
    assert run(settings, "case", "show", number, "--json").json["version"] == 1


#: What is typed after `case`, the exit code, and what the last lines say to do.
REFUSED: list[tuple[list[object], int, str]] = [
    (["handle", "CASE", "--photo", "none.jpg"], 1, "none.jpg cannot be read"),
    (["handle", "CASE"], 2, "Missing option '--photo'"),
    (["handle", "CASE", "--photo", "ab" * 32], 1, "possible now: check, file, not-accept, close"),
    (["not-accept", "CASE"], 2, "Missing option '--reason'"),
    (["not-accept", "CASE", "--reason", " "], 1, "give a reason."),
    (["check", "CASE", "--lon", 120.0, "--lat", 36.0], 1, "be within 200 m of it."),
    (["check", "CASE", "--lon", 120.0], 2, "Give --lon and --lat together."),
    (["file", "CASE", "--condition", "flooded"], 1, "flooded"),
    (["close", "CASE"], 1, "give a reason."),
    (["assign", "CASE", "--unit", "QD-NO", "--reason", "试"], 1, "`gis-registry units list`"),
    (["reopen", "CASE", "--reason", "试"], 1, "which is no time to reopen"),
    (["file"], 2, "Give numbers of cases, or --all"),
    (["file", "CASE", "--all"], 2, "Give numbers of cases, or --all"),
    (["file", "CASE", "--state", "reported"], 2, "not both."),
    (["file", "--all"], 1, "Say which with --all: --state, --division, --matter"),
    (["file", "--all", "--division", "999999"], 1, "999999"),
    (["file", "--all", "--matter", "99999"], 1, "99999"),
    (["file", "4711"], 1, "There is no case 4711."),
    (["file", "zero"], 2, "integer"),
    (["list", "--until", "2026-06-10"], 2, "has no time zone"),
    (["show", "4711"], 1, "There is no case 4711."),
]


@pytest.fixture(scope="module")
def untouched(module_settings: Settings) -> int:
    """Return a case that every refusal leaves as it is."""
    with Database(module_settings) as database, database.session() as session:
        return open_case(session, -1, matter=PLACE)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    REFUSED,
    ids=[" ".join(map(str, arguments)) for arguments, _, _ in REFUSED],
)
def test_what_is_refused_says_what_to_do(
    run: Run,
    settings: Settings,
    untouched: int,
    arguments: list[object],
    exit_code: int,
    said: str,
) -> None:
    done = run(settings, "case", *(untouched if one == "CASE" else one for one in arguments))
    assert done.exit_code == exit_code
    assert said in " ".join(done.err.replace("│", " ").split())
    assert done.out == ""
    assert run(settings, "case", "show", untouched, "--json").json["version"] == 1


def test_verifying_needs_the_scene_or_a_reason(run: Run, settings: Settings, photo: Path) -> None:
    number = new_case(run, settings)
    status(run, settings, "file", number)
    status(run, settings, "handle", number, "--photo", photo)
    refused = run(settings, "case", "verify", number)
    assert refused.sentence == f"Case {number}: to verify, give a reason or where you are."
    assert status(run, settings, "verify", number, "--reason", "看过照片")["state"] == "verified"


def test_the_life_cycle_is_shown(run: Run) -> None:
    told = run(None, "case", "life-cycle", "--json").json
    assert [one["action"] for one in told["transitions"]] == [str(one) for one in TRANSITIONS]
    shown = run(None, "case", "life-cycle")
    assert all(str(one) in shown.out for one in TRANSITIONS)
