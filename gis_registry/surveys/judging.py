"""Judging: what each row of a delivery means for the registry, and which components it lacks."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.spatial import cKDTree

from gis_registry.db.base import SRID
from gis_registry.surveys.assigning import Evidence, Floats, Indices, Matches, no_matches
from gis_registry.surveys.delivery import Delivery, Registered
from gis_registry.surveys.matching import MAX_DISTANCE_M, by_class, earth_centred, match_points
from gis_registry.surveys.matching_shapes import match_shapes, mean_distance
from gis_registry.surveys.tables import Verdict

#: A row that names its component, but lies farther off than this, names a wrong one more likely.
_MAX_NAMED_DISTANCE_M = 1_000.0
#: Matches some rows (by number) with some components.
Matcher = Callable[[Indices, Indices, Evidence | None], Matches]
_DIVISION_SHARE = 1_000  # an area's number without its last three digits is its district's


@dataclass(frozen=True)
class Shapes:
    """Lines and polygons by the place of their row or component, and the metres to compare in."""

    rows: Mapping[int, shapely.Geometry] = field(default_factory=dict)
    components: Mapping[int, shapely.Geometry] = field(default_factory=dict)
    projected_epsg: int = 3857


@dataclass(frozen=True)
class Judgement:
    """What became of rows, and the components that the delivery lacks.

    Attributes:
        verdict: of each row; None for a refused one.
        matches: which component each row is.
        reason: what is to be said beyond verdict and distances, or None.
        missing: components that should have been delivered.
        covered: components that should have been delivered, the missing ones and the others.
    """

    verdict: NDArray[np.object_]
    matches: Matches
    reason: NDArray[np.object_]
    missing: Indices
    covered: Indices


def judge(
    delivery: Delivery,
    registered: Registered,
    *,
    identifiers: NDArray[np.bytes_] | None,
    shapes: Shapes,
    major_of_class: NDArray[np.int32],
    coverage: Collection[str] | None,
    evidence: Evidence | None = None,
) -> Judgement:
    """Judge a delivery.

    Args:
        delivery: its rows; those that are not good are passed over.
        registered: the active components of its classes.
        identifiers: those that the file itself gives, empty where it gives none.
        shapes: lines and polygons among the rows and the components.
        major_of_class: a number for the major class of each class id.
        coverage: divisions (codes) that the delivery covers; None: for each class those
            subdistricts in which it has rows of the class.
        evidence: gains of contested pairs from what they are said to be.
    """
    matches = no_matches(len(delivery))
    reason = np.full(len(delivery), None, dtype=object)
    open_rows = delivery.is_good.copy()
    # A delivery of hydrants says nothing of the lights beside them: they are not reclassified.
    open_components = np.isin(registered.class_ids, np.unique(delivery.class_ids[open_rows]))
    if identifiers is not None:
        _take_named(matches, reason, delivery, registered, identifiers)
        named = np.flatnonzero(matches.component >= 0)
        _measure_shapes(matches, named, shapes)
        open_rows[named] = False
        open_components[matches.component[named]] = False
    is_shape_row = _marked(len(delivery), shapes.rows)
    is_shape = _marked(len(registered), shapes.components)
    _match(
        matches,
        np.flatnonzero(open_rows & ~is_shape_row),
        np.flatnonzero(open_components & ~is_shape),
        lambda rows, components, on_pairs: match_points(
            delivery.at(rows),
            registered.at(components),
            major_of_class=major_of_class,
            evidence=on_pairs,
        ),
        evidence,
    )
    _match(
        matches,
        np.flatnonzero(open_rows & is_shape_row),
        np.flatnonzero(open_components & is_shape),
        lambda rows, components, on_pairs: match_shapes(
            delivery.at(rows),
            registered.at(components),
            row_shapes=_projected(shapes.rows, rows, shapes.projected_epsg),
            component_shapes=_projected(shapes.components, components, shapes.projected_epsg),
            evidence=on_pairs,
        ),
        evidence,
    )
    verdict = _verdicts(delivery, registered, matches, reason)
    covered = _covered(delivery, registered, coverage)
    missing = _missing(registered, matches, covered)
    # A row that is refused is no reason to retire what it is about.
    missing = np.setdiff1d(missing, _held(delivery, registered)) if len(missing) else missing
    return Judgement(verdict, matches, reason, missing, covered)


def _marked(count: int, places: Collection[int]) -> NDArray[np.bool_]:
    marked = np.zeros(count, dtype=bool)
    marked[np.fromiter(places, dtype=np.int64, count=len(places))] = True
    return marked


def _take_named(
    matches: Matches,
    reason: NDArray[np.object_],
    delivery: Delivery,
    registered: Registered,
    identifiers: NDArray[np.bytes_],
) -> None:
    """Match rows that say which component they are, unless they contradict each other or place."""
    named = np.flatnonzero((identifiers != b"") & delivery.is_good)
    if not len(named) or not len(registered):
        return
    order = np.argsort(registered.codes)
    at = np.searchsorted(registered.codes, identifiers[named], sorter=order)
    component = order[np.minimum(at, len(order) - 1)]
    known = registered.codes[component] == identifiers[named]
    reason[named[~known]] = "The identifier it gives is that of no active component of its class."
    named, component = named[known], component[known]
    distance = np.linalg.norm(
        earth_centred(delivery.lon[named], delivery.lat[named])
        - earth_centred(registered.lon[component], registered.lat[component]),
        axis=1,
    )
    far = distance > _MAX_NAMED_DISTANCE_M
    reason[named[far]] = "The component whose identifier it gives is over 1 km off."
    named, component, distance = named[~far], component[~far], distance[~far]
    nearest = np.lexsort((named, distance, component))
    repeated = np.zeros(len(named), dtype=bool)
    repeated[nearest[1:]] = component[nearest[1:]] == component[nearest[:-1]]
    reason[named[repeated]] = "Another row gives the same identifier and lies nearer to it."
    named, component, distance = named[~repeated], component[~repeated], distance[~repeated]
    matches.component[named] = component
    matches.distance_m[named] = distance


def _measure_shapes(matches: Matches, rows: Indices, shapes: Shapes) -> None:
    """Measure how far lines and polygons are from the components that they name."""
    pairs = [
        (row, component)
        for row, component in zip(rows.tolist(), matches.component[rows].tolist(), strict=True)
        if row in shapes.rows and component in shapes.components
    ]
    if pairs:
        ours, theirs = np.array(pairs).T
        matches.distance_m[ours] = mean_distance(
            _projected(shapes.rows, ours, shapes.projected_epsg),
            _projected(shapes.components, theirs, shapes.projected_epsg),
            np.arange(len(ours)),
            np.arange(len(ours)),
        )


def _match(
    matches: Matches,
    rows: Indices,
    components: Indices,
    match: Matcher,
    evidence: Evidence | None,
) -> None:
    """Match some rows with some components, and write what comes out in the whole's numbers."""
    if not len(rows) or not len(components):
        return

    def on_pairs(row: Indices, component: Indices) -> Floats:
        assert evidence is not None  # noqa: S101  it is handed on only if there is some
        return evidence(rows[row], components[component])

    found = match(rows, components, None if evidence is None else on_pairs)
    for name in ("component", "runner_up"):
        mine = getattr(found, name)
        has = mine >= 0
        getattr(matches, name)[rows[has]] = components[mine[has]]
    for name in ("distance_m", "score", "runner_up_m", "is_ambiguous"):
        getattr(matches, name)[rows] = getattr(found, name)


