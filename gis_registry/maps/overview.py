"""The overview map as a folium page."""

from dataclasses import asdict

from folium import LayerControl
from folium.plugins import FastMarkerCluster
from folium.utilities import JsCode

from gis_registry.maps.base_map import (
    Page,
    add_divisions,
    add_full_screen,
    base_map,
    corners,
    rendered,
    templates,
)
from gis_registry.maps.content import OverviewContent, ShownCase
from gis_registry.maps.figure import Call, DrawnLayer, LeafletMap

_MAX_ZOOM = 20
_SINGLE_FROM_ZOOM = 17  # from here on every component is drawn by itself
_TOP_CLASSES = 5


def render_overview(
    content: OverviewContent,
    *,
    asset_prefix: str,
    card_prefix: str | None,
    case_prefix: str | None = None,
    live_script: str | None = None,
) -> Page:
    """Render the map.

    Args:
        content: what it shows.
        asset_prefix: where scripts and styles are, ending with a slash.
        card_prefix: what a component's page starts with before its identifier; None: no links.
        case_prefix: what a case's page starts with before its number; None: no links.
        live_script: the script that tells what happens; None: the map stays as it was drawn.

    Raises:
        RegistryError: the page assets are not installed.
    """
    return rendered(
        _map(content, card_prefix, case_prefix),
        name="overview",
        title=f"{content.city_zh}部件一张图 {content.city_en} component map",
        panels=_panels(content, live_script),
        asset_prefix=asset_prefix,
    )


def _map(content: OverviewContent, card_prefix: str | None, case_prefix: str | None) -> LeafletMap:
    lon, lat = content.map_center
    page_map = base_map(
        content.map_center,
        content.map_zoom,
        max_zoom=_MAX_ZOOM,
        sources=content.sources,
        card_prefix=card_prefix,
    )
    number_of_class = {}
    classes: list[dict[str, object]] = []
    for major in content.majors:
        for one in major.classes:
            number_of_class[one.id] = len(classes)
            classes.append(asdict(one) | {"major": major.code})
    view = {
        "center": [lat, lon],
        "zoom": content.map_zoom,
        "box": corners(content.core_box),
        "city_box": corners(content.city_box),
    }
    begun = {
        "classes": classes,
        "view": view,
        "case_prefix": case_prefix,
        "now": content.rendered_at.isoformat(),
    }
    page_map.add_child(Call("overview.begin", begun))
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
    add_divisions(page_map, content.districts, content.subdistricts)
    drawn = {
        "links": ("派遣连线 Lines to responders", _links(content.cases)),
        "responders": ("调度对象 Responders", [asdict(one) for one in content.responders]),
        "cases": ("在办案件 Open cases", [asdict(one) for one in content.cases]),
    }
    for key, (name, data) in drawn.items():
        if key == "responders":
            page_map.add_child(components)
        page_map.add_child(DrawnLayer(drawing=f"overview.{key}", data=data, name=name))
    add_full_screen(page_map)
    is_narrow = JsCode("!overview.isWide()")
    page_map.add_child(LayerControl(collapsed=is_narrow))  # type: ignore[arg-type]  # any option
    page_map.add_child(Call("overview.finish", {}, components))
    return page_map


def _panels(content: OverviewContent, live_script: str | None) -> str:
    classes = [one for major in content.majors for one in major.classes]
    return templates.get_template("overview_panels.html").render(
        content=content,
        live_script=live_script,
        is_sampled=len(content.components) < content.component_count,
        top_classes=sorted(classes, key=lambda one: (-one.count, one.code))[:_TOP_CLASSES],
    )


def _links(cases: list[ShownCase]) -> list[dict[str, object]]:
    return [
        {
            "id": one.id,
            "ends": [[one.lat, one.lon], [one.responder.lat, one.responder.lon]],
        }
        for one in cases
        if one.responder is not None
    ]
