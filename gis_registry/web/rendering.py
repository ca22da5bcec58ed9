"""Pages from templates, in two languages: the reader's first, the other one beside it."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from enum import StrEnum
from functools import cache
from pathlib import Path
from string import ascii_uppercase
from zoneinfo import ZoneInfo

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from gis_registry.maps.collections import Property
from gis_registry.web import wording

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
_HAN = "\u3400-\u9fff"
#: A text in Chinese, then a sentence that says the same in English.
_TEXTS = re.compile(rf"(.*[{_HAN}])\s+([A-Z][^{_HAN}]*\s[^{_HAN}]*\.)", re.DOTALL)
#: A title in Chinese, then the same in English.
_TITLES = re.compile(rf"(.*[{_HAN}]\S*)\s+([A-Za-z][^{_HAN}]*)")
_ADDRESS = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d\S*")
_CODE = re.compile("`([^`]+)`")


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


def is_moment(text: str) -> bool:
    """Return whether a text is a day and a time, as JSON has them."""
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def clock_time(text: str, zone: str) -> str:
    """Return a moment of JSON to the minute in a zone; midnight is a day.

    What says no zone itself is in none.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(ZoneInfo(zone))
        except OverflowError:  # the first or the last moment that can be written
            return text
    return moment.strftime("%Y-%m-%d" if moment.time() == time.min else "%Y-%m-%d %H:%M")


def text_in(text: str, language: str) -> str:
    """Return of a text in Chinese and then English what is in one of them; all of any other.

    English begins after the last Chinese full stop, or with the sentence after the last Han.
    """
    zh, stop, en = text.strip().rpartition("。")
    if stop and en.lstrip()[:1] in set(ascii_uppercase):
        return zh + stop if language == Language.ZH else en.lstrip()
    return _part(_TEXTS, text, language)


def title_in(title: str, language: str) -> str:
    """Return of a title in Chinese and then English what is in one of them; all of any other."""
    return _part(_TITLES, title, language)


def _part(parts: re.Pattern[str], text: str, language: str) -> str:
    found = parts.fullmatch(text.strip())
    return found[1 if language == Language.ZH else 2].rstrip() if found else text


def with_code(text: str) -> Markup:
    """Return a text as HTML, in which what stands in backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  escaped before


def is_address(text: str) -> bool:
    """Return whether a text is the address of a page on the web."""
    return _ADDRESS.fullmatch(text) is not None


def name_of(properties: Mapping[str, object], language: str) -> str | None:
    """Return what a feature is called, if one of its properties says so."""
    known = {
        name.casefold(): said for name, said in properties.items() if said and isinstance(said, str)
    }
    for wanted in ("name", "名称", f"name_{language}"):
        if wanted in known:
            return known[wanted]
    ends = ("name", "名称")
    return next((known[one] for one in known if one.startswith(ends) or one.endswith(ends)), None)


def for_reader(columns: Sequence[Property], language: str) -> list[Property]:
    """Return columns without those whose twin says the same in the reader's language."""
    own, other = ("_zh", "_en") if language == Language.ZH else ("_en", "_zh")
    names = {one.name for one in columns}
    return [
        one
        for one in columns
        if not (one.name.endswith(other) and one.name.removesuffix(other) + own in names)
    ]


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
    environment.filters["text_in"] = text_in
    environment.filters["title_in"] = title_in
    environment.filters["with_code"] = with_code
    environment.filters["name_of"] = name_of
    environment.filters["for_reader"] = for_reader
    environment.filters["clock_time"] = clock_time
    environment.tests["moment"] = is_moment
    environment.tests["address"] = is_address
    return environment
