"""What every request passes: its id and log line, headers for browsers, a limit on its body."""

import re
from collections.abc import Mapping
from secrets import token_hex
from time import perf_counter

import anyio
import structlog
from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gis_registry.api.logs import request_ids
from gis_registry.api.problems import refusal
from gis_registry.errors import RegistryError, RequestTooLarge

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)

_ID = b"x-request-id"
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_OF_ANSWERS = Headers(_HEADERS).raw
_OF_STATIC_FILES = Headers(_HEADERS | {"Cache-Control": "max-age=3600"}).raw


def is_request_id(text: str) -> bool:
    """Return whether a client's request id is taken over: 8 to 64 letters, digits, ``.-_``."""
    return _REQUEST_ID.fullmatch(text) is not None


class Envelope:
    """Gives each request an id and one line in the log, and its answer headers.

    The id is the client's, if it sent one in X-Request-ID that is usable. What nobody foresaw is
    answered with a problem.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; its line is written when the answer has left."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        started = perf_counter()
        status: int | None = None
        is_written = False
        sent = next((said.decode("latin-1") for name, said in scope["headers"] if name == _ID), "")
        request_id = sent if is_request_id(sent) else token_hex(16)
        request_ids.set(request_id)

        def write_line() -> None:
            nonlocal is_written
            is_written = True
            _write_line(scope, status, perf_counter() - started, state.get("failure"))

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {name.lower() for name, _ in message["headers"]}
                ours = _OF_STATIC_FILES if scope["path"].startswith("/static/") else _OF_ANSWERS
                more = [one for one in ours if one[0] not in own]
                headers = [*message["headers"], *more, (_ID, request_id.encode())]
                await send({**message, "headers": headers})
                return
            await send(message)
            if not message.get("more_body") and not is_written:
                write_line()

        try:
            await self.app(scope, receive, noting)
        except Exception as error:
            if status is not None and _is_gone(error):
                return
            state["problem"] = RegistryError.code
            state["failure"] = error
            if status is not None:
                raise
            await refusal(scope["path"], RegistryError())(scope, receive, noting)
        finally:
            if not is_written:
                write_line()


def _is_gone(error: BaseException) -> bool:
    """Return whether all that happened is that nobody reads a live stream any more."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_gone(one) for one in error.exceptions)
    return isinstance(error, anyio.BrokenResourceError)


def _write_line(
    scope: Scope, status: int | None, duration_s: float, failure: Exception | None
) -> None:
    state = scope["state"]
    log = structlog.get_logger("gis_registry.api")
    write = log.info if failure is None and (status or 0) < 500 else log.error
    write(
        "request",
        method=scope["method"],
        path=getattr(scope.get("route"), "path", None) or scope["path"][:200],
        status=status,
        duration_ms=round(duration_s * 1000, 1),
        actor=state.get("actor", "anonymous"),
        **{name: state[name] for name in ("problem", "reason") if name in state},
        **({"exc_info": failure} if failure is not None else {}),
    )


class BodyLimit:
    """Refuses bodies larger than a number of bytes, declared or sent.

    Paths that take more have numbers of their own in ``by_path``.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, by_path: Mapping[str, int]) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.by_path = by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        max_bytes = self.by_path.get(scope["path"], self.max_bytes)
        message = f"A request may have {max_bytes:,} bytes; send less at a time."
        declared = next((said for name, said in scope["headers"] if name == b"content-length"), b"")
        if declared.isdigit() and int(declared) > max_bytes:
            scope.setdefault("state", {})["problem"] = RequestTooLarge.code
            await refusal(scope["path"], RequestTooLarge(message))(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            event = await receive()
            received += len(event.get("body", b""))
            if received > max_bytes:
                raise HTTPException(413, message)
            return event

        await self.app(scope, counted, send)
