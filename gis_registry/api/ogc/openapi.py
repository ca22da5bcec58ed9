"""The OpenAPI 3.0 document of everything below ``/ogc``, from the operations themselves."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gis_registry import __version__
from gis_registry.api.ogc.operations import GEOJSON, Operation, Parameter
from gis_registry.api.problems import MEDIA_TYPE, Problem

_PATH_PARAMETERS = {
    "collection": "The name of a collection",
    "feature": "The id of a feature",
    "tileMatrixSet": "The name of a tile matrix set: WebMercatorQuad",
    "tileMatrix": "The zoom, 0 to 20",
    "tileRow": "The row, from the north",
    "tileCol": "The column, from the west",
}
_PROBLEMS = {
    "400": "A parameter that there is not, or a value that cannot be",
    "401": "A key is needed, or the one that was sent is nobody's",
    "403": "The role of the key is not enough",
    "404": "There is nothing of this name",
    "429": "Others are to be answered too: ask for less at once",
    "503": "The database does not answer in time",
}


def described(operations: Iterable[Operation], address: str) -> dict[str, Any]:
    """Return the document.

    Args:
        operations: what it describes.
        address: where the operations are found.
    """
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path or "/", {})[one.method.lower()] = _operation(one)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = _of_three_zero({**problem.pop("$defs"), "Problem": problem})
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Component one-map: OGC API",
            "version": __version__,
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": address}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
        "security": [{}, {"bearer": []}, {"basic": []}, {"apiKey": []}],
    }


def _operation(operation: Operation) -> dict[str, Any]:
    status, meaning = operation.success
    content = {
        one.media_type.partition(";")[0]: {"schema": dict(operation.schema)}
        if one.media_type.partition(";")[0].endswith("json")
        else {}
        for one in operation.formats
    }
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [
            *_in_path(operation),
            *(_in("query", one, style="form", explode=False) for one in _asked(operation)),
            *(_in("header", one) for one in operation.headers),
        ],
        "responses": {
            str(status): {"description": meaning, **({"content": content} if content else {})},
            **{code: _problem(said) for code, said in _PROBLEMS.items()},
            **{str(code): _other(code, said) for code, said in operation.also.items()},
        },
    }
    if operation.takes_properties:
        told["parameters"].append(
            {
                "name": "properties",
                "in": "query",
                "description": "Any property that the collection's queryables name: its value",
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
                "style": "form",
                "explode": True,
            }
        )
    if operation.body:
        told["requestBody"] = {
            "required": True,
            "content": {one: {"schema": {"type": "object"}} for one in operation.body},
        }
    return told


def _asked(operation: Operation) -> tuple[Parameter, ...]:
    names = [one.name for one in operation.formats]
    if not names:
        return operation.parameters
    written = Parameter(
        "f", "How the answer is written", {"type": "string", "enum": names, "default": names[0]}
    )
    return (*operation.parameters, written)


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_PARAMETERS[name],
            "schema": {"type": "string"},
        }
        for name in re.findall(r"{(\w+)}", operation.path)
    ]


def _in(place: str, parameter: Parameter, **style: object) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": place,
        "description": parameter.description,
        "schema": dict(parameter.schema),
        **style,
    }


def _other(status: int, said: str) -> dict[str, Any]:
    if status >= 400:
        return _problem(said)
    if status in (204, 304):
        return {"description": said}
    return {"description": said, "content": {GEOJSON.media_type: {"schema": {"type": "object"}}}}


def _problem(said: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": said, "content": {MEDIA_TYPE: {"schema": schema}}}


def _of_three_zero(schema: Any) -> Any:
    """Return a JSON Schema as OpenAPI 3.0 has it: null is a word, and examples are one."""
    if isinstance(schema, list):
        return [_of_three_zero(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    told = {name: _of_three_zero(one) for name, one in schema.items() if name != "examples"}
    choices = told.get("anyOf", [])
    if {"type": "null"} in choices:
        rest = [one for one in choices if one != {"type": "null"}]
        told = {**{n: o for n, o in told.items() if n != "anyOf"}, **rest[0], "nullable": True}
        told.pop("default", None)
    return told
