"""What a day needs: a registry with components, people with keys, places where things are wrong."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from day_ways import People, Person, Place
from lookup import probes
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import MatterKind, MatterType
from gis_registry.places.service import the_city
from gis_registry.roles import Role
from gis_registry.units.tables import Unit
from gis_registry.users import service as users

HERE = Path(__file__).resolve().parent
_START_S = 120.0


def command(*arguments: str | Path) -> list[str]:
    """Return a command of gis-registry."""
    return [sys.executable, "-m", "gis_registry.cli.main", *map(str, arguments)]


def run(*arguments: str | Path) -> str:
    """Run a command of gis-registry that must succeed."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{arguments} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def make_city(home: Path, components: int) -> None:
    """Fill a registry with a synthetic city, unless it holds components already."""
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    os.environ["GIS_REGISTRY_HOME"] = str(home)
    run("db", "start")
    if json.loads(run("survey", "list", "--json")):
        return
    city = home / "city"
    making = [sys.executable, HERE / "city.py", city, "--components", str(components)]
    subprocess.run(making, check=True, capture_output=True)
    for kind in ("point", "line", "polygon"):
        path = city / f"components_{kind}.gpkg"
        by_class = ("--class-field", "class_code")
        loaded = run(
            "survey", "load", path, *by_class, "--as-of", "2026-01-01", "--synthetic", "--json"
        )
        run("survey", "apply", str(json.loads(loaded)["survey"]))


def find_people(session: Session) -> People:
    """Give keys to inspectors, dispatchers and to a user of every unit."""
    known = {user.name for user, _ in users.users(session)}

    def person(name: str, role: Role, unit_code: str | None = None) -> Person:
        if name in known:
            return Person(name, users.add_key(session, name))
        return Person(name, users.add_user(session, name, role, unit_code=unit_code))

    return People(
        [person(f"day-inspector-{n}", Role.INSPECTOR) for n in range(60)],
        [person(f"day-dispatcher-{n}", Role.DISPATCHER) for n in range(20)],
        {
            code: person(f"day-unit-{code}", Role.UNIT, code)
            for code in session.scalars(select(Unit.code).order_by(Unit.code))
        },
    )


def find_places(session: Session, count: int, seed: int) -> list[Place]:
    """Choose where and what: half about components, half about the places beside them."""
    rng = random.Random(seed)
    edition_key = the_city(session).matter_edition_key
    matters = session.scalars(
        select(MatterType.code)
        .where(MatterType.edition_key == edition_key, MatterType.kind == MatterKind.PLACE)
        .order_by(MatterType.code)
    ).all()
    found = probes(session, count, seed)
    if not found:
        raise SystemExit("The registry holds no components: fill it first, or give --home.")
    rng.shuffle(found)
    while len(found) < count:
        found += found[: count - len(found)]
    return [
        Place(one.lon, one.lat, one.class_code if rng.random() < 0.5 else rng.choice(matters))
        for one in found
    ]


def pictures(seed: int, count: int = 24) -> Callable[[str], bytes]:
    """Return what makes a JPEG for a name; each name gets another one."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        coarse = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        content = io.BytesIO()
        Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC).save(
            content, "JPEG", quality=80
        )
        made.append(content.getvalue())

    def picture(name: str) -> bytes:
        base = made[hash(name) % count]
        said = name.encode()
        return base[:2] + b"\xff\xfe" + (len(said) + 2).to_bytes(2, "big") + said + base[2:]

    return picture


class Program:
    """A program of the registry that runs beside this one, with all its children."""

    def __init__(self, *arguments: str, says: str, environment: dict[str, str], log: Path) -> None:
        self._arguments = arguments
        self._says = says
        self._environment = os.environ | environment
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it says that it is there."""
        process = subprocess.Popen(
            command(*self._arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment,
            start_new_session=True,
        )
        self._process = process
        ready = threading.Event()
        threading.Thread(target=self._read, args=(process, ready), daemon=True).start()
        if not ready.wait(_START_S) or process.poll() is not None:
            raise SystemExit(f"{self._arguments[0]} does not start; see {self._log}")

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stdout is not None  # noqa: S101  it is a pipe
        with process.stdout, self._log.open("a") as log:
            for line in process.stdout:
                log.write(line)
                if self._says in line:
                    ready.set()
        ready.set()

    @property
    def pid(self) -> int:
        """Its process number, or that of its last run."""
        return self._process.pid if self._process else 0

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Kill it and all its children."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """Let it end in order."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(one) for one in path.read_text().split()]
    except OSError:
        return []


def cpu_s(pid: int) -> float:
    """Return the processor time that a process, its children and those that ended have used."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return own + sum(map(cpu_s, children_of(pid)))


def wait_for(is_so: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so; return whether it came to be."""
    ends_s = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > ends_s:
            return False
        time.sleep(0.1)
    return True


def shares(said: Sequence[tuple[str, float, float]]) -> list[str]:
    """Return lines of counts and what they are counted against."""
    return [
        f"  {name:34} {count:8,.0f} of {of:8,.0f}  {count / of if of else 1:8.4f}"
        for name, count, of in said
    ]
