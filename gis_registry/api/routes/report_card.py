"""The report card of a month, as page and as PDF."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from gis_registry.api.access import requires
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.cases.indicator_views import days_of_month
from gis_registry.roles import Permission
from gis_registry.web import report_card as cards

router = APIRouter(prefix="/reports", route_class=CheckedRoute, include_in_schema=False)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


class Format(StrEnum):
    """What it is written as."""

    HTML = "html"
    PDF = "pdf"


@router.get("/card", dependencies=[requires(Permission.READ)])
def show_card(
    session: DatabaseSession,
    month: Annotated[str, Query(max_length=7, description="Such as 2026-06")],
    unit: Annotated[str | None, Query(max_length=100)] = None,
    division: Annotated[str | None, Query(max_length=100)] = None,
    as_: Annotated[Format, Query(alias="format")] = Format.HTML,
) -> Response:
    """Show the report card of a month."""
    card = cards.report_card(session, days_of_month(month), unit=unit, division=division)
    if as_ is Format.PDF:
        from gis_registry.web.report_card_pdf import write_pdf

        return Response(
            write_pdf(card),
            media_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="report-card-{month}.pdf"'},
        )
    return HTMLResponse(cards.render_card(card), headers={"Content-Security-Policy": _POLICY})
