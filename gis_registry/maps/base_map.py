"""What every rendered map of the city has: its divisions, who drew them, and its controls."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from folium.plugins import Fullscreen
from jinja2 import Environment, PackageLoader, StrictUndefined

from gis_registry.maps.assets import require_assets
from gis_registry.maps.content import Box, ShownArea
from gis_registry.maps.figure import Call, DrawnLayer, LeafletMap, OfflineFigure, Verbatim
from gis_registry.maps.outlines import STEPS_PER_DEGREE

templates = Environment(
    loader=PackageLoader("gis_registry.maps"), autoescape=True, undefined=StrictUndefined
)


@dataclass(frozen=True)
class Page:
    """A rendered page and the assets below ``VENDOR_DIR`` that it links to."""

    html: str
    assets: list[str]


def rendered(
    page_map: LeafletMap, *, name: str, title: str, panels: str, asset_prefix: str | None
) -> Page:
    """Render a map with its panels and its own script and style.

    Args:
        page_map: the map, as :func:`base_map` made it, with what it shows.
        name: the script and the style beside the templates.
        title: of the window.
        panels: HTML that stands before the map.
        asset_prefix: where scripts and styles are, ending with a slash; None: in the page itself.

    Raises:
        RegistryError: the page assets are not installed.
    """
    require_assets()
    figure = OfflineFigure(
        title=title,
        language="zh-CN",
        asset_prefix=asset_prefix,
        style=_source("base_map.css") + _source(f"{name}.css"),
    )
    figure.html.add_child(Verbatim(panels))
    for script in ("base_map.js", f"{name}.js"):
        figure.script.add_child(Verbatim(_source(script)))
    figure.add_child(page_map)
    return Page(html=figure.render(), assets=figure.assets)


def base_map(
    center: tuple[float, float],
    zoom: int,
    *,
    max_zoom: int,
    sources: Sequence[str],
    card_prefix: str | None = None,
) -> LeafletMap:
    """Return a map on which nothing is drawn yet.

    Args:
        center: longitude and latitude.
        zoom: how near it begins.
        max_zoom: how near it goes.
        sources: who drew the boundaries.
        card_prefix: what a component's page starts with before its identifier; None: no links.
    """
    lon, lat = center
    page_map = LeafletMap(
        location=(lat, lon),
        zoom_start=zoom,
        tiles=None,
        maxZoom=max_zoom,
        zoomSnap=0.5,
        control_scale=True,
        prefer_canvas=True,
    )
    page_map.add_child(
        Call(
            "baseMap.begin",
            {
                "card_prefix": card_prefix,
                "steps_per_degree": STEPS_PER_DEGREE,
                "attribution": _attribution(sources),
            },
        )
    )
    return page_map


def add_divisions(
    page_map: LeafletMap, districts: Sequence[ShownArea], subdistricts: Sequence[ShownArea]
) -> None:
    """Draw the borders and the names of divisions."""
    drawn: Mapping[str, tuple[str, Sequence[ShownArea]]] = {
        "districts": ("区界 Districts", districts),
        "subdistricts": ("街道界 Subdistricts", subdistricts),
    }
    for key, (name, areas) in drawn.items():
        data = [asdict(one) for one in areas]
        page_map.add_child(DrawnLayer(drawing=f"baseMap.{key}", data=data, name=name))


def add_full_screen(page_map: LeafletMap) -> None:
    """Add the button that fills the screen."""
    page_map.add_child(
        Fullscreen(  # type: ignore[no-untyped-call]  # folium's
            title="全屏 Full screen", title_cancel="退出全屏 Exit full screen"
        )
    )


def corners(box: Box | None) -> list[list[float]] | None:
    """Return a box as Leaflet has it: south-west and north-east, latitude first."""
    if box is None:
        return None
    west, south, east, north = box
    return [[south, west], [north, east]]


def _attribution(sources: Sequence[str]) -> dict[str, object]:
    """Return who drew the boundaries, as their sources say it."""
    return {
        "is_openstreetmap": any("openstreetmap" in one.lower() for one in sources),
        "others": [one for one in sources if "openstreetmap" not in one.lower()],
    }


def _source(name: str) -> str:
    """Return the text of a file beside the templates."""
    return templates.loader.get_source(templates, name)[0] if templates.loader else ""
