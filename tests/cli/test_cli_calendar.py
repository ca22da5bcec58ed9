"""``places calendar`` and ``places calendar load``."""

from pathlib import Path

from running_cli import Run

from gis_registry.settings import Settings


def test_the_calendar_is_shown(run: Run, module_settings: Settings) -> None:
    year = run(module_settings, "places", "calendar", "--year", 2026)
    assert (year.exit_code, len(year.out.splitlines())) == (0, 40)
    assert "2026-02-14" in year.out
    assert "make-up" in year.out
    assert "248 of 365 days are worked. Version 1, from chinesecalendar" in year.err
    month = run(module_settings, "places", "calendar", "--year", 2040, "--month", 2)
    assert len(month.out.splitlines()) == 30
    assert "The holidays of 2040 not published yet: the week holds." in month.err
    days = run(module_settings, "places", "calendar", "--month", 2, "--json").json["days"]
    assert days[0]["date"].endswith("-02-01")
    assert run(module_settings, "places", "calendar", "--year", 1).exit_code == 2
    missing = run(module_settings, "places", "calendar", "--version", 99)
    assert missing.sentence == "There is no version 99 of the calendar."


def test_a_calendar_is_loaded_as_a_version(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "typhoon.csv"
    file.write_text(
        "date,kind,name_zh,name_en\n2026-07-02,holiday,台风停工,Typhoon\n", encoding="utf-8"
    )
    same = run(module_settings, "places", "calendar", "load")
    assert same.out == "Nothing is new: version 1 of the calendar stays.\n"
    dry = run(module_settings, "places", "calendar", "load", file, "--dry-run")
    assert dry.out.splitlines()[-1].startswith("Would load version")
    assert "1 holiday." in dry.out
    loaded = run(module_settings, "places", "calendar", "load", file, "--json").json
    version = loaded.pop("version")
    assert loaded == {
        "is_new": True,
        "hours_changed": False,
        "days": {"holiday": ["2026-07-02"], "working": [], "regular": []},
    }
    july = ["places", "calendar", "--year", 2026, "--month", 7, "--json"]
    now, then = (run(module_settings, *july, *which).json for which in ([], ["--version", 1]))
    assert (now["version"], now["days"][1]["kind"]) == (version, "holiday")
    assert (then["version"], then["days"][1]["kind"]) == (1, "working")
    refused = run(module_settings, "places", "calendar", "load", tmp_path / "none.csv")
    assert refused.exit_code == 1
    assert "none.csv cannot be opened" in refused.sentence
