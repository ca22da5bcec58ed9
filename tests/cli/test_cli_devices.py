"""``gis-registry report cameras``, ``sensors`` and ``kinds``."""

from pathlib import Path

from project import SAMPLES
from running_cli import Run

from gis_registry.settings import Settings

_QINGDAO = SAMPLES / "qingdao"


def test_the_profiles_devices_are_loaded_and_listed(run: Run, module_settings: Settings) -> None:
    loaded = run(module_settings, "report", "cameras", "load", "--json")
    assert loaded.json == {"cameras": 20, "video_kinds": 32}
    loaded = run(module_settings, "report", "sensors", "load")
    assert loaded.out.strip() == "Loaded 28 sensors, 7 sensor rules."
    loaded = run(module_settings, "report", "kinds", "load", "--dry-run")
    assert loaded.out.strip() == "Would load 19 citizen kinds."
    assert "CAM-020" in run(module_settings, "report", "cameras", "list").out
    lamps = run(module_settings, "report", "sensors", "list", "--kind", "lamp", "--json").json
    assert (len(lamps["sensors"]), lamps["next_after"]) == (8, None)
    assert "路灯不亮" in run(module_settings, "report", "kinds", "list").out
    assert len(run(module_settings, "report", "kinds", "list", "--json").json) == 5
    assert "TRUCK-001" in run(module_settings, "report", "sensors", "show", "TRUCK-001").out
    assert run(module_settings, "report", "sensors", "check", "--json").json == []
    alarms = run(module_settings, "report", "sensors", "alarms", "--unreported", "--open", "--json")
    assert alarms.json == {"alarms": [], "next_before": None}
    assert run(module_settings, "report", "sensors", "alarms").sentence == "There are none."
    assert run(module_settings, "report", "cameras", "sightings", "--unreported").exit_code == 0


def test_a_dry_run_changes_nothing(run: Run, module_settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "sensors.csv"
    path.write_text("code,kind,name_zh,component_code\nX1,cover,甲,\n", encoding="utf-8")
    dry = run(module_settings, "report", "sensors", "load", path, "--dry-run")
    assert dry.out.strip() == "Would load 1 sensors, 0 sensor rules."
    missing = run(module_settings, "report", "sensors", "show", "X1")
    assert (missing.exit_code, missing.sentence) == (1, "There is no sensor 'X1'.")


def test_a_file_of_another_command_is_refused(run: Run, module_settings: Settings) -> None:
    path = _QINGDAO / "sensors.csv"
    refused = run(module_settings, "report", "cameras", "load", path)
    assert refused.exit_code == 1
    assert "holds sensors; this command loads cameras and video_kinds" in refused.err
