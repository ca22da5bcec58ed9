"""Answers compressed by zstd, brotli or gzip, as their reader takes them.

Levels are chosen for speed: an answer is compressed while others wait.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware, add_compress_type, remove_compress_type

#: Smaller ones are not worth the time.
_MINIMUM_BYTES = 1000
_GZIP_LEVEL, _BROTLI_QUALITY, _ZSTD_LEVEL = 1, 1, 1

for media_type in (
    "application/geo+json-seq",
    "application/problem+json",
    "application/schema+json",
    "application/vnd.oai.openapi+json",
    "text/csv",
):
    add_compress_type(media_type)
remove_compress_type("text/event-stream")  # each event is small, and none may wait for the next


class Compression:
    """Compresses answers of types that grow smaller by it, unless they come compressed.

    What is compressed is equal in meaning, but not in bytes: its ETag becomes a weak one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = CompressMiddleware(
            app,
            minimum_size=_MINIMUM_BYTES,
            gzip_level=_GZIP_LEVEL,
            brotli_quality=_BROTLI_QUALITY,
            zstd_level=_ZSTD_LEVEL,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""

        async def weakened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                etag = headers.get("etag", "W/")
                if "content-encoding" in headers and not etag.startswith("W/"):
                    headers["etag"] = f"W/{etag}"
                if message["status"] == 304:  # what it stands for differs by it
                    headers.add_vary_header("Accept-Encoding")
            await send(message)

        await self._app(scope, receive, weakened)
