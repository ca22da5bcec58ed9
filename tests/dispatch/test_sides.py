"""Near a boundary: both sides are named where they differ, and only there."""

import random
from datetime import date

import pytest
from making import DAY, border_between, forget_facts, register
from sqlalchemy import event
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.catalogue.service import Matter
from gis_registry.catalogue.tables import ComponentClass
from gis_registry.components import queries as components
from gis_registry.dispatch import service
from gis_registry.dispatch.explaining import rungs
from gis_registry.dispatch.precedence import Basis
from gis_registry.dispatch.service import Destination, Question
from gis_registry.dispatch.sides import AMBIGUOUS_FROM
from gis_registry.places import service as places
from gis_registry.places.service import Place, Point
from gis_registry.units import queries as units
from gis_registry.units.tables import Responsibility

SHINAN, SHIBEI = "370202", "370203"
LIGHT, PLACE_MATTER = "0137", "06001"


def state(
    session: Session,
    unit: str,
    area: str,
    *,
    until: date | None = None,
    about: ComponentClass | None = None,
    matter: Matter | None = None,
) -> None:
    session.add(
        Responsibility(
            unit_id=units.unit_ids(session)[unit],
            role="maintainer",
            class_id=about.id if about else None,
            matter_type_id=matter.type.id if matter else None,
            division_code=area,
            valid_from=date(2020, 1, 1),
            valid_to=until,
        )
    )
    session.flush()


def matter_of(session: Session, code: str) -> Matter:
    city = places.the_city(session)
    return catalogue.find_matter(
        session,
        code,
        matter_edition_key=city.matter_edition_key,
        class_edition_key=city.edition_key,
    )


def located(session: Session, at: tuple[float, float], accuracy_m: float) -> Place:
    found = places.locate_all(session, [Point(*at, DAY, accuracy_m)])[0]
    assert isinstance(found, Place)
    return found


@pytest.fixture
def near(session: Session) -> tuple[float, float]:
    """Return a point 3 m inside Shinan, off its border with Shibei; each has a unit."""
    forget_facts(session)
    state(session, "QD-E-01", SHINAN)
    state(session, "QD-E-02", SHIBEI)
    return border_between(session, SHINAN, SHIBEI)[0]


@pytest.mark.parametrize("code", [PLACE_MATTER, LIGHT])
def test_both_sides_are_named_with_metres(
    session: Session, near: tuple[float, float], code: str
) -> None:
    matter, place = matter_of(session, code), located(session, near, 20)
    decided = service.responsible_unit(session, Question(matter, matter.classes, None, place, DAY))
    assert decided.claim is not None
    assert decided.claim.unit.code == "QD-E-01"
    assert decided.is_ambiguous
    here, *others = decided.sides
    assert (here.division.code, here.distance_m, here.unit) == (SHINAN, 0, decided.claim.unit)
    assert {one.division.code for one in others} == {SHIBEI}
    assert {one.unit.code for one in others if one.unit} == {"QD-E-02"}
    assert here.probability > others[0].probability > AMBIGUOUS_FROM
    assert 1 <= others[0].distance_m <= 3
    there = others[0].subdistrict
    assert there is not None
    assert here.subdistrict is not None
    sentence = decided.grounds[-len(others)]
    metres, share = f"{others[0].distance_m:.0f}", f"{others[0].probability:.0%}"
    unit = others[0].unit
    assert unit is not None
    assert sentence.zh == (
        f"位置在{here.subdistrict.name_zh}，距与{there.name_zh}的边界{metres}米，定位误差20米："
        f"也可能属{there.name_zh}（{share}），那里由{unit.name_zh}负责。"
    )
    assert sentence.en == (
        f"The position lies in {here.subdistrict.name_en}, {metres} m from the boundary of "
        f"{there.name_en}, and is accurate to 20 m: it may also be in {there.name_en} ({share}), "
        f"where {unit.name_en} would be responsible."
    )
    told = rungs(session, decided, is_about_components=code == LIGHT, is_component_known=False)
    (deciding,) = [one for one in told if one.is_deciding]
    assert f"；若在{there.name_zh}（{share}）则由{unit.name_zh}负责" in deciding.zh
    assert f"; if it is in {there.name_en} ({share}), {unit.name_en} does" in deciding.en


