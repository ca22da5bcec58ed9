"""Photos are kept once, as they were sent, with what the camera wrote into them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from photographed import LAT, LON, encoded, photo, scene
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gis_registry.errors import (
    NotFound,
    PhotoStoreUnavailable,
    RequestTooLarge,
    UnreadableFile,
    UnusablePhoto,
)
from gis_registry.photos import service
from gis_registry.photos.pictures import PhotoLimits
from gis_registry.photos.schemas import PhotoEntry, ShownSize
from gis_registry.photos.store import PhotoStore
from gis_registry.photos.tables import Photo
from gis_registry.settings import Settings

LIMITS = PhotoLimits.of(Settings())

Keep = Callable[..., PhotoEntry]


@pytest.fixture
def store(tmp_path: Path) -> PhotoStore:
    return PhotoStore(str(tmp_path / "photos"))


@pytest.fixture
def keep(session: Session, store: PhotoStore) -> Keep:
    def kept(content: bytes, received_by: str = "wang") -> PhotoEntry:
        return service.keep(session, content, received_by=received_by, store=store, limits=LIMITS)

    return kept


def test_a_photo_is_kept_as_it_was_sent(session: Session, store: PhotoStore, keep: Keep) -> None:
    content = photo(width=640, height=480, orientation=6)
    entry = keep(content)
    assert entry.photo == hashlib.sha256(content).hexdigest()
    assert (entry.media_type, entry.size_bytes) == ("image/jpeg", len(content))
    assert (entry.width, entry.height) == (480, 640)
    assert (entry.lon, entry.lat) == (pytest.approx(LON, abs=1e-6), pytest.approx(LAT, abs=1e-6))
    # Its camera wrote 10:00 and no zone: that of the city.
    assert entry.taken_at is not None
    assert entry.taken_at.isoformat() == "2026-06-30T02:00:00+00:00"
    assert (entry.heading_deg, entry.received_by, entry.is_repeat) == (271.5, "wang", False)
    assert store.original(entry.photo) == content
    assert service.show(session, entry.photo) == entry
    for size in ShownSize:
        shown = service.shown_bytes(session, entry.photo, size, store=store)
        assert shown.startswith(b"\xff\xd8\xff")
        assert b"Exif" not in shown


def test_the_same_bytes_twice_are_one_photo(session: Session, keep: Keep) -> None:
    first, again = keep(photo()), keep(photo(), "li")
    assert again == first.model_copy(update={"is_repeat": True})
    assert session.scalar(select(func.count()).select_from(Photo)) == 1


def test_files_that_were_lost_come_back_with_the_same_photo(
    store: PhotoStore, keep: Keep, tmp_path: Path
) -> None:
    entry = keep(photo())
    for file in (tmp_path / "photos").rglob(f"{entry.photo}*"):
        file.unlink()
    assert keep(photo()).is_repeat
    assert store.original(entry.photo) == photo()
    assert store.has(entry.photo, size_bytes=entry.size_bytes)


def test_a_photo_without_evidence_is_kept(session: Session, keep: Keep) -> None:
    entry = keep(encoded(scene()))
    evidence = (entry.taken_at, entry.lon, entry.lat, entry.heading_deg, entry.camera)
    assert evidence == (None,) * 5
    assert service.show(session, entry.photo) == entry


def test_what_is_refused_leaves_nothing(session: Session, keep: Keep, tmp_path: Path) -> None:
    with pytest.raises(UnusablePhoto):
        keep(b"%PDF-1.7 called photo.jpg")
    with pytest.raises(UnusablePhoto):
        keep(photo()[:-200])
    with pytest.raises(RequestTooLarge):
        keep(b"\xff\xd8\xff" + bytes(LIMITS.max_bytes))
    assert session.scalar(select(func.count()).select_from(Photo)) == 0
    assert not (tmp_path / "photos").exists()


def test_a_store_that_fails_leaves_no_row(session: Session, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PhotoStoreUnavailable):
        service.keep(
            session,
            photo(),
            received_by="wang",
            store=PhotoStore(str(tmp_path / "file")),
            limits=LIMITS,
        )
    assert session.scalar(select(func.count()).select_from(Photo)) == 0


def test_a_photo_that_nobody_sent_is_not_there(session: Session, store: PhotoStore) -> None:
    with pytest.raises(NotFound):
        service.show(session, "0" * 64)
    with pytest.raises(NotFound):
        service.shown_bytes(session, "0" * 64, ShownSize.IMAGE, store=store)


def test_a_key_is_a_hash(session: Session, keep: Keep) -> None:
    keep(photo())
    with pytest.raises(IntegrityError, match="ck_photos_sha256"), session.begin_nested():
        session.execute(Photo.__table__.update().values(sha256="../../etc/passwd"))  # type: ignore[attr-defined]


def test_a_file_is_read_unless_it_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo())
    assert service.read_file(path, LIMITS) == photo()
    with pytest.raises(RequestTooLarge, match="may have 100 bytes"):
        service.read_file(path, PhotoLimits(max_bytes=100, max_pixels=100))
    with pytest.raises(UnreadableFile, match="No such file"):
        service.read_file(tmp_path / "nothing.jpg", LIMITS)
    with pytest.raises(UnreadableFile, match="directory"):
        service.read_file(tmp_path, LIMITS)
    with pytest.raises(RequestTooLarge):
        service.read_file(Path("/dev/zero"), LIMITS)
