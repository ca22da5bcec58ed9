"""Components out of the registry again: as a GeoDataFrame, and as files of many formats.

A file appears under its name when it is whole; until then nothing, and after an error nothing.
"""

import errno
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
import tomli_w
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import GeometryType
from gis_registry.components import export_queries as queries
from gis_registry.components.export_columns import Column, columns_of, mapping, names_in
from gis_registry.components.export_formats import GEOMETRY, FileFormat, format_of, split_name
from gis_registry.components.export_queries import Chosen, Selection
from gis_registry.components.export_systems import System, system_of
from gis_registry.components.export_writers import Layer, with_json, with_widths, write_layers
from gis_registry.components.schemas import Exported, ExportedFile
from gis_registry.errors import InvalidInput, NotFound

__all__ = ["FileFormat", "Selection", "frame", "write"]

#: Told after every batch: what is being done, how many components are done, and of how many.
Progress = Callable[[str, int, int | None], None]

_REGISTRY_SYSTEM = "EPSG:4490"
#: Beside a shapefile, what other programs made of the one that is overwritten.
_STALE = (".dbf", ".shx", ".prj", ".cpg", ".qix", ".sbn", ".sbx", ".idm", ".ind", ".qmd")
#: A disk with so few bytes left is full.
_FULL_BYTES = 4 * 2**20

