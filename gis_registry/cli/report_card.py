"""``gis-registry report-card``: the month on a page."""

from pathlib import Path
from typing import Annotated

import typer

from gis_registry.cli.case_stats import month_of
from gis_registry.cli.context import transaction
from gis_registry.cli.output import print_sentence
from gis_registry.errors import InvalidInput


def report_card(
    month: Annotated[str, typer.Option(help="The month, such as 2026-06.")],
    out: Annotated[Path, typer.Option(help="File to write: .html or .pdf.")],
    unit: Annotated[str | None, typer.Option(help="Only of this unit, by its code.")] = None,
    division: Annotated[
        str | None, typer.Option(help="Only of this district or subdistrict.")
    ] = None,
) -> None:
    """Write the month's report card: figures, trend, areas, units, what is overdue, formulas."""
    from gis_registry.web import report_card as cards

    days = month_of(month)
    if out.suffix.lower() not in (".html", ".pdf"):
        raise typer.BadParameter(f"{out.name} ends neither in .html nor in .pdf.")
    if not out.parent.is_dir():
        raise InvalidInput(f"There is no folder {out.parent}.")
    with transaction() as session:
        card = cards.report_card(session, days, unit=unit, division=division)
    if out.suffix.lower() == ".pdf":
        from gis_registry.web.report_card_pdf import write_pdf

        content = write_pdf(card)
    else:
        content = cards.render_card(card).encode()
    try:
        out.write_bytes(content)
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written: {error.strerror}.") from error
    print_sentence(f"The report card is in {out}.")
