"""The columns of an exported file: ours, one for each attribute, and what a format calls them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from gis_registry.components.export_formats import FileFormat

#: A shapefile's field names hold so many bytes.
_SHORT_BYTES = 10
ATTRIBUTE_PREFIX = "attribute_"


@dataclass(frozen=True)
class Column:
    """A column of an export.

    Attributes:
        name: what it is called here; for an attribute, the attribute's own name.
        type: the Arrow type of its values.
        is_attribute: whether it is one of the components' attributes.
        is_json: whether its text is JSON, since its values are nested.
    """

    name: str
    type: pa.DataType
    is_attribute: bool = False
    is_json: bool = False


@dataclass(frozen=True)
class AttributeKind:
    """What the components of a selection have for an attribute.

    Attributes:
        name: the attribute.
        types: the JSON types of its values, such as ``number``; not ``null``.
        is_whole: whether all its numbers are whole, written without decimals, and fit 64 bits.
    """

    name: str
    types: frozenset[str]
    is_whole: bool


#: What every component has, in the order of the files.
OWN_COLUMNS = (
    Column("identifier", pa.string()),
    Column("class_code", pa.string()),
    Column("class_name", pa.string()),
    Column("edition", pa.string()),
    Column("state", pa.string()),
    Column("supervisor_code", pa.string()),
    Column("owner_code", pa.string()),
    Column("maintainer_code", pa.string()),
    Column("surveyed_on", pa.date32()),
    Column("accuracy_m", pa.float64()),
    Column("division_code", pa.string()),
    Column("subdistrict_code", pa.string()),
    Column("cell_code", pa.string()),
    Column("is_synthetic", pa.bool_()),
    Column("version", pa.int32()),
)

#: Those that say what the registry knows by itself: a survey of the file leaves them aside.
DERIVED_COLUMNS = (
    "edition",
    "state",
    "division_code",
    "subdistrict_code",
    "cell_code",
    "is_synthetic",
    "version",
)

#: What a shapefile calls those of ours whose names it cannot hold.
_SHORT_NAMES = {
    "supervisor_code": "supervisor",
    "maintainer_code": "maintainer",
    "surveyed_on": "surveyed",
    "division_code": "division",
    "subdistrict_code": "subdistr",
    "is_synthetic": "synthetic",
}

#: JSON types whose values a single column can hold as text, so that a mixture of them is text.
_SCALARS = {"string", "number", "boolean"}


def columns_of(attributes: Iterable[AttributeKind]) -> tuple[Column, ...]:
    """Return the columns of an export: ours, then the attributes by name."""
    by_name = sorted(attributes, key=lambda one: one.name)
    return (*OWN_COLUMNS, *(_attribute_column(one) for one in by_name))


def _attribute_column(kind: AttributeKind) -> Column:
    if not kind.types <= _SCALARS:
        return Column(kind.name, pa.string(), is_attribute=True, is_json=True)
    if kind.types == {"number"}:
        number = pa.int64() if kind.is_whole else pa.float64()
        return Column(kind.name, number, is_attribute=True)
    if kind.types == {"boolean"}:
        return Column(kind.name, pa.bool_(), is_attribute=True)
    return Column(kind.name, pa.string(), is_attribute=True)


def names_in(columns: Sequence[Column], form: FileFormat) -> list[str]:
    """Return what each column is called in a file of a format; no two have the same name.

    An attribute keeps its name, unless it is one of ours or one that the format needs for itself:
    then ``attribute_`` stands before it. A shapefile's names are cut to ten bytes of GB18030; where
    two become one, the later ends in ``_1``, ``_2`` and so on.
    """
    taken = {one.lower() for one in form.own_names}
    names = []
    for column in columns:
        if form is FileFormat.SHAPEFILE:
            name = _short(_SHORT_NAMES.get(column.name, column.name), taken)
        else:
            name = _distinct(column, taken, folds_case=form.folds_case)
        taken.add(name.lower() if form.folds_case else name)
        names.append(name)
    return names


def _distinct(column: Column, taken: set[str], *, folds_case: bool) -> str:
    name, count = column.name, 1
    while not name or (name.lower() if folds_case else name) in taken:
        name = f"{ATTRIBUTE_PREFIX}{column.name}" + (f"_{count}" if count > 1 else "")
        count += 1
    return name


def _short(name: str, taken: set[str]) -> str:
    short, count = _cut(name, _SHORT_BYTES) or "_", 0
    while short.lower() in taken:
        count += 1
        ending = f"_{count}"
        short = _cut(name, _SHORT_BYTES - len(ending)) + ending
    return short


def _cut(name: str, count: int) -> str:
    """Return as much of a name as so many bytes of GB18030 hold."""
    return name.encode("gb18030")[:count].decode("gb18030", errors="ignore")


def mapping(columns: Sequence[Column], names: Sequence[str], *, crs: str) -> Mapping[str, object]:
    """Return how a survey reads the file again, as its mapping file says it.

    Args:
        columns: the columns of the export.
        names: what the file calls them.
        crs: what its coordinates are in.
    """
    pairs = list(zip(columns, names, strict=True))
    own = {one.name: name for one, name in pairs if not one.is_attribute}
    ignored = [own[name] for name in DERIVED_COLUMNS]
    class_column = own.pop("class_code")
    renamed = {name: one.name for one, name in pairs if one.is_attribute and name != one.name}
    return {
        "crs": crs,
        "class": {"field": class_column},
        "columns": {key: name for key, name in own.items() if key not in DERIVED_COLUMNS},
        "attributes": {"rename": renamed, "ignore": ignored},
    }
