"""Text that the database can store: a request with any other is refused before it gets there."""

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

#: PostgreSQL stores no NUL, and halves of surrogate pairs are no characters.
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_MESSAGE = "Text must not contain the NUL character or half of a surrogate pair"


class CheckedRequest(Request):
    """A request whose JSON is as the standard has it, with text that can be stored."""

    async def json(self) -> Any:
        """Return the body.

        Raises:
            JSONDecodeError: it is no JSON; NaN and Infinity are none.
            RequestValidationError: it contains text that cannot be stored.
        """
        if not hasattr(self, "_json"):
            body = await self.body()
            self._json = json.loads(body, parse_constant=_refuse_constant)
        check_text(self._json, "body")
        return self._json


class CheckedRoute(APIRoute):
    """A route whose path, query and body are checked for text that cannot be stored."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the check before it."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            for source, values in (
                ("path", list(request.path_params.items())),
                ("query", request.query_params.multi_items()),
            ):
                for name, value in values:
                    if _UNUSABLE.search(str(value)):
                        raise _fault((source, name))
            try:
                return await handle(CheckedRequest(request.scope, request.receive))
            except HTTPException as error:
                # FastAPI makes a bare 400 of whatever goes wrong while a body is read.
                if isinstance(error.__cause__, RequestValidationError):
                    raise error.__cause__ from None
                raise

        return checked


def is_storable(value: str) -> bool:
    """Return whether the database can store a text."""
    return _UNUSABLE.search(value) is None


def check_text(value: object, source: str) -> None:
    """Check all text of a value.

    Raises:
        RequestValidationError: some of it cannot be stored.
    """
    if where := _unusable(value, (source,)):
        raise _fault(where)


def _unusable(value: object, where: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
    if isinstance(value, str):
        return where if _UNUSABLE.search(value) else None
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        if any(_UNUSABLE.search(key) for key in value):
            return where
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, one in items:
        if found := _unusable(one, (*where, key)):
            return found
    return None


def _fault(where: tuple[str | int, ...]) -> RequestValidationError:
    return RequestValidationError([{"type": "text", "loc": where, "msg": _MESSAGE}])


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no JSON number", name, 0)
