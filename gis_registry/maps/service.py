"""Rendered maps, to be served or kept as a file."""

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.orm import Session

from gis_registry.errors import InvalidInput
from gis_registry.maps import queries
from gis_registry.maps.assets import VENDOR_DIR, images_in
from gis_registry.maps.base_map import Page
from gis_registry.maps.content import ShownCase, overview_content, shown_cases
from gis_registry.maps.embedding import EmbeddedPage
from gis_registry.maps.overview import render_overview
from gis_registry.maps.survey_content import survey_content
from gis_registry.maps.survey_review import render_survey_review

SERVED_ASSETS = "/static/vendor/"
SERVED_CARDS = "/c/"
SERVED_CASES = "/cases/"
#: What tells a map that is served what happens while it is seen.
SERVED_SCRIPT = "/static/live.js"
LARGEST_UPDATE = 200


@dataclass(frozen=True)
class OverviewUpdate:
    """Cases that changed, as the overview map shows them; those left out are closed."""

    cases: list[ShownCase]
    case_count: int


def overview_page(session: Session) -> str:
    """Return the overview map as a page for this program's own server.

    Raises:
        DatabaseUnsuitable: no city is loaded.
        RegistryError: the page assets are not installed.
    """
    content = overview_content(session)
    return render_overview(
        content,
        asset_prefix=SERVED_ASSETS,
        card_prefix=SERVED_CARDS,
        case_prefix=SERVED_CASES,
        live_script=SERVED_SCRIPT,
    ).html


def overview_update(session: Session, numbers: Collection[int] | None) -> OverviewUpdate:
    """Return what became of some cases, or of all (None), for a map that is shown.

    Raises:
        DatabaseUnsuitable: no city is loaded.
    """
    return OverviewUpdate(
        cases=shown_cases(session, None if numbers is None else sorted(set(numbers))),
        case_count=queries.open_case_count(session),
    )


def write_overview(session: Session, path: Path) -> Path:
    """Write the overview map as a file that needs no server and no network.

    Beside ``out.html`` stands the folder ``out_files`` with the scripts and styles it loads; keep
    the two together.

    Returns:
        The file.

    Raises:
        InvalidInput: the file or the folder cannot be written.
        DatabaseUnsuitable: no city is loaded.
        RegistryError: the page assets are not installed.
    """
    content = overview_content(session)
    return _write(
        path, lambda prefix: render_overview(content, asset_prefix=prefix, card_prefix=None)
    )


def write_survey_review(
    session: Session, survey_id: int, path: Path, *, verdicts: Collection[str] | None = None
) -> Path:
    """Write the map of what a survey would change, as a file that needs no server and no network.

    What it needs lies beside it, as for the overview map.

    Args:
        session: open transaction.
        survey_id: the survey.
        path: the file.
        verdicts: only rows of these are drawn; None: all.

    Returns:
        The file.

    Raises:
        NotFound: there is no such survey.
        InvalidInput: the file or the folder cannot be written.
        RegistryError: the page assets are not installed.
    """
    content = survey_content(session, survey_id, verdicts=verdicts)
    return _write(path, lambda prefix: render_survey_review(content, asset_prefix=prefix))


def survey_review(
    session: Session, survey_id: int, *, verdicts: Collection[str] | None = None
) -> EmbeddedPage:
    """Return the same map as one text that carries its scripts and styles; notebooks show it.

    Args:
        session: open transaction.
        survey_id: the survey.
        verdicts: only rows of these are drawn; None: all.

    Raises:
        NotFound: there is no such survey.
        RegistryError: the page assets are not installed.
    """
    content = survey_content(session, survey_id, verdicts=verdicts)
    return EmbeddedPage(render_survey_review(content, asset_prefix=None).html)


def _write(path: Path, render: Callable[[str], Page]) -> Path:
    """Write a page, and beside it the folder of what it links to."""
    folder = path.with_name(f"{path.stem}_files")
    page = render(f"{quote(folder.name)}/")
    try:
        for asset in sorted(set(_with_linked_files(page.assets))):
            target = folder / asset
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(VENDOR_DIR / asset, target)
        path.write_text(page.html, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"The map cannot be written to {path}: {error.strerror} ({error.filename})."
        ) from error
    return path


def _with_linked_files(assets: list[str]) -> list[str]:
    """Return the assets and the images that their styles link to."""
    return [*assets, *(image for asset in assets for image in images_in(asset).values())]
