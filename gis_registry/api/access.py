"""Who asks, and whether they may: a key in a header, or for reading pages in a cookie."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.params import Depends as DependsOn
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.routing import BaseRoute

from gis_registry.api.sessions import DatabaseSession
from gis_registry.errors import NotAuthenticated
from gis_registry.roles import Permission
from gis_registry.settings import Settings
from gis_registry.users import service as users
from gis_registry.users.service import Actor

COOKIE = "gis_registry_key"

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
    description="Set by /login; counts for GET and HEAD alone",
)


def current_actor(
    request: Request,
    session: DatabaseSession,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
    cookie: Annotated[str | None, Security(_cookie)],
) -> Actor:
    """Return whose key was sent; without one, nobody known.

    A cookie that is no longer valid counts as none, so that an old one locks nobody out of pages
    that anybody may read.

    Raises:
        NotAuthenticated: the key is not known, or Authorization holds none.
    """
    settings: Settings = request.app.state.settings
    actor = users.anonymous(settings.anonymous_role)
    if "authorization" in request.headers and (bearer is None or not bearer.credentials):
        raise NotAuthenticated("The header Authorization must be `Bearer KEY`.")
    if bearer is not None:
        actor = users.actor_of(session, bearer.credentials)
    elif header is not None:
        actor = users.actor_of(session, header)
    elif cookie is not None and request.method in ("GET", "HEAD"):
        with suppress(NotAuthenticated):
            actor = users.actor_of(session, cookie)
    request.state.actor = actor.name
    return actor


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


def requires(*permissions: Permission) -> DependsOn:
    """Return what a route lists under ``dependencies`` to need one of these permissions."""
    dependency: DependsOn = Depends(Requires(permissions))
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
