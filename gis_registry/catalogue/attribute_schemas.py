"""What the attributes of a component can hold: a JSON Schema for each class, shipped or a city's.

A file says what holds for every class and what for some::

    {
      "every_class": {"properties": {"height_m": {"type": "number", "minimum": 0}}},
      "classes": [
        {"edition": "…", "codes": ["…"], "properties": {…}, "required": ["height_m"]}
      ]
    }

Each attribute is described by itself. A later description of an attribute takes the place of an
earlier one: a class's that of every class, the city's the shipped one, ``true`` any. A class of
another edition has what its counterpart has, unless the file describes it too. Attributes that no
schema names may hold anything.
"""

import json
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries
from gis_registry.catalogue.tables import ComponentClass
from gis_registry.errors import InvalidProfile

SHIPPED = Path(__file__).parent / "data" / "attribute_schemas.json"
#: Keyword of this project: how bad a breach is; without it, an error.
SEVERITY_KEYWORD = "x-severity"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str | None = None
    properties: dict[str, dict[str, Any] | Literal[True]] = {}
    required: list[str] = []


class _SomeClasses(_Part):
    edition: str
    codes: list[str] = Field(min_length=1)


class _Schemas(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    every_class: _Part = _Part()
    classes: list[_SomeClasses] = []


def load_attribute_schemas(session: Session, *, own: Path | None = None) -> None:
    """Give every class its schema, the shipped one and over it the city's own.

    Raises:
        InvalidProfile: the city's file cannot be read or is wrong; the message names the place.
    """
    classes = {(one.edition_key, one.code): one for one in queries.classes(session)}
    counterparts = queries.all_counterparts(session)
    merged: dict[int, dict[str, Any]] = {
        one.id: {"properties": {}, "required": []} for one in classes.values()
    }
    for path in [SHIPPED, *([own] if own is not None else [])]:
        schemas = _read(path)
        for schema in merged.values():
            _lay_over(schema, schemas.every_class)
        named: list[tuple[int, _SomeClasses]] = []
        for place, part in enumerate(schemas.classes):
            for code in part.codes:
                if (part.edition, code) not in classes:
                    message = f"{part.edition} has no class {code!r}"
                    raise _fault(path, f"classes.{place}", message)
                named.append((classes[part.edition, code].id, part))
        for (
            class_id,
            part,
        ) in named:  # first by way of counterparts, so that its own takes its place
            for other in counterparts.get(class_id, ()):
                _lay_over(merged[other], part)
        for class_id, part in named:
            _lay_over(merged[class_id], part)
    session.execute(
        update(ComponentClass.__table__)  # type: ignore[arg-type]  # its type is wider than Table
        .where(ComponentClass.id == bindparam("class_id"))
        .values(attribute_schema=bindparam("schema", type_=ComponentClass.attribute_schema.type)),
        [{"class_id": class_id, "schema": schema} for class_id, schema in merged.items()],
    )
    session.expire_all()


def _lay_over(schema: dict[str, Any], part: _Part) -> None:
    schema["properties"] |= part.properties
    schema["required"] = sorted({*schema["required"], *part.required})


def _read(path: Path) -> _Schemas:
    try:
        schemas = _Schemas.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidProfile(f"{path} cannot be read: {error.strerror}.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidProfile(f"{path} is not valid JSON: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _fault(path, ".".join(map(str, first["loc"])), first["msg"]) from error
    parts: list[tuple[str, _Part]] = [("every_class", schemas.every_class)]
    parts += [(f"classes.{place}", part) for place, part in enumerate(schemas.classes)]
    for place, part in parts:
        for name, schema in part.properties.items():
            if isinstance(schema, dict):
                _check(path, f"{place}.properties.{name}", schema)
    return schemas


def _check(path: Path, place: str, schema: dict[str, Any]) -> None:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise _fault(path, place + error.json_path.removeprefix("$"), error.message) from error
    if schema.get(SEVERITY_KEYWORD, "error") not in ("error", "warning", "note"):
        raise _fault(path, f"{place}.{SEVERITY_KEYWORD}", "write error, warning or note")


def _fault(path: Path, place: str, message: str) -> InvalidProfile:
    return InvalidProfile(f"{path.name}, {place or 'file'}: {message}.")
