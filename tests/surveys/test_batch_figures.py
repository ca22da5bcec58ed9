"""Figures of whole deliveries: numbers in another unit, and more missing than is believable."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from city_made import context
from delivered import LIGHT, frame, load, places
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.places import service as city_places
from gis_registry.places.locating import Locator
from gis_registry.surveys.batch_checks import missing_findings, unit_findings
from gis_registry.surveys.checking import Expectation, check
from gis_registry.surveys.findings import Spread
from gis_registry.surveys.mapping import Mapping
from gis_registry.surveys.reading import Batch, open_source
from gis_registry.surveys.row_classes import class_lookup
from gis_registry.surveys.whole import Gathered, batch_context

HEIGHTS = Spread(500, 9, 6.0, 8.0, 10.0)


def times(spread: Spread, factor: float) -> Spread:
    return replace(
        spread,
        lower=spread.lower * factor,
        median=spread.median * factor,
        upper=spread.upper * factor,
    )


def found(delivered: Spread, registered: Spread = HEIGHTS) -> list[float]:
    told = context(
        delivered={(1, "height_m"): delivered, (1, "new"): delivered},
        registered={(1, "height_m"): registered},
        labels={1: "0137 (street light)"},
    )
    findings = unit_findings(told)
    for one in findings:
        assert one.check == "wrong-unit"
        assert "height_m of 0137 (street light) is" in one.sentence
    return [float(one.figures["factor"]) for one in findings]


@given(
    st.sampled_from([10, 100, 1000, 1 / 0.3048, 25.4, 0.3048, 0.1, 0.001]),
    st.tuples(*[st.floats(0.97, 1.03)] * 3),
)
def test_another_unit_is_recognised(factor: float, noise: tuple[float, float, float]) -> None:
    off = times(HEIGHTS, factor)
    off = replace(
        off, lower=off.lower * noise[0], median=off.median * noise[1], upper=off.upper * noise[2]
    )
    assert found(off) == pytest.approx([factor])


@given(st.floats(0.5, 2), st.floats(0.5, 2), st.floats(0.5, 2))
def test_other_numbers_are_no_other_unit(lower: float, median: float, upper: float) -> None:
    assert found(Spread(500, 9, 6 * lower, 8 * median, 10 * upper)) == []


@pytest.mark.parametrize(
    "spread",
    [
        replace(times(HEIGHTS, 1000), count=10),  # too few
        replace(times(HEIGHTS, 1000), distinct=500),  # a key
        replace(times(HEIGHTS, 1000), distinct=1),  # a code
        replace(times(HEIGHTS, 1000), upper=10.0),  # only some of them
        replace(times(HEIGHTS, 1000), lower=0.0),
    ],
)
def test_what_is_no_measure_is_not_compared(spread: Spread) -> None:
    assert found(spread) == []


def test_more_missing_than_is_believable() -> None:
    (finding,) = missing_findings(
        {1: 50, 2: 19, 3: 4}, {1: 100, 2: 100, 3: 4}, max_share=0.2, labels={1: "0137 (light)"}
    )
    assert finding.check == "many-missing"
    assert finding.sentence == (
        "50 of 100 registered components of 0137 (light) in the area of the file are not in it: "
        "50%, more than the 20% that are believable."
    )
    assert finding.figures == {"class_id": 1, "missing": 50, "registered": 100}


def test_numbers_and_names_are_gathered_from_file_and_registry(
    session: Session, tmp_path: Path
) -> None:
    heights = [6.0, 8.0, 8.0, 10.0, 12.0] * 12
    frame(places(60), height=heights, name=["x"] * 60).to_file(tmp_path / "lights.gpkg")
    load(session, tmp_path / "lights.gpkg")
    city = city_places.the_city(session)
    light = catalogue.find_class(session, LIGHT, edition_key=city.edition_key)
    expected = Expectation(
        single_class=None,
        class_lookup=class_lookup(session, city_edition_key=city.edition_key),
        units={},
        as_of=date(2026, 6, 30),
        today=date(2026, 7, 1),
        zone=ZoneInfo(city.time_zone),
        accuracy_m=None,
    )
    shapes = np.array([Point(place) for place in places(60)], dtype=object)
    fields = pa.table(
        {
            "class_code": ["137"] * 60,
            "class_name": ["路灯"] * 60,
            "height": [f"{1000 * one:.0f}" for one in heights],  # text, as in a CSV file
        }
    )
    gathered = Gathered()
    nowhere = np.full(60, np.nan)
    gathered.add(fields, check(Batch(1, shapes, fields, nowhere, nowhere), expected), expected)
    told = batch_context(
        session,
        gathered,
        source=open_source(tmp_path / "lights.gpkg", Mapping()),
        expected=expected,
        locator=Locator(session, city=city, on_date=date(2026, 6, 30)),
        city=city,
    )
    assert told.class_names == {(LIGHT, "路灯"): 60}
    assert told.registered[light.id, "height"] == Spread(60, 4, 8.0, 8.0, 10.0)
    (finding,) = unit_findings(told)
    assert finding.figures["factor"] == 1000
    assert "1000 times what is registered (median 8000 against 8)" in finding.sentence
    assert finding.remedy.startswith('height = { from = "mm", to = "m" } under [attributes.units]')
    assert told.outline is not None
    assert told.outline.contains(Point(places(1)[0]))
    pit = catalogue.find_class(session, "0118", edition_key=city.edition_key)
    assert told.read_as["cjt214-2007"][pit.id] == light.id
