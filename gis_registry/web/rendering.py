"""Pages from templates, in two languages: the reader's first, the other one beside it."""

from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gis_registry.web import wording

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"


class Language(StrEnum):
    """Languages of the pages."""

    ZH = "zh"
    EN = "en"


def choose_language(asked: str | None, kept: str | None, accepted: str) -> Language:
    """Return the language to put first.

    Args:
        asked: what the address says (``?lang=``).
        kept: what was chosen before.
        accepted: the header Accept-Language; the first of our languages in it counts.
    """
    for one in (asked, kept):
        if one in tuple(Language):
            return Language(one)
    for part in accepted.lower().split(","):
        tag = part.split(";")[0].strip()[:2]
        if tag in tuple(Language):
            return Language(tag)
    return Language.ZH


def render(template: str, *, language: Language, **context: object) -> str:
    """Return a page of ``templates/`` as HTML."""
    return _environment().get_template(template).render(lang=language.value, **context)


def qr_code(text: str) -> str:
    """Return a QR code as an inline SVG that takes the colour of the text around it."""
    svg: str = segno.make(text, error="m").svg_inline(
        border=2, omitsize=True, svgclass="qr", lineclass=None, title=text
    )
    return svg


def grouped(code: str) -> list[str]:
    """Return an identifier as it is read aloud: division, class, serial."""
    return [code[:6], code[6:-6], code[-6:]]


def local_time(moment: datetime, zone: str) -> str:
    """Return a moment to the minute, in the city's zone."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["wording"] = wording
    environment.globals["qr_code"] = qr_code
    environment.filters["grouped"] = grouped
    environment.filters["local_time"] = local_time
    return environment
