"""The overview map as a folium page."""

from dataclasses import asdict, dataclass

from folium import LayerControl
from folium.plugins import FastMarkerCluster, Fullscreen
from folium.utilities import JsCode
from jinja2 import Environment, PackageLoader, StrictUndefined

from gis_registry.maps.assets import require_assets
from gis_registry.maps.content import Box, OverviewContent, ShownCase
from gis_registry.maps.figure import Call, DrawnLayer, LeafletMap, OfflineFigure, Verbatim
from gis_registry.maps.outlines import STEPS_PER_DEGREE

_MAX_ZOOM = 20
_SINGLE_FROM_ZOOM = 17  # from here on every component is drawn by itself
_TOP_CLASSES = 5

templates = Environment(
    loader=PackageLoader("gis_registry.maps"), autoescape=True, undefined=StrictUndefined
)


@dataclass(frozen=True)
class Page:
    """A rendered page and the assets below ``VENDOR_DIR`` that it links to."""

    html: str
    assets: list[str]


def render_overview(
    content: OverviewContent, *, asset_prefix: str, card_prefix: str | None
) -> Page:
    """Render the map.

    Args:
        content: what it shows.
        asset_prefix: where scripts and styles are, ending with a slash.
        card_prefix: what a component's page starts with before its identifier; None: no links.

    Raises:
        RegistryError: the page assets are not installed.
    """
    require_assets()
    figure = OfflineFigure(
        title=f"{content.city_zh}部件一张图 {content.city_en} component map",
        language="zh-CN",
        asset_prefix=asset_prefix,
        style=template_source("overview.css"),
    )
    figure.html.add_child(Verbatim(_panels(content)))
    figure.script.add_child(Verbatim(template_source("overview.js")))
    figure.add_child(_map(content, card_prefix))
    return Page(html=figure.render(), assets=figure.assets)


def _map(content: OverviewContent, card_prefix: str | None) -> LeafletMap:
    lon, lat = content.map_center
    page_map = LeafletMap(
        location=(lat, lon),
        zoom_start=content.map_zoom,
        tiles=None,
        maxZoom=_MAX_ZOOM,
        zoomSnap=0.5,
        control_scale=True,
        prefer_canvas=True,
    )
    number_of_class = {}
    classes: list[dict[str, object]] = []
    for major in content.majors:
        for one in major.classes:
            number_of_class[one.id] = len(classes)
            classes.append(asdict(one) | {"major": major.code})
    page_map.add_child(
        Call(
            "overview.begin",
            {
                "classes": classes,
                "card_prefix": card_prefix,
                "steps_per_degree": STEPS_PER_DEGREE,
                "attribution": attribution(content.sources),
                "view": {
                    "center": [lat, lon],
                    "zoom": content.map_zoom,
                    "box": corners(content.core_box),
                    "city_box": corners(content.city_box),
                },
            },
        )
    )
    components = FastMarkerCluster(  # type: ignore[no-untyped-call]  # folium's
        [
            (round(one.lat, 6), round(one.lon, 6), number_of_class[one.class_id], one.code)
            for one in content.components
        ],
        callback="overview.component",
        icon_create_function="overview.clusterIcon",
        name="部件 Components",
        chunked_loading=True,
        disable_clustering_at_zoom=_SINGLE_FROM_ZOOM,
        max_cluster_radius=64,
        show_coverage_on_hover=False,
        spiderfy_on_max_zoom=False,
    )
    drawn = {
        "districts": ("区界 Districts", [asdict(one) for one in content.districts]),
        "subdistricts": ("街道界 Subdistricts", [asdict(one) for one in content.subdistricts]),
        "links": ("派遣连线 Lines to responders", _links(content.cases)),
        "responders": ("调度对象 Responders", [asdict(one) for one in content.responders]),
        "cases": ("在办案件 Open cases", [asdict(one) for one in content.cases]),
    }
    for key, (name, data) in drawn.items():
        if key == "responders":
            page_map.add_child(components)
        page_map.add_child(DrawnLayer(drawing=f"overview.{key}", data=data, name=name))
    page_map.add_child(
        Fullscreen(  # type: ignore[no-untyped-call]  # folium's
            title="全屏 Full screen", title_cancel="退出全屏 Exit full screen"
        )
    )
    is_narrow = JsCode("!overview.isWide()")
    page_map.add_child(LayerControl(collapsed=is_narrow))  # type: ignore[arg-type]  # any option
    page_map.add_child(Call("overview.finish", {}, components))
    return page_map


def _panels(content: OverviewContent) -> str:
    classes = [one for major in content.majors for one in major.classes]
    return templates.get_template("overview_panels.html").render(
        content=content,
        is_sampled=len(content.components) < content.component_count,
        top_classes=sorted(classes, key=lambda one: (-one.count, one.code))[:_TOP_CLASSES],
    )


def attribution(sources: list[str]) -> dict[str, object]:
    """Return who drew the boundaries, as their sources say it."""
    return {
        "is_openstreetmap": any("openstreetmap" in one.lower() for one in sources),
        "others": [one for one in sources if "openstreetmap" not in one.lower()],
    }


def _links(cases: list[ShownCase]) -> list[dict[str, object]]:
    return [
        {
            "id": one.id,
            "ends": [[one.lat, one.lon], [one.responder.lat, one.responder.lon]],
        }
        for one in cases
        if one.responder is not None
    ]


def corners(box: Box | None) -> list[list[float]] | None:
    """Return a box as Leaflet has it: south-west and north-east, latitude first."""
    if box is None:
        return None
    west, south, east, north = box
    return [[south, west], [north, east]]


def template_source(name: str) -> str:
    """Return the text of a file beside the templates."""
    return templates.loader.get_source(templates, name)[0] if templates.loader else ""
