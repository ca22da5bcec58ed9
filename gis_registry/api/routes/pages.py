"""Pages for people: home, identity card, signing in, the API's documentation, problems."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from gis_registry.api.access import COOKIE, CurrentActor
from gis_registry.api.pages import page
from gis_registry.api.problems import kinds
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.components import service as components
from gis_registry.components.identifiers import identifier_in, in_address
from gis_registry.errors import NotAuthenticated, NotFound, NotPermitted
from gis_registry.places import service as places
from gis_registry.readiness import counts
from gis_registry.roles import Permission
from gis_registry.users import service as users

router = APIRouter(route_class=CheckedRoute, include_in_schema=False)

_SIGNED_IN_S = 30 * 24 * 3600


@router.get("/")
def home(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    """Show what this is, how much it holds, and where to go."""
    return page(
        request,
        "home.html",
        city=places.show_city(session),
        counts=counts(session),
        may_read=actor.may(Permission.READ),
    )


@router.get("/c")
def find_card(code: Annotated[str, Query(max_length=100)]) -> Response:
    """Go to the card of an identifier, tag or key as somebody typed it, or of a scanned QR code."""
    identifier = identifier_in(code)
    known = quote(in_address(code).strip(), safe="") if identifier is None else str(identifier)
    return RedirectResponse(f"/c/{known}", status_code=303)


@router.get("/c/{code}")
def card(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    code: Annotated[str, Path(max_length=100)],
) -> Response:
    """Show a component's identity card; its units and history to those who may read."""
    may_read = actor.may(Permission.READ)
    shown = components.card(session, code)
    return page(
        request,
        "card.html",
        city=places.show_city(session),
        card=shown,
        detail=components.show(session, code) if may_read else None,
        history=components.history(session, code) if may_read else [],
        url=f"{str(request.base_url).rstrip('/')}/c/{shown.code}",
    )


@router.get("/login")
def login_form(
    request: Request, actor: CurrentActor, back: Annotated[str, Query(alias="next")] = "/"
) -> Response:
    """Show the field for a key."""
    return page(request, "login.html", back=_local(back), error=None, role=actor.role)


@router.post("/login")
def login(
    request: Request,
    session: DatabaseSession,
    key: Annotated[str, Form(max_length=200)] = "",
    back: Annotated[str, Form(alias="next", max_length=2000)] = "/",
) -> Response:
    """Keep a valid key in a cookie that only this site's pages send, and only for reading."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotPermitted("Sign in on this site's own page.")
    try:
        actor = users.actor_of(session, key)
    except NotAuthenticated as error:
        return page(
            request, "login.html", status_code=401, back=_local(back), error=str(error), role=None
        )
    request.state.actor = actor.name
    response = RedirectResponse(_local(back), status_code=303)
    response.set_cookie(
        COOKIE,
        key.strip(),
        max_age=_SIGNED_IN_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout")
async def logout() -> Response:
    """Forget the key."""
    response = RedirectResponse("/", status_code=303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


@router.get("/favicon.ico")
async def icon() -> Response:
    """Go to the icon, for pages that do not name it."""
    return RedirectResponse("/static/icon.svg", status_code=308)


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Show the API's documentation, from files of our own."""
    return page(request, "docs.html")


@router.get("/problems")
async def list_problems(request: Request) -> Response:
    """List every kind of problem."""
    return page(request, "problems.html", problems=sorted(set(kinds()), key=lambda one: one.code))


@router.get("/problems/{code}")
async def show_problem(request: Request, code: str) -> Response:
    """Explain one kind of problem."""
    found = [one for one in kinds() if one.code == code]
    if not found:
        raise NotFound(f"There is no problem {code!r}.")
    return page(request, "problems.html", problems=found)


def _local(address: str) -> str:
    """Return an address of this site; any other becomes the home page."""
    is_local = address.startswith("/") and not address.startswith(("//", "/\\"))
    return quote(address, safe="/?=&%+,:@") if is_local else "/"
