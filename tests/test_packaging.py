"""The wheel carries everything that the program needs and works away from the repository."""

import json
import os
import shutil
import site
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gis_registry.maps.assets import LOCAL_FILES

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "gis_registry"
NOT_SHIPPED = {"__pycache__", "node_modules"}

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{command} exited {done.returncode}:\n{done.stderr}{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder),
        cwd=REPOSITORY,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and NOT_SHIPPED.isdisjoint(path.parts)
    }


def test_every_file_of_the_package_is_in_the_wheel(names: set[str]) -> None:
    expected = {f"gis_registry/{path}" for path in files_below(PACKAGE)}
    assert expected - names == set()
    kinds = {Path(name).name if name.endswith(".sql") else Path(name).suffix for name in expected}
    assert {"queries.sql", ".csv", ".html", ".css", ".js"} <= kinds


def test_migrations_and_samples_are_in_the_wheel(names: set[str]) -> None:
    for source, bundled in (("migrations", "migrations"), ("data/samples", "samples")):
        expected = {
            f"gis_registry/_bundled/{bundled}/{path}" for path in files_below(REPOSITORY / source)
        }
        assert expected - names == set()
    assert "gis_registry/_bundled/migrations/env.py" in names
    assert "gis_registry/_bundled/samples/qingdao/city.toml" in names
    assert "gis_registry/_bundled/samples/cambridge/city.toml" in names


def test_page_assets_and_their_licences_are_in_the_wheel(names: set[str]) -> None:
    vendor = "gis_registry/web/static/vendor"
    assert {f"{vendor}/{path}" for path in LOCAL_FILES.values()} - names == set()
    manifest = json.loads((REPOSITORY / vendor / "manifest.json").read_text(encoding="utf-8"))
    licences = {f"{vendor}/{name}/{entry['files'][0]}" for name, entry in manifest.items()}
    assert licences - names == set()


def test_nothing_that_only_builders_need_is_in_the_wheel(names: set[str]) -> None:
    assert [name for name in names if not NOT_SHIPPED.isdisjoint(Path(name).parts)] == []
    assert [name for name in names if name.startswith(("tests/", "bench/", "docs/"))] == []


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new environment and return its folder of programs.

    Dependencies are those of the environment that the tests run in: its folder is put on the path
    by a ``.pth`` file. Python does not read ``.pth`` files in a folder that is added so, hence the
    editable installation of this repository stays out of sight.
    """
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet"),
        *("--no-index", "--no-deps", "--disable-pip-version-check", wheel),
        cwd=environment,
    )
    (packages,) = environment.glob("lib/python*/site-packages")
    (dependencies,) = (path for path in site.getsitepackages() if path.endswith("site-packages"))
    (packages / "dependencies.pth").write_text(f"{dependencies}\n", encoding="utf-8")
    return environment / "bin"


@pytest.fixture
def elsewhere() -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty folder away from the repository, and an environment without any setting.

    The folder has a short name, for the server's socket, and lies where the unprivileged account
    that runs the server for root can reach it, which pytest's own folders do not.
    """
    folder = Path(tempfile.mkdtemp(prefix="gis-registry-wheel-"))
    folder.chmod(0o755)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIS_REGISTRY_", "PG", "PYTHON", "VIRTUAL_ENV", "COV_"))
    }
    yield folder, kept | {"GIS_REGISTRY_HOME": str(folder / "home")}
    shutil.rmtree(folder)


def test_the_installed_program_runs_from_its_own_files(
    installed: Path, elsewhere: tuple[Path, dict[str, str]]
) -> None:
    folder, environment = elsewhere
    code = (
        "import gis_registry, gis_registry.resources as r; "
        "print(gis_registry.__file__); print(r.bundled('migrations')); print(r.bundled('samples'))"
    )
    used = run(installed / "python", "-c", code, cwd=folder, env=environment).split()
    assert [path for path in used if not path.startswith(str(installed.parent))] == []
    assert "demo" in run(installed / "gis-registry", "--help", cwd=folder, env=environment)


def test_the_installed_program_lists_its_catalogue_from_an_empty_home(
    installed: Path, elsewhere: tuple[Path, dict[str, str]]
) -> None:
    folder, environment = elsewhere
    program = installed / "gis-registry"
    try:
        listed = run(program, "catalogue", "list", "--json", cwd=folder, env=environment)
    finally:
        subprocess.run(
            [str(program), "db", "stop"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
        )
    assert json.loads(listed)
