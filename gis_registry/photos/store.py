"""Where the bytes of photos are: a folder, or anything else that fsspec can write to.

A photo lies under the hash of its bytes, ``ab/cd/abcd…``, as it was sent; the copies that are shown
lie beside it. Nothing is ever overwritten, and only what is of no photo is ever removed.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import fsspec

from gis_registry.errors import InvalidInput, PhotoStoreUnavailable
from gis_registry.photos.schemas import ShownSize
from gis_registry.settings import Settings

#: Where our files lie below the root; a name that begins with a dot is a write that did not end.
_OURS = re.compile(
    r"([0-9a-f]{2})/([0-9a-f]{2})/(?:(?P<sha256>\1\2[0-9a-f]{60})"
    rf"(?:\.(?P<size>{'|'.join(ShownSize)})\.jpg)?|\.[^/]+)"
)


@dataclass(frozen=True)
class StoredFile:
    """A file of the store: a photo, a copy of one (``shown``), or (no hash) half a one."""

    name: str
    size_bytes: int
    sha256: str | None
    shown: ShownSize | None


class PhotoStore:
    """Files of photos, below one address."""

    def __init__(self, url: str) -> None:
        """Find what writes to an address.

        Raises:
            InvalidInput: nothing can write there, or the library that can is not installed.
        """
        try:
            self._files, root = fsspec.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise InvalidInput(f"GIS_REGISTRY_PHOTO_STORE cannot be used: {error}.") from error
        self._root = root.rstrip("/")

    def keep(self, sha256: str, original: bytes, shown: dict[ShownSize, bytes]) -> None:
        """Write a photo and its copies, unless they are there.

        Raises:
            PhotoStoreUnavailable: they cannot be written.
        """
        with _answering():
            self._write_once(self._path(sha256), original)
            for size, content in shown.items():
                self._write_once(self._path(sha256, size), content)

    def has(self, sha256: str, *, size_bytes: int) -> bool:
        """Return whether a photo and its copies are there.

        Raises:
            PhotoStoreUnavailable: this cannot be told.
        """
        with _answering():
            return self._is_whole(self._path(sha256), size_bytes) and all(
                self._files.exists(self._path(sha256, size)) for size in ShownSize
            )

    def original(self, sha256: str) -> bytes:
        """Return a photo as it was sent.

        Raises:
            PhotoStoreUnavailable: it cannot be read, or is gone.
        """
        return self._read(self._path(sha256))

    def shown(self, sha256: str, size: ShownSize) -> bytes:
        """Return a copy that is shown, a JPEG.

        Raises:
            PhotoStoreUnavailable: it cannot be read, or is gone.
        """
        return self._read(self._path(sha256, size))

    def files(self) -> list[StoredFile]:
        """Return all files of photos; what else lies there is left out.

        Raises:
            PhotoStoreUnavailable: they cannot be listed.
        """
        with _answering():
            self._files.invalidate_cache()
            try:
                found = self._files.find(self._root, detail=True)
            except FileNotFoundError:  # nothing was ever kept
                return []
        files = []
        for path, about in sorted(found.items()):
            name = path.removeprefix(self._root).lstrip("/")
            if (match := _OURS.fullmatch(name)) is not None:
                size = match["size"]
                shown = None if size is None else ShownSize(size)
                files.append(StoredFile(name, about["size"] or 0, match["sha256"], shown))
        return files

    def modified_at(self, file: StoredFile) -> datetime | None:
        """Return when a file was written; None if this cannot be told, or it is gone.

        Raises:
            PhotoStoreUnavailable: the store does not answer.
        """
        with _answering():
            try:
                at: datetime = self._files.modified(f"{self._root}/{file.name}")
            except (NotImplementedError, FileNotFoundError):
                return None
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)

    def remove(self, file: StoredFile) -> None:
        """Remove a file for good.

        Raises:
            PhotoStoreUnavailable: it cannot be removed.
        """
        with _answering(), suppress(FileNotFoundError):
            self._files.rm_file(f"{self._root}/{file.name}")

    def _path(self, sha256: str, size: ShownSize | None = None) -> str:
        ending = "" if size is None else f".{size}.jpg"
        return f"{self._root}/{sha256[:2]}/{sha256[2:4]}/{sha256}{ending}"

    def _read(self, path: str) -> bytes:
        with _answering():
            content: bytes = self._files.cat_file(path)
            return content

    def _write_once(self, path: str, content: bytes) -> None:
        if self._is_whole(path, len(content)):
            return
        if getattr(self._files, "local_file", False):
            _write_whole(Path(path), content)
        else:  # object stores take a file whole or not at all
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(path, content)

    def _is_whole(self, path: str, size_bytes: int) -> bool:
        try:
            found: int | None = self._files.size(path)
        except FileNotFoundError:
            return False
        return found == size_bytes


def open_store(settings: Settings) -> PhotoStore:
    """Return the store of the settings.

    Raises:
        InvalidInput: the setting cannot be used.
    """
    if settings.photo_store is not None:
        return PhotoStore(settings.photo_store.get_secret_value())
    return PhotoStore(str((settings.home / "photos").absolute()))


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that is on the disk, whole, before it has its name; only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise PhotoStoreUnavailable(
            "A file of this photo is not in the store: the administrator finds it in a backup."
        ) from error
    except Exception as error:  # libraries behind fsspec have errors of their own
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise PhotoStoreUnavailable(
            f"The store of photos does not answer ({reason}). "
            "Nothing was kept; try again in a moment."
        ) from error
