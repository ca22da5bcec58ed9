"""OGC API Features, Part 4: components added, replaced, changed and retired."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import anyio
from fastapi.exceptions import RequestValidationError
from pydantic_core import from_json
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gis_registry.api.ogc.asking import Asking
from gis_registry.api.ogc.operations import GEOJSON, Operation, Parameter
from gis_registry.api.preconditions import expected_versions
from gis_registry.api.sessions import limit_statements, turn
from gis_registry.api.text import check_text
from gis_registry.components import service as components
from gis_registry.components.service import Facts
from gis_registry.components.tables import ComponentState
from gis_registry.db.engine import Database
from gis_registry.errors import (
    BadRequest,
    InvalidInput,
    NotFound,
    Outdated,
    UnknownClass,
    UnsupportedMediaType,
)
from gis_registry.maps import collections, pages, receiving
from gis_registry.maps import crs as systems
from gis_registry.maps.collections import Collection
from gis_registry.maps.crs import OfferedCrs
from gis_registry.maps.receiving import How, Sent
from gis_registry.places import service as places
from gis_registry.roles import Permission

_FEATURES_4 = "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/{}"
CONFORMANCE_CLASSES = tuple(
    _FEATURES_4.format(name)
    for name in (
        "create-replace-delete",
        "update",
        "optimistic-locking-etags",
        "features",
        "return-resource-representation-in-response",
    )
)

T = TypeVar("T")
_MERGE_PATCH = "application/merge-patch+json"
_JSON_BODIES = (GEOJSON.media_type, "application/json")
_PATCH_BODIES = (_MERGE_PATCH, "application/json")
_ITEMS, _ITEM = "/collections/{collection}/items", "/collections/{collection}/items/{feature}"


async def create(asking: Asking) -> Response:
    """Register a component."""
    collection = await _editable(asking)
    crs = await _content_crs(asking)
    sent = receiving.feature(await _body(asking, _JSON_BODIES), collection, How.CREATED, crs=crs)
    reason = _reason(asking)

    def register(session: Session) -> str:
        return components.register(
            session,
            sent.facts,
            actor=asking.actor.name,
            reason=reason,
            on_date=places.today(session),
        )

    code = await _transaction(asking, register)
    place = asking.url(f"/collections/{collection.name}/items/{code}")
    return await _answer(asking, collection, code, crs, {"location": place}, status=201)


async def replace(asking: Asking) -> Response:
    """Make a component what a feature says."""
    return await _change(asking, How.REPLACED, _JSON_BODIES)


async def update(asking: Asking) -> Response:
    """Change what is said of a component."""
    return await _change(asking, How.MERGED, _PATCH_BODIES)


async def delete(asking: Asking) -> Response:
    """Retire a component."""
    collection = await _editable(asking)
    code = asking.path("feature")
    await pages.single(asking.reading, collection, code, crs=systems.STORED)
    retired = Sent(Facts(state=ComponentState.RETIRED), None)
    await _conform(asking, code, retired)
    return Response(status_code=204)


async def options_of_items(asking: Asking) -> Response:
    """Answer with the methods that a collection's features take."""
    collection = await asking.published.find(asking.path("collection"), actor=asking.actor)
    if not _may_edit(asking, collection):
        return _options("GET", "HEAD", "OPTIONS")
    return _options(
        "GET", "HEAD", "OPTIONS", "POST", headers={"accept-post": ", ".join(_JSON_BODIES)}
    )


async def options_of_item(asking: Asking) -> Response:
    """Answer with the methods that a feature takes."""
    collection = await asking.published.find(asking.path("collection"), actor=asking.actor)
    if not _may_edit(asking, collection):
        return _options("GET", "HEAD", "OPTIONS")
    return _options(
        *("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"),
        headers={"accept-patch": ", ".join(_PATCH_BODIES)},
    )


