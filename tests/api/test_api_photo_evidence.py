"""Photos that reports name: what their cameras wrote is told beside the answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from photographed import LAT, LON, gps, photo
from running_api import LAMP, Api, running

from gis_registry.roles import Role
from gis_registry.settings import Settings

JPEG = {"Content-Type": "image/jpeg"}
REPORT = {
    "lon": LON,
    "lat": LAT,
    "matter": LAMP,
    "accuracy_m": 5,
    "reported_at": "2026-06-30T10:20:00+08:00",
}


@pytest.fixture
def api(own_settings: Settings, tmp_path: Path) -> Iterator[Api]:
    """Return an API with a home of its own."""
    own_settings.home = tmp_path
    with running(own_settings) as api:
        yield api


def sent(api: Api, content: bytes) -> str:
    kept = api.as_(Role.INSPECTOR).post("/api/photos", content=content, headers=JPEG)
    assert kept.status_code == 201, kept.text
    return str(kept.json()["photo"])


def test_what_cameras_wrote_is_told_of_each_photo(api: Api) -> None:
    photos = [
        sent(api, photo(position=gps(LON + 0.0001, LAT))),
        sent(api, photo(position=gps(LON + 0.01, LAT), taken="2026:06:01 08:00:00")),
        sent(api, photo(position={}, taken=None)),
    ]
    client = api.as_(Role.INSPECTOR)
    answered = client.post("/api/reports", json=REPORT | {"photos": photos}).json()
    told = [one for one in answered["answer"]["grounds"] if one["step"] == "photo"]
    assert [one["en"] for one in told] == [
        "Photo 1 was taken 9 m from the reported position, at 2026-06-30 10:00.",
        "Photo 2 was taken 901 m from the reported position, which contradicts it: please check, "
        "at 2026-06-01 08:00, more than a day before the report.",
    ]
    assert told[1]["zh"] == (
        "第2张照片拍摄处距上报位置901米，与上报位置不符，请核对，"
        "拍摄于2026-06-01 08:00，早于上报一天以上。"
    )
    shown = client.get(f"/api/reports/{answered['id']}").json()
    assert shown["photos"] == photos
    explained = client.get(f"/api/reports/{answered['id']}/explanation").json()
    assert [one["en"] for one in explained["steps"] if one["step"] == "photo"] == [
        one["en"] for one in told
    ]
    assert explained["replay"]["is_same"]


def test_a_photo_that_was_never_sent_is_refused_by_name(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    missing = client.post("/api/reports", json=REPORT | {"photos": ["0" * 64]})
    assert missing.status_code == 422
    assert "send it to /api/photos first" in missing.json()["detail"]
    for photos in (["x"], ["0" * 64] * 11):
        assert client.post("/api/reports", json=REPORT | {"photos": photos}).status_code == 422
    assert client.get("/api/reports").json()["reports"] == []
