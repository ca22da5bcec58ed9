"""Who is nearest and free to go, against a brute-force search."""

import random

import pytest
from making import CORNER, GEOD, add_responder, moved
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from gis_registry.dispatch import service
from gis_registry.errors import InvalidPosition
from gis_registry.units import service as units
from gis_registry.units.tables import Responder


def test_the_nearest_responders_agree_with_a_brute_force_search(session: Session) -> None:
    everybody = units.list_responders(session)
    busy = {one.code for one in everybody[::3]}
    session.execute(update(Responder).where(Responder.code.in_(busy)).values(is_available=False))
    free = [one for one in everybody if one.code not in busy and one.is_available]
    chance = random.Random(5)
    for _ in range(60):
        lon, lat = chance.uniform(119.6, 120.9), chance.uniform(35.6, 37.1)
        distances = sorted((GEOD.inv(lon, lat, one.lon, one.lat)[2], one.code) for one in free)
        found = service.nearest_responders(session, lon=lon, lat=lat, count=5)
        assert [one.code for one in found] == [code for _, code in distances[:5]]
        assert [one.distance_m for one in found] == pytest.approx(
            [distance for distance, _ in distances[:5]], abs=0.06
        )


def test_those_who_are_not_free_are_left_out(session: Session) -> None:
    session.execute(delete(Responder))
    add_responder(session, "A", *moved(*CORNER, azimuth=0, metres=100), is_available=False)
    add_responder(session, "B", *moved(*CORNER, azimuth=0, metres=300))
    add_responder(session, "C", *moved(*CORNER, azimuth=90, metres=200))
    found = service.nearest_responders(session, lon=CORNER[0], lat=CORNER[1], unit_code="QD-CC")
    assert [(one.code, one.distance_m) for one in found] == [("C", 200.0), ("B", 300.0)]
    assert all(one.is_of_responsible_unit for one in found)
    others = service.nearest_responders(session, lon=CORNER[0], lat=CORNER[1], unit_code="QD-E-01")
    assert not any(one.is_of_responsible_unit for one in others)
    assert service.why_responders(found).en == (
        "The nearest who is free to go is crew C, 200 m away in a straight line."
    )
    assert service.why_responders(found).zh == "最近的可派遣力量是班组C，直线距离200米。"


def test_three_are_named_and_equally_near_ones_by_their_code(session: Session) -> None:
    session.execute(delete(Responder))
    for code in ("D", "B", "C", "A"):
        add_responder(session, code, *CORNER)
    found = service.nearest_responders(session, lon=CORNER[0], lat=CORNER[1])
    assert [one.code for one in found] == ["A", "B", "C"]


def test_nobody_free_is_an_answer(session: Session) -> None:
    session.execute(update(Responder).values(is_available=False))
    found = service.nearest_responders(session, lon=CORNER[0], lat=CORNER[1])
    assert found == []
    assert service.why_responders(found).en == "Nobody is free to be sent now."
    assert service.why_responders(found).zh == "当前没有可派遣的力量。"


def test_a_position_that_is_none_is_refused(session: Session) -> None:
    with pytest.raises(InvalidPosition):
        service.nearest_responders(session, lon=0, lat=0)
