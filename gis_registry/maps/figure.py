"""folium pages that load nothing from other hosts.

folium links to content networks from lists that all its maps share. Here the links of one page are
replaced while it is rendered, in the elements made for that rendering, so the lists stay as they
are and other maps in the same process are not touched.
"""

import html
from typing import Any

import folium
from branca.element import CssLink, Element, Figure, JavascriptLink, MacroElement
from folium.map import Layer
from folium.template import Template

from gis_registry.maps.assets import embeddable, local_asset


class OfflineFigure(Figure):
    """A page whose scripts and styles are the local copies, below a prefix or in the page itself.

    Attributes:
        assets: paths below ``VENDOR_DIR`` that the page links to, known once it is rendered.
    """

    _template = Template(
        "<!DOCTYPE html>\n"
        '<html lang="{{ this.language }}">\n'
        "<head>\n"
        "<title>{{ this.escaped_title }}</title>\n"
        "{{ this.header.render(**kwargs) }}\n"
        "<style>\n{{ this.style }}</style>\n"
        "</head>\n"
        "<body>\n"
        "{{ this.html.render(**kwargs) }}\n"
        "<script>\n"
        "{{ this.script.render(**kwargs) }}\n"
        "</script>\n"
        "</body>\n"
        "</html>\n"
    )

    def __init__(
        self, *, title: str, language: str, asset_prefix: str | None, style: str = ""
    ) -> None:
        """Make an empty page.

        Args:
            title: of the window, as plain text.
            language: its main language, such as ``zh-CN``.
            asset_prefix: what comes before the path of an asset, ending with a slash; None: the
                page carries its assets itself.
            style: the page's own style sheet, which goes before what the assets say.
        """
        super().__init__(title=title)
        self.style = style
        self.language = language
        self.escaped_title = html.escape(title)
        self.asset_prefix = asset_prefix
        self.assets: list[str] = []

    def render(self, **kwargs: Any) -> str:
        """Return the page.

        Raises:
            UnknownAsset: an element links to a file that has no local copy.
        """
        for child in self._children.values():
            child.render(**kwargs)
        self.assets = []
        for element in self.header._children.values():
            if isinstance(element, JavascriptLink | CssLink):
                path = local_asset(element.url)
                self.assets.append(path)
                if self.asset_prefix is None:
                    element.code = embeddable(path)  # type: ignore[assignment]  # branca writes it
                else:
                    element.url = self.asset_prefix + path
        kwargs["embedded"] = self.asset_prefix is None  # what branca calls it
        return str(self._template.render(this=self, kwargs=kwargs))


class LeafletMap(folium.Map):
    """A folium map without the icon fonts and the framework that only folium's own icons use."""

    default_js = [link for link in folium.Map.default_js if link[0] == "leaflet"]  # noqa: RUF012  folium's name, never changed
    default_css = [link for link in folium.Map.default_css if link[0] == "leaflet_css"]  # noqa: RUF012  as above


class DrawnLayer(Layer):
    """A layer that a function of the page's own script draws from data."""

    _template = Template(
        "{% macro script(this, kwargs) %}\n"
        "var {{ this.get_name() }} = {{ this.drawing }}({{ this.data|tojson }});\n"
        "{% endmacro %}"
    )

    def __init__(self, *, drawing: str, data: object, name: str) -> None:
        """Describe the layer.

        Args:
            drawing: the JavaScript function; it gets the data and returns a Leaflet layer.
            data: what JSON can hold.
            name: as the layer control shows it.
        """
        super().__init__(name=name, overlay=True)
        self._name = "DrawnLayer"
        self.drawing = drawing
        self.data = data


class Call(MacroElement):
    """A call of a function of the page's own script, where it stands among the map's children."""

    _template = Template(
        "{% macro script(this, kwargs) %}\n"
        "{{ this.function }}({{ this._parent.get_name() }}, {{ this.data|tojson }}"
        "{% for layer in this.layers %}, {{ layer.get_name() }}{% endfor %});\n"
        "{% endmacro %}"
    )

    def __init__(self, function: str, data: object, *layers: Layer) -> None:
        """Describe the call: the function gets the map, the data and the layers."""
        super().__init__()  # type: ignore[no-untyped-call]  # branca's
        self._name = "Call"
        self.function = function
        self.data = data
        self.layers = layers


class Verbatim(Element):
    """Text that stands in the page as it is."""

    _template = Template("{{ this.text }}")

    def __init__(self, text: str) -> None:
        """Take text that is HTML already."""
        super().__init__()
        self._name = "Verbatim"
        self.text = text
