"""Whether photos and their files fit together, and removing files that are of no photo."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gis_registry.db.checks import CheckResult
from gis_registry.errors import PhotoStoreUnavailable
from gis_registry.photos import queries
from gis_registry.photos.schemas import CleanedPhotos, ShownSize, UnusedFile
from gis_registry.photos.store import PhotoStore, StoredFile

#: A file is written before its row; so long after that none will come.
UNUSED_AFTER = timedelta(days=1)


def check_photos(
    session: Session, store: PhotoStore, *, now: datetime, reads_all: bool
) -> list[CheckResult]:
    """Look for photos without their files and files without their photo; changes nothing.

    Args:
        session: open transaction.
        store: where the files are.
        now: the present time; a file that is younger than a day may be waiting for its row.
        reads_all: also read every photo, and look whether it is still what was sent.
    """
    try:
        files = store.files()
        sizes = queries.sizes(session)  # after the files, which are written before their rows
        results = [
            _result("photo-files", "Every photo has its files.", _without_files(sizes, files)),
            _result(
                "photo-rows",
                "Every file in the store is of a photo.",
                [f"{one.file} is of no photo" for one in _unused(store, sizes, files, now)],
                "; `gis-registry report photos clean` removes these",
            ),
        ]
        if reads_all:
            damaged = _damaged(store, sizes, files)
            results.append(_result("photo-bytes", "Every photo is what was sent.", damaged))
    except PhotoStoreUnavailable as error:
        return [CheckResult("photo-store", is_passed=False, message=str(error))]
    return results


def clean(session: Session, store: PhotoStore, *, now: datetime, is_dry_run: bool) -> CleanedPhotos:
    """Remove the files that are of no photo and older than a day.

    Photos that are sent meanwhile wait, since one of these may be theirs.

    Args:
        session: open transaction.
        store: where the files are.
        now: the present time.
        is_dry_run: only say which they are.

    Raises:
        PhotoStoreUnavailable: the store does not answer; what was removed until then is gone.
    """
    files = store.files()
    if not is_dry_run:
        queries.lock_removing(session)
    sizes = queries.sizes(session)
    unused = _unused(store, sizes, files, now)
    if not is_dry_run:
        by_name = {one.name: one for one in files}
        for one in unused:
            store.remove(by_name[one.file])
    return CleanedPhotos(
        is_dry_run=is_dry_run, size_bytes=sum(one.size_bytes for one in unused), files=unused
    )


def _result(name: str, sound: str, faults: list[str], advice: str = "") -> CheckResult:
    shown = "; ".join(faults[:3])
    more = f"; {len(faults)} in all" if len(faults) > 3 else ""
    message = f"{shown}{more}{advice}." if faults else sound
    return CheckResult(name, not faults, message)


def _without_files(sizes: Mapping[str, int], files: Iterable[StoredFile]) -> list[str]:
    """Say which photos lack a file, or have one that is cut off."""
    found: dict[str, dict[ShownSize | None, int]] = defaultdict(dict)
    for one in files:
        if one.sha256 is not None:
            found[one.sha256][one.shown] = one.size_bytes
    faults = []
    for sha256, size_bytes in sorted(sizes.items()):
        there = found.get(sha256, {})
        if None not in there:
            faults.append(f"{sha256} has no file")
        elif there[None] != size_bytes:
            faults.append(f"{sha256} has {there[None]} bytes instead of {size_bytes}")
        elif not all(there.get(shown) for shown in ShownSize):
            faults.append(f"{sha256} lacks a copy to show: send the photo again")
    return faults


def _unused(
    store: PhotoStore, sizes: Mapping[str, int], files: Iterable[StoredFile], now: datetime
) -> list[UnusedFile]:
    unused = []
    for one in files:
        if one.sha256 is None or one.sha256 not in sizes:
            at = store.modified_at(one)
            if at is not None and now - at > UNUSED_AFTER:
                unused.append(UnusedFile(file=one.name, size_bytes=one.size_bytes, modified_at=at))
    return unused


def _damaged(store: PhotoStore, sizes: Mapping[str, int], files: Iterable[StoredFile]) -> list[str]:
    """Say which photos are no longer what was sent, by the hash that is their name."""
    faults = []
    for one in files:
        if one.sha256 is not None and one.sha256 in sizes and one.shown is None:
            content = store.original(one.sha256)
            if hashlib.sha256(content).hexdigest() != one.sha256:
                faults.append(f"{one.sha256} is damaged: restore its file from a backup")
    return faults
