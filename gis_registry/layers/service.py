"""What can be done with layers: publish, describe, read again, take back, remove."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import psycopg
from sqlalchemy import delete, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.errors import Conflict, InvalidInput, NotFound, RegistryError
from gis_registry.layers import queries
from gis_registry.layers.loading import load
from gis_registry.layers.naming import checked_name
from gis_registry.layers.origins import is_unchanged, open_origin, refuse_mapping_of_table
from gis_registry.layers.periods import checked_period, next_time
from gis_registry.layers.schemas import (
    LayerText,
    NewLayer,
    Origin,
    OriginFacts,
)
from gis_registry.layers.tables import (
    Layer,
    LayerEvent,
    LayerEventKind,
    LayerRefresh,
    LayerRowNote,
    LayerVersion,
)
from gis_registry.places.service import the_city
from gis_registry.surveys.progress import Progress, silent

#: How many versions of a layer are kept, the published one among them, unless a setting says other.
KEPT_VERSIONS = 5


def add(session: Session, new: NewLayer, *, actor: str, progress: Progress = silent) -> Layer:
    """Publish a file or a table as a layer.

    Raises:
        InvalidInput: the name or how often to refresh is none, or no row can be a feature.
        UnreadableFile: the file cannot be read.
        MissingCrs: nothing says in which system it is.
        Conflict: there is a layer of this name.
    """
    name = checked_name(new.name)
    if new.refresh is not None:
        checked_period(new.refresh)
    refuse_mapping_of_table(new.origin)
    queries.lock_name(session, name)
    present = queries.layer_named(session, name)
    if present is not None:
        raise Conflict(_taken(present))
    layer = Layer(
        name=name,
        **_texts(new.text, name),
        origin=new.origin.model_dump(mode="json"),
        refresh=new.refresh,
        version=1,
    )
    with session.begin_nested():  # what fails leaves no table
        version, notes = _loaded(session, layer, 1, actor=actor, progress=progress)
    session.add(layer)
    session.flush()
    _keep_version(session, layer, version, notes)
    _note(session, layer, LayerEventKind.ADDED, actor, _counted(version), number=1)
    _plan(session, layer)
    return layer


def describe(
    session: Session,
    name: str,
    changes: Mapping[str, object],
    *,
    actor: str,
) -> Layer:
    """Change what people are told about a layer, who may read it, and how often it is read again.

    Args:
        session: open transaction.
        name: of the layer.
        changes: fields of :class:`LayerText` and ``refresh``, those that are to change.
        actor: who asks.

    Raises:
        NotFound: there is no such layer.
        InvalidInput: nothing is to change, or the period is none.
    """
    layer = find(session, name, is_changing=True)
    if not changes:
        raise InvalidInput("Say what is to change, such as --title.")
    period = changes.get("refresh", layer.refresh)
    if period is not None:
        checked_period(str(period))
    now = {one: getattr(layer, one) for one in LayerText.model_fields}
    text = LayerText.model_validate(
        now | {key: one for key, one in changes.items() if key != "refresh"}
    )
    for key, value in _texts(text, layer.name).items():
        setattr(layer, key, value)
    if period != layer.refresh:
        layer.refresh = None if period is None else str(period)
        _plan(session, layer)
    _note(
        session, layer, LayerEventKind.DESCRIBED, actor, f"Changed: {', '.join(sorted(changes))}."
    )
    session.flush()
    return layer


def refresh(
    session: Session,
    name: str,
    *,
    actor: str,
    origin: Origin | None = None,
    is_forced: bool = False,
    kept: int = KEPT_VERSIONS,
    progress: Progress = silent,
) -> LayerEvent | None:
    """Read a layer again, if what it is read from changed since it was last read.

    What fails is noted in the history, and the published version stays.

    Args:
        session: open transaction.
        name: of the layer.
        actor: who asks.
        origin: what it is read from now and from then on; None: what it was read from before.
        is_forced: whether to load it although it is unchanged.
        kept: how many versions are kept.
        progress: told how far it is.

    Returns:
        What happened: loaded or failed; None if nothing changed.

    Raises:
        NotFound: there is no such layer.
    """
    queries.lock_name(session, name)
    layer = find(session, name, is_changing=True)
    event: LayerEvent | None
    try:
        with session.begin_nested():
            if origin is not None:
                refuse_mapping_of_table(origin)
                layer.origin, is_forced = origin.model_dump(mode="json"), True
            event = _reloaded(session, layer, actor=actor, is_forced=is_forced, progress=progress)
        if event is not None:
            _drop_old(session, layer, kept, actor=actor)
    except _Unchanged:
        event = None
    except (RegistryError, DBAPIError, psycopg.Error, OSError, ValueError) as error:
        event = _note(session, layer, LayerEventKind.FAILED, actor, _said(error))
    has_failed = event is not None and event.kind == LayerEventKind.FAILED
    _note_refresh(session, layer, event.sentence if event and has_failed else None)
    return event


def revert(session: Session, name: str, *, actor: str, to: int | None = None) -> Layer:
    """Publish a former version of a layer again, or a removed layer.

    It is then read from what this version was read from; the next change of that is loaded as a
    new version.

    Args:
        session: open transaction.
        name: of the layer.
        actor: who asks.
        to: the number of the version; None: a removed layer as it was, else the version before.

    Raises:
        NotFound: there is no such layer.
        Conflict: no such version is kept.
    """
    queries.lock_name(session, name)
    layer = find(session, name, is_changing=True, is_removed_too=True)
    kept = [one.number for one in queries.versions(session, layer.id) if one.is_kept]
    if to is None and layer.removed_at is not None:
        wanted = layer.version
    else:
        before = [one for one in kept if one < layer.version]
        wanted = to if to is not None else next(iter(before), 0)
    if wanted not in kept or (wanted == layer.version and layer.removed_at is None):
        others = [one for one in kept if one != layer.version]
        listed = ", ".join(map(str, others)) or "none"
        command = f" (gis-registry layer revert {layer.name} --to {others[0]})" if others else ""
        raise Conflict(
            f"The layer {layer.name} cannot go back to "
            + (f"version {wanted}" if wanted else "an earlier version")
            + f": published is {layer.version}, kept besides: {listed}{command}."
        )
    was, layer.version, layer.removed_at = layer.version, wanted, None
    layer.origin = queries.version(session, layer.id, wanted).facts.get("origin") or layer.origin
    sentence = f"Version {wanted} is published again, after version {was}."
    _note(session, layer, LayerEventKind.REVERTED, actor, sentence, number=wanted)
    _plan(session, layer)
    session.flush()
    return layer


def remove(session: Session, name: str, *, actor: str, is_for_good: bool = False) -> Layer:
    """Publish a layer no more; all of it is kept, unless it is to go for good.

    Raises:
        NotFound: there is no such layer.
    """
    queries.lock_name(session, name)
    layer = find(session, name, is_changing=True, is_removed_too=is_for_good)
    if is_for_good:
        for one in queries.versions(session, layer.id):
            queries.drop_feature_table(session, one.table_name)
        session.execute(delete(Layer).where(Layer.id == layer.id))
        return layer
    layer.removed_at = clock.now()
    _note(session, layer, LayerEventKind.REMOVED, actor, "It is published no more.")
    _plan(session, layer)
    session.flush()
    return layer


def find(
    session: Session, name: str, *, is_changing: bool = False, is_removed_too: bool = False
) -> Layer:
    """Return a layer by its name.

    Raises:
        NotFound: there is none; the message names similar ones.
    """
    layer = queries.layer_named(session, name, is_changing=is_changing)
    if layer is None:
        names = [row["name"] for row in queries.summaries(session)]
        close = difflib.get_close_matches(name, names, n=3)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise NotFound(f"There is no layer {name!r}.{hint} `gis-registry layer list` shows all.")
    if layer.removed_at is not None and not is_removed_too:
        raise NotFound(
            f"The layer {layer.name} was removed; gis-registry layer revert {layer.name} publishes "
            "it again."
        )
    return layer


def hints(
    session: Session, *, department: str | None, field: str | None, name: str | None = None
) -> list[str]:
    """Return what departments and fields are probably meant, where nobody wrote them so before.

    Args:
        session: open transaction.
        department: what is to be said.
        field: what is to be said.
        name: of the layer, for the command that changes it; None: it is not published.
    """
    departments, fields = queries.known_words(session)
    found = []
    for what, option, said, known in (
        ("department", "owner-department", department, departments),
        ("field", "field", field, fields),
    ):
        close = [] if not said or said in known else difflib.get_close_matches(said, known, n=1)
        if close:
            command = f": gis-registry layer set {name} --{option} {close[0]!r}" if name else ""
            found.append(f"There is no {what} {said!r} yet, but {close[0]!r}{command}.")
    return found


class _Unchanged(Exception):
    """What was read is what was read before."""


def _reloaded(
    session: Session, layer: Layer, *, actor: str, is_forced: bool, progress: Progress
) -> LayerEvent:
    versions = queries.versions(session, layer.id)
    origin = Origin.model_validate(layer.origin)
    read = [OriginFacts.model_validate(one.facts) for one in versions]
    facts = next((one for one in read if one.origin in (None, origin)), read[0])
    if not is_forced and is_unchanged(origin, facts):
        raise _Unchanged
    number = versions[0].number + 1
    version, notes = _loaded(session, layer, number, actor=actor, progress=progress)
    if not is_forced and version.facts["sha256"] == facts.sha256:
        raise _Unchanged
    _keep_version(session, layer, version, notes)
    layer.version = number
    session.flush()
    return _note(session, layer, LayerEventKind.LOADED, actor, _counted(version), number=number)


def _loaded(
    session: Session, layer: Layer, number: int, *, actor: str, progress: Progress
) -> tuple[LayerVersion, list[dict[str, object]]]:
    """Read a version into its table; return it with what was found about rows."""
    origin = Origin.model_validate(layer.origin)
    table = f"{layer.name}_{number}"
    loaded = load(
        session,
        open_origin(session, origin),
        table,
        id_field=origin.id_field,
        time_field=origin.time_field,
        progress=progress,
    )
    version = LayerVersion(
        number=number,
        table_name=table,
        is_kept=True,
        id_type=loaded.id_type,
        columns=[one.model_dump(mode="json") for one in loaded.columns],
        quality=loaded.quality.model_dump(mode="json"),
        facts=loaded.facts.model_copy(update={"origin": origin}).model_dump(mode="json"),
        actor=actor,
    )
    return version, [asdict(one) for one in loaded.notes]


def _keep_version(
    session: Session, layer: Layer, version: LayerVersion, notes: Sequence[dict[str, object]]
) -> None:
    version.layer_id = layer.id
    session.add(version)
    session.flush()
    if notes:
        of_version = {"layer_id": layer.id, "number": version.number}
        session.execute(insert(LayerRowNote), [one | of_version for one in notes])


def _drop_old(session: Session, layer: Layer, kept: int, *, actor: str) -> None:
    """Drop the oldest versions beyond how many are kept; what was found about them stays said."""
    present = [one for one in queries.versions(session, layer.id) if one.is_kept]
    for one in present[max(kept, 1) :]:
        if one.number == layer.version:
            continue
        queries.drop_feature_table(session, one.table_name)
        one.is_kept = False
        sentence = f"Version {one.number} was dropped: {kept} versions are kept."
        _note(session, layer, LayerEventKind.DROPPED, actor, sentence, number=one.number)
    session.flush()


def _plan(session: Session, layer: Layer) -> None:
    """Say when a layer is read again, now that it was or that this changed."""
    planned = session.get(LayerRefresh, layer.id)
    if layer.refresh is None or layer.removed_at is not None:
        if planned is not None:
            session.delete(planned)
    else:
        at = next_time(layer.refresh, clock.now(), the_city(session).time_zone)
        if planned is None:
            session.add(LayerRefresh(layer_id=layer.id, next_at=at))
        else:
            planned.next_at = at
    session.flush()


def _note_refresh(session: Session, layer: Layer, problem: str | None) -> None:
    """Say what became of the last time that a layer was read again."""
    _plan(session, layer)
    planned = session.get(LayerRefresh, layer.id)
    if planned is not None:
        planned.checked_at, planned.problem = clock.now(), problem
    session.flush()


def _note(
    session: Session,
    layer: Layer,
    kind: LayerEventKind,
    actor: str,
    sentence: str,
    *,
    number: int | None = None,
) -> LayerEvent:
    event = LayerEvent(
        layer_id=layer.id,
        at=clock.now(),
        actor=actor,
        kind=kind,
        number=number,
        sentence=sentence,
    )
    session.add(event)
    session.flush()
    return event


def _counted(version: LayerVersion) -> str:
    features, rows = version.quality["features"], version.quality["rows"]
    refused = f", {rows - features:,} rows refused" if rows > features else ""
    return f"{features:,} features{refused}."


def _said(error: Exception) -> str:
    if not isinstance(error, (DBAPIError, psycopg.Error)):
        return str(error)
    cause = error.orig if isinstance(error, DBAPIError) else error
    first = str(cause).strip().splitlines()[:1]
    return f"The database could not do this: {first[0].rstrip('.') if first else 'no reason'}."


def _texts(text: LayerText, name: str) -> dict[str, object]:
    """Return what people are told as the columns of a layer; empty texts are none."""
    said = text.model_dump(mode="json")
    for one in ("department", "field", "licence", "source", "roles"):
        said[one] = said[one] or None
    said["title_en"] = said["title_en"] or name
    return said


def _taken(layer: Layer) -> str:
    if layer.removed_at is not None:
        return (
            f"There was a layer {layer.name}, which was removed: gis-registry layer revert "
            f"{layer.name} publishes it again, gis-registry layer remove {layer.name} --for-good "
            "makes its name free."
        )
    return (
        f"There is a layer {layer.name} already: gis-registry layer refresh {layer.name} reads it "
        f"again, gis-registry layer set {layer.name} changes what is said of it."
    )
