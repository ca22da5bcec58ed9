"""Archives that vector files are delivered in: unpacked into a folder that goes away by itself.

Everything after this sees a plain file, so that no reader has to know what it was packed in.
"""

import gzip
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast
from zipfile import BadZipFile, ZipFile, ZipInfo

from gis_registry.errors import InvalidInput, UnreadableFile

#: More than this is no delivery of a city's components, but a mistake or an attack.
MAX_UNPACKED_BYTES = 16 * 2**30
MAX_MEMBERS = 10_000

_CHUNK = 2**20
_GZIP_MAGIC = b"\x1f\x8b"
_NAME_IS_UTF8 = 0x800
#: What a zip archive may hold, besides shapefiles and FileGDB folders.
_SINGLE_FILES = {
    *(".gpkg", ".geojson", ".json", ".geojsonl", ".geojsonseq", ".ndjson", ".fgb", ".kml"),
    *(".kmz", ".parquet", ".geoparquet", ".csv", ".tsv", ".txt", ".xlsx"),
}
_OTHER_ARCHIVES = {".rar", ".7z", ".tar", ".tgz", ".bz2", ".xz"}


@dataclass(frozen=True)
class Unpacked:
    """A plain file; if it was unpacked, it goes away with this."""

    path: Path


def unpacked(path: Path) -> Unpacked:
    """Return a file as it is, or what a ``.gz`` or ``.zip`` holds.

    Raises:
        UnreadableFile: there is no such file, or it cannot be unpacked to its end.
        InvalidInput: the archive holds nothing that can be read, several such things, or too much.
    """
    if not path.exists():
        raise UnreadableFile(f"There is no file {path}.")
    suffix = path.suffix.lower()
    if suffix in _OTHER_ARCHIVES:
        raise UnreadableFile(
            f"{path.name} is an archive of a kind that is not read: unpack it, and pack it as .zip."
        )
    if path.is_dir() or suffix not in {".gz", ".zip"}:
        return Unpacked(path)
    if path.stat().st_size == 0:
        raise UnreadableFile(f"{path.name} is empty.")
    folder = Path(tempfile.mkdtemp(prefix="gis-registry-"))
    try:
        plain = Unpacked((_unzip if suffix == ".zip" else _gunzip)(path, folder))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(plain, shutil.rmtree, folder, ignore_errors=True)
    return plain


def _gunzip(path: Path, folder: Path) -> Path:
    with path.open("rb") as file:
        if file.read(2) != _GZIP_MAGIC:
            raise UnreadableFile(f"{path.name} is named .gz, but is not compressed.")
    target = folder / path.stem
    with _unpacking(path), gzip.open(path) as packed, target.open("wb") as plain:
        _copy(path, cast("IO[bytes]", packed), plain, MAX_UNPACKED_BYTES)
    return target


def _unzip(path: Path, folder: Path) -> Path:
    with _unpacking(path), ZipFile(path) as archive:
        members = {name: one for one in archive.infolist() if (name := _name(one)) is not None}
        wanted = _chosen(path, sorted(members))
        parts = {
            name: one
            for name, one in members.items()
            if _belongs(name.lower(), wanted.lower()) and not one.is_dir()
        }
        size = sum(one.file_size for one in parts.values())
        if size > MAX_UNPACKED_BYTES or len(members) > MAX_MEMBERS:
            raise InvalidInput(
                f"{path.name} holds {len(members):,} files, those to be read of {size:,} bytes: "
                "more than a delivery has. Unpack it, look what is in it, and load what is meant."
            )
        for name, one in parts.items():
            target = folder / _below(name, wanted)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(one) as packed, target.open("wb") as plain:
                _copy(path, packed, plain, one.file_size)
    return folder / PurePosixPath(wanted).name


@contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    try:
        yield
    except BadZipFile as error:
        raise UnreadableFile(
            f"{path.name} is no zip archive, or it is damaged or cut short: pack it again."
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(
            f"{path.name} is damaged or cut short: it cannot be unpacked to its end."
        ) from error
    except (NotImplementedError, RuntimeError) as error:  # a password, an unknown compression
        raise UnreadableFile(f"{path.name} cannot be unpacked: {error}.") from error
    except OSError as error:
        raise UnreadableFile(
            f"{path.name} cannot be unpacked: {error.strerror or error}."
        ) from error


def _copy(path: Path, packed: IO[bytes], plain: IO[bytes], most: int) -> None:
    left = most
    while chunk := packed.read(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise UnreadableFile(f"{path.name} holds more than it says, or more than can be read.")
        plain.write(chunk)
    if shutil.disk_usage(Path(plain.name).parent).free < _CHUNK:
        raise UnreadableFile(f"{path.name} cannot be unpacked: the disk is full.")


def _name(member: ZipInfo) -> str | None:
    """Return a member's name in what Chinese programs meant by it; None: it leads outside."""
    name = member.filename
    if not member.flag_bits & _NAME_IS_UTF8:
        raw = name.encode("cp437", errors="replace")
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError:
            name = raw.decode("gb18030", errors="replace")
    parts = PurePosixPath(name.replace("\\", "/")).parts
    is_outside = ".." in parts or name.startswith("/") or "\x00" in name
    is_hidden = "__MACOSX" in parts
    return None if is_outside or is_hidden or not parts else "/".join(parts)


def _chosen(path: Path, names: list[str]) -> str:
    """Return what an archive is about: its one shapefile, FileGDB folder or other file."""
    folders = sorted(
        {
            "/".join(PurePosixPath(name).parts[: depth + 1])
            for name in names
            for depth, part in enumerate(PurePosixPath(name).parts)
            if part.lower().endswith(".gdb")
        }
    )
    shapefiles = [name for name in names if name.lower().endswith(".shp")]
    singles = [name for name in names if PurePosixPath(name).suffix.lower() in _SINGLE_FILES]
    if shapefiles or folders:  # a text beside them explains them
        singles = [one for one in singles if not one.lower().endswith((".txt", ".json"))]
    found = [*folders, *shapefiles, *singles]
    if not found:
        raise UnreadableFile(
            f"{path.name} holds nothing that is read (Shapefile, FileGDB, GeoPackage, GeoJSON, CSV "
            f"…), but: {', '.join(names[:10]) or 'nothing'}."
        )
    if len(found) > 1:
        kind = "shapefiles" if len(shapefiles) == len(found) else "data sets"
        raise UnreadableFile(
            f"{path.name} holds several {kind} ({', '.join(found[:10])}); unpack it and load each."
        )
    return found[0]


def _belongs(name: str, wanted: str) -> bool:
    """Return whether a member is a part of what is wanted (both in lower case)."""
    if name == wanted or name.startswith(f"{wanted}/"):
        return True
    return wanted.endswith(".shp") and name.startswith(wanted.removesuffix("shp"))


def _below(name: str, wanted: str) -> Path:
    """Return where a member goes: beside the wanted file, or inside the wanted folder."""
    above = len(PurePosixPath(wanted).parts) - 1
    return Path(*PurePosixPath(name).parts[above:])
