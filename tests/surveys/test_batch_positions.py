"""Positions of whole deliveries: each trap is recognised, and what is honest is never stopped."""

import numpy as np
import pytest
from city_made import (
    CAMBRIDGE,
    COVER_ID,
    QINGDAO,
    cambridge_lights,
    context,
    delivered,
    joined,
    registered,
    streets,
    surveyed_again,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from gis_registry.places.datums import Datum, from_cgcs2000, to_cgcs2000
from gis_registry.surveys.batch_checks import batch_findings
from gis_registry.surveys.checked import Severity
from gis_registry.surveys.findings import BatchContext, Finding
from gis_registry.surveys.placement import Rows
from gis_registry.surveys.suppositions import to_lonlat

NOTHING = registered(streets(0).take(np.arange(0)))


def found(
    rows: Rows, known: Rows, told: BatchContext, raw: tuple[np.ndarray, np.ndarray] | None = None
) -> list[Finding]:
    return batch_findings(delivered(rows, raw), registered(known), told)


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    assert finding.severity == Severity.ERROR
    return finding


@pytest.mark.parametrize("written", [Datum.GCJ02, Datum.BD09])
def test_a_datum_that_was_not_declared_is_recognised(written: Datum) -> None:
    known = streets(1)
    again = surveyed_again(known, 2)
    rows = again.at(*from_cgcs2000(again.lon, again.lat, written))
    finding = only(found(rows, known, context()))
    assert (finding.check, finding.remedy) == ("wrong-datum", f"--crs {written}")
    assert finding.figures["hits"] > 0.95 * len(rows)
    assert finding.figures["hits_as_declared"] < 0.05 * len(rows)


@pytest.mark.parametrize("declared", [Datum.GCJ02, Datum.BD09])
def test_a_datum_that_was_declared_wrongly_is_recognised(declared: Datum) -> None:
    known = streets(1)
    again = surveyed_again(known, 2)
    rows = again.at(*to_cgcs2000(again.lon, again.lat, declared))
    finding = only(found(rows, known, context(declared), (again.lon, again.lat)))
    assert (finding.check, finding.remedy) == ("wrong-datum", "--crs wgs84")


@pytest.mark.parametrize("written", [Datum.GCJ02, Datum.BD09])
@pytest.mark.parametrize("has_outline", [True, False])
def test_real_lights_in_another_datum_are_recognised(written: Datum, has_outline: bool) -> None:
    later = cambridge_lights("2017")
    rows = later.at(*from_cgcs2000(later.lon, later.lat, written))
    told = context(outline=CAMBRIDGE if has_outline else None, projected_epsg=26986)
    finding = only(found(rows, cambridge_lights("2015"), told))
    assert (finding.check, finding.remedy) == ("wrong-datum", f"--crs {written}")
    assert found(later, cambridge_lights("2015"), told) == []


@settings(max_examples=15, deadline=None)
@given(
    distance=st.floats(100, 3000),
    azimuth=st.floats(0, 2 * np.pi),
    seed=st.integers(0, 1000),
    overlap=st.sampled_from([1.0, 0.5, 0.1]),
)
def test_any_constant_shift_is_found(
    distance: float, azimuth: float, seed: int, overlap: float
) -> None:
    known = streets(seed)
    again = surveyed_again(known, seed + 1)
    again = again.take(np.arange(int(overlap * len(again))))
    rest = streets(seed + 2)
    rest = rest.take(np.arange(min(len(rest), int(len(again) / overlap) - len(again))))
    east, north = distance * np.sin(azimuth), distance * np.cos(azimuth)
    finding = only(found(joined(again, rest).shifted(east, north), known, context(outline=None)))
    if finding.check == "shifted":  # a datum may happen to explain it as well
        assert float(finding.figures["east_m"]) == pytest.approx(east, abs=2)
        assert float(finding.figures["north_m"]) == pytest.approx(north, abs=2)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), moved=st.floats(0, 0.2), share=st.floats(0.01, 1))
def test_an_honest_re_survey_is_never_stopped(seed: int, moved: float, share: float) -> None:
    known = joined(streets(seed), streets(seed + 1, class_id=COVER_ID))
    some = surveyed_again(known, seed, moved=moved).take(np.arange(int(share * len(known))))
    assert found(some, known, context()) == []


@settings(max_examples=15, deadline=None)
@example(seed=157, count=10)  # a street's first lamps, evenly spaced as those of another one
@given(seed=st.integers(0, 10_000), count=st.integers(1, 20))
def test_a_small_or_new_delivery_is_never_stopped(seed: int, count: int) -> None:
    known = streets(seed)
    new = streets(seed + 1)
    assert found(new, known, context()) == []  # more of the class between the registered ones
    assert found(new.take(np.arange(count)), known, context()) == []
    assert found(streets(seed + 1, class_id=COVER_ID), known, context()) == []  # a new class
    assert found(new.shifted(20_000, 5_000), known, context()) == []  # a new district
    assert batch_findings(delivered(new), NOTHING, context()) == []  # the very first


