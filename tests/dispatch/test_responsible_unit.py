"""Which unit is responsible: each test states its facts, and reads like the rule that it tests."""

from dataclasses import dataclass, field
from datetime import date

import pytest
from making import CORNER, DAY, forget_facts, register
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.components import queries as components
from gis_registry.dispatch import service
from gis_registry.dispatch.precedence import FOR_COMPONENTS, FOR_PLACES, ROLES, Basis
from gis_registry.dispatch.schemas import ResponsibleUnit
from gis_registry.dispatch.service import Question
from gis_registry.places import service as places
from gis_registry.units import queries as units
from gis_registry.units.tables import Responsibility

LIGHT, LIGHT_MATTER = "0137", "01037"
BIN = "0305"
PLACE_MATTER = "06001"  # unauthorised construction
CITY, DISTRICT, OTHER_DISTRICT = "370200", "370202", "370203"
HERE = "<the subdistrict>"


@dataclass(frozen=True)
class Fact:
    """One responsibility, as short as it can be said."""

    unit: str
    role: str = "maintainer"
    component: bool = False
    class_code: str | None = None
    matter: str | None = None
    area: str | None = None
    since: date = date(2020, 1, 1)
    until: date | None = None


@dataclass(frozen=True)
class Recorded:
    """Units that the component's record names."""

    maintainer: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class Situation:
    """What is reported, and what is known."""

    facts: list[Fact] = field(default_factory=list)
    recorded: Recorded = Recorded()
    matter: str = LIGHT_MATTER
    is_component_known: bool = True


def decide(session: Session, situation: Situation, *, on: date = DAY) -> ResponsibleUnit:
    """State the facts and ask whose job it is at the corner."""
    forget_facts(session)
    city = places.the_city(session)
    code = register(
        session,
        *CORNER,
        class_code=LIGHT,
        maintainer=situation.recorded.maintainer,
        owner=situation.recorded.owner,
    )
    place = places.locate(session, lon=CORNER[0], lat=CORNER[1], on_date=DAY)
    editions = {
        "matter_edition_key": city.matter_edition_key,
        "class_edition_key": city.edition_key,
    }
    for fact in situation.facts:
        class_id = matter_id = None
        if fact.class_code is not None:
            found = catalogue.find_class(session, fact.class_code, edition_key=city.edition_key)
            class_id = found.id
        if fact.matter is not None:
            matter_id = catalogue.find_matter(session, fact.matter, **editions).type.id
        session.add(
            Responsibility(
                unit_id=units.unit_ids(session)[fact.unit],
                role=fact.role,
                component_code=code if fact.component else None,
                class_id=class_id,
                matter_type_id=matter_id,
                division_code=place.subdistrict_code if fact.area == HERE else fact.area,
                valid_from=fact.since,
                valid_to=fact.until,
            )
        )
    session.flush()
    matter = catalogue.find_matter(session, situation.matter, **editions)
    (component,) = components.nearest(
        session,
        lon=CORNER[0],
        lat=CORNER[1],
        class_ids=None,
        radius_m=None,
        count=1,
    )
    is_known = situation.is_component_known and bool(matter.classes)
    return service.responsible_unit(
        session,
        Question(
            matter=matter,
            classes=matter.classes,
            component=component if is_known else None,
            place=place,
            on_date=on,
        ),
    )


# Each unit stands for what it would be responsible by; the order of the list is the rule.
_LADDER: list[tuple[str, Basis, Fact | Recorded]] = [
    ("QD-E-01", Basis.COMPONENT, Fact("QD-E-01", component=True)),
    ("QD-E-02", Basis.RECORDED_MAINTAINER, Recorded(maintainer="QD-E-02")),
    ("QD-E-03", Basis.RECORDED_OWNER, Recorded(owner="QD-E-03")),
    ("QD-E-04", Basis.CLASS_AND_AREA, Fact("QD-E-04", class_code=LIGHT, area=DISTRICT)),
    ("QD-E-05", Basis.CLASS, Fact("QD-E-05", class_code=LIGHT)),
    ("QD-E-06", Basis.MATTER_AND_AREA, Fact("QD-E-06", matter=LIGHT_MATTER, area=HERE)),
    ("QD-E-07", Basis.MATTER, Fact("QD-E-07", matter=LIGHT_MATTER)),
    ("QD-E-08", Basis.AREA, Fact("QD-E-08", area=HERE)),
]


def from_rung(rung: int) -> Situation:
    """Return the situation in which only the claims from this rung down exist, weakest first."""
    claims = [claim for _, _, claim in reversed(_LADDER[rung:])]
    recorded = Recorded()
    for claim in claims:
        if isinstance(claim, Recorded):
            recorded = Recorded(
                maintainer=claim.maintainer or recorded.maintainer,
                owner=claim.owner or recorded.owner,
            )
    return Situation([one for one in claims if isinstance(one, Fact)], recorded)


