"""Where photos are: whole files under their hash, written once, in a folder or at any address."""

import os
import re
import stat
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from gis_registry.errors import InvalidInput, PhotoStoreUnavailable
from gis_registry.photos.schemas import ShownSize
from gis_registry.photos.store import PhotoStore, open_store
from gis_registry.settings import Settings

HASH = "ab" + "cd" + "0" * 60
SHOWN = {ShownSize.IMAGE: b"image", ShownSize.THUMBNAIL: b"thumbnail"}


@pytest.fixture(params=["folder", "file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PhotoStore:
    addresses = {
        "folder": str(tmp_path / "photos"),
        "file": f"file://{tmp_path}/photos/",
        "memory": f"memory://{tmp_path.name}",
    }
    return PhotoStore(addresses[request.param])


def test_what_is_kept_is_there(store: PhotoStore) -> None:
    assert not store.has(HASH, size_bytes=8)
    store.keep(HASH, b"original", SHOWN)
    store.keep(HASH, b"original", SHOWN)
    assert store.has(HASH, size_bytes=8)
    assert store.original(HASH) == b"original"
    assert {size: store.shown(HASH, size) for size in ShownSize} == SHOWN


def test_what_is_not_there_is_told(store: PhotoStore) -> None:
    with pytest.raises(PhotoStoreUnavailable, match="not in the store"):
        store.original(HASH)
    with pytest.raises(PhotoStoreUnavailable, match="not in the store"):
        store.shown(HASH, ShownSize.IMAGE)


def test_files_lie_under_the_hash_for_their_owner_alone(tmp_path: Path) -> None:
    PhotoStore(str(tmp_path)).keep(HASH, b"original", SHOWN)
    files = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert sorted(str(one.relative_to(tmp_path)) for one in files) == [
        f"ab/cd/{HASH}",
        f"ab/cd/{HASH}.image.jpg",
        f"ab/cd/{HASH}.thumbnail.jpg",
    ]
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}


def test_what_is_whole_is_not_written_again(tmp_path: Path) -> None:
    store = PhotoStore(str(tmp_path))
    store.keep(HASH, b"original", SHOWN)
    path = tmp_path / "ab" / "cd" / HASH
    before = path.stat().st_ino
    store.keep(HASH, b"original", SHOWN)
    assert path.stat().st_ino == before


def test_what_was_cut_off_is_written_again(tmp_path: Path) -> None:
    store = PhotoStore(str(tmp_path))
    store.keep(HASH, b"original", SHOWN)
    (tmp_path / "ab" / "cd" / HASH).write_bytes(b"orig")
    assert not store.has(HASH, size_bytes=8)
    store.keep(HASH, b"original", SHOWN)
    assert store.original(HASH) == b"original"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    store = PhotoStore(str(tmp_path))
    with pytest.raises(PhotoStoreUnavailable, match=re.escape("(No space left on device)")):
        store.keep(HASH, b"original", SHOWN)
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def test_many_who_write_the_same_write_one(tmp_path: Path) -> None:
    store = PhotoStore(str(tmp_path))
    original = os.urandom(300_000)
    threads = [threading.Thread(target=store.keep, args=(HASH, original, SHOWN)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert store.original(HASH) == original
    assert len([one for one in tmp_path.rglob("*") if one.is_file()]) == 3


def test_photos_are_in_the_home_unless_set_otherwise(tmp_path: Path) -> None:
    open_store(Settings(home=tmp_path / "home")).keep(HASH, b"original", SHOWN)
    assert (tmp_path / "home" / "photos" / "ab" / "cd" / HASH).read_bytes() == b"original"
    elsewhere = Settings(home=tmp_path / "home", photo_store=SecretStr(str(tmp_path / "else")))
    assert not open_store(elsewhere).has(HASH, size_bytes=8)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PhotoStoreUnavailable, match="does not answer"):
        PhotoStore(str(tmp_path / "file")).keep(HASH, b"original", SHOWN)


def test_what_a_library_raises_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoCredentialsError(Exception):
        pass

    def refuse(*_: object) -> None:
        raise NoCredentialsError

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.pipe_file", refuse)
    with pytest.raises(PhotoStoreUnavailable, match=re.escape("(NoCredentialsError)")):
        PhotoStore(f"memory://{tmp_path.name}").keep(HASH, b"original", SHOWN)


def test_an_address_that_nothing_writes_to_is_refused() -> None:
    with pytest.raises(InvalidInput, match="GIS_REGISTRY_PHOTO_STORE cannot be used"):
        PhotoStore("nowhere://bucket")
