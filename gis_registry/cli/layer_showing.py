"""Commands of ``gis-registry layer`` that show what is published."""

import asyncio
import json
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from gis_registry.cli.context import AsJson, city_zone, read_moment, registry, transaction
from gis_registry.cli.output import (
    print_csv,
    print_facts,
    print_json,
    print_json_items,
    print_sentence,
    print_table,
)
from gis_registry.roles import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gis_registry.layers.schemas import LayerEntry, LayerRowEntry, Quality
    from gis_registry.maps.collections import Collection
    from gis_registry.maps.published import City

Name = Annotated[str, typer.Argument(help="Name of the layer.")]
#: What only a layer has that is kept.
_OF_WHAT_IS_KEPT = ("version", "added_at", "loaded_at", "loaded_by", "next_refresh_at")
_ROW_COLUMNS = ("row", "outcome", "reason", "sentence", "attributes")


class RowFormat(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class CatalogueFormat(StrEnum):
    """How the catalogue is written."""

    TABLE = "table"
    JSON = "json"
    DCAT = "dcat"


def list_(as_json: AsJson = False) -> None:
    """List what is published, by name."""
    from gis_registry.layers import showing

    with transaction() as session:
        found, zone = showing.layers(session), city_zone(session)
    if as_json:
        print_json(found)
        return
    print_table(
        ["name", "title", "field", "department", "version", "features", "loaded", "refresh"],
        (
            (
                one.name,
                one.title_zh,
                one.field,
                one.department,
                one.version,
                f"{one.quality.features:,}",
                _shown(one.loaded_at, zone),
                one.refresh,
            )
            for one in found
        ),
    )


def show(name: Name, as_json: AsJson = False) -> None:
    """Show a layer: what is said of it, how good its data are, its columns and versions."""
    from gis_registry.layers import showing

    with transaction() as session:
        entry, zone = showing.show(session, name), city_zone(session)
    print_layer(entry, zone, as_json=as_json)
    if not as_json:
        _print_columns(entry)


def print_layer(entry: "LayerEntry", zone: ZoneInfo, *, as_json: bool) -> None:
    """Print what is known of a layer."""
    if as_json:
        print_json(entry)
    else:
        print_facts(_facts(entry, zone))


def print_tried(
    entry: "LayerEntry", refused: "Sequence[LayerRowEntry]", zone: ZoneInfo, *, as_json: bool
) -> None:
    """Print what a layer would be that was not kept, with the first of its refused rows.

    Nobody can ask for its columns and rows later, and it has no version.
    """
    more = entry.quality.rows - entry.quality.features - len(refused)
    if as_json:
        print_json(
            entry.model_dump(mode="json")
            | dict.fromkeys(_OF_WHAT_IS_KEPT)
            | {"versions": [], "dry_run": True, "refused_rows": refused, "more_refused": more}
        )
        return
    print_facts(
        (name, value)
        for name, value in _facts(entry, zone)
        if name not in {"version", "next refresh"}
    )
    _print_columns(entry)
    if refused:
        print_sentence("\nRows that would not be published:")
        print_table(
            ["row", "reason", "sentence"], ((one.row, one.reason, one.sentence) for one in refused)
        )
    if more:
        print_sentence(f"and {more:,} more")


def _print_columns(entry: "LayerEntry") -> None:
    if not entry.columns:
        return
    print_sentence("")
    print_table(
        ["property", "title", "type", "filled", "least", "greatest"],
        (
            (one.name, one.title, one.type, f"{one.filled:,}", one.least, one.greatest)
            for one in entry.columns
        ),
    )


def _facts(entry: "LayerEntry", zone: ZoneInfo) -> list[tuple[str, object]]:
    from gis_registry.layers.advising import strays_said
    from gis_registry.layers.geometry_kinds import listed_kinds
    from gis_registry.maps.collections import in_both

    quality = entry.quality
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in quality.refused.items())
    refused = f"{quality.rows - quality.features:,} of {quality.rows:,}: {reasons}"
    kinds = listed_kinds(quality.geometry_types)
    others = [one.number for one in entry.versions if one.is_kept and one.number != entry.version]
    kept = f" (kept besides: {', '.join(map(str, others))})" if others else ""
    return [
        ("name", entry.name),
        ("title", in_both(entry.title_zh, entry.title_en)),
        ("description", entry.description),
        ("keywords", ", ".join(entry.keywords)),
        ("department", entry.department),
        ("field", entry.field),
        ("licence", entry.licence),
        ("source", entry.source),
        ("who may read", ", ".join(entry.roles) if entry.roles else "all readers"),
        ("read from", f"{entry.origin.place} ({entry.facts.crs})"),
        ("refresh", entry.refresh),
        ("next refresh", _shown(entry.next_refresh_at, zone)),
        ("problem", entry.problem),
        ("removed", _shown(entry.removed_at, zone)),
        ("version", f"{entry.version}{kept}, loaded {_shown(entry.loaded_at, zone)}"),
        ("features", f"{quality.features:,}: {kinds}" if "," in kinds else kinds),
        ("rows refused", refused if reasons else None),
        ("repaired", _counted(quality.repaired, "with a geometry that was put right")),
        ("duplicates", _counted(quality.duplicates, "that repeat another one in everything")),
        ("in no district", quality.outside_divisions or None),
        ("far from the city", _far(quality)),
        ("empty columns", ", ".join(quality.empty_columns)),
        ("text for few values", "\n".join(map(strays_said, quality.stray_values))),
    ]


def _counted(features: int, what: str) -> str | None:
    return f"{features:,} {what}" if features else None


