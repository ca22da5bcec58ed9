"""The catalogue of collections over HTTP: searching it, its pages, and DCAT."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from rdflib import DCAT, DCTERMS, RDF, Graph, URIRef
from running_api import LAMP, Api

from gis_registry.maps import collections, dcat
from gis_registry.maps.collections import About
from gis_registry.roles import Role

#: rdflib's own reader of JSON-LD uses what rdflib advises against.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")


@pytest.fixture
def reader(shared_api: Api) -> Iterator[httpx.Client]:
    with shared_api.as_(Role.READER) as client:
        yield client


def got(client: httpx.Client, **asked: object) -> dict[str, Any]:
    answer = client.get("/ogc/collections", params=asked)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def names(said: dict[str, Any]) -> list[str]:
    return [one["id"] for one in said["collections"]]


@pytest.mark.parametrize("words", ["路灯", "street light", f"COMPONENTS-{LAMP}"])
def test_collections_are_found_by_words_in_both_languages(reader: httpx.Client, words: str) -> None:
    said = got(reader, q=words)
    assert names(said)[0] == f"components-{LAMP}"
    assert said["numberMatched"] == said["numberReturned"] == len(said["collections"])


def test_a_collection_says_what_is_known_of_it(reader: httpx.Client) -> None:
    (said,) = got(reader, q=f"components-{LAMP}")["collections"]
    assert LAMP in said["keywords"]
    assert said["field"] == "公用设施 public utilities"
    assert "license" not in said


def test_the_catalogue_comes_in_pages_when_asked_to(reader: httpx.Client) -> None:
    whole = got(reader)
    page = got(reader, limit=50)
    found = names(page)
    while following := [one["href"] for one in page["links"] if one["rel"] == "next"]:
        page = reader.get(following[0]).json()
        assert page["numberMatched"] == len(whole["collections"])
        found += names(page)
    assert found == names(whole)


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ({"bbox": "120.3,36.0,120.4,36.1"}, True),
        ({"bbox": "100,36.0,101,36.1"}, False),
        ({"datetime": "2026-01-01/.."}, True),
    ],
)
def test_collections_are_found_by_place_and_time(
    reader: httpx.Client, asked: dict[str, str], is_found: bool
) -> None:
    assert bool(got(reader, **asked)["collections"]) is is_found


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": "0"},
        {"limit": "many"},
        {"bbox": "1,2,3"},
        {"datetime": "yesterday"},
        {"token": "abc"},
        {"words": "x"},
    ],
)
def test_what_cannot_be_searched_is_refused(reader: httpx.Client, asked: dict[str, str]) -> None:
    assert reader.get("/ogc/collections", params=asked).status_code == 400


def test_the_catalogue_is_dcat(reader: httpx.Client, shared_api: Api) -> None:
    answer = reader.get("/ogc/collections", params={"f": "dcat", "q": "路灯"})
    assert answer.headers["content-type"] == "application/ld+json"
    graph = Graph().parse(data=answer.text, format="json-ld")
    base = f"{shared_api.url}/ogc"
    (catalogue,) = graph.subjects(RDF.type, DCAT.Catalog)
    assert catalogue == URIRef(f"{base}/collections")
    lamps = URIRef(f"{base}/collections/components-{LAMP}")
    assert (catalogue, DCAT.dataset, lamps) in graph
    assert {str(one) for one in graph.objects(lamps, DCTERMS.title)} == {"路灯", "street light"}
    ways = {
        str(graph.value(one, DCAT.mediaType)): str(graph.value(one, DCAT.accessURL))
        for one in graph.objects(lamps, DCAT.distribution)
    }
    geojson = ways["https://www.iana.org/assignments/media-types/application/geo+json"]
    for address in ways.values():
        assert reader.get(address).status_code == 200
    assert reader.get(geojson).json()["numberMatched"] == 4


def test_everything_that_is_known_is_in_dcat() -> None:
    about = About(
        keywords=("河道",),
        licence="https://example.org/a licence",
        department='水务局 <b>"A"</b>',
        source="https://example.org/rivers",
        lineage="drawn by hand",
        box=(120.0, 36.0, 121.0, 37.0),
    )
    rivers = replace(collections.grid_cells(), name="rivers", about=about)
    told = dcat.dataset(rivers, [], base="http://h/ogc", city_box=(0, 0, 1, 1))
    whole = dcat.document([told], base="http://h/ogc", name_zh="某市", name_en="City")
    graph = Graph().parse(data=whole, format="json-ld")
    one = URIRef("http://h/ogc/collections/rivers")
    licence = graph.value(one, DCTERMS.license)
    assert graph.value(licence, RDF.type) == DCTERMS.LicenseDocument
    assert str(graph.value(licence, DCTERMS.title)) == "https://example.org/a licence"
    catalogue = URIRef("http://h/ogc/collections")
    assert len(list(graph.objects(catalogue, DCTERMS.description))) == 2
    assert graph.value(one, DCTERMS.source) == URIRef("https://example.org/rivers")
    assert "120.0 36.0, 121.0 36.0" in str(
        graph.value(graph.value(one, DCTERMS.spatial), DCAT.bbox)
    )
