"""Photos and their files: what is missing, what is of no photo, what is damaged."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest
from making import wait_for_a_lock
from photographed import photo
from sqlalchemy.orm import Session

from gis_registry.db.engine import Database
from gis_registry.photos import service
from gis_registry.photos.checking import check_photos, clean
from gis_registry.photos.pictures import PhotoLimits
from gis_registry.photos.schemas import ShownSize
from gis_registry.photos.store import PhotoStore
from gis_registry.settings import Settings

LIMITS = PhotoLimits.of(Settings())
LATER = timedelta(days=1, minutes=5)
SHOWN = {ShownSize.IMAGE: b"image", ShownSize.THUMBNAIL: b"thumbnail"}
UNUSED = "ab" + "cd" + "0" * 60

Keep = Callable[..., str]


@pytest.fixture(params=["folder", "memory"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a store is: in a folder, and at a URL."""
    return str(tmp_path / "p") if request.param == "folder" else f"memory://{tmp_path.name}/p"


@pytest.fixture
def store(address: str) -> PhotoStore:
    return PhotoStore(address)


@pytest.fixture
def keep(session: Session, store: PhotoStore) -> Keep:
    def kept(**values: object) -> str:
        content = photo(**values)  # type: ignore[arg-type]
        entry = service.keep(session, content, received_by="w", store=store, limits=LIMITS)
        return entry.photo

    return kept


def faults(
    session: Session, store: PhotoStore, *, reads_all: bool = False, after: timedelta = LATER
) -> dict[str, str]:
    results = check_photos(session, store, now=datetime.now(UTC) + after, reads_all=reads_all)
    assert len(results) in (1, 3 if reads_all else 2)
    return {one.name: one.message for one in results if not one.is_passed}


def write(address: str, name: str, content: bytes) -> None:
    files, root = fsspec.url_to_fs(address)
    files.makedirs(f"{root}/{name}".rpartition("/")[0], exist_ok=True)
    files.pipe_file(f"{root}/{name}", content)


def path_of(sha256: str, ending: str = "") -> str:
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}{ending}"


def test_a_store_that_was_never_written_to_is_sound(session: Session, store: PhotoStore) -> None:
    assert faults(session, store, reads_all=True) == {}


def test_photos_and_their_files_are_sound(session: Session, store: PhotoStore, keep: Keep) -> None:
    keep(width=64, height=48)
    keep(width=48, height=64)
    assert faults(session, store, reads_all=True) == {}


def test_a_photo_without_its_file_is_named(
    session: Session, store: PhotoStore, keep: Keep, address: str
) -> None:
    gone, cut, no_copy = (keep(width=64, height=height) for height in (40, 48, 56))
    files, root = fsspec.url_to_fs(address)
    files.rm_file(f"{root}/{path_of(gone)}")
    write(address, path_of(cut), b"cut")
    files.rm_file(f"{root}/{path_of(no_copy, '.image.jpg')}")
    message = faults(session, store)["photo-files"]
    assert f"{gone} has no file" in message
    assert f"{cut} has 3 bytes instead of " in message
    assert f"{no_copy} lacks a copy to show" in message


def test_files_of_no_photo_are_named_once_they_are_a_day_old(
    session: Session, store: PhotoStore, keep: Keep
) -> None:
    keep(width=64, height=48)
    store.keep(UNUSED, b"original", SHOWN)
    assert faults(session, store, after=timedelta(hours=23)) == {}
    message = faults(session, store)["photo-rows"]
    assert f"{path_of(UNUSED)} is of no photo" in message
    assert "report photos clean" in message


def test_a_photo_that_is_no_longer_what_was_sent_is_named_where_all_are_read(
    session: Session, store: PhotoStore, keep: Keep, address: str
) -> None:
    whole, damaged = keep(width=64, height=48), keep(width=48, height=64)
    content = bytearray(store.original(damaged))
    content[-1] ^= 1
    write(address, path_of(damaged), bytes(content))
    assert faults(session, store) == {}
    message = faults(session, store, reads_all=True)["photo-bytes"]
    assert damaged in message
    assert whole not in message


def test_a_store_that_does_not_answer_is_a_fault(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.find", refuse)
    found = faults(session, PhotoStore(f"memory://{tmp_path.name}"))
    assert "Permission denied" in found["photo-store"]


def test_only_files_of_no_photo_that_are_a_day_old_are_removed(
    session: Session, store: PhotoStore, keep: Keep, address: str
) -> None:
    kept = keep(width=64, height=48)
    store.keep(UNUSED, b"original", SHOWN)
    write(address, "ab/cd/.tmp1234", b"half")
    foreign = {"README", f"ab/{UNUSED}", f"ab/ce/{UNUSED}", "ab/cd/notes.txt"}
    for name in foreign:
        write(address, name, b"not ours")
    now = datetime.now(UTC)
    early = clean(session, store, now=now + timedelta(hours=23), is_dry_run=False)
    assert early.files == []

    unused = {path_of(UNUSED, ending) for ending in ("", ".image.jpg", ".thumbnail.jpg")}
    unused.add("ab/cd/.tmp1234")
    dry = clean(session, store, now=now + LATER, is_dry_run=True)
    assert {one.file for one in dry.files} == unused
    assert (dry.size_bytes, dry.is_dry_run) == (8 + 5 + 9 + 4, True)
    done = clean(session, store, now=now + LATER, is_dry_run=False)
    assert (done.files, done.is_dry_run) == (dry.files, False)
    assert clean(session, store, now=now + LATER, is_dry_run=False).files == []

    files, root = fsspec.url_to_fs(address)
    left = {path.removeprefix(f"{root}/") for path in files.find(root)}
    theirs = {path_of(kept, ending) for ending in ("", ".image.jpg", ".thumbnail.jpg")}
    assert left == foreign | theirs
    assert faults(session, store, reads_all=True) == {}


def test_a_photo_that_is_sent_again_while_files_are_removed_keeps_its_own(
    own_database: Database, tmp_path: Path
) -> None:
    store, content = PhotoStore(str(tmp_path)), photo(width=64, height=48)
    sha256 = hashlib.sha256(content).hexdigest()
    with own_database.session() as session:
        service.keep(session, content, received_by="w", store=store, limits=LIMITS)
        session.rollback()  # its upload did not end
    with ThreadPoolExecutor() as pool, own_database.session() as session:
        service.keep(session, content, received_by="w", store=store, limits=LIMITS)

        def cleaned() -> int:
            with own_database.session() as other:
                now = datetime.now(UTC) + LATER
                return len(clean(other, store, now=now, is_dry_run=False).files)

        waiting = pool.submit(cleaned)
        wait_for_a_lock(own_database)
        session.commit()
        assert waiting.result(60) == 0
    assert store.original(sha256) == content
