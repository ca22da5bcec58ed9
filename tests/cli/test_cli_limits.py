"""``catalogue limits``: asked, loaded, listed, withdrawn."""

from pathlib import Path

import pytest
from project import SAMPLES
from running_cli import Run

from gis_registry.settings import Settings

LIMITS = ("catalogue", "limits")
HEADER = "stage,class_codes,amount,unit,condition,condition_zh,condition_en\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "limits.csv"
    path.write_text(
        HEADER + "handling,,9,working_day,,,\nhandling,0101,1,urgent_hour,lost,丢失,lost\n",
        encoding="utf-8",
    )
    return path


def test_a_limit_is_told_with_its_reason(run: Run, module_settings: Settings) -> None:
    told = run(module_settings, *LIMITS, "--class", "0101", "--condition", "missing")
    assert (told.exit_code, told.err) == (0, "")
    assert "2紧急工作时" in told.out
    assert "class 0101 water supply manhole cover, missing or displaced" in " ".join(
        told.out.split()
    )
    assert "rattling" in told.out
    found = run(
        module_settings, *LIMITS, "--matter", "10001", "--stage", "handling", "--on", "2027-01-15",
        "--json",
    ).json  # fmt: skip
    assert found["on"] == "2027-01-15"
    assert [(one["amount"], one["season"]) for one in found["limits"]] == [(8, "11-15–03-31")]
    assert [one["code"] for one in found["conditions"]] == [None, "main_road"]
    by_class = run(module_settings, *LIMITS, "--matter", "0101", "--json").json
    assert {one["stage"]: one["basis"] for one in by_class["limits"]} == {
        "checking": "everything",
        "filing": "everything",
        "dispatch": "everything",
        "handling": "class",
        "verification": "everything",
        "closing": "everything",
    }


@pytest.mark.parametrize(
    ("options", "exit_code", "sentence"),
    [
        (
            ("--class", "0101", "--condition", "melted"),
            1,
            "There is no condition 'melted' for class",
        ),
        (("--class", "9999"), 1, "There is no class '9999'"),
        (("--matter", "99999"), 1, "There is no matter type '99999'"),
        (("--class", "0101", "--matter", "06001"), 2, "not both"),
        (("--stage", "resting"), 2, "'resting' is not one of"),
        (("load", "/nowhere.csv"), 2, "A file needs --title, --source and --from"),
        (("load", "--title", "x"), 2, "says title, source and first day itself"),
        (("withdraw", "1"), 2, "--reason"),
        (("withdraw", "99", "--reason", "x"), 1, "There is no version 99"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    run: Run, module_settings: Settings, options: tuple[str, ...], exit_code: int, sentence: str
) -> None:
    refused = run(module_settings, *LIMITS, *options)
    assert refused.exit_code == exit_code
    assert sentence in " ".join(refused.err.replace("│", " ").split())


def test_a_version_is_checked_loaded_and_withdrawn(
    run: Run, own_settings: Settings, file: Path
) -> None:
    options = ("--title", "[市] 时限", "--source", "市政府", "--from", "2026-01-01")
    dry = run(own_settings, *LIMITS, "load", file, *options, "--dry-run")
    assert dry.exit_code == 0
    assert "differences from version 1" in dry.out
    assert "No limit for checking, at least on some days: 212 (class 0101," in dry.err
    assert dry.sentence == "This was a dry run: nothing was changed."
    assert len(run(own_settings, *LIMITS, "versions", "--json").json) == 1
    loaded = run(own_settings, *LIMITS, "load", file, *options)
    assert loaded.exit_code == 0
    assert "Loaded version 2 with 2 limits, which holds from 2026-01-01 on." in loaded.out
    assert "That day is past" in loaded.sentence
    listed = run(own_settings, *LIMITS, "versions", "--json").json
    assert [(one["number"], one["state"], one["title"]) for one in listed] == [
        (2, "valid", "[市] 时限"),
        (1, "superseded", "处置时限样例 sample time limits of Qingdao"),
    ]
    told = run(own_settings, *LIMITS, "--class", "0101", "--condition", "lost")
    assert "时限表第2版《[市] 时限》" in told.out
    assert "There is no limit on" in told.sentence
    back = run(own_settings, *LIMITS, "withdraw", 2, "--reason", "有误")
    assert back.out.strip() == "Version 2 is withdrawn; today version 1 holds."
    assert "有误" in run(own_settings, *LIMITS, "versions").out
    again = run(own_settings, *LIMITS, "withdraw", 2, "--reason", "有误")
    assert (again.exit_code, "was withdrawn already" in again.sentence) == (1, True)
    as_json = run(own_settings, *LIMITS, "load", file, *options, "--json").json
    assert (as_json["version"], as_json["limits"], as_json["refused"]) == (3, 2, [])
    assert run(own_settings, *LIMITS, "withdraw", 3, "--reason", "x", "--json").json["number"] == 3


def test_lines_that_cannot_be_used_stop_the_load(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "limits.csv"
    path.write_text(HEADER + "handling,,9,weeks,,,\nhandling,9999,1,urgent_hour,,,\n")
    options = ("--title", "x", "--source", "y", "--from", "2027-01-01")
    for more in ((), ("--dry-run",)):
        refused = run(module_settings, *LIMITS, "load", path, *options, *more)
        assert refused.exit_code == 1
        assert "line 2: unit is 'weeks'" in refused.out
        assert "line 3: there is no class '9999'" in refused.out
        assert refused.sentence == "2 lines cannot be used; nothing was loaded."
    as_json = run(module_settings, *LIMITS, "load", path, *options, "--json")
    assert as_json.exit_code == 1
    assert [one["line"] for one in as_json.json["refused"]] == [2, 3]
    assert as_json.json["version"] is None
    assert len(run(module_settings, *LIMITS, "versions", "--json").json) == 1


def test_without_a_file_those_of_the_city_profile_are_loaded(
    run: Run, module_settings: Settings
) -> None:
    loaded = run(module_settings, *LIMITS, "load", "--json").json
    (version,) = run(module_settings, *LIMITS, "versions", "--json").json
    assert loaded == {"limits": version["limits"]}
    told = run(module_settings, *LIMITS, "load", "--dry-run")
    assert told.out.startswith("Would hold the ")


def test_the_small_sample_of_the_other_city_covers_it(
    run: Run, cambridge_settings: Settings
) -> None:
    file = SAMPLES / "cambridge" / "time_limits.csv"
    options = ("--title", "x", "--source", "y", "--from", "2027-01-01", "--dry-run", "--json")
    checked = run(cambridge_settings, *LIMITS, "load", file, *options).json
    assert (checked["gaps"], checked["differences"]) == ([], [])
