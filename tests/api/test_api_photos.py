"""Photos over HTTP: sent as a body or in a form, shown without what the camera wrote."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from photographed import LAT, LON, MAKE, photo
from PIL import Image
from pydantic import SecretStr
from running_api import Api, running
from sqlalchemy import text
from structlog.testing import capture_logs

from gis_registry.api.access import COOKIE
from gis_registry.api.app import create_app
from gis_registry.api.routes import photos
from gis_registry.db.engine import Database
from gis_registry.errors import InvalidInput
from gis_registry.photos import service
from gis_registry.photos.schemas import PhotoEntry
from gis_registry.roles import Role
from gis_registry.settings import Settings

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
def api(own_settings: Settings, tmp_path: Path) -> Iterator[Api]:
    """Return an API with a home of its own."""
    own_settings.home = tmp_path
    own_settings.max_photo_bytes = 500_000
    own_settings.max_request_bytes = 20_000
    with running(own_settings) as api:
        yield api


def problem(response: httpx.Response, status: int, code: str) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (response.status_code, body["type"]) == (status, f"/problems/{code}")
    return str(body["detail"])


def files(api: Api) -> list[Path]:
    return [one for one in (api.settings.home / "photos").rglob("*") if one.is_file()]


def test_a_photo_is_sent_and_shown(api: Api) -> None:
    content = photo(width=1000, height=800, orientation=8)
    inspector, reader = api.as_(Role.INSPECTOR), api.as_(Role.READER)
    sent = inspector.post("/api/photos", content=content, headers=JPEG)
    entry = sent.json()
    address = f"/api/photos/{entry['photo']}"
    assert (sent.status_code, sent.headers["location"]) == (201, address)
    assert entry["links"] == {"image": f"{address}/image", "thumbnail": f"{address}/thumbnail"}
    assert (entry["media_type"], entry["width"], entry["height"]) == ("image/jpeg", 800, 1000)
    assert entry["taken_at"] == "2026-06-30T02:00:00Z"
    assert (entry["lon"], entry["lat"]) == pytest.approx((LON, LAT), abs=1e-6)
    assert (entry["heading_deg"], entry["received_by"]) == (271.5, "inspector-1")
    again = inspector.post("/api/photos", content=content, headers=JPEG)
    assert (again.status_code, again.json()) == (200, entry | {"is_repeat": True})
    assert reader.get(address).json() == entry
    for link, size in (("image", (800, 1000)), ("thumbnail", (256, 320))):
        shown = reader.get(entry["links"][link])
        assert shown.headers["content-type"] == "image/jpeg"
        assert shown.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert Image.open(BytesIO(shown.content)).size == size
        assert MAKE.encode() not in shown.content
        assert b"Exif" not in shown.content
        cached = reader.get(entry["links"][link], headers={"If-None-Match": shown.headers["etag"]})
        assert (cached.status_code, cached.content) == (304, b"")
        assert cached.headers["etag"] == shown.headers["etag"]
    assert len(files(api)) == 3


def test_a_photo_can_come_in_a_form_or_without_a_type(api: Api) -> None:
    client = api.as_(Role.DISPATCHER)
    in_form = client.post("/api/photos", files={"photo": ("街.png", photo("PNG"), "image/png")})
    assert (in_form.status_code, in_form.json()["media_type"]) == (201, "image/png")
    bare = client.post("/api/photos", content=photo("PNG"))
    assert bare.json()["photo"] == in_form.json()["photo"]
    typed = {"Content-Type": "application/x-www-form-urlencoded"}  # as curl does
    curl = client.post("/api/photos", content=photo("WEBP"), headers=typed)
    assert (curl.status_code, curl.json()["media_type"]) == (201, "image/webp")


@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [
        ({"content": b""}, "unusable-photo", "empty"),
        ({"content": b"%PDF-1.7", "headers": JPEG}, "unusable-photo", "a PDF document"),
        ({"content": photo()[:-200], "headers": JPEG}, "unusable-photo", "damaged"),
        ({"files": {"photo": ("x.jpg", b"PK\3\4")}}, "unusable-photo", "ZIP archive"),
        ({"files": {"photo": ("x.jpg", b"")}}, "unusable-photo", "empty"),
        ({"files": {"image": ("x.jpg", photo())}}, "unusable-photo", "in the field `photo`"),
        (
            {"files": {"a": ("a", b"1"), "photo": ("x.jpg", photo())}},
            "unusable-photo",
            "many files",
        ),
        ({"data": {"photo": "x"}, "files": {"a": ("a", b"1")}}, "unusable-photo", "in the field"),
        (
            {"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data"}},
            "unusable-photo",
            "cannot be read",
        ),
        (
            {"content": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
            "unusable-photo",
            "form",
        ),
        ({"json": {"photo": "x"}}, "invalid-input", "body"),
        (
            {"content": b"{", "headers": {"Content-Type": "application/json"}},
            "invalid-input",
            "body",
        ),
    ],
)
def test_what_cannot_be_a_photo_is_refused_with_a_sentence(
    shared_api: Api, sent: dict[str, object], code: str, said: str
) -> None:
    response = shared_api.as_(Role.INSPECTOR).post("/api/photos", **sent)  # type: ignore[arg-type]
    assert said in problem(response, 422, code)


def test_only_photos_may_be_large(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    content = photo() + os.urandom(500_000 - len(photo()))
    for length in (500_001, 2_000_000):
        over = content + bytes(length - len(content))
        detail = problem(
            client.post("/api/photos", content=over, headers=JPEG), 413, "request-too-large"
        )
        assert "bytes" in detail
    undeclared = client.post("/api/photos", content=iter([content, bytes(20_000)]), headers=JPEG)
    problem(undeclared, 413, "request-too-large")
    in_form = client.post("/api/photos", files={"photo": ("x.jpg", content)})
    assert in_form.status_code == 201
    assert client.post("/api/photos", content=content, headers=JPEG).status_code == 200
    for path in ("/api/reports", f"/api/photos/{'0' * 64}", "/api/photos/", "/login"):
        problem(client.post(path, content=content), 413, "request-too-large")


def test_photos_need_a_key(api: Api) -> None:
    address = f"/api/photos/{'0' * 64}"
    problem(api.as_(None).post("/api/photos", content=photo()), 401, "not-authenticated")
    problem(api.as_(Role.READER).post("/api/photos", content=photo()), 403, "not-permitted")
    for path in (address, f"{address}/image", f"{address}/thumbnail"):
        problem(api.as_(None).get(path), 401, "not-authenticated")
        problem(api.as_(Role.READER).get(path), 404, "not-found")
    assert files(api) == []


def test_a_page_shows_photos_by_its_cookie(api: Api) -> None:
    links = api.as_(Role.INSPECTOR).post("/api/photos", content=photo()).json()["links"]
    with httpx.Client(base_url=api.url, trust_env=False) as browser:
        browser.cookies.set(COOKIE, api.keys[Role.READER])
        assert browser.get(links["thumbnail"]).status_code == 200
        problem(browser.post("/api/photos", content=photo()), 401, "not-authenticated")


@pytest.mark.parametrize("sha256", ["x", "0" * 63, "A" * 64, "%2e%2e%2f", "0" * 63 + "%00"])
def test_what_is_no_hash_is_refused(shared_api: Api, sha256: str) -> None:
    response = shared_api.as_(Role.READER).get(f"/api/photos/{sha256}/image")
    assert response.status_code in (404, 422)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_photo_sent_by_many_at_once_is_one(api: Api) -> None:
    content, client = photo(width=800, height=600), api.as_(Role.INSPECTOR)

    def send(_: int) -> int:
        return client.post("/api/photos", content=content, headers=JPEG).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(send, range(16)))
    assert sorted(statuses) == [200] * 15 + [201]
    assert len(files(api)) == 3


def test_photos_that_wait_keep_nobody_else_waiting(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    keep = service.keep

    def slowly(*args: Any, **options: Any) -> PhotoEntry:
        go_on.wait(20)
        return keep(*args, **options)

    monkeypatch.setattr(service, "keep", slowly)
    monkeypatch.setattr(photos, "LONGEST_WAIT_S", 1)
    client, reader = api.as_(Role.INSPECTOR), api.as_(Role.READER)
    count = 3 * api.settings.pool_size

    def send(_: int) -> httpx.Response:
        return client.post("/api/photos", content=photo())

    with ThreadPoolExecutor(count) as threads:
        sent = [threads.submit(send, number) for number in range(count)]
        refused = [one.result() for one in islice(as_completed(sent), count - photos.TURNS)]
        answered = reader.get("/api/me").status_code
        go_on.set()
    assert answered == 200
    for one in refused:
        assert "Too many photos" in problem(one, 503, "photo-store-unavailable")
    assert sorted(one.result().status_code for one in sent)[: photos.TURNS] == [200, 201]


def test_a_store_that_fails_keeps_nothing(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    (api.settings.home / "photos").write_text("in the way")
    detail = problem(client.post("/api/photos", content=photo()), 503, "photo-store-unavailable")
    assert "Nothing was kept" in detail
    assert str(api.settings.home) not in detail
    (api.settings.home / "photos").unlink()
    sent = client.post("/api/photos", content=photo())
    assert sent.status_code == 201
    for file in files(api):
        file.unlink()
    lost = client.get(sent.json()["links"]["image"])
    assert "backup" in problem(lost, 503, "photo-store-unavailable")
    assert client.post("/api/photos", content=photo()).status_code == 200
    assert client.get(sent.json()["links"]["image"]).status_code == 200


def test_a_transaction_that_fails_leaves_no_row_and_can_be_repeated(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    with Database(api.settings) as database:
        with database.session() as session:
            session.execute(text("ALTER TABLE photos ADD CONSTRAINT none_fits CHECK (false)"))
        with capture_logs():  # a failure inside is told at length
            assert client.post("/api/photos", content=photo()).status_code == 500
        with database.session() as session:
            assert session.scalar(text("SELECT count(*) FROM photos")) == 0
            session.execute(text("ALTER TABLE photos DROP CONSTRAINT none_fits"))
    assert client.post("/api/photos", content=photo()).status_code == 201


def test_a_store_that_cannot_be_is_told_on_starting() -> None:
    with pytest.raises(InvalidInput, match="GIS_REGISTRY_PHOTO_STORE cannot be used"):
        create_app(Settings(photo_store=SecretStr("nowhere://bucket")))
