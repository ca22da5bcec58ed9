"""What a survey says of each made-up component: keys, units, state, date, material."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from city_place import Placed, PlacementRule
from city_streets import Areas, Floats, Profile, Streets
from pyproj import Transformer

AS_OF = date(2026, 6, 30)
FIELD_DAYS = 110  # the survey took this long; one street is done in one day
STATES = ("完好", "破损", "丢失", "废弃")
STATE_SHARES = (0.958, 0.03, 0.006, 0.006)
ROLES = ("supervisor", "owner", "maintainer")
CHUNK = 200_000
WKB_CORNERS = {"point": 1, "line": 2, "polygon": 5}


@dataclass(frozen=True)
class UnitTable:
    """Unit of a role, by class (rows) and district (columns); "" where nobody is named."""

    districts: list[str]
    units: dict[str, npt.NDArray[np.object_]]


def read_units(profile: Profile, rules: list[PlacementRule], districts: list[str]) -> UnitTable:
    """Who is responsible for each class in each district, from the profile's responsibilities.

    A fact about the district comes before one about the whole city.
    """
    units = {role: np.full((len(rules), len(districts)), "", dtype=object) for role in ROLES}
    row_of = {rule.class_code: row for row, rule in enumerate(rules)}
    facts = []
    for name in profile.files.get("responsibilities", []):
        with (profile.folder / name).open(encoding="utf-8", newline="") as file:
            facts += [fact for fact in csv.DictReader(file) if is_about_class(fact)]
    facts.sort(key=lambda fact: fact["division_code"] in districts)
    for fact in facts:
        row = row_of.get(fact["class_code"])
        if row is None or fact["role"] not in units:
            continue
        if fact["division_code"] in districts:
            units[fact["role"]][row, districts.index(fact["division_code"])] = fact["unit_code"]
        elif fact["division_code"] in ("", profile.division_code):
            units[fact["role"]][row, :] = fact["unit_code"]
    return UnitTable(districts, units)


def is_about_class(fact: dict[str, str]) -> bool:
    """Whether a responsibility is for a whole class and holds on the day of the survey."""
    day = AS_OF.isoformat()
    holds = fact["valid_from"] <= day and (not fact["valid_to"] or day < fact["valid_to"])
    return bool(fact["class_code"]) and not fact["component_code"] and holds


@dataclass(frozen=True)
class City:
    """Everything that describing a component needs beside the component."""

    profile: Profile
    rules: list[PlacementRule]
    areas: Areas
    streets: Streets
    units: UnitTable
    seed: int

    @property
    def to_degrees(self) -> Transformer:
        """From (easting, northing) to (lon, lat)."""
        return Transformer.from_crs(self.profile.projected_epsg, 4490, always_xy=True)


def survey_batches(city: City, placed: Placed, first_key: int) -> Iterator[pa.RecordBatch]:
    """The rows of a first survey, with its keys and units, a chunk at a time.

    Args:
        city: what the components stand in.
        placed: components of one geometry type.
        first_key: number of the first source key.
    """
    rng = _details(city, first_key)
    day_of_street = np.random.default_rng([city.seed, 4]).integers(0, FIELD_DAYS, len(city.streets))
    for at in range(0, len(placed), CHUNK):
        part = placed.pick(np.arange(at, min(at + CHUNK, len(placed))))
        yield pa.RecordBatch.from_pydict(
            {
                "source_key": source_keys(city, first_key + at + np.arange(len(part))),
                **class_columns(city, part.rule),
                **unit_columns(city, part),
                "surveyed_on": dates(day_of_street[part.street]),
                "state": states(draw_states(rng, len(part))),
                "road": road_names(city, part),
                "lamp_no": site_numbers(city, part),
                "material": materials(city, part, rng),
                "is_synthetic": pa.array(np.ones(len(part), dtype=bool)),
                "geom": wkb(city, part.rule, part.xy, part.along),
            }
        )


def surveyed_states(city: City, placed: Placed, first_key: int) -> npt.NDArray[np.int8]:
    """What a first survey says of their state, as places in `STATES`."""
    rng = _details(city, first_key)
    drawn = []
    for at in range(0, len(placed), CHUNK):
        part = placed.pick(np.arange(at, min(at + CHUNK, len(placed))))
        drawn.append(draw_states(rng, len(part)))
        materials(city, part, rng)  # drawn in between
    return np.concatenate([np.empty(0, dtype=np.int8), *drawn])


def _details(city: City, first_key: int) -> np.random.Generator:
    return np.random.default_rng([city.seed, 3, first_key])


def source_keys(city: City, numbers: npt.NDArray[np.int64]) -> pa.Array:
    """`370200-0000001` and so on: the key in the file, which is not an identifier."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 7, "0")
    return pc.binary_join_element_wise(f"{city.profile.division_code}", digits, "-")


def class_columns(city: City, rule: npt.NDArray[np.int16]) -> dict[str, pa.Array]:
    """Code and name of the class."""
    return {
        "class_code": pa.array([r.class_code for r in city.rules]).take(pa.array(rule)),
        "class_name": pa.array([r.name_zh for r in city.rules]).take(pa.array(rule)),
    }


