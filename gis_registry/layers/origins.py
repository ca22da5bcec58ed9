"""Opening what a layer is read from: a file in any format that surveys are read in, or a table."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sqlalchemy.orm import Session

from gis_registry.errors import Conflict, InvalidInput, UnreadableFile
from gis_registry.layers.schemas import ColumnType, Origin, OriginFacts, OriginKind
from gis_registry.layers.table_reading import TableSource, find_table, open_table
from gis_registry.surveys.mapping import Mapping as FileMapping
from gis_registry.surveys.reading import Batch, Source, open_source, sha256_of


class Opened(Protocol):
    """What can be read batch by batch.

    Attributes:
        title: what it is called, for messages.
        fields: the names of its fields.
        declared: of what types fields are, where that is said.
        is_plain: whether all fields are text, of which types are to be found out.
        row_count: how many rows it has; None: not known.
    """

    @property
    def title(self) -> str: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def declared(self) -> Mapping[str, ColumnType]: ...
    @property
    def is_plain(self) -> bool: ...
    @property
    def are_types_found(self) -> bool: ...
    @property
    def row_count(self) -> int | None: ...

    def batches(self) -> Iterator[Batch]:
        """Read the rows in order."""
        ...

    def facts(self) -> OriginFacts:
        """Return what was read, once it is read."""
        ...


@dataclass(frozen=True)
class OpenedFile:
    """A file that is open."""

    path: Path
    source: Source
    size: int
    modified_at: float
    sha256: str
    declared: Mapping[str, ColumnType] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its name."""
        return self.path.name

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its columns after reading."""
        return self.source.columns

    @property
    def row_count(self) -> int | None:
        """How many rows it announces."""
        return self.source.row_count

    @property
    def is_plain(self) -> bool:
        """Whether it has no types."""
        return self.source.format == "CSV"

    @property
    def are_types_found(self) -> bool:
        """Whether it does not say the types of its columns: they are those of its values."""
        return self.source.format in {"CSV", "XLSX", "GeoJSON", "GeoJSONSeq"}

    def batches(self) -> Iterator[Batch]:
        """Read the rows in the file's order.

        Raises:
            UnreadableFile: it is damaged further in.
            Conflict: somebody wrote to it meanwhile.
        """
        yield from self.source.batches()
        if stamp_of(self.path) != (self.size, self.modified_at):
            raise Conflict(f"{self.path.name} was changed while it was read: try again.")

    def facts(self) -> OriginFacts:
        """Return what was read."""
        return OriginFacts(
            format=self.source.format,
            crs=self.source.crs,
            sha256=self.sha256,
            size=self.size,
            modified_at=self.modified_at,
        )


@dataclass
class OpenedTable:
    """A table that is open."""

    session: Session
    source: TableSource
    is_plain: bool = False
    are_types_found: bool = False
    row_count: int | None = None

    def __post_init__(self) -> None:
        """Begin with nothing read."""
        self._digest = hashlib.sha256()

    @property
    def title(self) -> str:
        """Its name."""
        return self.source.name

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(self.source.types)

    @property
    def declared(self) -> Mapping[str, ColumnType]:
        """Of what types they are."""
        return self.source.types

    def batches(self) -> Iterator[Batch]:
        """Read the rows in the order of the key."""
        for batch, digest in self.source.batches(self.session):
            self._digest.update(digest)
            yield batch

    def facts(self) -> OriginFacts:
        """Return what was read."""
        return OriginFacts(format="PostGIS", crs=self.source.crs, sha256=self._digest.hexdigest())


def find_origin(session: Session, place: str) -> tuple[OriginKind, str]:
    """Return whether a file or a table of this name is there, and its full name.

    Raises:
        UnreadableFile: there is neither.
    """
    path = Path(place)
    if path.exists():
        return OriginKind.FILE, str(path.resolve())
    name = find_table(session, place)
    if name is None:
        raise UnreadableFile(f"There is no file {place}, and no table of that name (schema.table).")
    return OriginKind.TABLE, name


def open_origin(session: Session, origin: Origin) -> OpenedFile | OpenedTable:
    """Open a file or a table.

    Raises:
        UnreadableFile: it is not there or cannot be read.
        MissingCrs: nothing says which system it is in.
        InvalidInput: it is no file or table that can be a layer; the message says why.
    """
    mapping = FileMapping.model_validate(origin.mapping)
    if origin.kind is OriginKind.TABLE:
        source = open_table(session, origin.place, crs=mapping.crs, id_field=origin.id_field)
        return OpenedTable(session, source)
    path = Path(origin.place)
    if not path.exists():
        raise UnreadableFile(f"There is no file {path} any more.")
    size, modified_at = stamp_of(path)
    return OpenedFile(
        path=path,
        source=open_source(path, mapping),
        size=size,
        modified_at=modified_at,
        sha256=sha256_of(path),
    )


def is_unchanged(origin: Origin, last: OriginFacts) -> bool:
    """Return whether a file is what it was when it was last loaded; of a table nobody knows.

    Raises:
        UnreadableFile: it is not there any more.
    """
    if origin.kind is OriginKind.TABLE:
        return False
    path = Path(origin.place)
    if not path.exists():
        raise UnreadableFile(f"There is no file {path} any more.")
    return stamp_of(path) == (last.size, last.modified_at) or sha256_of(path) == last.sha256


def stamp_of(path: Path) -> tuple[int, float]:
    """Return size and time of a file, or of all files of a folder or shapefile together."""
    if path.is_dir():
        files = [one for one in path.rglob("*") if one.is_file()]
    elif path.suffix.lower() == ".shp":
        files = [one for one in path.parent.iterdir() if one.stem == path.stem and one.is_file()]
    else:
        files = [path]
    try:
        stats = [one.stat() for one in files]
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}.") from error
    return sum(one.st_size for one in stats), max((one.st_mtime for one in stats), default=0.0)


def moved_origin(session: Session, origin: Origin, place: str) -> Origin:
    """Return the origin of a layer that is from now on read from another file or table.

    Raises:
        UnreadableFile: there is no such file or table.
    """
    kind, found = find_origin(session, place)
    return origin.model_copy(update={"kind": kind, "place": found})


def refuse_mapping_of_table(origin: Origin) -> None:
    """Refuse what only a file can need.

    Raises:
        InvalidInput: the origin is a table and says more than its system.
    """
    if origin.kind is OriginKind.TABLE and set(origin.mapping) - {"crs"}:
        raise InvalidInput(
            f"{origin.place} is a table: only --crs can be said of it, not a layer, encoding or "
            "mapping. Make a view of it where more is needed."
        )
