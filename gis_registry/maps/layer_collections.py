"""Thematic layers as collections: what is published of them, read again only when it changed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gis_registry.db.reading import Reading
from gis_registry.layers.naming import PLACE_COLUMNS
from gis_registry.layers.schemas import LayerColumn
from gis_registry.layers.tables import FEATURE_SCHEMA
from gis_registry.maps.collections import About, Collection, KeyColumn, Property, number_id
from gis_registry.maps.queryables import PropertyType
from gis_registry.roles import Role

_TOKEN = "SELECT token FROM layers_state"  # noqa: S105  of a state
_PUBLISHED = """
SELECT l.name, l.title_zh, l.title_en, l.description, l.roles, l.origin, v.number, v.table_name,
  v.id_type, v.columns, v.quality, l.keywords, l.licence, l.department, l.field, l.source,
  l.refresh, v.loaded_at
FROM layers l
JOIN layer_versions v ON v.layer_id = l.id AND v.number = l.version
WHERE l.removed_at IS NULL
ORDER BY l.name
"""
_PLACE_TITLES = (
    ("区划代码", "district code"),
    ("街道代码", "subdistrict code"),
    ("单元网格代码", "grid cell code"),
)
_BY_ID = {
    "bigint": number_id("l.id"),
    "text": "l.id = %(id)s",
}


class LayerCollections:
    """The collections of layers, kept until one of them changes."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._token: object = None
        self._found: dict[str, Collection] = {}

    async def all(self) -> Mapping[str, Collection]:
        """Return them by their names: one row is read, and all of them after a change."""
        ((token,),) = await self._reading.rows(_TOKEN, is_plan_kept=True)
        if token != self._token:
            rows = await self._reading.rows(_PUBLISHED)
            self._found, self._token = {row[0]: _collection(*row) for row in rows}, token
        return self._found


def _collection(
    name: str,
    title_zh: str,
    title_en: str,
    description: str,
    roles: Sequence[str] | None,
    origin: Mapping[str, Any],
    number: int,
    table_name: str,
    id_type: str,
    columns: Sequence[Mapping[str, Any]],
    quality: Mapping[str, Any],
    *about: Any,
) -> Collection:
    """Return a layer as a collection.

    Names of layers and columns hold letters, digits, - and _ alone (:mod:`~.layers.naming`), so
    that they can be quoted as they are.
    """
    found = [LayerColumn.model_validate(one) for one in columns]
    timed = [one for one in found if one.title == origin.get("time_field")]
    return Collection(
        name=name,
        title_zh=title_zh,
        title_en=title_en,
        description=description or title_en,
        source=f'{FEATURE_SCHEMA}."{table_name}" l',
        key=(KeyColumn("l.id", id_type),),
        by_id=_BY_ID[id_type],
        version=f"'{number}'",
        properties=(*map(_property, found), *_places()),
        geometry="l.geom",
        temporal=tuple(one.name for one in timed),
        total=f"{quality['features']:d}::bigint",
        roles=None if roles is None else frozenset({Role.ADMINISTRATOR, *map(Role, roles)}),
        about=_about(timed, quality, *about),
    )


def _about(
    timed: Sequence[LayerColumn],
    quality: Mapping[str, Any],
    keywords: Sequence[str],
    licence: str | None,
    department: str | None,
    field: str | None,
    source: str | None,
    refresh: str | None,
    loaded_at: datetime,
) -> About:
    box = quality.get("box")
    return About(
        keywords=tuple(keywords),
        licence=licence,
        department=department,
        field=field,
        updated_at=loaded_at,
        refresh=refresh,
        source=source,
        box=None if box is None else (box[0], box[1], box[2], box[3]),
        interval=(_moment(timed[0].least), _moment(timed[0].greatest)) if timed else (None, None),
    )


def _moment(said: str | None) -> datetime | None:
    """Return a day or a time as PostgreSQL writes it; what says no zone is in UTC."""
    if said is None:
        return None
    moment = datetime.fromisoformat(said)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _property(column: LayerColumn) -> Property:
    return Property(
        name=column.name,
        type=PropertyType(column.type.value),
        sql=f'l."{column.column}"',
        title_zh=column.title,
        title_en=column.title,
    )


def _places() -> list[Property]:
    return [
        Property(name, PropertyType.STRING, f"l.{name}", *titles)
        for name, titles in zip(PLACE_COLUMNS, _PLACE_TITLES, strict=True)
    ]
