"""The report card of a month, as page and as PDF."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import anyio
from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from gis_registry.api.access import requires
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.cases.indicator_views import days_of_month
from gis_registry.errors import TooBusy
from gis_registry.roles import Permission
from gis_registry.web import report_card as cards

router = APIRouter(prefix="/reports", route_class=CheckedRoute, include_in_schema=False)

#: A PDF is seconds of work in Python: two at once would each take twice as long.
TURNS = 1
LONGEST_WAIT_S = 20.0
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


class Format(StrEnum):
    """What it is written as."""

    HTML = "html"
    PDF = "pdf"


class _Rendered(Response):
    """An answer that is long work: done in turn, once the session of its request is given back."""

    def __init__(self, render: Callable[[], Response]) -> None:
        super().__init__()
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Render and send it.

        Raises:
            TooBusy: too many are before this one.
        """
        turns: anyio.Semaphore = scope["app"].state.card_turns
        try:
            with anyio.fail_after(LONGEST_WAIT_S):
                await turns.acquire()
        except TimeoutError as error:
            raise TooBusy("Other report cards are being written: try again in a moment.") from error
        try:
            response = await anyio.to_thread.run_sync(self._render)
        finally:
            turns.release()
        await response(scope, receive, send)


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
    if as_ is Format.HTML:
        return HTMLResponse(cards.render_card(card), headers={"Content-Security-Policy": _POLICY})
    return _Rendered(lambda: _pdf(card, month))


def _pdf(card: cards.ReportCard, month: str) -> Response:
    from gis_registry.web import report_card_pdf

    return Response(
        report_card_pdf.write_pdf(card),
        media_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="report-card-{month}.pdf"'},
    )