def _projected(
    shapes: Mapping[int, shapely.Geometry], places: Indices, epsg: int
) -> NDArray[np.object_]:
    geometries = np.array([shapes[place] for place in places.tolist()], dtype=object)
    transformer = Transformer.from_crs(SRID, epsg, always_xy=True)
    projected: NDArray[np.object_] = shapely.transform(
        geometries, transformer.transform, interleaved=False
    )
    return projected


def _verdicts(
    delivery: Delivery, registered: Registered, matches: Matches, reason: NDArray[np.object_]
) -> NDArray[np.object_]:
    verdict = np.full(len(delivery), None, dtype=object)
    verdict[delivery.is_good] = Verdict.NEW.value
    row = np.flatnonzero(matches.component >= 0)
    component = matches.component[row]
    ours, theirs = delivery.accuracies_m[row], registered.accuracies_m[component]
    verdict[row] = Verdict.UNCHANGED.value
    finer = ours < theirs
    verdict[row[finer]] = Verdict.CHANGED.value
    for at in row[finer].tolist():
        reason[at] = reason[at] or (
            f"Its position is more exact: ±{delivery.accuracies_m[at]:g} m instead of "
            f"±{registered.accuracies_m[matches.component[at]]:g} m."
        )
    verdict[row[matches.distance_m[row] > ours + theirs]] = Verdict.MOVED.value
    other = delivery.class_ids[row] != registered.class_ids[component]
    verdict[row[other]] = Verdict.RECLASSIFIED.value
    verdict[matches.is_ambiguous & delivery.is_good] = Verdict.AMBIGUOUS.value
    return verdict