def test_lamps_on_the_other_side_of_even_streets_are_no_shift() -> None:
    """Blocks of 120 m by 60 m with a lamp each 30 m: many shifts fit, and none is meant."""
    at = np.array([(x * 30.0, y * 60.0) for x in range(60) for y in range(30)])
    here = streets(1).take(np.zeros(len(at), dtype=np.int64))
    one_side = here.shifted(at[:, 0], at[:, 1])  # type: ignore[arg-type]
    assert found(one_side.shifted(0, 15), one_side, context()) == []
    assert found(one_side.shifted(1800, 15), one_side, context()) == []


def projected(rows: Rows, epsg: int) -> tuple[np.ndarray, np.ndarray]:
    return Transformer.from_crs(4490, epsg, always_xy=True).transform(rows.lon, rows.lat)


def read_as(rows: Rows, raw: tuple[np.ndarray, np.ndarray], declared: int) -> Rows:
    return rows.at(*to_lonlat(*raw, CRS.from_epsg(declared)))


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(
    ("written", "declared"),
    [(4528, 4549), (4549, 4528), (4548, 4549), (3857, 4549), (4549, 3857), (4490, 4549)],
)
def test_another_system_is_recognised(written: int, declared: int, is_first: bool) -> None:
    known = streets(1)
    again = surveyed_again(known, 2)
    raw = (again.lon, again.lat) if written == 4490 else projected(again, written)
    rows = read_as(again, raw, declared)
    told = context(CRS.from_epsg(declared))
    known = known.take(np.arange(0)) if is_first else known
    finding = only(found(rows, known, told, raw))
    assert finding.check == "wrong-crs"
    assert f"--crs EPSG:{written}" in finding.remedy
    assert finding.figures["inside"] == finding.figures["rows"]


@pytest.mark.parametrize(("written", "declared"), [(32651, 4549), (2437, 4549)])
def test_of_several_systems_inside_the_city_the_one_on_the_components_is_meant(
    written: int, declared: int
) -> None:
    known = streets(1)
    again = surveyed_again(known, 2)
    raw = projected(again, written)
    finding = only(
        found(read_as(again, raw, declared), known, context(CRS.from_epsg(declared)), raw)
    )
    assert finding.check == "wrong-crs"
    assert finding.remedy.startswith(f"--crs EPSG:{written}")


def test_feet_for_metres_are_recognised() -> None:
    rows = cambridge_lights("2017")
    x, y = projected(rows, 26986)
    feet = np.asarray(x) / 0.3048, np.asarray(y) / 0.3048
    told = context(CRS.from_epsg(26986), outline=CAMBRIDGE, projected_epsg=26986)
    finding = only(found(read_as(rows, feet, 26986), cambridge_lights("2015"), told, feet))
    assert finding.check == "wrong-crs"
    assert "multiply the coordinates by 0.3048" in finding.remedy or "EPSG:" in finding.remedy


@pytest.mark.parametrize("is_first", [True, False])
def test_exchanged_axes_are_recognised(is_first: bool) -> None:
    again = surveyed_again(streets(1), 2)
    known = streets(1).take(np.arange(0)) if is_first else streets(1)
    x, y = projected(again, 4549)
    finding = only(found(read_as(again, (y, x), 4549), known, context(CRS.from_epsg(4549)), (y, x)))
    assert finding.check == "swapped-axes"
    assert "easting and northing exchanged" in finding.sentence
    assert finding.remedy == 'axis_order = "northing-easting" in the mapping'
    declared_so = only(
        found(read_as(again, (y, x), 4549), known, context(CRS.from_epsg(4549)), (x, y))
    )
    assert declared_so.remedy == 'axis_order = "easting-northing" in the mapping'
    nowhere = np.full(len(again), np.nan)
    finding = only(found(again.at(nowhere, nowhere), known, context(), (again.lat, again.lon)))
    assert finding.check == "swapped-axes"
    assert "longitude and latitude exchanged" in finding.sentence


def test_rows_that_are_wrong_by_themselves_stop_no_file() -> None:
    again = surveyed_again(streets(1), 2)
    wrong = np.arange(len(again)) % 8 == 0
    lon, lat = np.where(wrong, again.lat, again.lon), np.where(wrong, again.lon, again.lat)
    lat = np.where(wrong, 1e300, lat)
    raw = np.where(wrong, again.lat, again.lon), np.where(wrong, again.lon, again.lat)
    assert found(again.at(lon, lat), streets(1), context(), raw) == []


def test_rows_of_another_city_are_refused_one_by_one() -> None:
    paris = streets(1).shifted(0, 0)
    paris = paris.at(paris.lon - 118, paris.lat + 12.75)
    assert batch_findings(delivered(paris), NOTHING, context()) == []


def test_the_same_file_is_judged_the_same_again() -> None:
    known = streets(5, 900)
    rows = surveyed_again(known, 6).shifted(333, -222)
    assert len(rows) > 5_000
    assert found(rows, known, context()) == found(rows, known, context())
    assert only(found(rows, known, context(outline=QINGDAO))).check == "shifted"
