"""Open311 GeoReport v2: matter types as services, reports as service requests."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends as DependsOn
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from gis_registry.api.access import CurrentActor, Requires
from gis_registry.api.open311_formats import PREFIX, Format, answer
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute, check_text
from gis_registry.errors import InvalidInput, NotAuthenticated
from gis_registry.reports import open311
from gis_registry.reports.open311_schemas import NewServiceRequest, RequestQuery
from gis_registry.roles import Permission
from gis_registry.users import service as users
from gis_registry.users.service import Actor
from gis_registry.web.rendering import choose_language

_URL_ENCODED = "application/x-www-form-urlencoded"
_MAX_FIELDS = 1000

_Model = TypeVar("_Model", bound=BaseModel)


async def read_parameters(request: Request) -> dict[str, str]:
    """Return what the address and the form say; of what is said twice both, with a comma.

    Clients send fields that they leave empty: those count as not sent.

    Raises:
        InvalidInput: the form cannot be read, is not in UTF-8, or has a file in it.
    """
    sent = [*request.query_params.multi_items(), *await _form(request)]
    values: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in sent:
        if value.strip():
            values[name].append(value.strip())
    given = {name: ",".join(parts) for name, parts in values.items()}
    check_text(given, "form")
    return given


async def _form(request: Request) -> list[tuple[str, str]]:
    """Return what a form says; its text is UTF-8, whether or not it is percent-encoded.

    Starlette would take what is not, as ``curl -d`` sends it, for Latin-1.
    """
    body = await request.body()
    fields: list[tuple[str, str]] = []
    try:
        if request.headers.get("content-type", "").lower().startswith(_URL_ENCODED):
            return parse_qsl(body.decode(), errors="strict", max_num_fields=_MAX_FIELDS)
        async with request.form() as form:
            for name, value in form.multi_items():
                if not isinstance(value, str):
                    raise InvalidInput(
                        f"Files are not taken: put {name!r} where media_url can name it."
                    )
                fields.append((name, value))
        body.decode()
    except HTTPException as error:
        raise InvalidInput(f"The form cannot be read: {error.detail}") from error
    except ValueError as error:
        raise InvalidInput(
            f"The form cannot be read: send it in UTF-8, with {_MAX_FIELDS} fields at most."
        ) from error
    return fields


Parameters = Annotated[dict[str, str], Depends(read_parameters)]


def open311_actor(
    request: Request, session: DatabaseSession, actor: CurrentActor, given: Parameters
) -> Actor:
    """Return whose key was sent, as ``api_key`` or as to any other route.

    Raises:
        NotAuthenticated: the key is not known.
    """
    if "api_key" in given:
        actor = users.actor_of(session, given["api_key"])
        request.state.actor = actor.name
    return actor


Open311Actor = Annotated[Actor, Depends(open311_actor)]


class RequiresOf311(Requires):
    """The same as its parent, for keys that are sent in Open311's way too."""

    async def __call__(self, actor: Open311Actor) -> None:
        """Refuse unless the actor may.

        Raises:
            NotAuthenticated: nobody is known.
            NotPermitted: the role is not enough.
        """
        try:
            actor.require(*self.permissions)
        except NotAuthenticated as error:
            raise NotAuthenticated(
                "Send a key as `api_key`; an administrator makes one with "
                "`gis-registry user add NAME --role ROLE`."
            ) from error


def _requires(permission: Permission) -> DependsOn:
    dependency: DependsOn = Depends(RequiresOf311((permission,)))
    return dependency


def require_jurisdiction(session: DatabaseSession, given: Parameters) -> None:
    """Refuse requests for any other city.

    Raises:
        NotFound: the registry is another city's.
    """
    if "jurisdiction_id" in given:
        open311.require_jurisdiction(session, given["jurisdiction_id"])


def read_language(request: Request, given: Parameters) -> str:
    """Return the language of the texts: as ``lang`` says, or Accept-Language."""
    return choose_language(given.get("lang"), None, request.headers.get("accept-language", ""))


Language = Annotated[str, Depends(read_language)]

#: Not in the OpenAPI document: the standard describes these routes, and their errors are its own.
router = APIRouter(
    prefix=PREFIX,
    route_class=CheckedRoute,
    include_in_schema=False,
    dependencies=[Depends(require_jurisdiction)],
)


@router.get("/discovery.{format}")
def show_discovery(
    request: Request,
    session: DatabaseSession,
    language: Language,
    format: Format,  # noqa: A002
) -> Response:
    """Say where this interface answers, and how to get a key."""
    url = f"{str(request.base_url).rstrip('/')}{PREFIX}"
    return answer(format, "discovery", open311.discovery(session, url=url, language=language))


@router.get("/services.{format}", dependencies=[_requires(Permission.READ)])
def list_services(session: DatabaseSession, language: Language, format: Format) -> Response:  # noqa: A002
    """List what can be requested."""
    return answer(format, "services", open311.services(session, language=language))


@router.get("/services/{service_code}.{format}", dependencies=[_requires(Permission.READ)])
def show_service(
    session: DatabaseSession,
    language: Language,
    service_code: str,
    format: Format,  # noqa: A002
) -> Response:
    """Show which attributes a request for a service can have."""
    found = open311.definition(session, service_code, language=language)
    return answer(format, "service_definition", found)


@router.post("/requests.{format}", dependencies=[_requires(Permission.REPORT)])
def submit_request(
    session: DatabaseSession,
    actor: Open311Actor,
    given: Parameters,
    language: Language,
    format: Format,  # noqa: A002
) -> Response:
    """Take in a service request."""
    attributes = {
        name.removeprefix("attribute[").removesuffix("]"): value
        for name, value in given.items()
        if name.startswith("attribute[")
    }
    new = _checked(NewServiceRequest, {**given, "attribute": attributes})
    submitted = open311.submit(session, new, reported_by=actor.name, language=language)
    return answer(format, "service_requests", [submitted])


@router.get("/requests.{format}", dependencies=[_requires(Permission.READ)])
def list_requests(
    session: DatabaseSession,
    given: Parameters,
    language: Language,
    format: Format,  # noqa: A002
) -> Response:
    """List service requests, the newest first."""
    found = open311.requests(session, _checked(RequestQuery, given), language=language)
    return answer(format, "service_requests", found)


@router.get("/requests/{service_request_id}.{format}", dependencies=[_requires(Permission.READ)])
def show_request(
    session: DatabaseSession,
    given: Parameters,
    language: Language,
    service_request_id: str,
    format: Format,  # noqa: A002
) -> Response:
    """Show a service request."""
    asked = {"extensions": given["extensions"]} if "extensions" in given else {}
    found = open311.request(
        session,
        service_request_id,
        extensions=_checked(RequestQuery, asked).extensions,
        language=language,
    )
    return answer(format, "service_requests", [found])


@router.get("/tokens/{token}.{format}", dependencies=[_requires(Permission.READ)])
def show_token(session: DatabaseSession, token: str, format: Format) -> Response:  # noqa: A002
    """Show the service request that a token stands for."""
    return answer(format, "service_requests", [open311.token(session, token)])


def _checked(model: type[_Model], values: Mapping[str, object]) -> _Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
