"""What to tell whoever loaded a layer: what is probably wrong with it, and what can be done."""

import shlex
from pathlib import Path

from gis_registry.layers.geometry_kinds import are_mixed, listed_kinds
from gis_registry.layers.schemas import ColumnType, LayerEntry, OriginKind, StrayValues
from gis_registry.surveys.systems import WITHOUT_OWN_CRS

_AGAIN = "with --crs and the right system, such as --crs EPSG:4549"
_SHOWN = 3


def warnings(entry: LayerEntry, city_name: str, *, is_kept: bool = True) -> list[str]:
    """Return what to know of a layer that was just loaded, a sentence or more each.

    Args:
        entry: the layer.
        city_name: what its city is called.
        is_kept: whether it is published; a dry run only looks.
    """
    quality = entry.quality
    found = []
    if quality.far_from_city > quality.features / 2:
        found.append(
            f"Warning: {quality.far_from_city:,} of {quality.features:,} features lie far from "
            f"{city_name} (more than some 20 km beyond it), read as {entry.facts.crs}. If they "
            f"should be near, this is the wrong system: {_right_system(entry, is_kept=is_kept)} "
            f"If they really lie there, leave it.{_way_back(entry) if is_kept else ''}"
        )
    if are_mixed(quality.geometry_types):
        found.append(
            f"The layer mixes kinds of geometries: {listed_kinds(quality.geometry_types)}. All of "
            "them are features of it; for programs that take one kind only, such as those that "
            "read shapefiles, save each kind in a file of its own and add a layer of each (QGIS: "
            "Filter by geometry type)."
        )
    if quality.stray_values:
        listed = "; ".join(map(strays_said, quality.stray_values[:_SHOWN]))
        found.append(
            f"Text because of few values: {listed}. If these should be numbers or days, correct or "
            "empty them in the file "
            + (f"and `gis-registry layer refresh {entry.name}`." if is_kept else "and add it.")
        )
    return found


def _way_back(entry: LayerEntry) -> str:
    """Say how the version before is published again, if there is one."""
    if not any(one.is_kept and one.number < entry.version for one in entry.versions):
        return ""
    return f" `gis-registry layer revert {entry.name}` publishes the version before again."


def strays_said(one: StrayValues) -> str:
    """Say which values make a column text."""
    what = "numbers" if one.like is ColumnType.NUMBER else "days"
    kept = one.values - one.strays
    return (
        f"{one.name}: {kept:,} of {one.values:,} values are {what}, {one.strays:,} not; the first "
        f"is {one.first!r} in row {one.first_row:,}"
    )


def _right_system(entry: LayerEntry, *, is_kept: bool) -> str:
    """Say how a layer is read in another system: what says its own cannot be overruled."""
    refresh = f"gis-registry layer refresh {entry.name}"
    if entry.origin.kind is OriginKind.TABLE and "crs" not in entry.origin.mapping:
        what = f"correct the SRID of {entry.origin.place} (UpdateGeometrySRID), "
        return what + (f"then `{refresh}`." if is_kept else "then add it.")
    if "crs" in entry.origin.mapping or entry.facts.format in WITHOUT_OWN_CRS:
        if not is_kept:
            return f"add it {_AGAIN}."
        return f"`gis-registry layer remove {entry.name} --for-good`, then add it again {_AGAIN}."
    place = Path(entry.origin.place)
    right = f"right_{place.stem}.gpkg"
    return (
        "--crs cannot overrule what the file says itself, so correct the file (`ogr2ogr -a_srs "
        f"EPSG:… {shlex.quote(right)} {shlex.quote(place.name)}`), then "
        + (f"`{refresh} --from {shlex.quote(right)}`." if is_kept else f"add {right}.")
    )