def _covered(
    delivery: Delivery, registered: Registered, coverage: Collection[str] | None
) -> Indices:
    """Return the components that the delivery should have."""
    good = delivery.is_good
    if coverage is None:
        wanted = _places(delivery.class_ids[good], delivery.areas[good])
        return np.flatnonzero(np.isin(_places(registered.class_ids, registered.areas), wanted))
    classes = np.isin(registered.class_ids, np.unique(delivery.class_ids[good]))
    inside = np.zeros(len(registered), dtype=bool)
    for code in coverage:
        if code.endswith("00") and len(code) == 6:  # the city itself
            inside |= registered.areas // (100 * _DIVISION_SHARE) == int(code) // 100
        elif len(code) == 6:
            inside |= registered.areas // _DIVISION_SHARE == int(code)
        else:
            inside |= registered.areas == int(code[:9])
    return np.flatnonzero(classes & inside)


def _places(class_ids: NDArray[np.int32], areas: NDArray[np.int32]) -> NDArray[np.int64]:
    places: NDArray[np.int64] = class_ids.astype(np.int64) << 32 | areas
    return places


def _missing(registered: Registered, matches: Matches, covered: Indices) -> Indices:
    """Return covered components that no row is, nor may be."""
    is_missing = np.zeros(len(registered), dtype=bool)
    is_missing[covered] = True
    is_missing[matches.component[matches.component >= 0]] = False
    uncertain = matches.runner_up[matches.is_ambiguous]
    is_missing[uncertain[uncertain >= 0]] = False
    return np.flatnonzero(is_missing)


def _held(delivery: Delivery, registered: Registered) -> Indices:
    """Return the components that refused rows are about, as far as their places tell.

    They are the nearest of its class to each, and the nearest of any class within both accuracies.
    Rows that only repeat others are nearest to what those are about, and keep nothing else.
    """
    on_earth = (np.abs(delivery.lon) <= 180) & (np.abs(delivery.lat) <= 90)
    refused = np.flatnonzero(~delivery.is_good & on_earth)
    if not len(refused):
        return refused
    ours = earth_centred(delivery.lon[refused], delivery.lat[refused])
    theirs = earth_centred(registered.lon, registered.lat)
    held = []
    for of_rows, of_components in by_class(delivery.class_ids[refused], registered.class_ids):
        distance, near = cKDTree(theirs[of_components]).query(ours[of_rows])
        held.append(of_components[near[distance <= MAX_DISTANCE_M]])
    distance, near = cKDTree(theirs).query(ours)
    accuracy = np.nan_to_num(delivery.accuracies_m[refused]) + registered.accuracies_m[near]
    return np.concatenate([*held, near[distance <= accuracy]])


def missing_by_class(
    registered: Registered, judgement: Judgement
) -> Sequence[tuple[int, int, int]]:
    """Return for each class how many components are missing, and how many should be there."""
    covered = np.bincount(registered.class_ids[judgement.covered])
    missing = np.bincount(registered.class_ids[judgement.missing], minlength=len(covered))
    return [
        (int(class_id), int(missing[class_id]), int(covered[class_id]))
        for class_id in np.flatnonzero(covered)
    ]
