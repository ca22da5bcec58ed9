"""Errors as RFC 9457 problems, or as a page where a browser asked for one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from psycopg.errors import QueryCanceled
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from gis_registry.api import open311_formats
from gis_registry.api.logs import request_ids
from gis_registry.api.pages import page
from gis_registry.errors import (
    DatabaseUnavailable,
    InvalidInput,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RegistryError,
    RequestTooLarge,
    TookTooLong,
    TooManyRequests,
)

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_S = 5
_FEATURES = re.compile(r"/ogc/collections/[^/]+/items(?=/|$)")


class Fault(BaseModel):
    """One thing that is wrong with the input."""

    where: str = Field(description="Path, query, header or body, then the field", examples=["body"])
    message: str


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(description="Address that explains this kind of problem")
    title: str
    status: int
    detail: str = Field(description="What was found, and what to do about it")
    instance: str = Field(description="The request's id, as in X-Request-ID and in the log")
    errors: list[Fault] | None = Field(default=None, description="Each fault of the input")


def kinds(base: type[RegistryError] = RegistryError) -> Iterator[type[RegistryError]]:
    """Yield every kind of error of the tree, the general before the special."""
    yield base
    for child in base.__subclasses__():
        yield from kinds(child)


def problems(*errors: type[RegistryError]) -> dict[int | str, dict[str, Any]]:
    """Return what a route declares of its problems in the OpenAPI document.

    Args:
        errors: those that its service raises, besides those that any route can have.
    """
    by_status: dict[int | str, list[str]] = {}
    always: list[type[RegistryError]] = [InvalidInput, DatabaseUnavailable, RegistryError]
    for error in dict.fromkeys([*errors, *always]):
        by_status.setdefault(error.status, []).append(f"{error.title} (`{error.code}`)")
    return {
        status: {"model": Problem, "description": "; ".join(titles)}
        for status, titles in sorted(by_status.items(), key=lambda one: str(one[0]))
    }


def guarded(*errors: type[RegistryError]) -> dict[int | str, dict[str, Any]]:
    """Return the same for a route that needs a permission."""
    return problems(NotAuthenticated, NotPermitted, *errors)


def told(error: RegistryError, *, faults: Sequence[Fault] = ()) -> Problem:
    """Return what is told of an error."""
    return Problem(
        type=f"/problems/{error.code}",
        title=error.title,
        status=error.status,
        detail=public_detail(error),
        instance=request_ids.get(),
        errors=list(faults) or None,
    )


def problem(
    error: RegistryError, *, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an error as an ``application/problem+json`` response."""
    return JSONResponse(
        told(error, faults=faults).model_dump(exclude_none=True),
        status_code=error.status,
        media_type=MEDIA_TYPE,
        headers={**_headers(error), **(headers or {})},
    )


def refusal(
    path: str,
    error: RegistryError,
    *,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error to a program: as Open311 has it below its prefix, otherwise as a problem."""
    if path.startswith(f"{open311_formats.PREFIX}/"):
        return open311_formats.refusal(
            path, error.status, public_detail(error), {**_headers(error), **(headers or {})}
        )
    return problem(error, faults=faults, headers=headers)


def public_detail(error: RegistryError) -> str:
    """Return what a client may know: no address of the database, no inner cause."""
    if type(error) is DatabaseUnavailable:
        return "The database does not answer. Nothing was changed; try again in a moment."
    if type(error) is RegistryError:
        return (
            "Something went wrong inside the registry. The operators find it in the log by the "
            "request's id."
        )
    return str(error)


def install(app: FastAPI) -> None:
    """Let the application answer every error in this way."""
    app.add_exception_handler(RegistryError, _on_registry_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(OperationalError, _on_operational_error)
    app.add_exception_handler(PoolTimeoutError, _on_operational_error)
    app.add_exception_handler(DataError, _on_data_error)


def answer(
    request: Request,
    error: RegistryError,
    *,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error as a page where a browser looks at one, otherwise as a problem."""
    request.state.problem = error.code
    if error.status >= 500:
        request.state.reason = str(error)
    if not _wants_page(request):
        return refusal(request.url.path, error, faults=faults, headers=headers)
    if isinstance(error, NotAuthenticated):
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(back, safe='/')}", status_code=303)
    return page(
        request,
        "error.html",
        status_code=error.status,
        headers={**_headers(error), **(headers or {})},
        error=error,
        detail=public_detail(error),
        request_id=request_ids.get(),
        is_of_data=f"{request.url.path}/".startswith("/ogc/"),
        features=_features_of(request.url.path) if error.status == 400 else None,
    )


def _features_of(path: str) -> str | None:
    """Return where the features are that a request was about: all those of their collection."""
    found = _FEATURES.match(path)
    return found[0] if found else None


def _wants_page(request: Request) -> bool:
    return (
        request.method in ("GET", "HEAD")
        and not request.url.path.startswith(("/api/", f"{open311_formats.PREFIX}/"))
        and "text/html" in request.headers.get("accept", "")
    )


def _headers(error: RegistryError) -> dict[str, str]:
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, DatabaseUnavailable | TooManyRequests):
        return {"Retry-After": str(_RETRY_AFTER_S)}
    return {}


async def _on_registry_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RegistryError)  # noqa: S101  what it is installed for
    return answer(request, error)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  what it is installed for
    invalid, faults = explained_faults(error.errors())
    return answer(request, invalid, faults=faults)


def explained_faults(found: Sequence[Any]) -> tuple[InvalidInput, list[Fault]]:
    """Return what pydantic found wrong as an error with its faults."""
    faults = [
        Fault(
            where=".".join(_readable(str(part)) for part in fault["loc"]),
            message=_readable(str(fault["msg"])),
        )
        for fault in found
    ]
    detail = "; ".join(f"{fault.where}: {fault.message}" for fault in faults[:5])
    more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
    return InvalidInput(f"{detail}{more}."), faults


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  what it is installed for
    path = _readable(request.url.path)
    known: dict[int, RegistryError] = {
        400: InvalidInput("The body cannot be read: send JSON in UTF-8."),
        404: NotFound(f"There is nothing at {path}. /docs lists the addresses there are."),
        405: MethodNotAllowed(f"{path} does not answer {request.method}."),
        413: RequestTooLarge(str(error.detail)),
    }
    explained = known.get(error.status_code, RegistryError(str(error.detail)))
    return answer(request, explained, headers=error.headers)


async def _on_operational_error(request: Request, error: Exception) -> Response:
    if isinstance(error, OperationalError) and isinstance(error.orig, QueryCanceled):
        limit_s = request.app.state.settings.statement_timeout_s
        return answer(request, TookTooLong.after(limit_s))
    return answer(request, DatabaseUnavailable(str(error)))


async def _on_data_error(request: Request, error: Exception) -> Response:
    request.state.reason = str(error)
    return answer(
        request,
        InvalidInput("The database cannot store a value of this request: a number is too large."),
    )


def _readable(text: str) -> str:
    """Return a text without characters that JSON or a terminal chokes on."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)[:300]