def test_a_position_that_is_exact_enough_is_not_ambiguous(
    session: Session, near: tuple[float, float]
) -> None:
    matter, place = matter_of(session, PLACE_MATTER), located(session, near, 1)
    decided = service.responsible_unit(session, Question(matter, [], None, place, DAY))
    assert (decided.is_ambiguous, decided.sides, len(decided.grounds)) == (False, [], 1)


def test_one_unit_on_every_side_is_not_ambiguous(
    session: Session, near: tuple[float, float]
) -> None:
    forget_facts(session)
    state(session, "QD-E-03", "370200")
    matter, place = matter_of(session, PLACE_MATTER), located(session, near, 20)
    assert place.neighbours
    decided = service.responsible_unit(session, Question(matter, [], None, place, DAY))
    assert (decided.is_ambiguous, decided.sides) == (False, [])


def test_nobody_on_the_other_side_is_a_side_too(
    session: Session, near: tuple[float, float]
) -> None:
    forget_facts(session)
    state(session, "QD-E-01", SHINAN)
    matter, place = matter_of(session, PLACE_MATTER), located(session, near, 20)
    decided = service.responsible_unit(session, Question(matter, [], None, place, DAY))
    assert [one.unit is None for one in decided.sides] == [False, True]
    assert decided.grounds[-1].zh.endswith("那里没有单位负责。")
    assert decided.grounds[-1].en.endswith("where nobody answers.")


def test_a_known_component_lies_where_it_stands(
    session: Session, near: tuple[float, float]
) -> None:
    register(session, *near, class_code=LIGHT)
    matter, place = matter_of(session, LIGHT), located(session, near, 20)
    (component,) = components.nearest(
        session, lon=near[0], lat=near[1], class_ids=None, radius_m=None, count=1
    )
    decided = service.responsible_unit(
        session, Question(matter, matter.classes, component, place, DAY)
    )
    assert decided.claim is not None
    assert (decided.claim.unit.code, decided.is_ambiguous) == ("QD-E-01", False)


def test_an_answer_that_was_kept_without_sides_is_read() -> None:
    kept = {"claim": None, "others": [], "grounds": []}
    read = service.ResponsibleUnit.model_validate(kept)
    assert (read.is_ambiguous, read.sides, read.returned) == (False, [], [])


def test_boundaries_and_facts_are_those_of_the_day(
    session: Session, near: tuple[float, float]
) -> None:
    """A subdistrict is dissolved: before that day it counts, from then on its neighbour does."""
    there = located(session, near, 0)
    assert there.subdistrict_code is not None
    forget_facts(session)
    state(session, "QD-E-01", there.subdistrict_code, until=date(2026, 6, 1))
    state(session, "QD-E-02", "370200")
    places.end_division(session, there.subdistrict_code, on_date=date(2026, 3, 1))
    matter = matter_of(session, PLACE_MATTER)
    told = {}
    for day in (date(2026, 2, 28), date(2026, 3, 1), date(2026, 6, 1)):
        place = places.locate(session, lon=near[0], lat=near[1], on_date=day)
        claim = service.responsible_unit(session, Question(matter, [], None, place, day)).claim
        again = service.responsible_unit(session, Question(matter, [], None, there, day)).claim
        told[day] = [one.unit.code if one else None for one in (claim, again)]
    assert told == {
        date(2026, 2, 28): ["QD-E-01", "QD-E-01"],
        date(2026, 3, 1): ["QD-E-02", "QD-E-01"],
        date(2026, 6, 1): ["QD-E-02", "QD-E-02"],
    }


def test_units_that_returned_it_are_passed_over_and_kept(
    session: Session, near: tuple[float, float]
) -> None:
    state(session, "QD-E-03", "370200")
    matter, place = matter_of(session, PLACE_MATTER), located(session, near, 0)
    without = frozenset({"QD-E-01"})
    decided = service.responsible_unit(
        session, Question(matter, [], None, place, DAY, without=without)
    )
    assert decided.claim is not None
    assert decided.claim.unit.code == "QD-E-03"
    assert [one.unit.code for one in decided.returned] == ["QD-E-01"]
    (rung,) = [
        one
        for one in rungs(session, decided, is_about_components=False, is_component_known=False)
        if one.basis == Basis.AREA
    ]
    assert "已退回；由" in rung.zh
    assert "returned it; " in rung.en
    nobody = service.responsible_unit(
        session, Question(matter, [], None, place, DAY, without=without | {"QD-E-03"})
    )
    assert nobody.claim is None
    assert nobody.grounds[0].zh.endswith("须人工指派。")
    assert nobody.grounds[0].en.endswith("it has to be assigned by hand.")


