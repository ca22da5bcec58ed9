"""Comparing a delivery with the registry: what stands there, and what each row means for it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue
from gis_registry.places.tables import City
from gis_registry.surveys import queries
from gis_registry.surveys.assigning import Indices
from gis_registry.surveys.delivery import Delivery, Registered, ordinals
from gis_registry.surveys.evidence import Attributes, attribute_evidence
from gis_registry.surveys.judging import Judgement, Shapes, judge
from gis_registry.surveys.tables import Verdict

#: More than a thing can be off and still be taken for the same, up to 80 degrees of latitude.
_MARGIN_DEGREES = 0.005


class Said(Protocol):
    """What rows say beside their places: of rows that are staged, or of stored ones."""

    @property
    def shapes(self) -> Mapping[int, shapely.Geometry]:
        """Lines and polygons by the place of their row from 0, EPSG:4490."""

    def attributes(self, rows: Indices) -> list[str]:
        """Return the attributes of some rows as JSON, by their places from 0."""

    def fingerprints(self) -> NDArray[np.int64]:
        """Return the fingerprints of all rows' attributes, as components have them."""

    def identifiers(self) -> NDArray[np.bytes_] | None:
        """Return the identifiers that the rows give themselves; None if none does."""


def registered_beside(
    session: Session,
    delivery: Delivery,
    *,
    attribute_names: Sequence[str],
    also: Collection[int] = (),
    has_refused: bool = False,
) -> Registered:
    """Return the active components with which rows of a delivery may be matched.

    They are those of its classes, and around it those of the classes of the same major ones, since
    a thing may have got another class.

    Args:
        session: open transaction.
        delivery: its rows.
        attribute_names: of what they say.
        also: ids of further classes that are wanted around it.
        has_refused: whether the classes of refused rows count as well: a file that lies outside
            the city as a whole has no good row, and what it should lie on is wanted all the same.
    """
    classes = catalogue.classes(session)
    counted = delivery.class_ids > 0 if has_refused else delivery.is_good
    delivered = set(np.unique(delivery.class_ids[counted]).tolist())
    majors = {(one.edition_key, one.major_code) for one in classes if one.id in delivered}
    return queries.registered(
        session,
        sorted(delivered),
        related_ids=[
            one.id
            for one in classes
            if one.id not in delivered
            and ((one.edition_key, one.major_code) in majors or one.id in also)
        ],
        box=box_of(delivery),
        attribute_names=attribute_names,
    )


def box_of(delivery: Delivery) -> tuple[float, float, float, float]:
    """Return west, south, east, north of where the components of good rows may be, in degrees."""
    good = delivery.is_good
    lon, lat = delivery.lon[good], delivery.lat[good]
    return (
        float(lon.min(initial=180)) - _MARGIN_DEGREES,
        float(lat.min(initial=90)) - _MARGIN_DEGREES,
        float(lon.max(initial=-180)) + _MARGIN_DEGREES,
        float(lat.max(initial=-90)) + _MARGIN_DEGREES,
    )


