"""The catalogue of what is published: every collection with what is known of it, and searching it.

There are at most some hundred collections, so all of them are looked at.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue_queries
from gis_registry.layers import showing
from gis_registry.layers.schemas import LayerSummary
from gis_registry.maps import collections, standing
from gis_registry.maps.collections import Collection
from gis_registry.maps.layer_collections import layer_collections
from gis_registry.roles import Role
from gis_registry.users.service import Actor

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class CatalogueEntry:
    """A collection as a catalogue tells of it.

    Attributes:
        collection: the collection itself.
        keywords: words to find it by.
        department: whose data these are.
        field: of which field of work (领域).
        licence: under which they may be used.
        source: where they come from.
        updated_at: when they were loaded; None: they are kept up all the time.
        refresh: how often they are read again.
        features: how many there are, where that is known.
        box: where they are, EPSG:4490, where that is known.
        first_at, last_at: from when until when, where they say it, as dates or times.
    """

    collection: Collection
    keywords: tuple[str, ...] = ()
    department: str | None = None
    field: str | None = None
    licence: str | None = None
    source: str | None = None
    updated_at: datetime | None = None
    refresh: str | None = None
    features: int | None = None
    box: Box | None = None
    first_at: str | None = None
    last_at: str | None = None


@dataclass(frozen=True)
class Search:
    """What is looked for: entries for which all that is given holds.

    Attributes:
        words: each stands somewhere in the titles, description, keywords, department or field.
        department, field, licence: exactly this, in whatever case.
        since, until: loaded not before and not after; what is kept up all the time always is.
    """

    words: str = ""
    department: str | None = None
    field: str | None = None
    licence: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def catalogue(session: Session, *, role: Role | None) -> list[CatalogueEntry]:
    """Return what somebody of a role may read, by name."""
    classes = catalogue_queries.classes(session, in_profile=True)
    published = [
        *layer_collections(session).values(),
        *standing.always(),
        *(
            collections.components_of_class(one.id, one.code, one.name_zh, one.name_en)
            for one in classes
        ),
    ]
    allowed = [one for one in published if one.is_for(Actor("catalogue", role))]
    return entries(allowed, showing.layers(session))


def entries(
    collections: Iterable[Collection], layers: Sequence[LayerSummary]
) -> list[CatalogueEntry]:
    """Return the entries of collections, by their names.

    Args:
        collections: those that somebody may read.
        layers: what is known of those that are thematic layers.
    """
    known = {one.name: one for one in layers}
    return sorted(
        (
            _of_layer(one, known[one.name]) if one.name in known else CatalogueEntry(one)
            for one in collections
        ),
        key=lambda one: one.collection.name,
    )


def search(found: Iterable[CatalogueEntry], asked: Search) -> list[CatalogueEntry]:
    """Return the entries that are looked for, those with the words in their titles first."""
    words = asked.words.casefold().split()
    fitting = [one for one in found if _fits(one, asked) and _holds(_text(one), words)]
    return sorted(fitting, key=lambda one: not _holds(_title(one), words))


def counted(found: Iterable[CatalogueEntry]) -> Mapping[str, Mapping[str, int]]:
    """Return how many entries each department, field and licence has."""
    counts: dict[str, dict[str, int]] = {"department": {}, "field": {}, "licence": {}}
    for one in found:
        for kind, by_value in counts.items():
            value = getattr(one, kind)
            if value is not None:
                by_value[value] = by_value.get(value, 0) + 1
    return {kind: dict(sorted(by_value.items())) for kind, by_value in counts.items()}


def _of_layer(collection: Collection, layer: LayerSummary) -> CatalogueEntry:
    times = [one for one in layer.columns if one.name in collection.temporal]
    return CatalogueEntry(
        collection,
        keywords=tuple(layer.keywords),
        department=layer.department,
        field=layer.field,
        licence=layer.licence,
        source=layer.source,
        updated_at=layer.loaded_at,
        refresh=layer.refresh,
        features=layer.quality.features,
        box=layer.quality.box,
        first_at=times[0].least if times else None,
        last_at=times[0].greatest if times else None,
    )


def _fits(entry: CatalogueEntry, asked: Search) -> bool:
    for wanted, said in (
        (asked.department, entry.department),
        (asked.field, entry.field),
        (asked.licence, entry.licence),
    ):
        if wanted is not None and wanted.casefold() != (said or "").casefold():
            return False
    if entry.updated_at is None:
        return True
    return (asked.since is None or entry.updated_at >= asked.since) and (
        asked.until is None or entry.updated_at <= asked.until
    )


def _holds(text: str, words: Sequence[str]) -> bool:
    return all(one in text for one in words)


def _title(entry: CatalogueEntry) -> str:
    one = entry.collection
    return "\n".join((one.name, one.title_zh, one.title_en)).casefold()


def _text(entry: CatalogueEntry) -> str:
    others = (entry.department, entry.field, entry.source, *entry.keywords)
    said = "\n".join(one for one in (entry.collection.description, *others) if one)
    return f"{_title(entry)}\n{said.casefold()}"
