"""The mapping of a delivery: which column is what, and how its values are to be read.

A mapping is a TOML file that goes with a delivery, or with all deliveries of one contractor. Only
what differs from a file that speaks for itself has to be said. ``docs/surveys.md`` shows all of it.
"""

import difflib
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gis_registry.components.export_columns import ATTRIBUTE_PREFIX, DERIVED_COLUMNS
from gis_registry.errors import InvalidInput, UnreadableFile
from gis_registry.surveys import conversion

#: The names that columns of coordinates, classes and the rest have after reading.
CLASS_CODE = "class_code"
CANONICAL = (
    CLASS_CODE,
    "class_name",
    "identifier",
    "source_key",
    "supervisor_code",
    "owner_code",
    "maintainer_code",
    "surveyed_on",
    "accuracy_m",
)
UNIT_COLUMNS = ("supervisor_code", "owner_code", "maintainer_code")

Name = Annotated[str, Field(min_length=1)]
LengthUnit = Literal["mm", "cm", "dm", "m", "km", "in", "ft", "us-ft"]


class AxisOrder(StrEnum):
    """Which of a file's two coordinates comes first."""

    EASTING_NORTHING = "easting-northing"
    NORTHING_EASTING = "northing-easting"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Coordinates(_Part):
    """The columns of a table that hold coordinates: two numbers, or a geometry as WKT."""

    x: Name | None = None
    y: Name | None = None
    wkt: Name | None = None

    @model_validator(mode="after")
    def _are_x_and_y_or_wkt(self) -> "Coordinates":
        if (self.x is None) != (self.y is None) or (self.x is not None and self.wkt is not None):
            raise ValueError("say both x and y, or only wkt")
        return self


class ClassMapping(_Part):
    """The class of all rows, or the column that holds it and what its values mean."""

    code: Name | None = None
    field: Name | None = None
    values: dict[str, Name] = {}

    @model_validator(mode="after")
    def _is_said_once(self) -> "ClassMapping":
        if self.code is not None and (self.field is not None or self.values):
            raise ValueError("say either code, for all rows, or field, with values if need be")
        return self

    @field_validator("code", "values", mode="before")
    @classmethod
    def _are_texts(cls, value: object) -> object:
        numbers = value.values() if isinstance(value, dict) else [value]
        if any(isinstance(one, int) for one in numbers):
            raise ValueError('a class code is text: write it in quotation marks, as "0137"')
        return value


class Columns(_Part):
    """Which column of the file is what."""

    class_name: Name | None = None
    identifier: Name | None = None
    source_key: Name | None = None
    supervisor_code: Name | None = None
    owner_code: Name | None = None
    maintainer_code: Name | None = None
    surveyed_on: Name | None = None
    accuracy_m: Name | None = None


