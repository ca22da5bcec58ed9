"""Layers published for a test, and what became of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from gis_registry.layers import schemas, service, showing
from gis_registry.layers.origins import find_origin
from gis_registry.roles import Role

#: Somewhere in the old town, inside a subdistrict.
LON, LAT = 120.3826, 36.0671


def publish(
    session: Session,
    place: Path | str,
    name: str = "things",
    *,
    mapping: Mapping[str, Any] | None = None,
    id_field: str | None = None,
    time_field: str | None = None,
    refresh: str | None = None,
    roles: list[Role] | None = None,
    **told: Any,
) -> schemas.LayerEntry:
    """Publish a file or table."""
    kind, found = find_origin(session, str(place))
    origin = schemas.Origin(
        kind=kind,
        place=found,
        mapping=dict(mapping or {}),
        id_field=id_field,
        time_field=time_field,
    )
    told_of = schemas.LayerText(title_zh="东西", title_en="Things", roles=roles, **told)
    new = schemas.NewLayer(name=name, origin=origin, text=told_of, refresh=refresh)
    service.add(session, new, actor="test")
    return showing.show(session, name)


def features(session: Session, entry: schemas.LayerEntry) -> list[RowMapping]:
    """Return the features of the published version, by id."""
    table = f'layers."{entry.name}_{entry.version}"'
    return list(session.execute(text(f"SELECT * FROM {table} ORDER BY id")).mappings())


def types(entry: schemas.LayerEntry) -> dict[str, str]:
    """Return of what type each property is."""
    return {one.name: str(one.type) for one in entry.columns}
