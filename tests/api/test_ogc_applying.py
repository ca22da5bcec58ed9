"""What is read over HTTP while a survey is applied, and right after an edit."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import httpx
import mapbox_vector_tile
import pytest
from delivered import LIGHT, frame, load, place_near, places, rows_of, stage
from morecantile import tms
from running_api import POSITIONS, Api, running
from waiting import wait_until

from gis_registry.db.engine import Database
from gis_registry.maps.tiles import MEDIA_TYPE
from gis_registry.roles import Role
from gis_registry.settings import Settings
from gis_registry.surveys import service

ITEMS = "/ogc/collections/components/items"
TILES = "/ogc/collections/components/tiles/WebMercatorQuad"
GRID = tms.get("WebMercatorQuad")
READERS = 4
KNOWN = places(300)
#: Another town of the city, more than a tile of zoom 12 away from all else.
ELSEWHERE = (120.45, 36.39)


@pytest.fixture(scope="module")
def api(module_settings: Settings) -> Iterator[Api]:
    """Return an API whose registry surveys may change."""
    with running(module_settings) as api:
        yield api


@pytest.fixture(scope="module")
def reader(api: Api) -> httpx.Client:
    return api.as_(Role.READER)


def tile(z: int, place: tuple[float, float]) -> str:
    found = GRID.tile(*place, z)
    return f"{TILES}/{z}/{found.y}/{found.x}"


def said(answer: httpx.Response) -> tuple[object, ...]:
    """Return what an answer says of the registry: how many there are, and every feature."""
    if answer.status_code == 404:
        return ("gone",)
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"] == MEDIA_TYPE:
        (layer,) = mapbox_vector_tile.decode(answer.content).values()
        found = layer["features"]
        count = sum(one["properties"]["count"] for one in found)
    else:
        body = answer.json()
        found, count = body.get("features", [body.get("properties")]), body.get("numberMatched")
    return count, *sorted(map(repr, found))


class Readers:
    """Readers that ask the same questions over and over.

    Attributes:
        told: what each reader was told to each question, in order.
    """

    def __init__(self, api: Api, questions: Sequence[str]) -> None:
        self.api, self.questions = api, questions
        self.told: list[list[tuple[str, tuple[object, ...]]]] = [[] for _ in range(READERS)]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read until the end."""
        is_over = threading.Event()

        def read(number: int) -> None:
            with self.api.as_(Role.READER) as client:
                for question in cycle(self.questions):
                    if is_over.is_set():
                        return
                    self.told[number].append((question, said(client.get(question))))

        with ThreadPoolExecutor(READERS) as readers:
            work = [readers.submit(read, number) for number in range(READERS)]
            try:
                yield
            finally:
                is_over.set()
        for one in work:
            one.result()

    def read_all(self) -> None:
        """Return when each reader was told everything once more."""
        least = [len(one) + len(self.questions) + 1 for one in self.told]
        wait_until(lambda: all(map(lambda one, n: len(one) >= n, self.told, least)))


def test_what_is_read_is_of_before_or_after_a_survey(
    api: Api, reader: httpx.Client, tmp_path: Path
) -> None:
    """Everybody reads everything in the middle of it too: when half of it is done."""
    frame(KNOWN).to_file(tmp_path / "known.gpkg")
    moved = [place_near(one, 5) for one in KNOWN[20:120]]
    new = [(lon, lat + 0.02) for lon, lat in KNOWN[:40]]
    frame(moved + KNOWN[120:] + new).to_file(tmp_path / "again.gpkg")
    with Database(api.settings) as database:
        with database.session() as session:
            first = load(session, tmp_path / "known.gpkg", is_synthetic=True)
            codes = [one.code for one in rows_of(session, first.survey)]
            staged = stage(session, tmp_path / "again.gpkg", is_synthetic=True)
        assert (staged.verdicts["missing"], staged.verdicts["new"]) == (20, 40)
        whole = f"{ITEMS}?limit=1000"
        questions = [
            *(tile(z, KNOWN[0]) for z in (0, 13, 15)),
            whole,
            f"{whole}&bbox=120.34,36.07,120.37,36.095",
            f"{ITEMS.replace('components', f'components-{LIGHT}')}?limit=1",
            f"{ITEMS}/{codes[0]}",
            f"{ITEMS}/{codes[20]}",
        ]
        before = {one: said(reader.get(one)) for one in questions}
        readers = Readers(api, questions)
        stages = []

        def in_between(stage: str, *_: object) -> None:
            stages.append(stage)
            readers.read_all()

        with readers.reading():
            readers.read_all()
            with database.session() as session:
                service.apply(session, staged.survey, actor="test", progress=in_between)
                readers.read_all()  # all is done, and not committed
                assert all(one in before.items() for told in readers.told for one in told)
            readers.read_all()
    assert stages == ["Changing", "Registering"]
    after = {one: said(reader.get(one)) for one in questions}
    assert [before[one][0] for one in (tile(0, KNOWN[0]), whole)] == [305, 305]
    assert [after[one][0] for one in (tile(0, KNOWN[0]), whole)] == [325, 325]
    assert after[f"{ITEMS}/{codes[0]}"] == ("gone",)
    for told in readers.told:
        is_after = [after[question] == found for question, found in told]
        assert is_after == sorted(is_after)
        earlier = told[: is_after.index(True)]
        assert all(before[question] == found for question, found in earlier)
        assert len(told) - len(earlier) >= len(questions)
    assert not {one for one in questions if after[one] == before[one]}


def test_an_edit_shows_at_once_and_only_where_it_is(
    api: Api, reader: httpx.Client, tmp_path: Path
) -> None:
    frame([ELSEWHERE]).to_file(tmp_path / "elsewhere.gpkg")
    with Database(api.settings) as database, database.session() as session:
        load(session, tmp_path / "elsewhere.gpkg", is_synthetic=True)
    code, page = api.codes[0], f"{ITEMS}?state=active&limit=1000"
    here, there = ([tile(z, place) for z in (12, 13, 15)] for place in (POSITIONS[0], ELSEWHERE))
    tags = {one: reader.get(one).headers["etag"] for one in here + there}
    count = reader.get(page).json()["numberMatched"]
    with api.as_(Role.ANALYST) as analyst:
        version = analyst.get(f"/api/components/{code}").headers["etag"]
        edited = analyst.patch(
            f"/api/components/{code}",
            json={"state": "retired", "reason": "test"},
            headers={"If-Match": version},
        )
        assert edited.status_code == 200, edited.text
    body = reader.get(page).json()
    assert body["numberMatched"] == count - 1
    assert code not in {one["properties"]["code"] for one in body["features"]}
    for one in here:
        answer = reader.get(one, headers={"If-None-Match": tags[one]})
        assert (answer.status_code, answer.headers["etag"] == tags[one]) == (200, False)
    for one in there:
        answer = reader.get(one, headers={"If-None-Match": tags[one]})
        assert (answer.status_code, answer.headers["etag"]) == (304, tags[one])
