"""How the commands of components print one."""

import json
from zoneinfo import ZoneInfo

from gis_registry.cli.output import print_facts, print_json, tell
from gis_registry.components.schemas import (
    ComponentDetail,
    FoundBy,
    KnownIdentifier,
    LineageEntry,
    Named,
    Successor,
)


def print_component(detail: ComponentDetail, zone: ZoneInfo, *, as_json: bool) -> None:
    """Print everything about a component, for people or for scripts."""
    if detail.found_by is not None and not as_json:
        _tell_found(detail.code, detail.found_by)
    if as_json:
        print_json(detail)
        return
    primary, *others = detail.identifiers
    changed_at = detail.changed_at.astimezone(zone)
    state = detail.state + (f" on {detail.ended_on}" if detail.ended_on else "")
    print_facts(
        [
            ("identifier", _identifier(primary)),
            *(("also", _identifier(one)) for one in others),
            ("as of", f"{detail.as_of.astimezone(zone):%Y-%m-%d %H:%M}" if detail.as_of else None),
            ("class", _named(detail.component_class)),
            ("state", state + (" · synthetic" if detail.is_synthetic else "")),
            *(("what stands there now", _successor(one)) for one in detail.became),
            ("position", f"{detail.lon:.7f}, {detail.lat:.7f} (± {detail.accuracy_m:g} m)"),
            ("district", _named(detail.division)),
            ("subdistrict", _named(detail.subdistrict)),
            ("grid cell", detail.cell_code),
            ("supervisor", _named(detail.supervisor)),
            ("owner", _named(detail.owner)),
            ("maintainer", _named(detail.maintainer)),
            ("surveyed on", detail.surveyed_on),
            ("version", f"{detail.version}, of {changed_at:%Y-%m-%d %H:%M}"),
            *(
                (
                    one.kind.replace("_", " "),
                    one.value + (f" (until {one.valid_to})" if one.valid_to else ""),
                )
                for one in detail.aliases
            ),
            *(("lineage", _step(one)) for one in detail.lineage),
            *(
                (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
                for name, value in detail.attributes.items()
                if name != "is_synthetic"
            ),
        ]
    )


def _tell_found(code: str, found_by: FoundBy) -> None:
    kind = found_by.kind.replace("_", " ")
    until = f" until {found_by.valid_to}" if found_by.valid_to else ""
    tell(f"The {kind} {found_by.value} {'stood' if until else 'stands'} for {code}{until}.")
    for one in found_by.others:
        tell(f"Before, it was that of {one.code} (until {one.valid_to}).")


def _identifier(one: KnownIdentifier) -> str:
    return f"{one.code} ({one.edition})" if one.edition else one.code


def _named(one: Named | None) -> str | None:
    return f"{one.name_zh} {one.name_en} ({one.code})" if one else None


def _successor(one: Successor) -> str:
    state = "" if one.state == "active" else f", {one.state}"
    return f"{one.code}, {_named(one.component_class)}{state}"


def _step(one: LineageEntry) -> str:
    what = one.code or f"{one.class_from} → {one.class_to}"
    return f"{one.relation.replace('_', ' ')} {what} on {one.on_date}: {one.reason}"
