"""A real server on a free port, with users of every role and a few components."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import httpx
import uvicorn
from sqlalchemy.orm import Session

from gis_registry.api.app import create_app
from gis_registry.api.serve import Configuration
from gis_registry.catalogue import queries as catalogue
from gis_registry.components import identifiers, queries
from gis_registry.components.tables import Component
from gis_registry.places import service as places
from gis_registry.roles import Role
from gis_registry.settings import Settings
from gis_registry.startup import open_registry
from gis_registry.units import queries as units
from gis_registry.units.tables import UnitKind
from gis_registry.users import service as users

#: Longitude and latitude of the components: 30 m apart along a street of the city.
POSITIONS = [(120.3826 + 0.000333 * n, 36.0671) for n in range(5)]
LAMP, COVER = "0137", "0101"
#: Made once: each client would make its own, which takes longer than most of its questions.
_TLS = ssl.create_default_context()


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve the application from a thread of this process; yields its address."""
    server = uvicorn.Server(Configuration(partial(create_app, settings)))
    started = threading.Event()
    startup = server.startup

    async def startup_and_tell(*args: object, **kwargs: object) -> None:
        await startup(*args, **kwargs)
        started.set()

    server.startup = startup_and_tell  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert started.wait(60), "the server does not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the server does not stop"


@dataclass
class Api:
    """A running API: its address, a key of each role, identifiers of its components."""

    url: str
    keys: dict[Role, str]
    codes: list[str]
    settings: Settings
    open_client: Callable[[Role | None], httpx.Client]

    def as_(self, role: Role | None) -> httpx.Client:
        """Return a client with a role's key; None: without a key."""
        return self.open_client(role)


def got(client: httpx.Client, address: str, **asked: object) -> dict[str, Any]:
    """Return the document at an address."""
    answer = client.get(address, params=asked or None)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def add_users(session: Session) -> dict[Role, str]:
    return {role: users.add_user(session, f"{role}-1", role) for role in Role}


def add_components(session: Session) -> list[str]:
    """Register a row of street lights and one manhole cover, of which nobody surveyed anything."""
    city = places.the_city(session)
    change = queries.new_change(session, actor="test", reason="测试登记 registered for a test")
    maintainer = units.units(session, kind=UnitKind.DEPARTMENT)[0]
    codes = []
    for number, (lon, lat) in enumerate(POSITIONS):
        found = catalogue.class_by_code(session, LAMP if number < 4 else COVER, city.edition_key)
        assert found is not None
        place = places.locate(session, lon=lon, lat=lat, on_date=date(2026, 1, 1))
        key = (place.division_code, found.code)
        serial = identifiers.issue(session, change_id=change.id, wanted={key: 1})[key]
        code = str(identifiers.Identifier(*key, serial))
        codes.append(code)
        session.add(
            Component(
                division_code=place.division_code,
                code=code,
                version=1,
                operation="registered",
                state="active",
                geom=f"SRID=4490;POINT({lon} {lat})",
                accuracy_m=0.5,
                subdistrict_code=place.subdistrict_code,
                cell_code=place.cell_code,
                surveyed_on=date(2026, 1, 1),
                is_synthetic=True,
                attributes={"材质": "球墨铸铁"},
                class_id=found.id,
                maintainer_id=maintainer.id,
                change_id=change.id,
            )
        )
    session.flush()
    return codes


@contextmanager
def running(settings: Settings) -> Iterator[Api]:
    """Fill a database with users and components, and serve it."""
    with open_registry(settings) as database, database.session() as session:
        keys, codes = add_users(session), add_components(session)
    clients: list[httpx.Client] = []
    with serving(settings) as url:

        def open_client(role: Role | None) -> httpx.Client:
            headers = {"Authorization": f"Bearer {keys[role]}"} if role is not None else {}
            client = httpx.Client(
                base_url=url, headers=headers, timeout=60, trust_env=False, verify=_TLS
            )
            clients.append(client)
            return client

        try:
            yield Api(url, keys, codes, settings, open_client)
        finally:
            for client in clients:
                client.close()
