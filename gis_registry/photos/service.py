"""What photos can do: be kept, once, and be shown without what the camera wrote into them."""

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.db.base import SRID
from gis_registry.errors import NotFound, UnreadableFile
from gis_registry.photos import queries
from gis_registry.photos.pictures import PhotoLimits, look_at
from gis_registry.photos.schemas import PhotoEntry, ShownSize
from gis_registry.photos.store import PhotoStore
from gis_registry.places import service as places


def keep(
    session: Session, content: bytes, *, received_by: str, store: PhotoStore, limits: PhotoLimits
) -> PhotoEntry:
    """Keep a photo as it is, read what the camera wrote into it, and make the copies to show.

    The same bytes twice are one photo: the second time the first entry is returned. Its files are
    written before its row; where the row is never committed, they wait for the next try.

    Raises:
        UnusablePhoto: it is no photo, of no type that is read, damaged, animated or too large.
        RequestTooLarge: it has too many bytes.
        PhotoStoreUnavailable: it cannot be written.
    """
    limits.check_size(len(content))
    sha256 = hashlib.sha256(content).hexdigest()
    queries.lock_keeping(session)
    known = queries.photo(session, sha256)
    if known is not None and store.has(sha256, size_bytes=len(content)):
        return _entry(known, is_repeat=True)
    now = datetime.now(UTC)
    zone = ZoneInfo(places.the_city(session).time_zone)
    picture = look_at(content, limits, zone=zone, received_at=now)
    store.keep(sha256, content, picture.shown)
    evidence = picture.evidence
    is_new = queries.add_photo(
        session,
        {
            "sha256": sha256,
            "media_type": picture.media_type,
            "size_bytes": len(content),
            "width": picture.width,
            "height": picture.height,
            "taken_at": evidence.taken_at,
            "geom": "SRID={};POINT({} {})".format(SRID, *evidence.position)
            if evidence.position is not None
            else None,
            "heading_deg": evidence.heading_deg,
            "camera": evidence.camera,
            "received_at": now,
            "received_by": received_by,
        },
    )
    return _entry(_known(session, sha256), is_repeat=not is_new)


def show(session: Session, sha256: str) -> PhotoEntry:
    """Return what is known of a photo.

    Raises:
        NotFound: there is no such photo.
    """
    return _entry(_known(session, sha256))


def find_all(session: Session, hashes: Collection[str]) -> dict[str, PhotoEntry]:
    """Return by their hashes what is known of photos; those that are not known are left out."""
    if not hashes:
        return {}
    found = [_entry(row) for row in queries.photos(session, hashes)]
    return {one.photo: one for one in found}


def shown_bytes(session: Session, sha256: str, size: ShownSize, *, store: PhotoStore) -> bytes:
    """Return a copy of a photo that is the right way up and holds nothing but the picture: a JPEG.

    Raises:
        NotFound: there is no such photo.
        PhotoStoreUnavailable: its file cannot be read.
    """
    _known(session, sha256)
    return store.shown(sha256, size)


def read_file(path: Path, limits: PhotoLimits) -> bytes:
    """Read a photo from a file, unless it is too large.

    Raises:
        UnreadableFile: there is no such file, or it cannot be read.
        RequestTooLarge: it has too many bytes.
    """
    try:
        with path.open("rb") as file:
            limits.check_size(path.stat().st_size)
            content = file.read(limits.max_bytes + 1)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}.") from error
    limits.check_size(len(content))
    return content


def _known(session: Session, sha256: str) -> RowMapping:
    found = queries.photo(session, sha256)
    if found is None:
        raise NotFound(f"There is no photo {sha256!r}.")
    return found


def _entry(row: RowMapping, *, is_repeat: bool = False) -> PhotoEntry:
    return PhotoEntry.model_validate({**row, "photo": row["sha256"], "is_repeat": is_repeat})
