"""Pyramids of tiles: what the server would tell, of one moment, in one file."""

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest
from pmtiles.reader import MmapSource, Reader, all_tiles
from sqlalchemy import text
from street import COVER, LAMP, register
from tiled import by_class, content, count, features

from gis_registry.db.engine import Database
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.maps import collections, tiles, tiles_pyramid
from gis_registry.maps.tiles_grid import Tile
from gis_registry.roles import Role
from gis_registry.users.service import Actor

ANALYST = Actor(name="test", role=Role.ANALYST)


def written(database: Database, path: Path, **asked: Any) -> tiles_pyramid.Pyramid:
    asked = {"collection": "components", "actor": ANALYST, **asked}
    return asyncio.run(tiles_pyramid.write(database.url, path, **asked))


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[Tile, bytes]]:
    with path.open("rb") as file:
        source = MmapSource(file)
        reader = Reader(source)
        found = {Tile(z, x, y): gzip.decompress(packed) for (z, x, y), packed in all_tiles(source)}
        return reader.header(), reader.metadata(), found


@pytest.fixture
def street(own_database: Database) -> Database:
    with own_database.session() as session:
        register(session, [LAMP, COVER] * 10)
        session.execute(
            text("UPDATE components SET state = 'retired' WHERE code ="
                 " (SELECT min(code) FROM components)")
        )  # fmt: skip
        session.execute(
            text("UPDATE components SET geom = ST_MakeLine(geom, ST_Translate(geom, 0.002, 0.001))"
                 " WHERE code = (SELECT max(code) FROM components)")
        )  # fmt: skip
    return own_database


def test_a_pyramid_holds_what_is_served_at_every_zoom(street: Database, tmp_path: Path) -> None:
    path = tmp_path / "components.pmtiles"
    result = written(street, path, max_zoom=20)
    header, metadata, found = read(path)
    assert result.tiles == header["addressed_tiles_count"] == len(found)
    assert result.size_bytes == path.stat().st_size
    assert (header["min_zoom"], header["max_zoom"], header["clustered"]) == (0, 20, True)
    assert header["version"] == 3
    assert metadata["vector_layers"][0]["id"] == "components"
    assert f"class_{LAMP}" in metadata["vector_layers"][0]["fields"]
    with street.session() as session:
        for tile, told in found.items():
            assert sorted(map(str, features(told))) == sorted(
                map(str, features(content(session, tile)))
            )
    for z in range(21):
        of_zoom = [one for tile, told in found.items() if tile.z == z for one in features(told)]
        assert by_class(of_zoom) == {LAMP: 10, COVER: 9}
    assert list(tmp_path.iterdir()) == [path]


def test_classes_states_zooms_and_collections_can_be_chosen(
    street: Database, tmp_path: Path
) -> None:
    path = tmp_path / "some.pmtiles"
    written(street, path, classes=[COVER], states=["retired"], min_zoom=3, max_zoom=4)
    header, _, found = read(path)
    assert (header["min_zoom"], header["max_zoom"]) == (3, 4)
    assert [count(features(told)) for told in found.values()] == [1, 1]
    written(street, path, collection="divisions", max_zoom=7, is_overwriting=True)
    _, metadata, found = read(path)
    assert "OpenStreetMap" in metadata["attribution"]
    with street.session() as session:
        divisions = collections.divisions()
        assert found == {tile: content(session, tile, divisions) for tile in found}
        total = session.scalar(text(f"SELECT count(*) FROM {divisions.source}"))
    assert sum(count(features(told)) for tile, told in found.items() if tile.z == 7) == total


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"min_zoom": 5, "max_zoom": 4}, InvalidInput, "comes after"),
        ({"collection": "nothing"}, NotFound, "no collection 'nothing'"),
        ({"classes": ["0301"]}, InvalidInput, "no tile has any"),
        ({"classes": ["9999"]}, InvalidInput, "no class '9999'"),
        ({"max_zoom": 20}, InvalidInput, "more than 30 tiles"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_file(
    street: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, Any],
    error: type[Exception],
    said: str,
) -> None:
    monkeypatch.setattr(tiles_pyramid, "MOST_TILES", 30)
    with pytest.raises(error, match=said):
        written(street, tmp_path / "x.pmtiles", **{"max_zoom": 8, **asked})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays(street: Database, tmp_path: Path) -> None:
    path = tmp_path / "x.pmtiles"
    path.write_text("mine")
    with pytest.raises(InvalidInput, match="--overwrite"):
        written(street, path)
    assert path.read_text() == "mine"


def test_all_tiles_are_of_one_moment(
    street: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tiles.content

    async def made_while_somebody_edits(*asked: Any) -> bytes:
        with street.session() as session:
            session.execute(
                text("UPDATE components SET state = 'retired' WHERE code ="
                     " (SELECT min(code) FROM components WHERE state = 'active')")
            )  # fmt: skip
        return await made(*asked)

    monkeypatch.setattr(tiles, "content", made_while_somebody_edits)
    path = tmp_path / "x.pmtiles"
    written(street, path, max_zoom=8)
    _, _, found = read(path)
    assert [count(features(told)) for told in found.values()] == [19] * 9