class Conversion(_Part):
    """From which unit of length to which a column's numbers are taken."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: LengthUnit = Field(alias="from")
    target: LengthUnit = Field(alias="to", default="m")


class Attributes(_Part):
    """What becomes of the columns that have no meaning of their own."""

    rename: dict[str, Name] = {}
    ignore: tuple[Name, ...] = ()
    units: dict[str, Conversion] = {}


class Aliases(_Part):
    """Which column holds what else a component is known by."""

    tag: Name | None = None
    qr: Name | None = None
    contractor_key: Name | None = None


class Mapping(_Part):
    """How a delivery is to be understood; what is left out, the file says itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    layer: Name | None = None
    crs: Name | None = None
    axis_order: AxisOrder = AxisOrder.EASTING_NORTHING
    encoding: Name | None = None
    decimal: Literal[".", ","] = "."
    header_row: Annotated[int, Field(ge=1)] | None = None
    edition: Name | None = None
    as_of: date | None = None
    accuracy_m: Annotated[float, Field(gt=0)] | None = None
    date_formats: tuple[Name, ...] = ()
    coverage: tuple[Name, ...] = ()
    coordinates: Coordinates = Coordinates()
    class_: ClassMapping = Field(alias="class", default=ClassMapping())
    columns: Columns = Columns()
    owners: dict[str, Name] = {}
    attributes: Attributes = Attributes()
    aliases: Aliases = Aliases()

    @field_validator("coverage", mode="before")
    @classmethod
    def _are_texts(cls, value: object) -> object:
        if isinstance(value, (list, tuple)) and any(isinstance(one, int) for one in value):
            raise ValueError("division codes are texts: write them in quotation marks")
        return value

    @model_validator(mode="after")
    def _gives_each_name_once(self) -> "Mapping":
        names = [*self._canonical_by_column().values(), *self.attributes.rename.values()]
        for name, count in Counter(names).items():
            if count > 1:
                raise ValueError(f"two columns become {name}; name each one differently")
        ignored = set(self.attributes.ignore) & {
            *self._canonical_by_column(),
            *self.attributes.rename,
            *self.attributes.units,
            *self.alias_sources().values(),
        }
        if ignored:
            raise ValueError(f"{', '.join(sorted(ignored))} is both ignored and used")
        return self

    def overridden(
        self,
        *,
        layer: str | None = None,
        crs: str | None = None,
        class_code: str | None = None,
        class_field: str | None = None,
        as_of: date | None = None,
        accuracy_m: float | None = None,
    ) -> "Mapping":
        """Return the mapping with what is given here (the options of a command) in its place.

        A class code for all rows replaces a class field, and the other way round.
        """
        given = {"layer": layer, "crs": crs, "as_of": as_of, "accuracy_m": accuracy_m}
        update: dict[str, object] = {k: one for k, one in given.items() if one is not None}
        if class_code is not None:
            update["class_"] = ClassMapping(code=class_code)
        elif class_field is not None:
            values = self.class_.values if self.class_.field == class_field else {}
            update["class_"] = ClassMapping(field=class_field, values=values)
        return self.model_copy(update=update)

    def alias_sources(self) -> dict[str, str]:
        """Return the file's column for each kind of alias that the mapping names."""
        return {kind: one for kind, one in self.aliases if one is not None}

    def alias_columns(self) -> dict[str, str]:
        """Return the attribute that holds each kind of alias after reading.

        Columns of aliases stay attributes, under the names that they have or are given.
        """
        return {
            kind: self.attributes.rename.get(one, one) for kind, one in self.alias_sources().items()
        }

    def columns_of(self, file_name: str, fields: Sequence[str]) -> tuple[str, ...]:
        """Return what a file's columns are called after reading.

        Args:
            file_name: for messages.
            fields: the file's own columns.

        Raises:
            InvalidInput: the mapping names a column that is not there, or a name would come twice.
        """
        for key, name in self._named():
            if name not in fields:
                near = difflib.get_close_matches(name, fields, n=1)
                raise InvalidInput(
                    f"{file_name} has no field {name!r}, which {key} names"
                    + (f"; did you mean {near[0]!r}?" if near else ".")
                    + f" It has: {', '.join(fields) or 'none'}."
                )
        names = [name for name, _ in self._layout(fields)]
        for name, count in Counter(names).items():
            if count > 1:
                raise InvalidInput(
                    f"{file_name} has a column {name} of its own beside the one that becomes it: "
                    f'rename or ignore it, such as [attributes] ignore = ["{name}"].'
                )
        return tuple(names)

    def applied_to(self, fields: pa.Table) -> pa.Table:
        """Return a file's columns as the rest of the program knows them.

        Args:
            fields: the file's columns; those that the mapping names must be there.

        Returns:
            As many rows; the columns with a meaning have their canonical names, the others are
            attributes. The column of the source key is there under its own name as well.
        """
        columns = {
            name: self._read(name, at, fields[at]) for name, at in self._layout(fields.column_names)
        }
        return pa.table(columns) if columns else fields.select([])

    def _read(self, name: str, source: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the values of a column (``source`` in the file) under its new name."""
        unit = self.attributes.units.get(source)
        if unit is not None:
            return conversion.as_lengths(column, unit.source, unit.target, self.decimal)
        if name == CLASS_CODE and self.class_.values:
            return conversion.replaced(column, self.class_.values)
        if name in UNIT_COLUMNS and self.owners:
            return conversion.replaced(column, self.owners)
        if name == "surveyed_on" and self.date_formats:
            return conversion.as_dates(column, self.date_formats)
        if name == "accuracy_m" and self.decimal == ",":
            return conversion.with_points(column)
        return column

    def _layout(self, fields: Sequence[str]) -> list[tuple[str, str]]:
        """Return the names of the columns after reading, each with the file's column for it."""
        canonical = self._canonical_by_column()
        is_export = set(DERIVED_COLUMNS) <= set(fields)
        layout = []
        for one in fields:
            if one in self.attributes.ignore or (is_export and one in DERIVED_COLUMNS):
                continue
            if one in canonical:
                layout.append((canonical[one], one))
                if canonical[one] == "source_key" and one != "source_key":
                    layout.append((one, one))
            else:
                own = one.removeprefix(ATTRIBUTE_PREFIX) if is_export else one
                layout.append((self.attributes.rename.get(one, own), one))
        return layout

    def _canonical_by_column(self) -> dict[str, str]:
        named = {one: name for name, one in self.columns if one is not None}
        return named | ({self.class_.field: CLASS_CODE} if self.class_.field else {})

    def _named(self) -> Iterable[tuple[str, str]]:
        """Give every column that the mapping names, with the key that names it."""
        if self.class_.field is not None:
            yield "the class field", self.class_.field
        yield from ((f"columns.{key}", one) for key, one in self.columns if one is not None)
        yield from ((f"aliases.{key}", one) for key, one in self.alias_sources().items())
        yield from (("attributes.rename", one) for one in self.attributes.rename)
        yield from (("attributes.units", one) for one in self.attributes.units)


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        UnreadableFile: it is missing or no TOML.
        InvalidInput: a key is not known or a value not usable; the message names the key.
    """
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be opened: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path.name} is not valid TOML: {error}.") from error
    try:
        return Mapping.model_validate(content)
    except ValidationError as error:
        faults = [_sentence(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors()]
        raise InvalidInput(f"{path.name}: {' '.join(faults)}") from error


def _sentence(at: tuple[int | str, ...], kind: str, message: str) -> str:
    """Return what is wrong with one key of a mapping and what to write."""
    key = ".".join(map(str, at)) or "the mapping"
    if kind != "extra_forbidden":
        return f"{key}: {message.removeprefix('Value error, ')}."
    known = _keys_beside(at)
    near = difflib.get_close_matches(str(at[-1]), known, n=1)
    meant = f"; did you mean {near[0]}?" if near else "."
    return f"{key} is no key of a mapping{meant} Here stand: {', '.join(known)}."


def _keys_beside(at: tuple[int | str, ...]) -> list[str]:
    parts: dict[str, type[BaseModel]] = {
        "coordinates": Coordinates,
        "class": ClassMapping,
        "columns": Columns,
        "attributes": Attributes,
        "aliases": Aliases,
        "units": Conversion,
    }
    inner = [str(one) for one in at[:-1] if str(one) in parts]
    model = parts[inner[-1]] if inner else Mapping
    return [field.alias or name for name, field in model.model_fields.items()]
