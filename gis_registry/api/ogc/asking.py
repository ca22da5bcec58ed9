"""One request below ``/ogc``: who asks, what for, and how the answer is to be written."""

import base64
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from fastapi.security.utils import get_authorization_scheme_param
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gis_registry.api.access import COOKIE, is_from_own_page
from gis_registry.api.ogc.fairness import reads_as, while_wanted
from gis_registry.api.ogc.operations import HTML, JSON, PREFIX, Format, Operation
from gis_registry.api.pages import page
from gis_registry.api.text import is_storable
from gis_registry.db.reading import Reading
from gis_registry.errors import BadRequest, InvalidInput, NotAuthenticated
from gis_registry.maps import crs as systems
from gis_registry.maps import page_tokens
from gis_registry.maps.crs import OfferedCrs
from gis_registry.maps.published import Published
from gis_registry.settings import Settings
from gis_registry.users import service as users
from gis_registry.users.service import Actor

Link = dict[str, str]
_NOTHING: Mapping[str, str] = MappingProxyType({})
#: So many characters may an address have; filters with the outline of a district fit.
LONGEST_ADDRESS = 32_000


@dataclass
class Service:
    """What the answers of a process share."""

    reading: Reading
    published: Published
    secret: bytes
    settings: Settings
    operations: tuple[Operation, ...]
    conformance_classes: tuple[str, ...]