async def _change(asking: Asking, how: How, media_types: tuple[str, ...]) -> Response:
    collection = await _editable(asking)
    crs = await _content_crs(asking)
    code = asking.path("feature")
    told, _ = await pages.single(asking.reading, collection, code, crs=systems.STORED)
    sent = receiving.feature(
        await _body(asking, media_types), collection, how, crs=crs, present=from_json(told)
    )
    await _conform(asking, code, sent)
    return await _answer(asking, collection, code, crs, {}, status=204)


async def _conform(asking: Asking, code: str, sent: Sent) -> None:
    """Make a component what was sent of it."""
    reason = _reason(asking)
    expected = _if_match(asking)
    if expected is None and sent.version is not None:
        expected = frozenset({sent.version})

    def conform(session: Session) -> None:
        components.conform(
            session,
            code,
            sent.facts,
            actor=asking.actor.name,
            reason=reason,
            on_date=places.today(session),
            expected_versions=expected,
        )

    await _transaction(asking, conform)


async def _transaction(asking: Asking, work: Callable[[Session], T]) -> T:
    """Do something in a transaction of its own, which is committed before the answer is sent."""
    state = asking.request.app.state
    database: Database = state.database

    def worked() -> T:
        with database.session() as session:
            limit_statements(session, state.settings)
            return work(session)

    async with turn(state.turns):
        try:
            return await anyio.to_thread.run_sync(worked)
        except UnknownClass as error:  # of the body, not of the address
            raise BadRequest(str(error)) from error


async def _answer(
    asking: Asking,
    collection: Collection,
    code: str,
    crs: OfferedCrs,
    headers: dict[str, str],
    *,
    status: int,
) -> Response:
    """Answer with its ETag, and with the feature as it is now if that is preferred."""
    try:
        told, version = await pages.single(asking.reading, collection, code, crs=crs)
    except NotFound:  # it is of another class now
        told, version = await pages.single(asking.reading, collections.components(), code, crs=crs)
    headers = {**headers, "etag": f'"{version}"'}
    preferred = asking.request.headers.get("prefer", "").lower().translate(_UNQUOTED)
    if "return=representation" not in preferred.replace(";", ",").split(","):
        return Response(status_code=status, headers=headers)
    return Response(
        told,
        status_code=200 if status == 204 else status,
        headers={
            **headers,
            "content-type": GEOJSON.media_type,
            "content-crs": f"<{crs.uri}>",
            "preference-applied": "return=representation",
        },
    )


async def _editable(asking: Asking) -> Collection:
    """Return the collection, if its features can be changed.

    Raises:
        NotFound: there is none.
        HTTPException: they cannot (405).
    """
    collection = await asking.published.find(asking.path("collection"), actor=asking.actor)
    if not collection.is_editable:
        raise HTTPException(405, headers={"allow": "GET, HEAD, OPTIONS"})
    return collection


def _may_edit(asking: Asking, collection: Collection) -> bool:
    return collection.is_editable and asking.actor.may(Permission.SURVEY)