@pytest.mark.parametrize("rung", range(len(_LADDER)), ids=[basis for _, basis, _ in _LADDER])
def test_a_components_own_people_come_first_and_the_area_last(session: Session, rung: int) -> None:
    decided = decide(session, from_rung(rung))
    assert decided.claim is not None
    ranked = [decided.claim, *decided.others]
    assert [(one.unit.code, one.basis) for one in ranked] == [
        (unit, basis) for unit, basis, _ in _LADDER[rung:]
    ]
    assert decided.claim.unit.name_en in decided.grounds[0].en
    assert decided.claim.unit.name_zh in decided.grounds[0].zh


def test_the_ladder_is_the_whole_rule() -> None:
    assert [basis for _, basis, _ in _LADDER] == list(FOR_COMPONENTS)
    assert set(FOR_PLACES) < set(FOR_COMPONENTS)
    assert ROLES == ("maintainer", "owner", "supervisor")


@pytest.mark.parametrize(
    ("situation", "unit", "basis"),
    [
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", class_code=LIGHT, area=CITY),
                    Fact("QD-E-02", class_code=LIGHT, area=HERE),
                    Fact("QD-E-03", class_code=LIGHT, area=DISTRICT),
                ]
            ),
            "QD-E-02",
            Basis.CLASS_AND_AREA,
            id="the subdistrict's before the district's before the city's",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", class_code=LIGHT, area=CITY),
                    Fact("QD-E-03", class_code=LIGHT, area=DISTRICT),
                ]
            ),
            "QD-E-03",
            Basis.CLASS_AND_AREA,
            id="the district's before the city's",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", role="supervisor", class_code=LIGHT, area=DISTRICT),
                    Fact("QD-E-02", role="owner", class_code=LIGHT, area=DISTRICT),
                    Fact("QD-E-03", role="maintainer", class_code=LIGHT, area=DISTRICT),
                ]
            ),
            "QD-E-03",
            Basis.CLASS_AND_AREA,
            id="the maintainer before the owner before the supervisor",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", role="supervisor", class_code=LIGHT, area=DISTRICT),
                    Fact("QD-E-02", role="owner", class_code=LIGHT, area=DISTRICT),
                ]
            ),
            "QD-E-02",
            Basis.CLASS_AND_AREA,
            id="the owner before the supervisor",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", role="supervisor", class_code=LIGHT, area=HERE),
                    Fact("QD-E-02", role="maintainer", class_code=LIGHT, area=DISTRICT),
                ]
            ),
            "QD-E-01",
            Basis.CLASS_AND_AREA,
            id="the smaller area counts before the role",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", role="maintainer", component=True),
                    Fact("QD-E-02", role="owner", component=True, matter=LIGHT_MATTER),
                ]
            ),
            "QD-E-02",
            Basis.COMPONENT,
            id="the component's unit for this kind of matter before its unit for any",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", class_code=LIGHT, area=DISTRICT, since=date(2024, 1, 1)),
                    Fact("QD-E-02", class_code=LIGHT, matter=LIGHT_MATTER, area=DISTRICT),
                ]
            ),
            "QD-E-02",
            Basis.CLASS_AND_AREA,
            id="specificity before date: this kind of matter before any",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", component=True, until=DAY),
                    Fact("QD-E-02", component=True, since=date(2026, 7, 2)),
                    Fact("QD-E-03", component=True, matter=PLACE_MATTER),
                    Fact("QD-E-04", area=DISTRICT),
                ]
            ),
            "QD-E-04",
            Basis.AREA,
            id="a fact for the component counts on its days and for its matter alone",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", class_code=LIGHT, area=DISTRICT, since=date(2020, 1, 1)),
                    Fact("QD-E-02", class_code=LIGHT, area=DISTRICT, since=date(2024, 1, 1)),
                ]
            ),
            "QD-E-02",
            Basis.CLASS_AND_AREA,
            id="among equals the newer fact",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-02", class_code=LIGHT, area=DISTRICT),
                    Fact("QD-E-01", class_code=LIGHT, area=DISTRICT),
                ]
            ),
            "QD-E-01",
            Basis.CLASS_AND_AREA,
            id="among the very same the unit's code, so that it is always the same one",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", class_code=BIN, area=HERE),
                    Fact("QD-E-02", class_code=LIGHT, area=OTHER_DISTRICT),
                    Fact("QD-E-03", area=OTHER_DISTRICT),
                    Fact("QD-E-04", area=CITY),
                ]
            ),
            "QD-E-04",
            Basis.AREA,
            id="another class and another district do not count",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", component=True),
                    Fact("QD-E-02", class_code=LIGHT, area=DISTRICT),
                ],
                Recorded(maintainer="QD-E-03"),
                is_component_known=False,
            ),
            "QD-E-02",
            Basis.CLASS_AND_AREA,
            id="while the component is not known, its class and area",
        ),
        pytest.param(
            Situation(
                [Fact("QD-E-01", matter=PLACE_MATTER, area=HERE), Fact("QD-E-02", area=HERE)],
                matter=PLACE_MATTER,
            ),
            "QD-E-01",
            Basis.MATTER_AND_AREA,
            id="a place: the matter's rule in the area first",
        ),
        pytest.param(
            Situation(
                [
                    Fact("QD-E-01", matter=PLACE_MATTER, area=DISTRICT),
                    Fact("QD-E-02", matter=PLACE_MATTER),
                    Fact("QD-E-03", area=HERE),
                ],
                matter=PLACE_MATTER,
            ),
            "QD-E-01",
            Basis.MATTER_AND_AREA,
            id="a place: the matter in the district before whoever has the subdistrict",
        ),
        pytest.param(
            Situation(
                [Fact("QD-E-02", matter=PLACE_MATTER), Fact("QD-E-03", area=HERE)],
                matter=PLACE_MATTER,
            ),
            "QD-E-02",
            Basis.MATTER,
            id="a place: the matter anywhere before the area",
        ),
        pytest.param(
            Situation(
                [Fact("QD-E-02", matter="08004", area=HERE), Fact("QD-E-03", area=HERE)],
                matter=PLACE_MATTER,
            ),
            "QD-E-03",
            Basis.AREA,
            id="a place: another matter does not count",
        ),
        pytest.param(
            Situation(
                [Fact("QD-E-01", class_code=LIGHT, area=HERE), Fact("QD-E-03", area=CITY)],
                Recorded(maintainer="QD-E-02"),
                matter=PLACE_MATTER,
            ),
            "QD-E-03",
            Basis.AREA,
            id="a place: whose components stand there does not count",
        ),
    ],
)
def test_who_is_responsible(
    session: Session, situation: Situation, unit: str, basis: Basis
) -> None:
    decided = decide(session, situation)
    assert decided.claim is not None
    assert (decided.claim.unit.code, decided.claim.basis) == (unit, basis)


