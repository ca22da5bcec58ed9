"""Every link of the maps that are rendered has a local file, and nothing else is let through."""

import re
from collections.abc import Iterator

import folium
import pytest
from folium import plugins

from gis_registry.errors import RegistryError
from gis_registry.maps import assets

ELEMENTS = [
    folium.Map,
    plugins.FastMarkerCluster,
    plugins.FeatureGroupSubGroup,
    plugins.Fullscreen,
    plugins.GroupedLayerControl,
    plugins.MarkerCluster,
    plugins.MeasureControl,
    plugins.MousePosition,
    plugins.Search,
]
LINK_IN_STYLE = re.compile(r"url\(\s*['\"]?(?!data:|#)([^'\")?#]+)")
FALLBACK_FONT = re.compile(r"\.(eot|svg|ttf|woff)$")


def links_of_folium() -> Iterator[str]:
    for element in ELEMENTS:
        for _, url in [*getattr(element, "default_js", []), *getattr(element, "default_css", [])]:
            yield url


@pytest.mark.parametrize("url", sorted(set(links_of_folium())))
def test_every_link_of_folium_has_a_local_file(url: str) -> None:
    assert (assets.VENDOR_DIR / assets.local_asset(url)).is_file()


def test_no_local_file_is_listed_for_nothing() -> None:
    assert set(assets.LOCAL_FILES) == set(links_of_folium())


def test_images_and_fonts_that_styles_link_to_are_there() -> None:
    missing = []
    for path in set(assets.LOCAL_FILES.values()):
        if path.endswith(".css"):
            style = assets.VENDOR_DIR / path
            for link in LINK_IN_STYLE.findall(style.read_text(encoding="utf-8")):
                is_fallback = "font" in link and FALLBACK_FONT.search(link)
                if not is_fallback and not (style.parent / link).is_file():
                    missing.append(f"{path}: {link}")
    assert missing == []


def test_an_unknown_link_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(assets.UnknownAsset, match=r"other\.js has no local copy: add its npm"):
        assets.local_asset("https://example.org/other.js")


def test_missing_assets_say_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assets.require_assets()
    monkeypatch.setattr(assets, "VENDOR_DIR", tmp_path_factory.mktemp("empty"))
    with pytest.raises(RegistryError, match="page assets are missing: run `make setup`"):
        assets.require_assets()