def _far(quality: "Quality") -> str | None:
    far, features = quality.far_from_city, quality.features
    if far <= features / 2:
        return f"{far:,}" if far else None
    return (
        f"{far:,} of {features:,}: if they should be near, the file or --crs names the wrong "
        "system or datum"
    )


def rows(
    name: Name,
    version: Annotated[
        int | None, typer.Option(help="Of this version, else the published one.", min=1)
    ] = None,
    form: Annotated[
        RowFormat, typer.Option("--format", help="How to write them.")
    ] = RowFormat.TABLE,
    as_json: AsJson = False,
) -> None:
    """List rows that could not be published, with all that they said, and notes on others."""
    from gis_registry.layers import showing

    with transaction() as session:
        found = showing.rows(session, name, number=version)
        if as_json or form is RowFormat.JSON:
            print_json_items(one.model_dump(mode="json") for one in found)
            return
        lines = (
            (
                one.row,
                one.outcome,
                one.reason,
                one.sentence,
                json.dumps(one.attributes, ensure_ascii=False) if one.attributes else "",
            )
            for one in found
        )
        if form is RowFormat.CSV:
            print_csv(_ROW_COLUMNS, lines)
        else:
            print_table(_ROW_COLUMNS[:-1], (line[:-1] for line in lines))


def history(name: Name, as_json: AsJson = False) -> None:
    """Show what happened to a layer, the last first."""
    from gis_registry.layers import showing

    with transaction() as session:
        found, zone = showing.history(session, name), city_zone(session)
    if as_json:
        print_json(found)
        return
    print_table(
        ["at", "what", "version", "", "by"],
        ((_shown(one.at, zone), one.kind, one.number, one.sentence, one.actor) for one in found),
    )


def check(as_json: AsJson = False) -> None:
    """List layers whose last refresh failed or is late (exit 1 if there are any)."""
    from gis_registry.layers.refreshing import late_layers

    with transaction() as session:
        found, zone = late_layers(session), city_zone(session)
    if as_json:
        print_json(found)
    elif found:
        print_table(
            ["layer", "refresh", "due", "last read", "problem"],
            (
                (
                    one.name,
                    one.refresh,
                    _shown(one.due_at, zone),
                    _shown(one.checked_at, zone),
                    one.problem,
                )
                for one in found
            ),
        )
    else:
        print_facts([("layers", "All are as new as they should be.")])
    if found:
        raise typer.Exit(1)


def catalogue(
    words: Annotated[str, typer.Option("--q", help="Words to look for.")] = "",
    department: Annotated[
        str | None, typer.Option("--owner-department", help="Only of this department.")
    ] = None,
    field: Annotated[str | None, typer.Option(help="Only of this field of work.")] = None,
    licence: Annotated[str | None, typer.Option(help="Only under this licence.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only loaded since this time, with its zone.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Only loaded until this time, with its zone.")
    ] = None,
    role: Annotated[Role, typer.Option(help="What this role may read.")] = Role.ADMINISTRATOR,
    form: Annotated[
        CatalogueFormat, typer.Option("--format", help="How to write it; dcat is JSON-LD.")
    ] = CatalogueFormat.TABLE,
    base: Annotated[
        str, typer.Option(help="Address of the OGC API, for the links of dcat.")
    ] = "http://127.0.0.1:8000/ogc",
    as_json: AsJson = False,
) -> None:
    """Search everything that is published: layers, components, divisions and more."""
    from gis_registry.api.ogc.items import FORMATS
    from gis_registry.maps import collection_search, dcat
    from gis_registry.maps.collections import About

    asked = collection_search.Search(
        words=words,
        department=department,
        field=field,
        licence=licence,
        loaded=(_moment(since), _moment(until)),
    )
    city, published = asyncio.run(_published(role))
    found = collection_search.search(published, asked, city_box=city.box)
    if form is CatalogueFormat.DCAT:
        base = base.rstrip("/")
        datasets = []
        for one in found:
            place = f"{base}/collections/{one.name}/items"
            ways = [
                dcat.Access(way.title, way.media_type, f"{place}?f={way.name}") for way in FORMATS
            ]
            datasets.append(dcat.dataset(one, ways, base=base, city_box=city.box))
        print_json(dcat.document(datasets, base=base, name_zh=city.name_zh, name_en=city.name_en))
    elif as_json or form is CatalogueFormat.JSON:
        print_json([_plain(one) for one in found])
    else:
        print_table(
            ["collection", "title", "", "field", "department", "licence"],
            (
                (one.name, one.title_zh, one.title_en, about.field, about.department, about.licence)
                for one in found
                for about in [one.about or About()]
            ),
        )


async def _published(role: Role) -> "tuple[City, list[Collection]]":
    """Return the city, and what somebody of a role may read."""
    from gis_registry.db.reading import Reading
    from gis_registry.maps.published import Published
    from gis_registry.users.service import Actor

    with registry() as database:
        reading = Reading(database.url, connections=1, longest_s=60)
        await reading.open()
        try:
            published = Published(reading)
            found = await published.all(actor=Actor("catalogue", role))
            return await published.city(), list(found.values())
        finally:
            await reading.close()


def _shown(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return None if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _moment(said: str | None) -> datetime | None:
    return None if said is None else read_moment(said)


def _plain(one: "Collection") -> dict[str, object]:
    from gis_registry.maps.collections import About

    told = {"name": one.name, "title_zh": one.title_zh, "title_en": one.title_en}
    return {**told, "description": one.description, **vars(one.about or About())}
