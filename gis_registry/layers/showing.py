"""Looking at layers: what is published, how good it is, what happened to it."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from gis_registry.errors import NotFound
from gis_registry.layers import queries
from gis_registry.layers.schemas import (
    LayerEntry,
    LayerEventEntry,
    LayerRowEntry,
    LayerSummary,
    VersionEntry,
)
from gis_registry.layers.service import find
from gis_registry.layers.tables import LayerRefresh, LayerRowNote

_PAGE_ROWS = 10_000


def layers(session: Session) -> list[LayerSummary]:
    """Return what is published, by name."""
    return [LayerSummary.model_validate(dict(row)) for row in queries.summaries(session)]


def show(session: Session, name: str) -> LayerEntry:
    """Return a layer with its columns and versions, also a removed one.

    Raises:
        NotFound: there is no such layer.
    """
    layer = find(session, name, is_removed_too=True)
    row = dict(queries.summaries(session, name=name)[0])
    planned = session.get(LayerRefresh, layer.id)
    versions = [
        VersionEntry(
            number=one.number,
            loaded_at=one.loaded_at,
            actor=one.actor,
            features=one.quality["features"],
            is_kept=one.is_kept,
        )
        for one in queries.versions(session, layer.id)
    ]
    return LayerEntry.model_validate(
        row
        | {
            "versions": versions,
            "next_refresh_at": planned.next_at if planned else None,
            "problem": planned.problem if planned else None,
        }
    )


def history(session: Session, name: str) -> list[LayerEventEntry]:
    """Return what happened to a layer, the last first.

    Raises:
        NotFound: there is no such layer.
    """
    layer = find(session, name, is_removed_too=True)
    return [LayerEventEntry.model_validate(one) for one in queries.events(session, layer.id)]


def rows(session: Session, name: str, *, number: int | None = None) -> Iterator[LayerRowEntry]:
    """Return what was found about rows: refused ones with all that they said, and notes on others.

    Args:
        session: open transaction.
        name: of the layer.
        number: of the version; None: the published one.

    Raises:
        NotFound: there is no such layer or version.
    """
    layer = find(session, name, is_removed_too=True)
    wanted = layer.version if number is None else number
    if wanted not in [one.number for one in queries.versions(session, layer.id)]:
        raise NotFound(f"The layer {layer.name} has no version {wanted}.")
    return _rows(session, layer.id, wanted)


def first_refused(session: Session, name: str, *, limit: int) -> list[LayerRowEntry]:
    """Return the first rows that the published version of a layer refused.

    Raises:
        NotFound: there is no such layer.
    """
    layer = find(session, name)
    found = queries.row_notes(
        session, layer.id, layer.version, after=(0, 0), limit=limit, are_refused=True
    )
    return [_row(one) for one in found]


def _rows(session: Session, layer_id: int, number: int) -> Iterator[LayerRowEntry]:
    after = 0, 0
    while found := queries.row_notes(session, layer_id, number, after=after, limit=_PAGE_ROWS):
        yield from map(_row, found)
        after = found[-1].row_number, found[-1].id


def _row(note: LayerRowNote) -> LayerRowEntry:
    return LayerRowEntry(
        row=note.row_number,
        outcome="refused" if note.is_refused else "noted",
        reason=note.reason,
        sentence=note.sentence,
        attributes=note.attributes,
    )
