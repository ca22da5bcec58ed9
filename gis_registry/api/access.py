"""Who asks, and whether they may: a key in a header, or in a cookie that pages of ours send."""

from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

import anyio
from fastapi import Depends, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends as DependsOn
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.routing import BaseRoute

from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.db.engine import Database
from gis_registry.errors import NotAuthenticated
from gis_registry.roles import Permission
from gis_registry.settings import Settings
from gis_registry.users import service as users
from gis_registry.users.service import Actor

COOKIE = "gis_registry_key"
_SENT_BY_SCRIPT = "x-requested-with"

_bearer = HTTPBearer(
    scheme_name="bearer", auto_error=False, description="`Authorization: Bearer KEY`"
)
_header = APIKeyHeader(
    name="X-API-Key", scheme_name="apiKey", auto_error=False, description="`X-API-Key: KEY`"
)
_cookie = APIKeyCookie(
    name=COOKIE,
    scheme_name="cookie",
    auto_error=False,
    description="Set by /login; counts for GET and HEAD, and for POST from pages of this site",
)


async def sent_key(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
) -> str | None:
    """Return the key that was sent in a header, or by a script of our own pages, whosever it is.

    Raises:
        NotAuthenticated: Authorization holds none.
    """
    if "authorization" in request.headers and (bearer is None or not bearer.credentials):
        raise NotAuthenticated("The header Authorization must be `Bearer KEY`.")
    if bearer is None and header is None and is_from_own_page(request):
        return request.cookies.get(COOKIE)
    return bearer.credentials if bearer is not None else header


SentKey = Annotated[str | None, Depends(sent_key)]


def is_from_own_page(request: Request) -> bool:
    """Return whether a POST comes from a script of a page of this site, and from nowhere else.

    The browser says where it comes from, which no page can forge. A header that only scripts can
    send, and those of other sites only if they are allowed to, which they are not, comes on top.
    """
    if request.method != "POST" or _SENT_BY_SCRIPT not in request.headers:
        return False
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.headers.get("origin", ""))
    return bool(origin.netloc) and origin.netloc == request.headers.get("host")


def current_actor(
    request: Request,
    session: DatabaseSession,
    key: SentKey,
    cookie: Annotated[str | None, Security(_cookie)],
) -> Actor:
    """Return whose key was sent; without one, nobody known.

    A cookie that is no longer valid counts as none, so that an old one locks nobody out of pages
    that anybody may read.

    Raises:
        NotAuthenticated: the key is not known.
    """
    settings: Settings = request.app.state.settings
    actor = users.anonymous(settings.anonymous_role)
    if key is not None:
        actor = users.actor_of(session, key)
    elif cookie is not None and request.method in ("GET", "HEAD"):
        with suppress(NotAuthenticated):
            actor = users.actor_of(session, cookie)
    note_actor(request, actor)
    return actor


def note_actor(request: Request, actor: Actor) -> None:
    """Note for the log who asks."""
    request.state.actor = actor.name


CurrentActor = Annotated[Actor, Depends(current_actor)]


@dataclass(frozen=True)
class Requires:
    """A dependency that refuses those who have none of these permissions."""

    permissions: tuple[Permission, ...]

    async def __call__(self, actor: CurrentActor) -> None:
        """Refuse unless the actor may.

        Raises:
            NotAuthenticated: nobody is known.
            NotPermitted: the role is not enough.
        """
        actor.require(*self.permissions)


class RequiresLater(Requires):
    """The same where whose key it is, is asked together with what was asked.

    Nobody known is refused now, and :class:`LaterRoute` asks before it tells faults of the input.
    """

    async def __call__(self, request: Request, key: SentKey) -> None:  # type: ignore[override]
        """Refuse who sends no key, unless anybody may.

        Raises:
            NotAuthenticated: a key is needed.
        """
        request.state.requires_later = (key, self.permissions)
        if key is None:
            settings: Settings = request.app.state.settings
            users.anonymous(settings.anonymous_role).require(*self.permissions)


class LaterRoute(CheckedRoute):
    """A route that asks by :class:`gis_registry.api.combining.Combining`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler; who may not ask is told so before what is wrong with the input."""
        handle = super().get_route_handler()

        async def asked(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError:
                if hasattr(request.state, "requires_later"):
                    await anyio.to_thread.run_sync(_require_now, request)
                raise

        return asked


def _require_now(request: Request) -> None:
    key, permissions = request.state.requires_later
    if key is not None:
        database: Database = request.app.state.database
        with database.session() as session:
            actor = users.actor_of(session, key)
        note_actor(request, actor)
        actor.require(*permissions)


def requires(*permissions: Permission) -> DependsOn:
    """Return what a route lists under ``dependencies`` to need one of these permissions."""
    dependency: DependsOn = Depends(Requires(permissions))
    return dependency


def requires_later(*permissions: Permission) -> DependsOn:
    """Return the same for a route that asks by :class:`gis_registry.api.combining.Combining`."""
    dependency: DependsOn = Depends(RequiresLater(permissions))
    return dependency


def permissions_by_route(
    routes: Iterable[BaseRoute],
) -> list[tuple[RouteContext, tuple[Permission, ...]]]:
    """Return every route with the permissions of which it needs one; none: anybody may."""
    return [
        (route, _permissions(getattr(route, "dependencies", []) or []))
        for route in iter_route_contexts(list(routes))
    ]


def _permissions(dependencies: Iterable[DependsOn]) -> tuple[Permission, ...]:
    for one in dependencies:
        if isinstance(one.dependency, Requires):
            return one.dependency.permissions
    return ()
