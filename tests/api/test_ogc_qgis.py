"""QGIS reads `/ogc` by its OAPIF provider, without a window."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from running_api import LAMP, POSITIONS, Api

from gis_registry.roles import Role

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SCRIPT = Path(__file__).with_name("reading_qgis.py")
#: QGIS is a package of the system, and so is the Python that it is installed for.
PYTHON = "/usr/bin/python3"


def read(api: Api, asked: dict[str, list[float] | None], home: Path) -> dict[str, list[list[str]]]:
    done = subprocess.run(
        [PYTHON, str(SCRIPT), f"{api.url}/ogc", api.keys[Role.READER], json.dumps(asked)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={"PATH": os.defpath, "HOME": str(home), "QT_QPA_PLATFORM": "offscreen"},
    )
    if "No module named 'qgis'" in done.stderr:
        pytest.fail("QGIS is missing: install its package python3-qgis")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_qgis_reads_layers_page_by_page(api: Api, tmp_path: Path) -> None:
    box = [120.38, 36.06, 120.3828, 36.07]
    told = read(api, {"components": None, f"components-{LAMP}": box}, tmp_path)
    assert sorted(one[0] for one in told["components"]) == sorted(api.codes)
    ((code, lon, system),) = told[f"components-{LAMP}"]
    assert (code, system) == (api.codes[0], "EPSG:4326")
    assert float(lon) == pytest.approx(POSITIONS[0][0], abs=1e-7)
