"""Features that are sent to collections of components, and what is answered."""

from typing import Any

import httpx
from running_api import LAMP, POSITIONS

ITEMS = "/ogc/collections/components/items"
LAMPS = f"/ogc/collections/components-{LAMP}/items"
GEOJSON = {"Content-Type": "application/geo+json"}
MERGE = {"Content-Type": "application/merge-patch+json"}
LON, LAT = 120.3836, 36.0674
EPSG = "http://www.opengis.net/def/crs/EPSG/0/{}"


def feature(lon: float = LON, lat: float = LAT, **properties: object) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"class_code": LAMP, **properties},
    }


def create(client: httpx.Client, body: object, **headers: str) -> httpx.Response:
    return client.post(ITEMS, json=body, headers={**GEOJSON, **headers})


def created(client: httpx.Client, body: object) -> str:
    """Create a feature and return its identifier."""
    answer = create(client, body)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].rpartition("/")[2]


def created_light(client: httpx.Client) -> str:
    """Create a light at the first position and return its identifier."""
    said = {"maintainer_code": "QD-G-370202-T07", "attributes": {"材质": "球墨铸铁"}}
    return created(client, feature(*POSITIONS[0], **said))


def replace(client: httpx.Client, code: str, body: object, **headers: str) -> httpx.Response:
    return client.put(f"{ITEMS}/{code}", json=body, headers={**GEOJSON, **headers})


def patch(client: httpx.Client, code: str, body: object, **headers: str) -> httpx.Response:
    return client.patch(f"{ITEMS}/{code}", json=body, headers={**MERGE, **headers})


def told(client: httpx.Client, code: str, **asked: str) -> dict[str, Any]:
    answer = client.get(f"{ITEMS}/{code}", params=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def history(client: httpx.Client, code: str) -> list[dict[str, Any]]:
    return list(client.get(f"/api/components/{code}/history").json())


def problem(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])
