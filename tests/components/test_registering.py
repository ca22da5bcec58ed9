"""Registering one component by hand, and saying what it is: facts that can be, and that cannot."""

from datetime import date

import pytest
import shapely
from making import CORNER, DAY, moved
from sqlalchemy.orm import Session

from gis_registry.components import service
from gis_registry.components.service import Facts
from gis_registry.components.tables import ComponentState
from gis_registry.errors import Conflict, InvalidInput, InvalidPosition, RegistryError, UnknownClass
from gis_registry.units.tables import UnitRole

POINT = shapely.Point(*CORNER)


def made(session: Session, **said: object) -> str:
    facts = Facts(**{"geometry": POINT, "class_code": "0137", **said})  # type: ignore[arg-type]
    return service.register(session, facts, actor="李工", reason="新装", on_date=DAY)


def test_what_is_registered_has_the_next_identifier_and_says_what_was_said(
    session: Session,
) -> None:
    first = made(session)
    code = made(
        session,
        units={UnitRole.MAINTAINER: "QD-G-370202-T07"},
        attributes={"lamp_no": "A1", "gone": None},
        surveyed_on=date(2026, 3, 1),
        accuracy_m=0.2,
    )
    assert int(code) == int(first) + 1
    shown = service.show(session, code)
    assert shown.maintainer is not None
    assert shown.maintainer.code == "QD-G-370202-T07"
    assert (shown.attributes, shown.surveyed_on) == ({"lamp_no": "A1"}, date(2026, 3, 1))
    assert (shown.version, shown.state, shown.is_synthetic) == (1, "active", False)
    (state,) = service.history(session, code)
    assert (state.operation, state.actor, state.reason) == ("registered", "李工", "新装")


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"geometry": None}, InvalidInput, "A component is somewhere and of a class"),
        ({"class_code": None}, InvalidInput, "A component is somewhere and of a class"),
        ({"class_code": "9999"}, UnknownClass, "There is no class"),
        ({"geometry": shapely.Point()}, InvalidInput, "give it a geometry with coordinates"),
        ({"geometry": shapely.Point(0, 0)}, InvalidPosition, "which stands for a missing one"),
        ({"geometry": shapely.Point(116.4, 39.9)}, InvalidPosition, "is not in Qingdao"),
        (
            {"geometry": shapely.LineString([CORNER, moved(*CORNER, azimuth=0, metres=5)])},
            InvalidInput,
            "The geometry is a LineString; those of class 0137",
        ),
        ({"units": {UnitRole.OWNER: "nobody"}}, InvalidInput, "There is no unit 'nobody'"),
        ({"accuracy_m": 0.0}, InvalidInput, "The accuracy must be more than 0"),
        ({"surveyed_on": date(2999, 1, 1)}, InvalidInput, "is still to come"),
        ({"state": ComponentState.RETIRED}, InvalidInput, "retire it afterwards"),
    ],
)
def test_what_cannot_be_is_not_registered(
    session: Session, said: dict[str, object], error: type[RegistryError], message: str
) -> None:
    with pytest.raises(error) as refused, session.begin_nested():
        made(session, **said)
    assert message in str(refused.value)
    assert service.page(session, class_code="0137").components == []


def test_saying_what_is_so_already_changes_nothing(session: Session) -> None:
    code = made(session, units={UnitRole.OWNER: "QD-E-31"}, attributes={"n": 1})
    shown = service.show(session, code)

    def conform(**said: object) -> int:
        facts = Facts(**said)  # type: ignore[arg-type]
        return service.conform(session, code, facts, actor="a", reason="b", on_date=DAY)

    same = {
        "geometry": shapely.Point(CORNER[0] + 1e-11, CORNER[1]),
        "class_code": "0137",
        "state": ComponentState.ACTIVE,
        "units": {UnitRole.OWNER: "QD-E-31", UnitRole.MAINTAINER: None},
        "attributes": {"n": 1, "m": None},
        "surveyed_on": shown.surveyed_on,
        "accuracy_m": shown.accuracy_m,
    }
    assert conform(**same) == 1
    assert conform(**same | {"units": {UnitRole.OWNER: None}}) == 2
    there = moved(*CORNER, azimuth=90, metres=3)
    assert conform(geometry=shapely.Point(there)) == 3
    assert [one.operation for one in service.history(session, code)][1:] == ["edited", "moved"]
    assert service.show(session, code).owner is None


def test_what_is_retired_is_changed_only_by_standing_again(session: Session) -> None:
    code = made(session)
    service.edit(session, code, actor="a", reason="b", on_date=DAY, state=ComponentState.RETIRED)
    with pytest.raises(Conflict, match="is retired: it cannot be changed"):
        service.edit(session, code, actor="a", reason="b", on_date=DAY, attributes={"n": 1})
    service.edit(
        session,
        code,
        actor="a",
        reason="b",
        on_date=DAY,
        attributes={"n": 1},
        state=ComponentState.ACTIVE,
    )
    assert service.show(session, code).attributes == {"n": 1}


def test_lines_and_areas_are_registered_and_moved(session: Session) -> None:
    near, far = moved(*CORNER, azimuth=90, metres=10), moved(*CORNER, azimuth=0, metres=10)
    code = made(session, geometry=shapely.MultiLineString([[CORNER, near]]), class_code="0507")
    assert service.show(session, code).geometry["type"] == "LineString"
    longer = Facts(geometry=shapely.LineString([CORNER, near, far]))
    assert service.conform(session, code, longer, actor="a", reason="b", on_date=DAY) == 2
    assert len(service.show(session, code).geometry["coordinates"]) == 3
    bow_tie = shapely.Polygon([CORNER, near, far, moved(*CORNER, azimuth=45, metres=20)])
    with pytest.raises(InvalidInput, match="those of class 0507"):
        service.conform(session, code, Facts(geometry=bow_tie), actor="a", reason="b", on_date=DAY)