@pytest.mark.parametrize(
    ("on", "unit"),
    [
        (date(2022, 12, 31), None),
        (date(2023, 1, 1), "QD-E-01"),
        (date(2023, 12, 31), "QD-E-01"),
        (date(2024, 1, 1), "QD-E-02"),
        (date(2026, 7, 1), "QD-E-02"),
    ],
)
def test_only_facts_of_the_day_count(session: Session, on: date, unit: str | None) -> None:
    facts = [
        Fact("QD-E-01", class_code=LIGHT, since=date(2023, 1, 1), until=date(2024, 1, 1)),
        Fact("QD-E-02", class_code=LIGHT, since=date(2024, 1, 1)),
    ]
    claim = decide(session, Situation(facts), on=on).claim
    assert (claim.unit.code if claim else None) == unit


def test_a_gap_is_nobody_and_says_so(session: Session) -> None:
    decided = decide(session, Situation())
    assert decided.claim is None
    assert decided.others == []
    (sentence,) = decided.grounds
    assert sentence.en == (
        "On 2026-07-01 no unit answers for this: the responsibilities have a gap here."
    )
    assert sentence.zh == "截至2026-07-01没有单位对此负责：责任台账有缺口。"


def test_the_grounds_name_the_fact_in_both_languages(session: Session) -> None:
    facts = [Fact("QD-E-04", class_code=LIGHT, area=DISTRICT), Fact("QD-E-08", area=HERE)]
    decided = decide(session, Situation(facts))
    assert decided.claim is not None
    assert decided.claim.responsibility_id is not None
    assert decided.claim.valid_from == date(2020, 1, 1)
    first, second = decided.grounds
    unit, other = decided.claim.unit, decided.others[0].unit
    assert first.en == (
        f"{unit.name_en} (maintainer) is responsible: it answers for this class in Shinan "
        "District, since 2020-01-01."
    )
    assert first.zh == f"由{unit.name_zh}（养护单位）负责：其在市南区负责该类部件，自2020-01-01起。"
    assert second.en == f"1 other unit would come after it, first {other.name_en}."
    assert second.zh == f"其后依次还有1个单位，首位是{other.name_zh}。"


def test_a_recorded_unit_needs_no_dated_fact(session: Session) -> None:
    claim = decide(session, Situation(recorded=Recorded(maintainer="QD-E-02"))).claim
    assert claim is not None
    assert (claim.responsibility_id, claim.valid_from, claim.division_code) == (None, None, None)


def test_all_of_qingdao_has_somebody_for_every_class_and_place_matter(session: Session) -> None:
    city = places.the_city(session)
    place = places.locate(session, lon=CORNER[0], lat=CORNER[1], on_date=DAY)
    codes = [one.code for one in catalogue.list_classes(session, in_profile=True)]
    codes += [PLACE_MATTER]
    for code in codes:
        matter = catalogue.find_matter(
            session,
            code,
            matter_edition_key=city.matter_edition_key,
            class_edition_key=city.edition_key,
        )
        decided = service.responsible_unit(
            session,
            Question(
                matter=matter, classes=matter.classes, component=None, place=place, on_date=DAY
            ),
        )
        assert decided.claim is not None, code