@dataclass(frozen=True)
class Asking:
    """A request that may be answered."""

    request: Request
    operation: Operation
    service: Service
    actor: Actor
    parameters: Mapping[str, str]
    format: Format

    @property
    def reading(self) -> Reading:
        """The database."""
        return self.service.reading

    @property
    def published(self) -> Published:
        """The collections."""
        return self.service.published

    @property
    def limit(self) -> int | None:
        """How many a page has at most; None: that is not asked for.

        Raises:
            BadRequest: it is no number from 1.
        """
        said = self.parameters.get("limit")
        if said is None:
            return None
        if not said.isascii() or not said.isdigit() or len(said) > 18 or int(said) < 1:
            raise BadRequest(f"`limit` must be a number from 1; {said[:100]!r} is none.")
        return int(said)

    @cached_property
    def after(self) -> tuple[str, ...]:
        """The key that the page before ended with, as its token says; none: the first page.

        Raises:
            InvalidInput: the token is not of this question.
        """
        token = self.parameters.get("token")
        if token is None:
            return ()
        return page_tokens.key_of(token, asked=self._identity, secret=self.service.secret)

    def following(self, path: str, last: Sequence[str]) -> Link:
        """Return the link to the page that follows one that ended with a key."""
        token = page_tokens.token_of(last, asked=self._identity, secret=self.service.secret)
        said = {**self.parameters, "token": token}
        return self.link(path, "next", self.format, "next page", said)

    @property
    def _identity(self) -> str:
        """What a token is of: everything that says what there is."""
        paging = ("f", "lang", "limit", "token", "count", "crs")
        said = {name: one for name, one in self.parameters.items() if name not in paging}
        return json.dumps([self.request.path_params.get("collection"), said], sort_keys=True)

    async def systems(self, *names: str) -> dict[str, OfferedCrs]:
        """Return the systems of coordinates that parameters name, or what is stored without.

        Raises:
            InvalidInput: one is not offered.
        """
        if not any(name in self.parameters for name in names):
            return dict.fromkeys(names, systems.STORED)
        city = await self.published.city()
        return {
            name: systems.find(self.parameters.get(name), city.systems, parameter=name)
            for name in names
        }

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    @cached_property
    def _base(self) -> str:
        return str(self.request.base_url).rstrip("/") + PREFIX

    def url(self, path: str = "", query: Mapping[str, str] = _NOTHING) -> str:
        """Return the address of something below the prefix."""
        asked = f"?{urlencode(query)}" if query else ""
        return f"{self._base}{quote(path)}{asked}"

    def link(
        self, path: str, rel: str, written: Format, title: str, query: Mapping[str, str] = _NOTHING
    ) -> Link:
        """Return a link to something below the prefix."""
        return {
            "href": self.url(path, query),
            "rel": rel,
            "type": written.media_type,
            "title": title,
        }

    def own_links(self) -> list[Link]:
        """Return the links to this answer, and to itself in the other formats."""
        path = self.request.scope["path"].removeprefix(PREFIX)
        asked = {name: said for name, said in self.parameters.items() if name != "f"}
        plain = self.url(path, asked)
        other = f"{plain}{'&' if asked else '?'}f="
        return [
            {
                "href": plain
                if one is self.format and "f" not in self.parameters
                else f"{other}{one.name}",
                "rel": "self" if one is self.format else "alternate",
                "type": one.media_type,
                "title": f"as {one.title}",
            }
            for one in self.operation.formats
        ]

    def document(
        self,
        body: Mapping[str, Any],
        template: str,
        *,
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> Response:
        """Return a document in the format that was asked for.

        Args:
            body: what it says.
            template: the page that says the same to people, to which it is given as ``said``.
            headers: of the answer.
            context: what else the page is given.
        """
        if self.format == HTML:
            told = {"Vary": "Accept, Accept-Language, Cookie", **(headers or {})}
            return page(
                self.request, template, headers=told, said=body, address=self.url(), **context
            )
        return self.text(to_json(body), headers=headers)

    def text(self, content: bytes | str, *, headers: Mapping[str, str] | None = None) -> Response:
        """Return a text in the format that was asked for."""
        media_type = {"content-type": self.format.media_type, "vary": "Accept"}
        return Response(content, headers={**media_type, **(headers or {})})


class Endpoint:
    """What answers an operation's requests, with nothing between them and the application.

    Attributes:
        path: as the log names it.
    """

    def __init__(self, operation: Operation) -> None:
        """Answer the requests of an operation."""
        self.path = PREFIX + operation.path
        self._operation = operation
        self._known = {"f", "lang", *(one.name for one in operation.parameters)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        scope["route"] = self
        request = Request(scope, receive, send)
        try:
            response = await self._answer(request)
            await response(scope, receive, send)
        except BadRequest:
            raise
        except InvalidInput as error:
            raise BadRequest(str(error)) from error

    async def _answer(self, request: Request) -> Response:
        operation = self._operation
        service: Service = request.app.state.ogc
        actor = await _actor(request, service)
        request.state.actor = actor.name
        actor.require(operation.permission)
        written = _format(request, operation)
        parameters = _parameters(request, is_form=written == HTML)
        if not operation.takes_properties:
            refuse_unknown(parameters, self._known)
        asked = Asking(request, operation, service, actor, parameters, written)
        reads_as(_client(request, actor))
        return await while_wanted(request, operation.answer(asked))


def refuse_unknown(parameters: Mapping[str, str], known: set[str]) -> None:
    """Refuse parameters that nothing is known of.

    Raises:
        BadRequest: there is one.
    """
    unknown = [name for name in parameters if name not in known]
    if unknown:
        names = ", ".join(sorted(known - {"lang"}))
        raise BadRequest(
            f"There is no parameter {unknown[0][:100]!r} here; the parameters are {names}."
        )


def _parameters(request: Request, *, is_form: bool) -> dict[str, str]:
    """Return what is asked; the fields of a form that were left empty ask nothing."""
    if len(request.scope["path"]) + len(request.scope["query_string"]) > LONGEST_ADDRESS:
        raise BadRequest(f"An address may have {LONGEST_ADDRESS:,} characters; ask for less.")
    found: dict[str, str] = {}
    for name, said in request.query_params.multi_items():
        if not (is_storable(name) and is_storable(said)):
            raise BadRequest("The query has a character that no text can have.")
        if name in found:
            raise BadRequest(f"The parameter {name[:100]!r} is given twice; give it once.")
        if said or not is_form:
            found[name] = said
    if not all(is_storable(str(one)) for one in request.path_params.values()):
        raise BadRequest("The path has a character that no text can have.")
    return found


def _format(request: Request, operation: Operation) -> Format:
    """Return the format that `f` names, or else the one that the header Accept likes best."""
    asked = request.query_params.get("f")
    if asked is not None:
        for one in operation.formats:
            if one.name == asked:
                return one
        names = ", ".join(one.name for one in operation.formats)
        raise BadRequest(f"`f` must be one of {names}; {asked[:100]!r} is none of them.")
    for media_type in _accepted(request.headers.get("accept", "")):
        for one in operation.formats:
            if media_type in ("*/*", one.media_type.split(";")[0]):
                return one
    return operation.formats[0] if operation.formats else JSON


def _accepted(header: str) -> list[str]:
    """Return the media types that a header Accept names, what is liked best first."""
    found = []
    for part in header.lower().split(","):
        media_type, *said = (one.strip() for one in part.split(";"))
        quality = next((one[2:] for one in said if one.startswith("q=")), "1")
        with suppress(ValueError):
            found.append((float(quality), media_type))
    found.sort(key=lambda one: -one[0])
    return [media_type for quality, media_type in found if quality > 0]


def _client(request: Request, actor: Actor) -> str:
    """Return who shares the database with others: somebody by a key, or an address."""
    if actor.name != "anonymous":
        return actor.name
    return request.client.host if request.client is not None else ""


async def _actor(request: Request, service: Service) -> Actor:
    """Return whose key was sent: by a header, as the password of a name, or by a cookie.

    Raises:
        NotAuthenticated: the key is nobody's.
    """
    nobody = users.anonymous(service.settings.anonymous_role)
    key = _key(request)
    if key is not None:
        return await users.actor_read(service.reading, key)
    cookie = request.cookies.get(COOKIE)
    if cookie is not None and (request.method in ("GET", "HEAD") or is_from_own_page(request)):
        with suppress(NotAuthenticated):  # an old one locks nobody out
            return await users.actor_read(service.reading, cookie)
    return nobody


def _key(request: Request) -> str | None:
    scheme, said = get_authorization_scheme_param(request.headers.get("authorization"))
    if not scheme:
        return request.headers.get("x-api-key")
    if scheme.lower() == "basic":  # what GDAL and other clients of the OGC know
        try:
            said = base64.b64decode(said, validate=True).decode().partition(":")[2]
        except ValueError:  # no Base64, no ASCII, no UTF-8
            said = ""
    elif scheme.lower() != "bearer":
        said = ""
    if not said:
        raise NotAuthenticated(
            "The header Authorization must be `Bearer KEY`, or `Basic` with the key as password."
        )
    return said
