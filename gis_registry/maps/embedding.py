"""Rendered maps as one text, which notebooks show where they stand."""

import html
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EmbeddedPage:
    """A page that carries all that it needs.

    Attributes:
        html: the page.
        height_px: how high a notebook shows it.
    """

    html: str = field(repr=False)
    height_px: int = 640

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, so that it and the notebook do not mix."""
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" title="map" '
            f'style="width: 100%; height: {self.height_px}px; border: 0"></iframe>'
        )
