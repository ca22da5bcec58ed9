"""The abstract tests of OGC API Features Part 5 (OGC 23-058), each by the name that it has there.

Its last draft calls core-roles-features advanced-property-roles; the tests are the same.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from running_api import Api

from gis_registry.roles import Role

STANDARDS = ("ogcapi-features-5/1.0",)
SCHEMA = "http://www.opengis.net/def/rel/ogc/1.0/schema"
MEDIA_TYPE = "application/schema+json"
conforms = pytest.mark.conformance


@pytest.fixture(scope="module")
def client(shared_api: Api) -> Iterator[httpx.Client]:
    with shared_api.as_(Role.ADMINISTRATOR) as client:
        yield client


@pytest.fixture(scope="module")
def schemas(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """Return the schema of each collection, by its address."""
    found = {}
    for one in client.get("/ogc/collections").json()["collections"]:
        (address,) = [link["href"] for link in one["links"] if link["rel"] == SCHEMA]
        assert address.endswith(f"/collections/{one['id']}/schema")
        answer = client.get(address, headers={"Accept": MEDIA_TYPE})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == MEDIA_TYPE
        found[address] = answer.json()
    assert len(found) > 100
    return found


@conforms(
    "/conf/returnables-and-receivables/link /conf/returnables-and-receivables/op-and-response"
)
def test_every_collection_has_a_schema(schemas: dict[str, dict[str, Any]]) -> None:
    assert all(schema["properties"] for schema in schemas.values())


@conforms("/conf/schemas/basic-schema-inspection")
def test_a_schema_is_one(schemas: dict[str, dict[str, Any]]) -> None:
    for address, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert (schema["$id"], schema["type"]) == (address, "object")
        for one in schema["properties"].values():
            assert "type" in one or one["format"].startswith("geometry-")


@conforms("/conf/schemas/role /conf/schemas/role-id /conf/schemas/property-seq")
def test_properties_have_places_and_one_is_the_identifier(
    schemas: dict[str, dict[str, Any]],
) -> None:
    for address, schema in schemas.items():
        properties = schema["properties"].values()
        ids = [one for one in properties if one.get("x-ogc-role") == "id"]
        assert len(ids) <= 1, address
        assert all(one["type"] in ("string", "integer") for one in ids)
        places = [one["x-ogc-propertySeq"] for one in properties]
        assert places == list(range(1, len(places) + 1))


@conforms("/conf/core-roles-features/role-primary-geometry")
def test_one_property_is_the_geometry(schemas: dict[str, dict[str, Any]]) -> None:
    for schema in schemas.values():
        (one,) = [
            one
            for one in schema["properties"].values()
            if one.get("x-ogc-role") == "primary-geometry"
        ]
        assert not {"type", "$ref"} & set(one)
        assert one["format"].startswith("geometry-")
