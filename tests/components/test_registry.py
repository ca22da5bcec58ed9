"""The registry: showing, editing, retiring, and every state that a component ever had."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from making import CORNER, DAY, moved, register
from sqlalchemy.orm import Session

from gis_registry.components import service
from gis_registry.components.schemas import ComponentEdit, NewPosition
from gis_registry.components.tables import ComponentState
from gis_registry.db.engine import Database
from gis_registry.errors import (
    InvalidInput,
    InvalidPosition,
    Outdated,
    UnknownClass,
    UnknownIdentifier,
)
from gis_registry.places.datums import Datum, from_cgcs2000


def test_a_component_is_shown_with_everything_about_it(session: Session) -> None:
    code = register(session, *CORNER, maintainer="QD-G-370202-T07", owner="QD-E-31")
    shown = service.show(session, f" {code[:6]}-{code[6:10]}-{code[10:]} ")
    assert shown.code == code == "3702020137000001"
    assert (shown.lon, shown.lat) == pytest.approx(CORNER)
    assert shown.geometry == {"type": "Point", "coordinates": list(CORNER)}
    assert (shown.component_class.name_zh, shown.component_class.name_en) == (
        "路灯",
        "street light",
    )
    assert shown.component_class.edition == "gbt30428-2013"
    assert shown.division is not None
    assert shown.subdistrict is not None
    assert (shown.division.name_zh, shown.subdistrict.code[:6]) == ("市南区", "370202")
    assert shown.maintainer is not None
    assert shown.owner is not None
    assert (shown.maintainer.code, shown.owner.code) == ("QD-G-370202-T07", "QD-E-31")
    assert shown.supervisor is None
    assert (shown.version, shown.state, shown.is_synthetic) == (1, "active", True)


def test_the_card_leaves_attributes_and_units_out(session: Session) -> None:
    code = register(session, *CORNER)
    card = service.card(session, code)
    assert card.code == code
    assert not {"attributes", "maintainer", "owner", "supervisor"} & set(card.model_dump())


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            "3702020137999999",
            "3702020137999999 was never issued: in Shinan District (市南区) no class 0137 has the "
            "serial 999999.",
        ),
        (
            "9999990137000001",
            "9999990137000001 was never issued: there is no division 999999 here.",
        ),
    ],
)
def test_an_identifier_that_was_never_issued_says_what_is_unknown(
    session: Session, code: str, sentence: str
) -> None:
    for ask in (service.show, service.history, service.card):
        with pytest.raises(UnknownIdentifier) as refused:
            ask(session, code)
        assert str(refused.value) == sentence


def test_every_state_stays_readable(session: Session) -> None:
    code = register(session, *CORNER)
    there = moved(*CORNER, azimuth=90, metres=3)

    def edit(reason: str, **change: object) -> None:
        service.edit(session, code, actor="李工", reason=reason, on_date=DAY, **change)  # type: ignore[arg-type]

    edit("measured again", position=there)
    edit("numbered", attributes={"lamp_no": "A1", "height_m": 9})
    edit("the number was wrong", attributes={"lamp_no": "A2", "height_m": None})
    edit("run over by a lorry", state=ComponentState.RETIRED)
    assert service.show(session, code).state == "retired"
    edit("it still stands", state=ComponentState.ACTIVE)

    states = service.history(session, code)
    assert [(one.version, one.operation, one.state, one.reason) for one in states] == [
        (1, "registered", "active", "made by hand"),
        (2, "moved", "active", "measured again"),
        (3, "edited", "active", "numbered"),
        (4, "edited", "active", "the number was wrong"),
        (5, "retired", "retired", "run over by a lorry"),
        (6, "restored", "active", "it still stands"),
    ]
    assert [one.attributes for one in states[1:4]] == [
        {},
        {"lamp_no": "A1", "height_m": 9},
        {"lamp_no": "A2"},
    ]
    assert (states[0].lon, states[0].lat) == pytest.approx(CORNER)
    assert (states[-1].lon, states[-1].lat) == pytest.approx(there)
    assert {one.actor for one in states[1:]} == {"李工"}
    assert all(one.ended_at is not None for one in states[:-1])
    assert states[-1].ended_at is None
    assert service.show(session, code).version == 6


def test_a_retired_component_still_resolves_but_is_not_found_by_place(session: Session) -> None:
    code = register(session, *CORNER)
    near = service.nearest(session, lon=CORNER[0], lat=CORNER[1], class_code="0137")
    assert [one.code for one in near] == [code]
    service.edit(session, code, actor="a", reason="gone", on_date=DAY, state=ComponentState.RETIRED)
    assert service.show(session, code).code == code
    assert service.nearest(session, lon=CORNER[0], lat=CORNER[1], class_code="0137") == []
    assert service.nearest(session, lon=CORNER[0], lat=CORNER[1]) == []
    assert service.page(session, class_code="0137").components == []
    assert register(session, *CORNER) != code


def test_a_move_into_another_subdistrict_keeps_the_identifier(session: Session) -> None:
    code = register(session, *CORNER)
    before = service.show(session, code)
    there = (120.2986, 36.0546)  # Badaxia, at the other end of Shinan
    after = service.edit(session, code, actor="a", reason="moved", on_date=DAY, position=there)
    assert before.subdistrict is not None
    assert after.subdistrict is not None
    assert after.code == code
    assert after.subdistrict.code.startswith("370202")
    assert before.subdistrict.code != after.subdistrict.code


def test_a_move_into_another_district_is_refused(session: Session) -> None:
    code = register(session, *CORNER)
    with pytest.raises(InvalidInput, match=r"in district 370215, the component in 370202"):
        service.edit(
            session, code, actor="a", reason="moved", on_date=DAY, position=(120.447, 36.389)
        )


def test_a_position_in_another_datum_is_taken_to_the_right_place(session: Session) -> None:
    code = register(session, *CORNER)
    there = moved(*CORNER, azimuth=10, metres=25)
    lon, lat = from_cgcs2000(*there, Datum.BD09)
    position = NewPosition(lon=float(lon), lat=float(lat), datum=Datum.BD09)
    shown = service.apply_edit(
        session, code, ComponentEdit(reason="map", position=position), actor="a"
    )
    assert (shown.lon, shown.lat) == pytest.approx(there, abs=1e-8)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"reason": " "}, InvalidInput, "A change needs a reason."),
        (
            {},
            InvalidInput,
            "There is nothing to change: give a position, an attribute, a state or a class.",
        ),
        (
            {"state": ComponentState.ACTIVE},
            InvalidInput,
            "There is nothing to change: give a position, an attribute, a state or a class.",
        ),
        (
            {"state": ComponentState.WITHDRAWN},
            InvalidInput,
            "Only reverting a survey withdraws a component; retire it instead.",
        ),
        ({"position": (116.39, 39.9)}, InvalidPosition, "116.39, 39.9 is not in Qingdao."),
        (
            {"attributes": {"a": 1}, "expected_versions": frozenset({2})},
            Outdated,
            "3702020137000001 is at version 1, no longer at 2: somebody changed it. Look at it "
            "again, then repeat the change.",
        ),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_leaves_no_trace(
    session: Session, change: dict[str, object], error: type[Exception], message: str
) -> None:
    code = register(session, *CORNER)
    with pytest.raises(error) as refused, session.begin_nested():
        service.edit(session, code, **({"actor": "a", "reason": "b", "on_date": DAY} | change))  # type: ignore[arg-type]
    assert str(refused.value).startswith(message)
    assert len(service.history(session, code)) == 1


def test_the_version_that_is_expected_may_be_changed(session: Session) -> None:
    code = register(session, *CORNER)
    new = ComponentEdit(reason="b", attributes={"a": 1})
    assert (
        service.apply_edit(session, code, new, actor="a", expected_versions=frozenset({1})).version
        == 2
    )


def test_of_two_who_change_the_same_version_at_once_one_is_refused(
    own_database: Database,
) -> None:
    with own_database.session() as session:
        code = register(session, *CORNER)
    start = Barrier(2, timeout=30)

    def change(actor: str) -> int | str:
        start.wait()
        try:
            with own_database.session() as session:
                return service.apply_edit(
                    session,
                    code,
                    ComponentEdit(reason="at once", attributes={"by": actor}),
                    actor=actor,
                    expected_versions=frozenset({1}),
                ).version
        except Outdated as error:
            return str(error)

    with ThreadPoolExecutor(2) as threads:
        results = sorted(threads.map(change, ["one", "two"]), key=str)
    assert results[0] == 2
    assert "is at version 2, no longer at 1" in str(results[1])
    with own_database.session() as session:
        assert [one.version for one in service.history(session, code)] == [1, 2]


def test_changes_at_once_that_expect_no_version_all_count(own_database: Database) -> None:
    with own_database.session() as session:
        code = register(session, *CORNER)
    start = Barrier(4, timeout=30)

    def change(number: int) -> None:
        start.wait()
        with own_database.session() as session:
            service.apply_edit(
                session,
                code,
                ComponentEdit(reason="at once", attributes={f"n{number}": number}),
                actor="a",
            )

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(change, range(4)))
    with own_database.session() as session:
        assert service.show(session, code).attributes == {f"n{n}": n for n in range(4)}
        assert [one.version for one in service.history(session, code)] == [1, 2, 3, 4, 5]


@pytest.fixture
def street(session: Session) -> list[str]:
    """Register lights and bins along a street of Shinan, and two lights in Jimo."""
    codes = [
        register(
            session,
            *moved(*CORNER, azimuth=90, metres=10 * number),
            class_code="0137" if number % 3 else "0305",
        )
        for number in range(12)
    ]
    return codes + [register(session, 120.447 + step / 1000, 36.389) for step in range(2)]


@pytest.mark.parametrize("limit", [1, 3, 5, 8, 1000])
@pytest.mark.parametrize(
    ("class_code", "division_code", "count"),
    [
        (None, None, 14),
        ("0137", None, 10),
        ("0305", None, 4),
        ("0137", "370202", 8),
        ("0137", "370215", 2),
        ("0305", "370215", 0),
        ("0137", "370200", 10),
    ],
)
def test_pages_hold_every_component_once_and_in_order(
    session: Session,
    street: list[str],
    class_code: str | None,
    division_code: str | None,
    count: int,
    limit: int,
) -> None:
    found: list[str] = []
    after: str | None = None
    for _ in range(20):
        page = service.page(
            session, class_code=class_code, division_code=division_code, after=after, limit=limit
        )
        assert len(page.components) <= limit
        found += [one.code for one in page.components]
        after = page.next_after
        if after is None:
            break
    wanted = [
        code
        for code in street
        if (class_code in (None, code[6:10])) and (division_code in (None, "370200", code[:6]))
    ]
    assert found == sorted(wanted)
    assert len(found) == count


def test_a_page_can_be_of_a_subdistrict(session: Session, street: list[str]) -> None:
    subdistrict = service.show(session, street[0]).subdistrict
    assert subdistrict is not None
    page = service.page(session, division_code=f" {subdistrict.code} ")
    assert street[0] in {one.code for one in page.components}
    assert {one.subdistrict_code for one in page.components} == {subdistrict.code}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"limit": 0}, InvalidInput, "The limit must be 1 to 1000."),
        ({"limit": 1001}, InvalidInput, "The limit must be 1 to 1000."),
        (
            {"division_code": "370299"},
            InvalidInput,
            "'370299' is no district or subdistrict of Qingdao.",
        ),
        (
            {"division_code": "370202001001"},
            InvalidInput,
            "'370202001001' is no district or subdistrict of Qingdao.",
        ),
        ({"after": "yesterday"}, InvalidInput, "'yesterday' is no identifier"),
        ({"class_code": "9999"}, UnknownClass, "There is no class '9999'"),
    ],
)
def test_a_page_that_cannot_be_is_refused(
    session: Session, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as refused:
        service.page(session, **options)  # type: ignore[arg-type]
    assert str(refused.value).startswith(message)


def test_a_component_of_today_is_no_component_of_yesterdays_boundaries(session: Session) -> None:
    code = register(session, *CORNER)
    with pytest.raises(InvalidPosition):
        service.edit(
            session, code, actor="a", reason="b", on_date=date(1800, 1, 1), position=CORNER
        )
