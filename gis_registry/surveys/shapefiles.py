"""Shapefiles: whether all their parts are there, and in which encoding their text is.

The encoding is what the mapping declares, else what the ``.cpg`` says, else the LDID byte of the
``.dbf``, else UTF-8 if all the text is that, else GB18030. Whatever is said must fit every value:
a word that reads wrong is worse than a file that is sent back.
"""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gis_registry.errors import InvalidInput, UnreadableFile

#: Encodings by the language driver byte (offset 29) of a .dbf. 0x00 and 0x57 ("the machine's own")
#: say nothing.
_BY_LDID = {
    0x01: "cp437",
    0x02: "cp850",
    0x03: "cp1252",
    0x13: "cp932",
    0x4D: "cp936",
    0x4E: "cp949",
    0x4F: "cp950",
    0x65: "cp866",
    0x78: "cp950",
    0x79: "cp949",
    0x7A: "cp936",
    0x7B: "cp932",
    0xC8: "cp1250",
    0xC9: "cp1251",
}
#: GB18030 holds all of cp936 and what is missing there; so what says the one is read as the other.
_SUPERSETS = {"gbk": "gb18030", "gb2312": "gb18030", "cp936": "gb18030"}
_ROWS_AT_ONCE = 100_000
_FIELD_BYTES = 32
_DELETED = ord("*")


@dataclass(frozen=True)
class Encoding:
    """In which encoding a file's text is, as Python names it, and how that is known."""

    name: str
    reason: str


@dataclass(frozen=True)
class _Table:
    """The layout of a .dbf: where its rows begin and where each text field stands in them."""

    path: Path
    rows: int
    header_bytes: int
    row_bytes: int
    ldid: int
    names: bytes
    fields: tuple[tuple[int, int], ...]
    texts: tuple[tuple[int, int], ...]


def refuse_incomplete(path: Path) -> None:
    """Refuse a ``.shp`` that lacks a part that it cannot be read without.

    Raises:
        UnreadableFile: the ``.shx`` or ``.dbf`` is missing.
    """
    for suffix, holds in ((".shx", "index"), (".dbf", "attributes")):
        if _sibling(path, suffix) is None:
            raise UnreadableFile(
                f"{path.name} comes without its {suffix}, which holds the {holds}: ask for the "
                "whole shapefile (.shp, .shx, .dbf, .prj)."
            )


def shapefile_encoding(path: Path, declared: str | None) -> Encoding:
    """Check that a shapefile's table is whole, and find out how its text is encoded.

    Args:
        path: the ``.shp``.
        declared: the encoding that a mapping declares, if it does.

    Raises:
        UnreadableFile: the ``.dbf`` is cut short.
        InvalidInput: the declared encoding is none, or the text does not fit what is said.
    """
    table = _read_layout(_sibling(path, ".dbf") or path)
    said = _said(path, table, declared)
    if said is not None:
        if not _fits(table, said.name):
            raise InvalidInput(
                f"{path.name} holds text that is not {said.name}, though {said.reason}. Declare "
                'the right one in a mapping: encoding = "gb18030", or "utf-8".'
            )
        return said
    if _fits(table, "ascii"):
        return Encoding("utf-8", "nothing says it, and the text is plain ASCII")
    if _fits(table, "utf-8"):
        return Encoding("utf-8", "nothing says it, and all the text is valid UTF-8")
    if _fits(table, "gb18030"):
        return Encoding("gb18030", "nothing says it, the text is not UTF-8, but valid GB18030")
    raise InvalidInput(
        f"{path.name} does not say how its text is encoded, and it is neither UTF-8 nor GB18030. "
        'Ask who made it, and declare it in a mapping: encoding = "big5", for instance.'
    )


def known_encoding(name: str) -> str:
    """Return an encoding as Python names it.

    Raises:
        InvalidInput: there is none of this name.
    """
    plain = name.strip().lower().removeprefix("ansi ")
    if plain.isdecimal():
        plain = {"65001": "utf-8", "54936": "gb18030"}.get(plain, f"cp{plain}")
    try:
        found = codecs.lookup(plain).name
    except LookupError as error:
        raise InvalidInput(
            f"{name!r} is no encoding that is known: write utf-8, gb18030, big5 …"
        ) from error
    return _SUPERSETS.get(found, found)


def deleted_rows(path: Path) -> int:
    """Return how many rows of a shapefile are only marked as deleted: they are no rows any more."""
    table = _read_layout(_sibling(path, ".dbf") or path)
    return sum(int((block[:, 0] == _DELETED).sum()) for block in _blocks(table))


def texts_of(path: Path, field: int, rows: Sequence[int]) -> list[str]:
    """Return what stands in a field of a shapefile's table, byte by byte.

    Args:
        path: the ``.shp``.
        field: the field's place, from 0.
        rows: which rows, from 0; rows that are marked as deleted do not count.
    """
    table = _read_layout(_sibling(path, ".dbf") or path)
    at, width = table.fields[field]
    block = _rows(table)
    kept = np.flatnonzero(block[:, 0] != _DELETED)
    return [bytes(block[kept[row], at : at + width]).decode("iso-8859-1").strip() for row in rows]


