"""Searching what is published, by words, place and time.

There are some hundred collections at most, so all of them are looked at.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gis_registry.maps.collections import About, Collection

Box = tuple[float, ...]
Interval = tuple[datetime | None, datetime | None]

_NOTHING = About()


@dataclass(frozen=True)
class Search:
    """What is looked for: collections for which all that is given holds.

    Attributes:
        words: those with all words of one of its parts, which have commas between.
        box: those that are in, or touch, it: least longitude and latitude, greatest ones; the
            least longitude is the greater one where it crosses the antimeridian.
        interval: those of a time that has something in common with it.
        department, field, licence: those with exactly this, in whatever case.
        loaded: those loaded in this interval; those kept up all the time always are.
    """

    words: str = ""
    box: Box | None = None
    interval: Interval | None = None
    department: str | None = None
    field: str | None = None
    licence: str | None = None
    loaded: Interval = (None, None)


def search(found: Iterable[Collection], asked: Search, *, city_box: Box) -> list[Collection]:
    """Return what is looked for; where words are given, those best hit first.

    Args:
        found: what is searched, in the order that stays among equals.
        asked: what is looked for.
        city_box: where collections are that do not say it.
    """
    parts = [one.strip() for one in asked.words.casefold().split(",") if one.strip()]
    ranked = []
    for one in found:
        about = one.about or _NOTHING
        if asked.box is not None and not _touch(about.box or city_box, asked.box):
            continue
        if asked.interval is not None and not _meet(about.interval, asked.interval):
            continue
        if not _is_said(about, asked):
            continue
        ranks = [rank for part in parts if (rank := _rank(one, part)) is not None]
        if ranks or not parts:
            ranked.append((min(ranks, default=0), one))
    return [one for _, one in sorted(ranked, key=lambda hit: hit[0])]


def _rank(collection: Collection, part: str) -> int | None:
    """Return how far from its name words stand, the least first; None: one stands nowhere."""
    if part in (text for rank, text in _texts(collection) if rank == 1):
        return 0
    total = 0
    for word in part.split():
        places = (rank for rank, text in _texts(collection) if word in text)
        rank = next(places, None)
        if rank is None:
            return None
        total += rank
    return total


def _texts(collection: Collection) -> Iterator[tuple[int, str]]:
    """Yield what is searched, with its rank: names and titles before keywords before the rest."""
    about = collection.about or _NOTHING
    names = (collection.name, collection.title_zh, collection.title_en)
    yield from ((1, one.casefold()) for one in names)
    yield from ((2, one.casefold()) for one in about.keywords)
    others = (about.field, about.department, collection.description, about.source, about.lineage)
    yield from ((3, one.casefold()) for one in others if one)


def _is_said(about: About, asked: Search) -> bool:
    for name in ("department", "field", "licence"):
        wanted, said = getattr(asked, name), getattr(about, name)
        if wanted is not None and wanted.casefold() != (said or "").casefold():
            return False
    return about.updated_at is None or _meet((about.updated_at, about.updated_at), asked.loaded)


def _touch(box: Box, asked: Box) -> bool:
    west, south, east, north = asked
    if box[1] > north or box[3] < south:
        return False
    if west > east:
        return box[2] >= west or box[0] <= east
    return box[0] <= east and box[2] >= west


def _meet(interval: Interval, asked: Interval) -> bool:
    (first, last), (begins, ends) = interval, asked
    is_before = last is not None and begins is not None and last < begins
    is_after = first is not None and ends is not None and first > ends
    return not (is_before or is_after)
