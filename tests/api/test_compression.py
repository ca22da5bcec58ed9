"""Compression of answers: as their reader takes them, with tags that stay true."""

import asyncio
from collections.abc import AsyncIterator

import brotli
import httpx
import pytest
import zstandard
from running_api import Api
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gis_registry.api.compression import Compression
from gis_registry.roles import Role

TEXT = b'{"type":"Feature"},' * 500


async def answer(request: Request) -> Response:
    media_type = request.query_params["type"]
    headers = {"etag": '"7"', "content-type": media_type}
    if "encoded" in request.query_params:
        headers["content-encoding"] = "gzip"
    if "stream" in request.query_params:

        async def parts() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield TEXT

        return StreamingResponse(parts(), headers=headers)
    content = TEXT[:100] if "small" in request.query_params else TEXT
    return Response(content, headers=headers)


def raw(accept: str, **asked: str) -> tuple[httpx.Headers, bytes]:
    """Ask an application of one route; return the headers and what was sent."""
    app = Compression(Starlette(routes=[Route("/", answer)]))

    async def ask() -> tuple[httpx.Headers, bytes]:
        transport = httpx.ASGITransport(app=app)
        headers = {"Accept-Encoding": accept}
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
            client.stream("GET", "/", params=asked, headers=headers) as got,
        ):
            return got.headers, b"".join([part async for part in got.aiter_raw()])

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("gzip", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("identity", None),
        ("deflate", None),
    ],
)
def test_the_quickest_that_is_taken_is_chosen(accept: str, chosen: str | None) -> None:
    headers, content = raw(accept, type="application/geo+json")
    assert headers.get("content-encoding") == chosen
    assert headers["vary"] == "Accept-Encoding"
    assert headers["etag"] == ('"7"' if chosen is None else 'W/"7"')
    if chosen == "zstd":
        assert zstandard.ZstdDecompressor().decompress(content) == TEXT
    if chosen == "br":
        assert brotli.decompress(content) == TEXT
    if chosen is not None:
        assert len(content) < len(TEXT) / 10


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/problem+json",
        "application/schema+json",
        "application/geo+json-seq",
        "application/vnd.mapbox-vector-tile",
        "text/csv; charset=utf-8",
        "text/html; charset=utf-8",
    ],
)
def test_what_shrinks_is_compressed(media_type: str) -> None:
    for asked in ({}, {"stream": "1"}):
        headers, _ = raw("zstd", type=media_type, **asked)
        assert headers["content-encoding"] == "zstd"


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "text/event-stream", "stream": "1"},
        {"type": "image/png"},
        {"type": "application/vnd.pmtiles"},
        {"type": "application/vnd.apache.parquet"},
        {"type": "application/json", "small": "1"},
    ],
)
def test_what_does_not_is_sent_as_it_is(asked: dict[str, str]) -> None:
    headers, _ = raw("zstd, br, gzip", **asked)
    assert "content-encoding" not in headers
    assert headers["etag"] == '"7"'


def test_what_comes_compressed_is_not_compressed_again() -> None:
    headers, content = raw("zstd, gzip", type="application/json", encoded="1")
    assert (headers["content-encoding"], content) == ("gzip", TEXT)


def test_a_tag_that_was_weakened_is_still_a_tag(shared_api: Api) -> None:
    address = f"/ogc/collections/components/items/{shared_api.codes[0]}"
    with shared_api.as_(Role.READER) as client:
        tag = client.get(address).headers["etag"]
        assert tag.startswith('"')  # it is too small to be compressed
        again = client.get(address, headers={"If-None-Match": f"W/{tag}"})
    assert (again.status_code, again.content) == (304, b"")
    assert "Accept-Encoding" in again.headers["vary"]