def decoded(column: pa.Array, encoding: str) -> pa.Array:
    """Return text that GDAL took byte by byte (as ISO-8859-1) in the encoding that it is in."""
    coded = column.dictionary_encode()
    texts = [
        None if one is None else _text(one.encode("iso-8859-1"), encoding)
        for one in coded.dictionary.to_pylist()
    ]
    return pa.array(texts, type=pa.string()).take(coded.indices)


def decoded_name(name: str, encoding: str) -> str:
    """Return a field's name in the encoding that it is in; ten bytes often cut a character."""
    return _text(name.encode("iso-8859-1"), encoding)


def _text(raw: bytes, encoding: str) -> str:
    """Decode a value, without the part of a character that its width left at its end."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    return decoder.decode(raw).rstrip("\x00 ")


def _said(path: Path, table: _Table, declared: str | None) -> Encoding | None:
    if declared is not None:
        return Encoding(known_encoding(declared), "the mapping declares it")
    cpg = _sibling(path, ".cpg")
    if cpg is not None and (name := cpg.read_text("ascii", errors="replace").strip()):
        try:
            return Encoding(known_encoding(name), f"its .cpg says {name}")
        except InvalidInput as error:
            raise InvalidInput(f"The .cpg of {path.name} cannot be followed: {error}") from error
    if table.ldid in _BY_LDID:
        name = _BY_LDID[table.ldid]
        return Encoding(known_encoding(name), f"the LDID of its .dbf is 0x{table.ldid:02X}, {name}")
    return None


def _sibling(path: Path, suffix: str) -> Path | None:
    """Return a part of a shapefile, however its suffix is written."""
    names = {path.stem + suffix, path.stem + suffix.upper()}
    return next((one for one in path.parent.iterdir() if one.name in names), None)


def _read_layout(path: Path) -> _Table:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(32)
        if len(head) < 32:
            raise UnreadableFile(f"{path.name} is cut short: not even its header is whole.")
        rows = int.from_bytes(head[4:8], "little")
        header_bytes = int.from_bytes(head[8:10], "little")
        row_bytes = int.from_bytes(head[10:12], "little")
        fields = file.read(max(0, header_bytes - 32))
    whole = max(0, size - header_bytes) // row_bytes if row_bytes else 0
    if rows and whole < rows:
        raise UnreadableFile(
            f"{path.name} announces {rows:,} rows, but holds only {whole:,}: it is damaged or cut "
            "short. Ask for the whole shapefile."
        )
    everything, texts, names, at = [], [], b"", 1
    for start in range(0, len(fields) - _FIELD_BYTES + 1, _FIELD_BYTES):
        field = fields[start : start + _FIELD_BYTES]
        if field[0] == 0x0D:
            break
        # Text wider than 255 bytes has the upper part of its width where decimals stand.
        width = field[16] + (256 * field[17] if field[11:12] == b"C" else 0)
        if field[11:12] == b"C":
            texts.append((at, width))
        everything.append((at, width))
        names += field[:11].split(b"\x00")[0] + b"\n"
        at += width
    return _Table(
        path, rows, header_bytes, row_bytes, head[29], names, tuple(everything), tuple(texts)
    )


def _fits(table: _Table, encoding: str) -> bool:
    """Return whether all names and texts of a .dbf can be read in an encoding."""
    return all(_is_in(text, encoding) for text in _texts(table))


def _texts(table: _Table) -> Iterator[bytes]:
    """Give the names, then the texts with anything but ASCII, one a line."""
    yield table.names
    for block in _blocks(table):
        for at, width in table.texts:
            values = block[:, at : at + width]
            values = values[(values >= 0x80).any(axis=1)]
            lines = np.full((len(values), width + 1), ord("\n"), dtype=np.uint8)
            lines[:, :-1] = values
            yield lines.tobytes()


def _blocks(table: _Table) -> Iterator[NDArray[np.uint8]]:
    rows = _rows(table) if table.rows else np.empty((0, table.row_bytes), dtype=np.uint8)
    for start in range(0, table.rows, _ROWS_AT_ONCE):
        yield rows[start : start + _ROWS_AT_ONCE]


def _rows(table: _Table) -> NDArray[np.uint8]:
    return np.memmap(
        table.path,
        dtype=np.uint8,
        mode="r",
        offset=table.header_bytes,
        shape=(table.rows, table.row_bytes),
    )


def _is_in(lines: bytes, encoding: str) -> bool:
    text = lines.replace(b"\x00", b" ")
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        # A width may have cut the last character of a value: each is then looked at by itself.
        return all(_is_value_in(one, encoding) for one in set(text.split(b"\n")))
    return True


def _is_value_in(value: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(value)
    except UnicodeDecodeError:
        return False
    return True
