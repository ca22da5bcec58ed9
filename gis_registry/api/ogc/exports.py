"""Features as a whole instead of in pages: formats that programs read files in."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gis_registry.api.ogc.asking import Asking
from gis_registry.api.ogc.operations import Format
from gis_registry.components.export_formats import FileFormat
from gis_registry.maps.exporting import Wanted, exported

#: A client that takes no more for so long is given no more.
LONGEST_PAUSE_S = 60.0

GEOPARQUET = Format(FileFormat.GEOPARQUET, "application/vnd.apache.parquet", "GeoParquet")
FORMATS = (
    Format(FileFormat.GEOJSON_SEQUENCE, "application/geo+json-seq", "GeoJSON text sequence"),
    Format(FileFormat.CSV, "text/csv; charset=utf-8", "CSV"),
    Format(FileFormat.FLATGEOBUF, "application/flatgeobuf", "FlatGeobuf"),
    GEOPARQUET,
)


def export(asking: Asking, wanted: Wanted) -> Response:
    """Answer with features as a whole."""
    form = FileFormat(asking.format.name)
    headers = {
        "content-type": asking.format.media_type,
        "content-disposition": f'attachment; filename="{wanted.collection.name}.{form}"',
        "vary": "Accept",
    }
    if form is FileFormat.GEOJSON_SEQUENCE:  # in files x is before y, whatever the system says
        headers["content-crs"] = f"<{wanted.crs.uri}>"
    if asking.request.method == "HEAD":
        return Response(headers=headers)
    return Transfer(exported(asking.reading, wanted, form), headers)


class Transfer(StreamingResponse):
    """An answer that is sent while it is made.

    What goes wrong before its first part is answered as what it is. After that the connection is
    broken off, so that nobody takes what they have for all of it. When the client goes away, what
    makes the answer ends at once.
    """

    def __init__(self, parts: AsyncGenerator[bytes], headers: dict[str, str]) -> None:
        super().__init__(parts, headers=headers)
        self._parts = parts

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002  it is given to every answer
        receive: Receive,
        send: Send,
    ) -> None:
        """Send it."""
        # Tasks of their own, since what a task group stops can no longer give back what it holds.
        sending = asyncio.create_task(self.stream_response(send))
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.wait({sending, leaving})
        if not sending.cancelled():
            sending.result()

    async def stream_response(self, send: Send) -> None:
        """Send the answer, beginning when there is something to send."""
        async with aclosing(self._parts) as parts:
            part = await anext(parts, b"")
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            while part:
                async with asyncio.timeout(LONGEST_PAUSE_S):
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                part = await anext(parts, b"")
        await send({"type": "http.response.body", "body": b"", "more_body": False})