def unit_columns(city: City, placed: Placed) -> dict[str, pa.Array]:
    """Codes of the three units, empty where nobody is named."""
    districts = city.units.districts
    column = np.array([districts.index(d) for d in city.areas.districts])
    district = column[city.streets.area[placed.street]]
    flat = pa.array(placed.rule.astype(np.int64) * len(districts) + district)
    return {
        f"{role}_code": pa.array([u or None for u in city.units.units[role].ravel()]).take(flat)
        for role in ROLES
    }


def dates(days: npt.NDArray[np.int64]) -> pa.Array:
    """ISO dates, counted from the first day of field work."""
    first = AS_OF - timedelta(days=FIELD_DAYS + 9)
    texts = [(first + timedelta(days=day)).isoformat() for day in range(FIELD_DAYS)]
    return pa.array(texts).take(pa.array(days))


def draw_states(rng: np.random.Generator, count: int) -> npt.NDArray[np.int8]:
    """State of each as a place in `STATES`, nearly always sound."""
    return rng.choice(len(STATES), count, p=STATE_SHARES).astype(np.int8)


def states(drawn: npt.NDArray[np.int8]) -> pa.Array:
    """Names of states."""
    return pa.array(STATES).take(pa.array(drawn))


def road_names(city: City, placed: Placed) -> pa.Array:
    """Names that nobody can take for a real road's."""
    streets = city.streets
    names = [
        f"示例{'支路' if minor else '路'}{number:05d}"
        for number, minor in zip(streets.number.tolist(), streets.is_minor.tolist(), strict=True)
    ]
    return pa.array(names).take(pa.array(placed.street))


def site_numbers(city: City, placed: Placed) -> pa.Array:
    """The number painted on the thing (`LD-00123-004`), for classes that carry one."""
    prefix = pa.array([r.number_prefix or None for r in city.rules]).take(pa.array(placed.rule))
    street = pc.utf8_lpad(pa.array(placed.street + 1).cast(pa.string()), 5, "0")
    nth = pc.utf8_lpad(pa.array(placed.nth).cast(pa.string()), 3, "0")
    return pc.binary_join_element_wise(prefix, street, nth, "-")


def materials(city: City, placed: Placed, rng: np.random.Generator) -> pa.Array:
    """One of the materials of the class; empty where it has none."""
    most = max(len(rule.materials) for rule in city.rules)
    table: list[str | None] = []
    for rule in city.rules:
        options = rule.materials or (None,)
        table += [options[i % len(options)] for i in range(most * 2)]
    drawn = np.minimum(rng.geometric(0.6, len(placed)) - 1, most * 2 - 1)
    return pa.array(table).take(pa.array(placed.rule.astype(np.int64) * most * 2 + drawn))


def wkb(
    city: City, rule: npt.NDArray[np.int16], xy: Floats, along: npt.NDArray[np.float32]
) -> pa.Array:
    """Geometry of components of one geometry type as WKB, lon/lat rounded to a centimetre."""
    geometry = city.rules[int(rule[0])].geometry if len(rule) else "point"
    corners = corner_points(city, geometry, rule, xy, along)
    lon, lat = city.to_degrees.transform(corners[..., 0].ravel(), corners[..., 1].ravel())
    count = WKB_CORNERS[geometry]
    coordinates = np.round(np.column_stack([lon, lat]), 7).reshape(len(rule), count * 2)
    head = {
        "point": np.array([1, 1, 0, 0, 0], dtype=np.uint8),
        "line": np.frombuffer(b"\x01\x02\0\0\0\x02\0\0\0", dtype=np.uint8),
        "polygon": np.frombuffer(b"\x01\x03\0\0\0\x01\0\0\0\x05\0\0\0", dtype=np.uint8),
    }[geometry]
    size = len(head) + count * 16
    data = np.empty((len(rule), size), dtype=np.uint8)
    data[:, : len(head)] = head
    data[:, len(head) :] = np.ascontiguousarray(coordinates, dtype="<f8").view(np.uint8)
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(size), len(rule), [None, pa.py_buffer(data.tobytes())]
    )
    return fixed.cast(pa.binary())


def corner_points(
    city: City,
    geometry: str,
    rule: npt.NDArray[np.int16],
    xy: Floats,
    along: npt.NDArray[np.float32],
) -> Floats:
    """Vertices in projected metres, (n, corners, 2): rectangles run anticlockwise."""
    if geometry == "point":
        return xy[:, None, :]
    length = np.array([r.length_m for r in city.rules])[rule][:, None]
    width = np.array([r.width_m for r in city.rules])[rule][:, None]
    across = np.column_stack([-along[:, 1], along[:, 0]]).astype(np.float64)
    ahead = along.astype(np.float64) * length / 2
    aside = across * width / 2
    if geometry == "line":
        reach = np.where(length > 0, ahead, aside)
        return np.stack([xy - reach, xy + reach], axis=1)
    ring = [xy - ahead - aside, xy + ahead - aside, xy + ahead + aside, xy - ahead + aside]
    return np.stack([*ring, ring[0]], axis=1)
