"""Local copies of the scripts and styles that rendered maps link to.

folium writes links to content networks into its pages. A city's map must work without them, so
each link that the map uses has a file below ``web/static/vendor``, put there by ``make setup`` (see
``web/vendor.mjs``) and shipped in the wheel. Where a version differs from the one in the link, it
is a later one that was tried with folium's templates.
"""

from pathlib import Path
from typing import Final

from gis_registry.errors import RegistryError

VENDOR_DIR: Final = Path(__file__).resolve().parent.parent / "web" / "static" / "vendor"

_JSDELIVR = "https://cdn.jsdelivr.net"
_CDNJS = "https://cdnjs.cloudflare.com/ajax/libs"

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
