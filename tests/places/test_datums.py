"""Datums: against another implementation, there and back, and how far they lie apart."""

import math

import numpy as np
import prcoords
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import CORNER, GEOD

from gis_registry.places.datums import Datum, from_cgcs2000, to_cgcs2000

#: China without its outermost edges, in degrees.
lons = st.floats(74, 134)
lats = st.floats(18.5, 53)
offsets = pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])


def metres(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    return float(GEOD.inv(lon, lat, other_lon, other_lat)[2])


@offsets
@given(lon=lons, lat=lats)
def test_there_and_back_is_within_a_millimetre(datum: Datum, lon: float, lat: float) -> None:
    there = from_cgcs2000(lon, lat, datum)
    back = to_cgcs2000(*there, datum)
    assert metres(lon, lat, *back) < 0.001
    again = from_cgcs2000(*back, datum)
    assert metres(*there, *again) < 0.001


def gcj02_of_prcoords(lon: float, lat: float) -> prcoords.Coords:
    """Return GCJ-02 as prcoords has it, with its own correction of 1.0.2 applied.

    Only 1.0.1 comes as a wheel. It multiplies the length of a degree of latitude by what it should
    divide it by (https://github.com/Artoria2e5/PRCoords/issues/10).
    """
    theirs = prcoords.wgs_gcj((lat, lon), check_china=False)
    magic = 1 - prcoords.GCJ_EE * math.sin(math.radians(lat)) ** 2
    return prcoords.Coords(lat + (theirs.lat - lat) * magic**3, theirs.lon)


@given(lon=lons, lat=lats)
def test_prcoords_agrees_within_a_millimetre(lon: float, lat: float) -> None:
    gcj02 = gcj02_of_prcoords(lon, lat)
    bd09 = prcoords.gcj_bd(gcj02)
    assert metres(*from_cgcs2000(lon, lat, Datum.GCJ02), gcj02.lon, gcj02.lat) < 0.001
    assert metres(*from_cgcs2000(lon, lat, Datum.BD09), bd09.lon, bd09.lat) < 0.001


@pytest.mark.parametrize("datum", [Datum.CGCS2000, Datum.WGS84])
@given(lon=lons, lat=lats)
def test_wgs_84_is_taken_as_cgcs2000(datum: Datum, lon: float, lat: float) -> None:
    assert to_cgcs2000(lon, lat, datum) == (lon, lat)
    assert from_cgcs2000(lon, lat, datum) == (lon, lat)


@given(lon=st.floats(119.5, 121), lat=st.floats(35.5, 37.2))
def test_gcj_02_lies_some_hundred_metres_off_in_qingdao(lon: float, lat: float) -> None:
    gcj_lon, gcj_lat = from_cgcs2000(lon, lat, Datum.GCJ02)
    assert 400 < metres(lon, lat, gcj_lon, gcj_lat) < 700
    assert gcj_lon > lon
    bd_lon, bd_lat = from_cgcs2000(lon, lat, Datum.BD09)
    assert 1000 < metres(lon, lat, bd_lon, bd_lat) < 2000


@offsets
def test_many_points_come_out_like_each_of_them(datum: Datum) -> None:
    grid_lon, grid_lat = np.meshgrid(np.linspace(75, 133, 7), np.linspace(19, 52, 5))
    lon, lat = to_cgcs2000(grid_lon, grid_lat, datum)
    assert lon.shape == lat.shape == (5, 7)
    one_lon, one_lat = to_cgcs2000(grid_lon[3, 2], grid_lat[3, 2], datum)
    assert (lon[3, 2], lat[3, 2]) == pytest.approx((one_lon, one_lat), abs=1e-12)


@offsets
def test_what_is_given_is_left_as_it_is(datum: Datum) -> None:
    lon, lat = np.array([CORNER[0]]), np.array([CORNER[1]])
    to_cgcs2000(lon, lat, datum)
    assert (lon[0], lat[0]) == CORNER