_NULLABLE = {
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


@dataclass(frozen=True)
class _Export:
    """What the parts of an export share."""

    session: Session
    chosen: Chosen
    columns: tuple[Column, ...]
    names: Sequence[str]
    form: FileFormat
    system: System
    tell: Progress


def frame(
    session: Session, selection: Selection | None = None, *, crs: str = _REGISTRY_SYSTEM
) -> gpd.GeoDataFrame:
    """Return components by identifier, with their attributes as columns of their own.

    Args:
        session: open transaction.
        selection: which; None: all active ones.
        crs: ``EPSG:…`` or a datum, of which ``gcj02`` and ``bd09`` leave the frame without one.

    Raises:
        UnknownClass: there is no such class.
        InvalidInput: the area, the day or the system cannot be used.
    """
    system = system_of(crs)
    chosen = queries.choose(session, selection or Selection())
    columns = columns_of(queries.attribute_kinds(session, chosen))
    names = names_in(columns, FileFormat.GEOPARQUET)
    schema = _schema(columns, names)
    table = pa.Table.from_batches(
        [_renamed(one, schema) for one in queries.batches(session, chosen, columns)], schema
    )
    geometries = shapely.from_wkb(table.column(GEOMETRY).to_numpy(zero_copy_only=False))
    fields = table.drop_columns([GEOMETRY]).to_pandas(types_mapper=_NULLABLE.get)
    return gpd.GeoDataFrame(fields, geometry=system.take(geometries), crs=system.crs)


def write(
    session: Session,
    path: Path,
    selection: Selection | None = None,
    *,
    form: FileFormat | None = None,
    crs: str = _REGISTRY_SYSTEM,
    is_overwriting: bool = False,
    mapping_path: Path | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write components by identifier into a file, or one for each type of geometry.

    Args:
        session: open transaction.
        path: the file; one for each type has ``_point``, ``_line`` or ``_polygon`` in its name.
        selection: which; None: all active ones.
        form: the format; None: the one that the file's name says.
        crs: ``EPSG:…`` or a datum: ``gcj02``, ``bd09``, ``wgs84``, ``cgcs2000``.
        is_overwriting: whether files that are there already are replaced.
        mapping_path: also write how a survey reads the file again, as TOML.
        progress: told after every batch.

    Raises:
        UnknownClass: there is no such class.
        NotFound: there is no such component.
        InvalidInput: the name says no format, the file is there or cannot be written, the format
            cannot hold the components, or the selection or the system cannot be used.
    """
    tell = progress or (lambda _stage, _done, _total: None)
    form, system = format_of(path, form), system_of(crs)
    _check_targets([path, *([mapping_path] if mapping_path else [])], is_overwriting)
    chosen = queries.choose(session, selection or Selection())
    tell("Counting", 0, None)
    counts = queries.count_types(session, chosen)
    if not counts:
        raise NotFound("There is no such component; nothing was written.")
    columns = columns_of(queries.attribute_kinds(session, chosen))
    names = names_in(columns, form)
    export = _Export(session, chosen, columns, names, form, system, tell)
    described = mapping(columns, names, crs=system.name)
    files = _files(path, form, list(counts))
    _check_targets(list(files), is_overwriting)
    with _staging(path) as folder:
        written: list[ExportedFile] = []
        for target, types in files.items():
            layers = [_layer(export, target, kind, counts) for kind in types]
            with ExitStack() as opened:
                for layer in layers:
                    opened.enter_context(closing(layer.batches))
                write_layers(form, folder / target.name, layers, system)
            written += [
                ExportedFile(
                    file=str(target),
                    layer=layer.name if form.has_layers else None,
                    geometry_type=kind,
                    components=layer.count,
                )
                for kind, layer in zip(types, layers, strict=True)
            ]
        _publish(folder, files, path)
    if mapping_path is not None:
        _write_mapping(mapping_path, described)
    return Exported(
        components=sum(one.components for one in written),
        files=written,
        renamed={
            one.name: name
            for one, name in zip(columns, names, strict=True)
            if one.is_attribute and one.name != name
        },
        mapping=str(mapping_path) if mapping_path else None,
    )


def _files(
    path: Path, form: FileFormat, types: list[GeometryType]
) -> dict[Path, list[GeometryType]]:
    """Return which files are written, with the types of geometry that go into each."""
    if form.has_layers or len(types) == 1:
        return {path: types}
    stem, ending = split_name(path)
    return {path.with_name(f"{stem}_{kind}{ending}"): [kind] for kind in types}


def _layer(
    export: _Export,
    target: Path,
    kind: GeometryType,
    counts: Mapping[GeometryType, Mapping[str, int]],
) -> Layer:
    found = counts[kind]
    is_mixed = len(found) > 1  # single and multi-part: a layer has one type, so all become multi
    geometry_type = next(name for name in found if not is_mixed or name.startswith("Multi"))
    count = sum(found.values())
    is_alone = len(counts) == 1 or not export.form.has_layers
    chosen = export.chosen.of_type(kind)
    schema = _schema(export.columns, export.names)
    if export.form is FileFormat.SHAPEFILE:
        widths = queries.text_widths(export.session, chosen, export.columns)
        schema = with_widths(
            schema,
            [widths[one.name] if one.type == pa.string() else None for one in export.columns],
        )
    elif export.form.driver is not None:
        schema = with_json(schema, [one.is_json for one in export.columns])
    return Layer(
        name=split_name(target)[0] if is_alone else kind.value,
        geometry_type=geometry_type,
        schema=schema,
        batches=_taken(export, chosen, schema, count, is_multi=is_mixed),
        count=count,
    )


def _taken(
    export: _Export, chosen: Chosen, schema: pa.Schema, count: int, *, is_multi: bool
) -> Generator[pa.RecordBatch]:
    """Return the components with the columns of the file, in its system."""
    done = 0
    export.tell("Writing", 0, count)
    with closing(queries.batches(export.session, chosen, export.columns)) as found:
        for batch in found:
            if is_multi or not export.system.is_like_cgcs2000:
                wkb = batch.column(batch.num_columns - 1).to_numpy(zero_copy_only=False)
                geometries = export.system.take(shapely.from_wkb(wkb))
                if is_multi:
                    geometries = _multi(geometries)
                batch = batch.set_column(
                    batch.num_columns - 1,
                    GEOMETRY,
                    pa.array(shapely.to_wkb(geometries), pa.binary()),
                )
            yield _renamed(batch, schema)
            done += batch.num_rows
            export.tell("Writing", done, count)


def _multi(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return lines and polygons as multi-part ones, of one part where they were single."""
    geometries = geometries.copy()
    for type_id, make in ((1, shapely.multilinestrings), (3, shapely.multipolygons)):
        single = np.flatnonzero(shapely.get_type_id(geometries) == type_id)
        if len(single):
            geometries[single] = make(geometries[single], indices=np.arange(len(single)))
    return geometries


def _schema(columns: Sequence[Column], names: Sequence[str]) -> pa.Schema:
    fields = [pa.field(name, one.type) for one, name in zip(columns, names, strict=True)]
    return pa.schema([*fields, pa.field(GEOMETRY, pa.binary())])


def _renamed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _check_targets(targets: Sequence[Path], is_overwriting: bool) -> None:
    for target in targets:
        if not target.parent.is_dir():
            raise InvalidInput(f"There is no folder {target.parent}.")
        if target.is_dir():
            raise InvalidInput(f"{target} is a folder; name a file in it.")
        if target.exists() and not is_overwriting:
            raise InvalidInput(
                f"{target} is there already: name another file, or give --overwrite."
            )


@contextmanager
def _staging(path: Path) -> Iterator[Path]:
    """Open a folder beside the file; what is in it at the end, or after an error, is removed.

    Raises:
        InvalidInput: it cannot be written there, or the disk is full.
    """
    folder: Path | None = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        yield folder
    except (OSError, RuntimeError) as error:
        raise _unwritable(path, error) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _unwritable(path: Path, error: Exception) -> InvalidInput:
    is_full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
    free = shutil.disk_usage(path.parent).free
    if is_full or free < _FULL_BYTES:
        return InvalidInput(
            f"The disk that {path.parent.resolve()} is on is full: nothing was written. Make room, "
            "or name a file on another one."
        )
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    return InvalidInput(
        f"{path} cannot be written ({reason.strip().rstrip('.')}; its disk has "
        f"{free / 2**20:,.0f} MiB left): nothing was written."
    )


def _publish(folder: Path, files: Mapping[Path, object], path: Path) -> None:
    """Give the whole files their names, at last the one by which each is opened."""
    for target in files:
        if target.suffix.lower() == ".shp":
            for suffix in _STALE:
                target.with_suffix(suffix).unlink(missing_ok=True)
    last = {target.name for target in files}
    for one in sorted(folder.iterdir(), key=lambda one: one.name in last):
        one.replace(path.parent / one.name)


def _write_mapping(path: Path, described: Mapping[str, object]) -> None:
    with _staging(path) as folder:
        draft = folder / path.name
        draft.write_text(tomli_w.dumps(dict(described)), encoding="utf-8")
        draft.replace(path)
