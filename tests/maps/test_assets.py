"""Every link of the map has a local file, and nothing else is let through or carried along."""

import json
import re
from collections.abc import Iterator

import folium
import pytest
from branca.element import CssLink, JavascriptLink
from folium import plugins

from gis_registry.errors import RegistryError
from gis_registry.maps import assets
from gis_registry.maps.figure import LeafletMap, OfflineFigure

ELEMENTS = [LeafletMap, plugins.FastMarkerCluster, plugins.Fullscreen]
LINK_IN_STYLE = re.compile(r"url\(\s*['\"]?(?!data:|#)([^'\")?#]+)")


def links_of_folium() -> Iterator[str]:
    for element in ELEMENTS:
        for _, url in [*getattr(element, "default_js", []), *getattr(element, "default_css", [])]:
            yield url


@pytest.mark.parametrize("url", sorted(set(links_of_folium())))
def test_every_link_of_folium_has_a_local_file(url: str) -> None:
    assert (assets.VENDOR_DIR / assets.local_asset(url)).is_file()


def test_no_local_file_is_listed_for_nothing() -> None:
    assert set(assets.LOCAL_FILES) == set(links_of_folium())


def test_no_package_is_carried_that_no_page_loads() -> None:
    manifest = json.loads((assets.VENDOR_DIR / "manifest.json").read_text(encoding="utf-8"))
    of_maps = {path.split("/", 1)[0] for path in assets.LOCAL_FILES.values()}
    # What draws tiles, and what /docs shows.
    assert set(manifest) == of_maps | {"maplibre-gl", "swagger-ui-dist"}


def test_images_that_styles_link_to_are_there() -> None:
    missing = []
    for path in set(assets.LOCAL_FILES.values()):
        if path.endswith(".css"):
            style = assets.VENDOR_DIR / path
            links = LINK_IN_STYLE.findall(style.read_text(encoding="utf-8"))
            missing += [f"{path}: {link}" for link in links if not (style.parent / link).is_file()]
    assert missing == []


def test_an_unknown_link_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(assets.UnknownAsset, match=r"other\.js has no local copy: add its npm"):
        assets.local_asset("https://example.org/other.js")


@pytest.mark.parametrize(
    "element",
    [
        JavascriptLink("https://example.org/other.js"),
        CssLink("https://example.org/other.css"),
    ],
)
def test_a_page_that_links_elsewhere_is_not_rendered(element: JavascriptLink | CssLink) -> None:
    figure = OfflineFigure(title="", language="en", asset_prefix="/")
    figure.header.add_child(element)
    with pytest.raises(assets.UnknownAsset):
        figure.render()


@pytest.mark.parametrize(
    "element",
    [folium.Map(tiles=None), LeafletMap(tiles=None).add_child(plugins.MeasureControl())],
    ids=["folium's own map", "a plugin that the map does not use"],
)
def test_what_the_map_does_not_use_has_no_local_copy(element: folium.Map) -> None:
    figure = OfflineFigure(title="", language="en", asset_prefix="/")
    figure.add_child(element)
    with pytest.raises(assets.UnknownAsset):
        figure.render()


def test_missing_assets_say_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assets.require_assets()
    monkeypatch.setattr(assets, "VENDOR_DIR", tmp_path_factory.mktemp("empty"))
    with pytest.raises(RegistryError, match="page assets are missing: run `make setup`"):
        assets.require_assets()
