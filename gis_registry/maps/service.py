"""Rendered maps, to be served or kept as a file."""

import re
import shutil
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.orm import Session

from gis_registry.errors import InvalidInput
from gis_registry.maps.assets import VENDOR_DIR
from gis_registry.maps.content import overview_content
from gis_registry.maps.overview import render_overview

SERVED_ASSETS = "/static/vendor/"
SERVED_CARDS = "/c/"
_LINK_IN_STYLE = re.compile(r"url\(\s*['\"]?(?!data:|#|https?:)([^'\")?#]+)")


def overview_page(session: Session) -> str:
    """Return the overview map as a page for this program's own server.

    Raises:
        DatabaseUnsuitable: no city is loaded.
        RegistryError: the page assets are not installed.
    """
    content = overview_content(session)
    return render_overview(content, asset_prefix=SERVED_ASSETS, card_prefix=SERVED_CARDS).html


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
    folder = path.with_name(f"{path.stem}_files")
    page = render_overview(
        overview_content(session), asset_prefix=f"{quote(folder.name)}/", card_prefix=None
    )
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
    linked = []
    for asset in assets:
        if asset.endswith(".css"):
            style = VENDOR_DIR / asset
            for link in _LINK_IN_STYLE.findall(style.read_text(encoding="utf-8")):
                image = (style.parent / link).resolve()
                linked.append(image.relative_to(VENDOR_DIR).as_posix())
    return [*assets, *linked]
