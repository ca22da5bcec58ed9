"""Layers over HTTP: as collections of their own, for whoever may read them."""

from io import BytesIO
from pathlib import Path

import geopandas as gpd
from delivered import point, write_geojson
from publishing import LAT, LON, publish
from running_api import Api

from gis_registry.db.engine import Database
from gis_registry.layers import service
from gis_registry.roles import Role


def parks(folder: Path, count: int) -> Path:
    rows = [
        (point(LON, LAT + n / 1000), {"名称": f"园{n}", "面积 (m2)": n + 0.5, "no": f"p{n}"})
        for n in range(count)
    ]
    return write_geojson(folder / "parks.geojson", rows)


def test_a_layer_is_served_filtered_and_reloaded(api: Api, tmp_path: Path) -> None:
    path = parks(tmp_path, 3)
    with Database(api.settings) as database, database.session() as session:
        publish(session, path, "parks", id_field="no")
    with api.as_(Role.READER) as reader:
        about = reader.get("/ogc/collections/parks").json()
        assert about["title"] == "东西 Things"
        items = "/ogc/collections/parks/items"
        page = reader.get(items, params={"limit": 2}).json()
        assert (page["numberMatched"], page["numberReturned"]) == (3, 2)
        first = page["features"][0]
        assert (first["id"], first["properties"]["名称"]) == ("p0", "园0")
        assert first["properties"]["division_code"] == "370202"
        found = reader.get(items, params={"filter": "面积_m2 > 1 AND 名称 = '园2'"})
        assert [one["id"] for one in found.json()["features"]] == ["p2"], found.text
        assert reader.get(f"{items}/p1").json()["id"] == "p1"
        assert reader.get(f"{items}/nothing").status_code == 404
        queryables = reader.get("/ogc/collections/parks/queryables").json()["properties"]
        assert queryables["面积_m2"]["title"].startswith("面积 (m2)")
        parks(tmp_path, 4)
        with Database(api.settings) as database, database.session() as session:
            assert service.refresh(session, "parks", actor="me") is not None
        assert reader.get(items).json()["numberMatched"] == 4
        with Database(api.settings) as database, database.session() as session:
            service.describe(session, "parks", {"roles": [Role.ANALYST]}, actor="me")
        assert reader.get(items).status_code == 404
        names = {one["id"] for one in reader.get("/ogc/collections").json()["collections"]}
        assert "parks" not in names
    with api.as_(Role.ANALYST) as analyst:
        assert analyst.get(items).json()["numberMatched"] == 4


def test_columns_may_be_called_what_we_call_things(api: Api, tmp_path: Path) -> None:
    names = ("title", "path", "rel", "written", "self", "query", "t", "name", "count", "f", "limit")
    rows = [(point(LON, LAT + n / 1000), dict.fromkeys(names, f"v{n}")) for n in range(2)]
    with Database(api.settings) as database, database.session() as session:
        publish(session, write_geojson(tmp_path / "works.geojson", rows), "works")
    with api.as_(Role.READER) as reader:
        for name in set(names) - {"f", "limit", "count"}:
            page = reader.get(f"/ogc/collections/works/items?{name}=v1&count=none")
            assert [one["id"] for one in page.json()["features"]] == [2], page.text
        page = reader.get("/ogc/collections/works/items?title=v1&limit=1&f=html")
        assert page.status_code == 200
        tile = reader.get("/ogc/collections/works/tiles/WebMercatorQuad/0/0/0")
        assert tile.status_code == 200, tile.text


def test_every_feature_has_a_geometry_in_every_file(api: Api, tmp_path: Path) -> None:
    """Formats with an index need it; what comes without is refused when a layer is loaded."""
    rows = [(point(LON, LAT), {"no": "a"}), (None, {"no": "b"}), (point(LON, LAT), {"no": "c"})]
    path = write_geojson(tmp_path / "places.geojson", rows)
    with Database(api.settings) as database, database.session() as session:
        publish(session, path, "places", id_field="no")
    with api.as_(Role.READER) as reader:
        items = "/ogc/collections/places/items"
        assert [one["id"] for one in reader.get(items).json()["features"]] == ["a", "c"]
        for form in ("fgb", "parquet"):
            answer = reader.get(items, params={"f": form})
            assert answer.status_code == 200, answer.text
            read = gpd.read_file if form == "fgb" else gpd.read_parquet
            found = read(BytesIO(answer.content))
            assert set(found["no"]) == {"a", "c"}
            assert not found.geometry.isna().any()
