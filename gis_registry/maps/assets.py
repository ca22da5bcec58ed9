"""Local copies of the scripts and styles that rendered maps link to.

folium writes links to content networks into its pages. A city's map must work without them, so
each link that the map uses has a file below ``web/static/vendor``, put there by ``make setup`` (see
``web/vendor.mjs``) and shipped in the wheel. Where a version differs from the one in the link, it
is a later one that was tried with folium's templates.
"""

import re
from base64 import b64encode
from mimetypes import guess_type
from pathlib import Path
from typing import Final

from gis_registry.errors import RegistryError

VENDOR_DIR: Final = Path(__file__).resolve().parent.parent / "web" / "static" / "vendor"

_JSDELIVR = "https://cdn.jsdelivr.net"
_CDNJS = "https://cdnjs.cloudflare.com/ajax/libs"
_LINK_IN_STYLE = re.compile(r"url\(\s*['\"]?(?!data:|#|https?:)([^'\")?#]+)")

LOCAL_FILES: Final[dict[str, str]] = {
    # LeafletMap
    f"{_JSDELIVR}/npm/leaflet@1.9.3/dist/leaflet.js": "leaflet/dist/leaflet.js",
    f"{_JSDELIVR}/npm/leaflet@1.9.3/dist/leaflet.css": "leaflet/dist/leaflet.css",
    # FastMarkerCluster
    f"{_CDNJS}/leaflet.markercluster/1.1.0/leaflet.markercluster.js": (
        "leaflet.markercluster/dist/leaflet.markercluster.js"
    ),
    f"{_CDNJS}/leaflet.markercluster/1.1.0/MarkerCluster.css": (
        "leaflet.markercluster/dist/MarkerCluster.css"
    ),
    f"{_CDNJS}/leaflet.markercluster/1.1.0/MarkerCluster.Default.css": (
        "leaflet.markercluster/dist/MarkerCluster.Default.css"
    ),
    # Fullscreen
    f"{_JSDELIVR}/npm/leaflet.fullscreen@3.0.0/Control.FullScreen.min.js": (
        "leaflet.fullscreen/Control.FullScreen.js"
    ),
    f"{_JSDELIVR}/npm/leaflet.fullscreen@3.0.0/Control.FullScreen.css": (
        "leaflet.fullscreen/Control.FullScreen.css"
    ),
}
"""The link as folium writes it → the path below ``VENDOR_DIR`` that replaces it."""


class UnknownAsset(KeyError):
    """A page links to a file that has no local copy."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return (
            f"{self.url} has no local copy: add its npm package to web/package.json and "
            "web/vendor.mjs, and the link to LOCAL_FILES in maps/assets.py"
        )


def local_asset(url: str) -> str:
    """Return the path below ``VENDOR_DIR`` of the local copy of a linked file.

    Raises:
        UnknownAsset: No local copy is known, so the page would ask another host for it.
    """
    if url not in LOCAL_FILES:
        raise UnknownAsset(url)
    return LOCAL_FILES[url]


def images_in(path: str) -> dict[str, str]:
    """Return the images that a style sheet links to: the link → the path below ``VENDOR_DIR``."""
    if not path.endswith(".css"):
        return {}
    style = VENDOR_DIR / path
    links = _LINK_IN_STYLE.findall(style.read_text(encoding="utf-8"))
    return {
        link: (style.parent / link).resolve().relative_to(VENDOR_DIR.resolve()).as_posix()
        for link in links
    }


def embeddable(path: str) -> str:
    """Return a script or a style sheet as it can stand in a page, with the images in it."""
    images = {link: VENDOR_DIR / image for link, image in images_in(path).items()}

    def embedded(found: re.Match[str]) -> str:
        image = images[found[1]]
        content = b64encode(image.read_bytes()).decode("ascii")
        return found[0].replace(found[1], f"data:{guess_type(image.name)[0]};base64,{content}")

    return _LINK_IN_STYLE.sub(embedded, (VENDOR_DIR / path).read_text(encoding="utf-8"))


def require_assets() -> None:
    """Check that the local copies are there.

    Raises:
        RegistryError: The set-up has not been run, or not completely.
    """
    missing = [path for path in LOCAL_FILES.values() if not (VENDOR_DIR / path).is_file()]
    if missing:
        raise RegistryError(
            f"page assets are missing: run `make setup` ({len(missing)} of {len(LOCAL_FILES)} "
            f"files are not in {VENDOR_DIR}, the first is {missing[0]})"
        )