def _options(*methods: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(headers={"allow": ", ".join(methods), **(headers or {})})


async def _content_crs(asking: Asking) -> OfferedCrs:
    """Return the system that the sent coordinates are in."""
    said = asking.request.headers.get("content-crs")
    uri = said.strip().removeprefix("<").removesuffix(">") if said is not None else None
    city = await asking.published.city()
    return systems.find(uri, city.systems, parameter="Content-Crs")


async def _body(asking: Asking, media_types: tuple[str, ...]) -> dict[str, Any]:
    """Return the JSON object that was sent.

    Raises:
        UnsupportedMediaType: it is said to be something else.
        BadRequest: it is none, or has text that cannot be stored.
    """
    said = asking.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    names = " or ".join(media_types)
    if not said:
        raise BadRequest(f"Say in Content-Type what the body is: {names}.")
    if said not in media_types:
        raise UnsupportedMediaType(f"The body must be {names}, and not {said[:100]!r}.")
    content = await asking.request.body()
    try:
        body = from_json(content, allow_inf_nan=False)
        check_text(body, "body")
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is no JSON in UTF-8: {str(error)[:200]}.") from error
    except RequestValidationError as error:
        raise BadRequest("The body has a character that no text can have.") from error
    if not isinstance(body, dict):
        raise BadRequest("The body must be one JSON object.")
    return body


def _if_match(asking: Asking) -> frozenset[int] | None:
    """Return the versions of which one must be there; None: any.

    Raises:
        Outdated: it holds what no feature ever had.
    """
    try:
        return expected_versions(asking.request.headers.get("if-match"))
    except InvalidInput as error:
        raise Outdated(str(error)) from error


def _reason(asking: Asking) -> str:
    """Return why, as it stands in the history; without a reason, which program it was."""
    said = asking.parameters.get("reason", "").strip()
    if len(said) > 1000:
        raise BadRequest("`reason` may have 1,000 characters.")
    program = asking.request.headers.get("user-agent", "")
    shown = "".join(one for one in program if one.isprintable())[:200].strip()
    return said or f"OGC API Features: {asking.request.method} by {shown or 'an unnamed program'}"


_REASON = Parameter("reason", "Why; it stands in the component's history")
_CONTENT_CRS = Parameter("Content-Crs", "The system of the body's coordinates, by its URI")
#: `return=representation` may be written with quotes and spaces (RFC 7240, 2).
_UNQUOTED = str.maketrans("", "", ' "')
_IF_MATCH = Parameter("If-Match", "ETag that the change is made for: refused if it changed since")
_PREFER = Parameter(
    "Prefer",
    "Whether to answer with the feature",
    {"type": "string", "enum": ["return=minimal", "return=representation"]},
)
_REFUSED = {
    405: "The features of this collection are not changed",
    409: "It contradicts the present state, such as a component that was retired meanwhile",
    413: "The body is too large",
    415: "The body is of a media type that is not read",
}
_OUTDATED = {412: "It was changed since the version of If-Match"}
_CHANGED = {200: "The feature as it is now", **_REFUSED, **_OUTDATED}

_changing = partial(
    Operation, tag="Editing", parameters=(_REASON,), permission=Permission.SURVEY, formats=()
)
_telling = partial(
    Operation,
    summary="Get the methods that you may use, in Allow",
    tag="Editing",
    method="OPTIONS",
    formats=(),
)
OPERATIONS = (
    _changing(
        _ITEMS,
        "createFeature",
        "Register a component; its identifier is issued, never chosen",
        create,
        method="POST",
        success=(201, "It is registered; Location is its address"),
        formats=(GEOJSON,),
        body=_JSON_BODIES,
        headers=(_CONTENT_CRS, _PREFER),
        also=_REFUSED,
    ),
    _changing(
        _ITEM,
        "replaceFeature",
        "Make a component what a feature says",
        replace,
        method="PUT",
        success=(204, "It is so"),
        body=_JSON_BODIES,
        headers=(_CONTENT_CRS, _IF_MATCH, _PREFER),
        also=_CHANGED,
    ),
    _changing(
        _ITEM,
        "updateFeature",
        "Change what is said of a component (JSON Merge Patch)",
        update,
        method="PATCH",
        success=(204, "It is so"),
        body=_PATCH_BODIES,
        headers=(_CONTENT_CRS, _IF_MATCH, _PREFER),
        also=_CHANGED,
    ),
    _changing(
        _ITEM,
        "deleteFeature",
        "Retire a component: its history keeps it, and its identifier is not issued again",
        delete,
        method="DELETE",
        success=(204, "It is retired"),
        headers=(_IF_MATCH,),
        also={**_REFUSED, **_OUTDATED},
    ),
    _telling(_ITEMS, "optionsOfFeatures", answer=options_of_items),
    _telling(_ITEM, "optionsOfFeature", answer=options_of_item),
)
