"""The history of components as a collection: every state that one had or has, with when it held."""

from gis_registry.components.tables import ComponentState, FormerComponent, Operation
from gis_registry.maps.collections import (
    COMPONENT_PROPERTIES,
    COMPONENT_UNITS,
    Collection,
    Group,
    KeyColumn,
    Property,
)
from gis_registry.maps.queryables import PropertyType

_COLUMNS = ", ".join(
    one.name
    for one in FormerComponent.__table__.columns
    if one.name not in ("attributes", "ended_by")
)
# Each part in the order of the key, so that a page of them all is read without sorting them all.
_IN_ORDER = "ORDER BY division_code, code, version"
_STATES = (
    f"((SELECT {_COLUMNS}, NULL::bigint AS ended_by FROM components {_IN_ORDER})"  # noqa: S608
    f" UNION ALL (SELECT {_COLUMNS}, ended_by FROM component_history {_IN_ORDER})) c"
)
_CHANGES = (
    " JOIN changes made ON made.id = c.change_id LEFT JOIN changes ended ON ended.id = c.ended_by"
)
_DIVISION = "c.division_code = left(%(id)s, 6)"
_OWN = {
    "state": Property(
        "state", PropertyType.STRING, "c.state", "状态", "state", choices=tuple(ComponentState)
    ),
}


def components_history() -> Collection:
    """Return every state of every component; `datetime` asks for those that held then."""
    return Collection(
        name="components-history",
        title_zh="部件历史",
        title_en="History of components",
        description="部件曾有的和现有的每个状态及其起止时间。"
        " Every state that a component had or has, and from when to when it held: with "
        "`datetime`, the registry as it was at that moment.",
        source=_STATES,
        lookups=f"{_CHANGES} {COMPONENT_UNITS}",
        group=Group.COMPONENTS,
        key=(
            KeyColumn("c.division_code", "text"),
            KeyColumn("c.code", "text"),
            KeyColumn("c.version", "int"),
        ),
        id="c.code || '-' || c.version",
        by_id=f"{_DIVISION} AND c.code = split_part(%(id)s, '-', 1)"
        " AND c.code || '-' || c.version = %(id)s",
        version="c.version || '-' || coalesce(c.ended_by, 0)",
        properties=(
            *(_OWN.get(one.name, one) for one in COMPONENT_PROPERTIES),
            Property(
                "operation",
                PropertyType.STRING,
                "c.operation",
                "变更方式",
                "what was done",
                choices=tuple(Operation),
            ),
            Property("valid_from", PropertyType.DATETIME, "made.made_at", "生效时间", "held from"),
            Property(
                "valid_to",
                PropertyType.DATETIME,
                # Intervals include both ends, and at the next change the next state holds.
                "(ended.made_at - interval '1 microsecond')",
                "失效时间",
                "held until and with; empty: it still holds",
            ),
            Property("actor", PropertyType.STRING, "made.actor", "变更人", "who changed it"),
            Property("reason", PropertyType.STRING, "made.reason", "变更原因", "why it changed"),
        ),
        geometry="c.geom",
        temporal=("valid_from", "valid_to"),
    )
