"""The abstract tests of OGC API Common (OGC 19-072, 20-024), each by the name that it has there.

Those that OGC API Features has under the same name are tested with it.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from running_api import Api, got

from gis_registry.roles import Role

STANDARDS = ("ogcapi-common-1/1.0", "ogcapi-common-2/1.0")
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
conforms = pytest.mark.conformance


@pytest.fixture(scope="module")
def client(shared_api: Api) -> Iterator[httpx.Client]:
    with shared_api.as_(Role.READER) as client:
        yield client


def linked(document: dict[str, Any], rel: str) -> str:
    return next(str(one["href"]) for one in document["links"] if one["rel"] == rel)


@pytest.fixture(scope="module")
def landing(client: httpx.Client) -> dict[str, Any]:
    return got(client, "/ogc")


@conforms(
    "/conf/core/http /conf/core/query-param-name-unknown /conf/core/query-param-value-invalid"
)
def test_what_is_asked_is_answered_as_http_has_it(client: httpx.Client) -> None:
    assert client.get("/ogc/conformance").status_code == 200
    assert client.put("/ogc/conformance").status_code == 405
    assert client.get("/ogc/conformance", params={"colour": "red"}).status_code == 400
    assert client.get("/ogc/conformance", params={"f": "red"}).status_code == 400


@conforms(
    "/conf/landing-page/root-op /conf/landing-page/root-success "
    "/conf/landing-page/api-definition-op /conf/landing-page/api-definition-success "
    "/conf/landing-page/conformance-op /conf/landing-page/conformance-success"
)
def test_the_landing_page_leads_on(client: httpx.Client, landing: dict[str, Any]) -> None:
    definition = got(client, linked(landing, "service-desc"))
    assert definition["openapi"].startswith("3.0")
    for rel in ("conformance", f"{REL}conformance"):
        declared = got(client, linked(landing, rel))["conformsTo"]
        assert f"http://www.opengis.net/spec/{STANDARDS[0]}/conf/landing-page" in declared


@conforms("/conf/json/definition /conf/json/content /conf/html/definition /conf/html/content")
@pytest.mark.parametrize("path", ["", "/conformance", "/api", "/collections"])
def test_documents_are_json_and_html(client: httpx.Client, path: str) -> None:
    answer = client.get(f"/ogc{path}", headers={"Accept": "application/json"})
    assert "json" in answer.headers["content-type"]
    assert isinstance(answer.json(), dict)
    page = client.get(f"/ogc{path}", headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert page.text.lstrip().lower().startswith("<!doctype html>")


@conforms(
    "/conf/oas30/completeness /conf/oas30/definition-1 /conf/oas30/exception-codes "
    "/conf/oas30/oas-impl /conf/oas30/security"
)
def test_the_definition_has_every_address(client: httpx.Client, landing: dict[str, Any]) -> None:
    definition = got(client, linked(landing, "service-desc"))
    assert {"/", "/api", "/conformance", "/collections"} <= set(definition["paths"])
    for operations in definition["paths"].values():
        for operation in operations.values():
            assert {"400", "404"} <= set(operation["responses"])
    assert definition["security"]


@conforms(
    "/conf/collections/rc-md-op /conf/collections/rc-md-success "
    "/conf/collections/src-md-op /conf/collections/src-md-success"
)
def test_each_collection_is_what_the_list_says(
    client: httpx.Client, landing: dict[str, Any]
) -> None:
    assert linked(landing, f"{REL}data") == linked(landing, "data")
    collections = got(client, linked(landing, "data"))["collections"]
    assert len(collections) > 100
    for one in collections:
        alone = got(client, linked(one, "self"))
        assert {name: alone[name] for name in ("id", "title", "extent")} == {
            name: one[name] for name in ("id", "title", "extent")
        }
