"""Pages for browsers: which language a request wants, and a template as a response."""

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import HTMLResponse

from gis_registry.api.access import COOKIE
from gis_registry.web.rendering import choose_language, render

_LANGUAGE_COOKIE = "gis_registry_lang"


def page(
    request: Request,
    template: str,
    *,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: object,
) -> HTMLResponse:
    """Return a page in the request's language; a choice made by ``?lang=`` is kept."""
    asked = request.query_params.get("lang")
    language = choose_language(
        asked,
        request.cookies.get(_LANGUAGE_COOKIE),
        request.headers.get("accept-language", ""),
    )
    other = "en" if language == "zh" else "zh"
    response = HTMLResponse(
        render(
            template,
            language=language,
            other_language_url=str(request.url.include_query_params(lang=other)),
            here="/" if request.url.path == "/login" else request.url.path,
            actor=_actor(request),
            **context,
        ),
        status_code=status_code,
        headers={"Vary": "Accept-Language, Cookie", **(headers or {})},
    )
    if asked == language:
        response.set_cookie(
            _LANGUAGE_COOKIE, language, max_age=31_536_000, httponly=True, samesite="lax"
        )
    return response


def _actor(request: Request) -> str:
    """Return who asks; pages that ask no database take the cookie's word for it, unnamed."""
    unchecked = "" if COOKIE in request.cookies else "anonymous"
    return str(getattr(request.state, "actor", unchecked))