@dataclass(frozen=True)
class Comparison:
    """A delivery judged against the registry."""

    delivery: Delivery
    registered: Registered
    judgement: Judgement

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return what judging says of each row, as the columns of ``survey_rows``."""
        matches, registered = self.judgement.matches, self.registered
        known = matches.component >= 0
        versions = np.full(len(self.delivery), np.nan)
        versions[known] = registered.versions[matches.component[known]]
        verdict = self.judgement.verdict.copy()
        verdict[~self.delivery.is_good] = Verdict.REFUSED.value
        return {
            "verdict": verdict,
            "code": _codes(registered, matches.component),
            "version": versions,
            "distance_m": matches.distance_m,
            "score": np.where(self.delivery.is_good, matches.score, np.nan),
            "runner_up": _codes(registered, matches.runner_up),
            "runner_up_m": matches.runner_up_m,
            "reason": self.judgement.reason,
            "ordinal": ordinals(self.delivery, self.judgement.verdict == Verdict.NEW.value, {}),
        }

    def missing_codes(self) -> list[str]:
        """Return the identifiers of the components that the delivery lacks, in order."""
        return [
            code.decode("ascii")
            for code in np.sort(self.registered.codes[self.judgement.missing]).tolist()
        ]


def compare(
    session: Session,
    delivery: Delivery,
    registered: Registered,
    said: Said,
    *,
    city: City,
    coverage: Collection[str] | None,
) -> Comparison:
    """Judge a delivery against the registry.

    Args:
        session: open transaction.
        delivery: its rows.
        registered: the components beside it.
        said: what its rows say.
        city: gives the projected system in which lines and polygons are compared.
        coverage: divisions that the delivery covers; None: those in which it has rows.
    """

    def attributes_of_rows(rows: Indices) -> Attributes:
        texts = said.attributes(rows)
        return {row: json.loads(one) for row, one in zip(rows.tolist(), texts, strict=True)}

    judgement = judge(
        delivery,
        registered,
        identifiers=said.identifiers(),
        shapes=Shapes(said.shapes, _component_shapes(session, registered), city.projected_epsg),
        major_of_class=_majors(session),
        coverage=coverage,
        evidence=attribute_evidence(
            attributes_of_rows, lambda components: _known(session, registered, components)
        ),
    )
    _tell_differences(session, delivery, registered, judgement, said)
    return Comparison(delivery, registered, judgement)


def _tell_differences(
    session: Session, delivery: Delivery, registered: Registered, judgement: Judgement, said: Said
) -> None:
    """Say of matched rows what they say differently; at their component's place they change it."""
    matches = judgement.matches
    rows = np.flatnonzero((matches.component >= 0) & ~matches.is_ambiguous)
    if not len(rows):
        return
    components = matches.component[rows]
    ours, theirs = delivery.unit_ids[rows], registered.unit_ids[components]
    may_differ = said.fingerprints()[rows] != registered.fingerprints[components]
    may_differ |= ((ours > 0) & (ours != theirs)).any(axis=1)
    rows, components = rows[may_differ], components[may_differ]
    columns = {
        "row_number": rows,
        "code": registered.codes[components].astype(str),
        "attributes": said.attributes(rows),
        **{
            f"{role}_id": delivery.unit_ids[rows, place]
            for place, role in enumerate(("supervisor", "owner", "maintainer"))
        },
    }
    for row, difference in queries.differences(session, pa.table(columns)):
        before = judgement.reason[row]
        judgement.reason[row] = difference if before is None else f"{before} {difference}"
        if judgement.verdict[row] == Verdict.UNCHANGED.value:
            judgement.verdict[row] = Verdict.CHANGED.value


def _known(session: Session, registered: Registered, components: Indices) -> Attributes:
    codes = registered.codes[components].astype(str).tolist()
    known = queries.attributes_of_components(session, codes)
    return {int(components[place]): attributes for place, attributes in known.items()}


def _component_shapes(session: Session, registered: Registered) -> dict[int, shapely.Geometry]:
    """Return the shapes of lines and areas, by place in ``registered``.

    Those of the same classes that lie elsewhere are not in it.
    """
    class_ids = np.unique(registered.class_ids).tolist()
    shapes = queries.component_shapes(session, class_ids)
    if not shapes:
        return {}
    order = np.argsort(registered.codes)
    codes = np.array(list(shapes), dtype=registered.codes.dtype)
    found = np.searchsorted(registered.codes, codes, sorter=order)
    places = order[np.minimum(found, len(order) - 1)]
    is_there = registered.codes[places] == codes
    geometries = shapely.from_wkb(np.array(list(shapes.values()), dtype=object)[is_there])
    return dict(zip(places[is_there].tolist(), geometries, strict=True))


def _majors(session: Session) -> NDArray[np.int32]:
    """Return a number for the major class of each class id."""
    classes = catalogue.classes(session)
    names = sorted({(one.edition_key, one.major_code) for one in classes})
    majors = np.zeros(max(one.id for one in classes) + 1, dtype=np.int32)
    for one in classes:
        majors[one.id] = names.index((one.edition_key, one.major_code))
    return majors


def _codes(registered: Registered, components: Indices) -> NDArray[np.bytes_]:
    codes = np.append(registered.codes, np.zeros(1, dtype=registered.codes.dtype))
    found: NDArray[np.bytes_] = codes[components]  # -1 is the empty one at the end
    return found
