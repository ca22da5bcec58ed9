"""Whose job everything is everywhere: each test states its facts and what they leave undecided."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import DAY, forget_facts
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.dispatch import service
from gis_registry.dispatch.checking import check_responsibilities
from gis_registry.dispatch.schemas import ResponsibilityCheck
from gis_registry.dispatch.service import Question
from gis_registry.places import service as places
from gis_registry.places.service import Place
from gis_registry.places.tables import Level
from gis_registry.units import queries as units
from gis_registry.units.tables import Responsibility

CITY, SHINAN, OTHER_DISTRICT = "370200", "370202", "370203"
LIGHT, BIN, PLACE_MATTER = "0137", "0305", "06001"


def state(
    session: Session,
    unit: str,
    *,
    area: str | None = None,
    class_code: str | None = None,
    matter: str | None = None,
    role: str = "maintainer",
    since: date = date(2020, 1, 1),
    until: date | None = None,
) -> int:
    """State a responsibility and return its number."""
    city = places.the_city(session)
    fact = Responsibility(
        unit_id=units.unit_ids(session)[unit],
        role=role,
        class_id=(
            catalogue.find_class(session, class_code, edition_key=city.edition_key).id
            if class_code
            else None
        ),
        matter_type_id=find_matter(session, matter).type.id if matter else None,
        division_code=area,
        valid_from=since,
        valid_to=until,
    )
    session.add(fact)
    session.flush()
    return fact.id


def find_matter(session: Session, code: str) -> catalogue.Matter:
    city = places.the_city(session)
    return catalogue.find_matter(
        session,
        code,
        matter_edition_key=city.matter_edition_key,
        class_edition_key=city.edition_key,
    )


def gaps(found: ResponsibilityCheck) -> dict[str, list[str]]:
    """Return the places without anybody by the code of the matter."""
    return {one.matter.code: [place.code for place in one.places] for one in found.gaps}


def subdistricts(session: Session, district: str) -> list[str]:
    found = places.list_divisions(session, level=Level.SUBDISTRICT, parent_code=district)
    return [one.code for one in found]


def test_qingdao_has_one_unit_for_everything_everywhere(session: Session) -> None:
    found = check_responsibilities(session, on_date=DAY)
    assert (found.gaps, found.conflicts) == ([], [])
    assert found.place_count == len(places.list_divisions(session, level=Level.SUBDISTRICT))
    classes = catalogue.list_classes(session, in_profile=True)
    asked_by_class = {one.code for one in classes}
    forget_facts(session)
    everything = check_responsibilities(session, on_date=DAY)
    assert everything.matter_count == len(everything.gaps)
    named = {one.component_class.code for one in everything.gaps if one.component_class}
    assert named == asked_by_class
    assert {len(one.places) for one in everything.gaps} == {everything.place_count}


def test_a_gap_is_named_by_matter_and_place(session: Session) -> None:
    forget_facts(session)
    state(session, "QD-E-01", area=CITY, matter=PLACE_MATTER)
    state(session, "QD-E-02", area=SHINAN, class_code=LIGHT)
    found = check_responsibilities(session, on_date=DAY)
    left = gaps(found)
    assert PLACE_MATTER not in left
    here = subdistricts(session, SHINAN)
    assert here
    assert not set(here) & set(left[LIGHT])
    assert len(left[LIGHT]) == found.place_count - len(here)
    assert len(left[BIN]) == found.place_count
    (light,) = [one for one in found.gaps if one.matter.code == LIGHT]
    assert light.component_class is not None
    assert (light.component_class.code, light.component_class.name_zh) == (LIGHT, "路灯")
    assert found.conflicts == []


def test_whoever_has_an_area_leaves_no_gap_in_it(session: Session) -> None:
    forget_facts(session)
    here = subdistricts(session, SHINAN)
    state(session, "QD-E-01", area=here[0])
    found = check_responsibilities(session, on_date=DAY)
    assert len(found.gaps) == found.matter_count
    assert {len(one.places) for one in found.gaps} == {found.place_count - 1}
    assert all(here[0] not in where for where in gaps(found).values())


def test_two_units_with_the_same_claim_are_a_conflict(session: Session) -> None:
    forget_facts(session)
    state(session, "QD-E-09", area=CITY)
    two = [state(session, unit, area=SHINAN, class_code=LIGHT) for unit in ("QD-E-02", "QD-E-01")]
    found = check_responsibilities(session, on_date=DAY)
    assert found.gaps == []
    (conflict,) = found.conflicts
    assert [one.responsibility_id for one in conflict.facts] == two
    assert [one.unit.code for one in conflict.facts] == ["QD-E-02", "QD-E-01"]
    assert {(one.role, one.class_code, one.division_code) for one in conflict.facts} == {
        ("maintainer", LIGHT, SHINAN)
    }
    by_code = {one.matter.code: one for one in conflict.matters}
    assert LIGHT in by_code
    assert {one.component_class.code for one in conflict.matters if one.component_class} == {LIGHT}
    assert [one.code for one in by_code[LIGHT].places] == subdistricts(session, SHINAN)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"area": SHINAN, "since": date(2024, 1, 1)}, id="the newer fact decides"),
        pytest.param({"area": SHINAN, "role": "owner"}, id="the role decides"),
        pytest.param({"area": CITY}, id="the smaller area decides"),
        pytest.param({"area": None}, id="the area decides before the whole city"),
        pytest.param({"area": SHINAN, "until": date(2025, 1, 1)}, id="one has ended"),
        pytest.param({"area": SHINAN, "since": date(2027, 1, 1)}, id="one is to come"),
        pytest.param({"area": OTHER_DISTRICT}, id="they are elsewhere"),
    ],
)
def test_claims_that_differ_in_weight_are_no_conflict(
    session: Session, other: dict[str, object]
) -> None:
    forget_facts(session)
    state(session, "QD-E-01", area=SHINAN, class_code=LIGHT)
    state(session, "QD-E-02", class_code=LIGHT, **other)  # type: ignore[arg-type]
    assert check_responsibilities(session, on_date=DAY).conflicts == []


def test_a_tie_that_something_more_specific_decides_is_none(session: Session) -> None:
    forget_facts(session)
    for unit in ("QD-E-01", "QD-E-02"):
        state(session, unit, area=SHINAN, class_code=LIGHT)
    here = subdistricts(session, SHINAN)
    for code in here[1:]:
        state(session, "QD-E-03", area=code, class_code=LIGHT)
    (conflict,) = check_responsibilities(session, on_date=DAY).conflicts
    assert [[place.code for place in one.places] for one in conflict.matters] == [
        here[:1] for _ in conflict.matters
    ]
    state(session, "QD-E-03", area=here[0], class_code=LIGHT)
    assert check_responsibilities(session, on_date=DAY).conflicts == []


def test_one_unit_may_say_the_same_twice(session: Session) -> None:
    forget_facts(session)
    for _ in range(2):
        state(session, "QD-E-01", area=SHINAN, class_code=LIGHT)
    assert check_responsibilities(session, on_date=DAY).conflicts == []


def test_facts_and_boundaries_of_the_day_count(session: Session) -> None:
    forget_facts(session)
    state(session, "QD-E-01", area=CITY, since=date(2023, 1, 1), until=date(2024, 1, 1))
    state(session, "QD-E-02", area=CITY, since=date(2024, 1, 1), until=date(2026, 1, 1))
    state(session, "QD-E-03", area=CITY, since=date(2024, 1, 1), until=date(2025, 1, 1))

    def findings(year: int) -> tuple[bool, int]:
        found = check_responsibilities(session, on_date=date(year, 6, 1))
        return bool(found.gaps), len(found.conflicts)

    assert {year: findings(year) for year in range(2022, 2027)} == {
        2022: (True, 0),
        2023: (False, 0),
        2024: (False, 1),
        2025: (False, 0),
        2026: (True, 0),
    }
    here = subdistricts(session, SHINAN)
    places.end_division(session, here[0], on_date=date(2026, 1, 1))
    assert here[0] in gaps(check_responsibilities(session, on_date=date(2022, 6, 1)))[LIGHT]
    assert here[0] not in gaps(check_responsibilities(session, on_date=DAY))[LIGHT]


_FACTS = st.lists(
    st.fixed_dictionaries(
        {
            "unit": st.sampled_from(["QD-E-01", "QD-E-02", "QD-E-03"]),
            "area": st.sampled_from([CITY, SHINAN, "<sub>"]),
            "about": st.sampled_from(
                [
                    None,
                    {"class_code": LIGHT},
                    {"class_code": LIGHT, "matter": "01037"},
                    {"matter": PLACE_MATTER},
                ]
            ),
            "role": st.sampled_from(["maintainer", "owner"]),
            "since": st.sampled_from([date(2020, 1, 1), date(2024, 1, 1), date(2027, 1, 1)]),
        }
    ),
    max_size=6,
)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(facts=_FACTS)
def test_the_check_finds_what_a_question_would(
    session: Session, facts: list[dict[str, Any]]
) -> None:
    """A gap is where a report would have nobody, a conflict where only a unit's code decides."""
    forget_facts(session)
    here, there = (subdistricts(session, one)[0] for one in (SHINAN, OTHER_DISTRICT))
    for one in facts:
        area = here if one["area"] == "<sub>" else one["area"]
        state(
            session,
            one["unit"],
            area=area,
            role=one["role"],
            since=one["since"],
            **(one["about"] or {}),
        )
    found = check_responsibilities(session, on_date=DAY)
    tied = {
        (one.matter.code, place.code): {fact.unit.code for fact in conflict.facts}
        for conflict in found.conflicts
        for one in conflict.matters
        for place in one.places
    }
    for code in (LIGHT, "01037", PLACE_MATTER):
        matter = find_matter(session, code)
        for place in (here, there):
            decided = service.responsible_unit(
                session,
                Question(matter, matter.classes, None, Place(place[:6], place, 0, None), DAY),
            )
            assert (decided.claim is None) == (place in gaps(found).get(code, []))
            claims = [decided.claim, *decided.others] if decided.claim else []
            weights = [
                (one.basis, one.role, one.division_code, one.is_for_matter, one.valid_from)
                for one in claims
            ]
            alike = {
                one.unit.code
                for one, weight in zip(claims, weights, strict=True)
                if weight == weights[0]
            }
            assert tied.get((code, place), alike if len(alike) == 1 else set()) == alike
