"""The standard's own test data, published as layers, and its predicates, asked over HTTP."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from publishing import publish
from running_api import Api, running

from gis_registry.db.engine import Database
from gis_registry.maps.filter_text import tree_of_text
from gis_registry.roles import Role
from gis_registry.settings import Settings

DATA = Path(__file__).parents[1] / "maps/data/cql2"
#: The countries are of another edition than the standard's: shapely finds as many in these.
OTHERWISE = {
    "S_INTERSECTS(geom,BBOX(0,40,10,50)) or S_INTERSECTS(geom,BBOX(-90,40,-60,50))": 10,
    "S_INTERSECTS(geom,MULTILINESTRING((-180 -45, 0 -45), (0 45, 180 45)))": 15,
}


@pytest.fixture(scope="module")
def api(module_settings: Settings) -> Iterator[Api]:
    """Return an API with the standard's data sources as layers."""
    with running(module_settings) as api:
        with Database(api.settings) as database, database.session() as session:
            for source in ("ne_110m_admin_0_countries", "ne_110m_populated_places_simple"):
                entry = publish(
                    session, DATA / "natural_earth.gpkg", source, mapping={"layer": source}
                )
                assert entry.quality.refused == {}
        yield api


@pytest.mark.parametrize("language", ["cql2-text", "cql2-json"])
def test_as_many_are_found_as_the_standard_expects(api: Api, language: str) -> None:
    wrong = {}
    with (
        (DATA / "predicates.csv").open(encoding="utf-8") as file,
        api.as_(Role.READER) as reader,
    ):
        for row in csv.DictReader(file):
            predicate = row["predicate"]
            given = predicate
            if language == "cql2-json":
                given = json.dumps(tree_of_text(predicate))
            answer = reader.get(
                f"/ogc/collections/{row['source']}/items",
                params={"filter": given, "filter-lang": language, "limit": 1},
            )
            found = answer.json().get("numberMatched", answer.text)
            if found != OTHERWISE.get(predicate, int(row["expected"])):
                wrong[predicate] = found
    assert wrong == {}


@pytest.mark.parametrize("coordinates", ["POINT(90 180)", "MULTIPOINT(7.02 49.92, 90 180)"])
def test_places_that_are_none_are_refused(api: Api, coordinates: str) -> None:
    with api.as_(Role.READER) as reader:
        answer = reader.get(
            "/ogc/collections/ne_110m_admin_0_countries/items",
            params={"filter": f"S_INTERSECTS(geom,{coordinates})"},
        )
    assert answer.status_code == 400
    assert "longitude is between" in answer.json()["detail"]


def test_what_lies_around_the_world_is_published_whole(api: Api) -> None:
    """Countries reach the poles, the antimeridian, and beyond what the city's system can hold."""
    with api.as_(Role.READER) as reader:
        address = "/ogc/collections/ne_110m_admin_0_countries"
        about = reader.get(address).json()
        assert about["extent"]["spatial"]["bbox"][0][:3] == [-180, -90, 180]
        answers = {
            crs: reader.get(f"{address}/items", params={"crs": crs, "limit": 177})
            for crs in about["crs"]
        }
        refused = [crs for crs, answer in answers.items() if answer.status_code != 200]
        assert refused == ["http://www.opengis.net/def/crs/EPSG/0/4549"]
        assert answers[refused[0]].status_code == 400
        assert "beyond what the coordinate reference system can hold" in answers[refused[0]].text
        near = {"crs": refused[0], "filter": "NAME = 'China'"}
        assert reader.get(f"{address}/items", params=near).status_code == 200
        tile = reader.get(f"{address}/tiles/WebMercatorQuad/0/0/0")
        assert tile.status_code == 200