def test_a_fact_for_the_kind_of_matter_says_why_it_comes_first(session: Session) -> None:
    forget_facts(session)
    matter = matter_of(session, LIGHT)
    kind = matter.classes[0]
    state(session, "QD-E-01", SHINAN, about=kind)
    state(session, "QD-E-02", SHINAN, about=kind, matter=matter)
    place = Place(SHINAN, None, None, None)
    decided = service.responsible_unit(session, Question(matter, matter.classes, None, place, DAY))
    told = rungs(session, decided, is_about_components=True, is_component_known=False)
    (deciding,) = [one for one in told if one.is_deciding]
    assert deciding.claims[0].unit.code == "QD-E-02"
    assert deciding.zh.endswith("：其专管该类事项。")
    assert deciding.en.endswith(": its fact is for this kind of matter.")


def test_many_questions_at_once_are_decided_as_each_alone(session: Session) -> None:
    """By the facts of the city: random classes, places, days, components and units left out."""
    chance = random.Random(4)
    codes = [one.code for one in catalogue.list_classes(session, in_profile=True)]
    matters = [matter_of(session, code) for code in [*chance.sample(codes, 12), PLACE_MATTER]]
    border = border_between(session, SHINAN, SHIBEI)
    ids = list(units.unit_ids(session).values())
    questions = []
    for _ in range(120):
        matter = chance.choice(matters)
        component = None
        if matter.classes and chance.random() < 0.5:
            kind = chance.choice(matter.classes)
            component = {
                "code": f"3702020137{chance.randrange(9):06}",
                "maintainer_id": chance.choice([None, *ids[:20]]),
                "owner_id": chance.choice([None, *ids[:20]]),
                "class_id": kind.id,
                "edition_key": kind.edition_key,
            }
        questions.append(
            Question(
                matter,
                matter.classes,
                component,  # type: ignore[arg-type]  a row of the database reads like a dictionary
                located(session, chance.choice(border), chance.choice([0, 5, 30])),
                date(chance.choice([2019, 2024, 2026]), 7, 1),
                frozenset(chance.sample(["QD-CC", "QD-E-01", "QD-G-370202-T01"], 2)),
            )
        )
    together = service.responsible_units(session, questions)
    assert together == [service.responsible_unit(session, one) for one in questions]
    assert {True, False} == {one.is_ambiguous for one in together}
    assert {True, False} == {one.claim is None for one in together}
    assert service.responsible_units(session, []) == []


def test_responders_for_many_are_those_for_each(session: Session) -> None:
    chance = random.Random(6)
    destinations = [
        Destination(
            chance.uniform(119.6, 120.9),
            chance.uniform(35.6, 37.1),
            chance.choice([None, "QD-CC"]),
        )
        for _ in range(80)
    ]
    assert service.responders_near(session, destinations) == [
        service.nearest_responders(session, lon=one.lon, lat=one.lat, unit_code=one.unit_code)
        for one in destinations
    ]
    assert service.responders_near(session, []) == []


def test_a_batch_takes_as_many_statements_as_one(session: Session) -> None:
    border = border_between(session, SHINAN, SHIBEI)
    matter = matter_of(session, PLACE_MATTER)
    counts = []
    for count in (1, 300):
        statements: list[str] = []

        def note(*arguments: object, told: list[str] = statements) -> None:
            told.append(str(arguments[2]))

        event.listen(session.connection(), "before_cursor_execute", note)
        points = [Point(*border[n % 2], DAY, 20) for n in range(count)]
        found = places.locate_all(session, points)
        asked = [Question(matter, [], None, one, DAY) for one in found if isinstance(one, Place)]
        service.responsible_units(session, asked)
        service.responders_near(session, [Destination(*one, None) for one in border] * count)
        event.remove(session.connection(), "before_cursor_execute", note)
        counts.append(len([one for one in statements if "FROM city" not in one]))
    assert counts == [5, 5]
