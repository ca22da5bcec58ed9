"""Who is responsible, and who is nearest and free to go; each with its reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue.service import Matter
from gis_registry.catalogue.tables import ComponentClass
from gis_registry.components.schemas import Named, Names
from gis_registry.dispatch import queries
from gis_registry.dispatch.claims import Claims, Subject
from gis_registry.dispatch.precedence import Basis
from gis_registry.dispatch.schemas import Claim, NearResponder, ResponsibleUnit, Sentence
from gis_registry.dispatch.sides import other_sides, sides
from gis_registry.dispatch.sides import why as why_sides
from gis_registry.errors import InvalidPosition
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places
from gis_registry.places.bordering import Neighbour
from gis_registry.places.service import Place

RESPONDER_COUNT = 3

ROLE_ZH = {"maintainer": "养护单位", "owner": "权属单位", "supervisor": "主管部门"}
_BECAUSE = {
    Basis.COMPONENT: ("责任台账指定其负责该部件", "a dated fact names it for this very component"),
    Basis.RECORDED_MAINTAINER: (
        "部件档案登记其为养护单位",
        "the component's record names it as maintainer",
    ),
    Basis.RECORDED_OWNER: (
        "部件档案登记其为权属单位",
        "the component's record names it as owner",
    ),
    Basis.CLASS_AND_AREA: ("其在{area}负责该类部件", "it answers for this class in {area}"),
    Basis.CLASS: ("其负责该类部件", "it answers for this class everywhere in the city"),
    Basis.MATTER_AND_AREA: ("其在{area}负责该类事项", "it answers for this matter in {area}"),
    Basis.MATTER: ("其负责该类事项", "it answers for this matter everywhere in the city"),
    Basis.AREA: ("属地：其负责{area}", "it answers for the area {area}"),
}


@dataclass(frozen=True)
class Question:
    """Whose job is it: what is wrong, with which component or classes, where and when.

    ``component`` (with ``code, class_id, edition_key, maintainer_id, owner_id``) is None while it
    is not known; no classes: a matter of the place. Units named in ``without`` do not count.
    """

    matter: Matter | None
    classes: Sequence[ComponentClass]
    component: RowMapping | None
    place: Place
    on_date: date
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Destination:
    """Where somebody is to go, in degrees of EPSG:4490, and whose job it is there."""

    lon: float
    lat: float
    unit_code: str | None


def responsible_unit(session: Session, question: Question) -> ResponsibleUnit:
    """Decide which unit is responsible."""
    return responsible_units(session, [question])[0]


def responsible_units(session: Session, questions: Sequence[Question]) -> list[ResponsibleUnit]:
    """Decide for each question which unit is responsible.

    A component that is known lies where it stands. Anything else may lie across a boundary that
    its position is near: where another unit is responsible there, the answer is ambiguous.
    """
    if not questions:
        return []
    city_code = places.the_city(session).division_code
    subjects = [
        _subject(one, one.place.division_code, one.place.subdistrict_code, city_code)
        for one in questions
    ]
    across = [
        [
            (side, _subject(one, side.division_code, side.subdistrict_code, city_code))
            for side in (other_sides(one.place) if one.component is None else ())
        ]
        for one in questions
    ]
    claims = Claims(session, {*subjects, *(other for found in across for _, other in found)})
    areas = _areas_of_sides(questions, across)
    names = places_queries.division_names(session, areas) if areas else {}

    @cache
    def decided(subject: Subject, without: frozenset[str]) -> ResponsibleUnit:
        return _decided(claims.of(subject), without, subject.on_date, claims.division_names)

    told = []
    for one, subject, found in zip(questions, subjects, across, strict=True):
        here = decided(subject, one.without)
        others = [(side, decided(other, one.without).claim) for side, other in found]
        there = sides(one.place, here.claim, others, names)
        if there:
            grounds = [*here.grounds, *why_sides(there, one.place.accuracy_m)]
            update = {"is_ambiguous": True, "sides": there, "grounds": grounds}
            here = here.model_copy(update=update)
        told.append(here)
    return told


def _subject(
    question: Question, division_code: str, subdistrict_code: str | None, city_code: str
) -> Subject:
    component = question.component
    classes = question.classes
    if component is not None:  # of its edition, its own class is the one that is meant
        classes = [
            one
            for one in classes
            if one.id == component["class_id"] or one.edition_key != component["edition_key"]
        ]
    areas = (subdistrict_code, division_code, city_code)
    return Subject(
        component_code=component["code"] if component else None,
        maintainer_id=component["maintainer_id"] if component else None,
        owner_id=component["owner_id"] if component else None,
        class_ids=tuple(one.id for one in classes),
        matter_type_id=question.matter.type.id if question.matter else None,
        areas=tuple(code for code in areas if code is not None),
        on_date=question.on_date,
    )


def _areas_of_sides(
    questions: Sequence[Question], across: Sequence[Sequence[tuple[Neighbour, Subject]]]
) -> set[str]:
    """Return the codes of the areas on both sides of boundaries."""
    areas: list[Place | Neighbour] = []
    for one, found in zip(questions, across, strict=True):
        if found:
            areas += [one.place, *(side for side, _ in found)]
    codes = {code for one in areas for code in (one.division_code, one.subdistrict_code)}
    return {code for code in codes if code is not None}


def _decided(
    claims: Sequence[Claim],
    without: frozenset[str],
    on_date: date,
    names: Names,
) -> ResponsibleUnit:
    """Let the first of the claims decide that is not of a unit which does not count."""
    counting = [one for one in claims if one.unit.code not in without]
    returned = [one for one in claims if one.unit.code in without]
    if not counting:
        return ResponsibleUnit(
            claim=None, others=[], grounds=[_nobody(on_date, bool(returned))], returned=returned
        )
    deciding = counting[0]
    grounds = [_why(deciding, names)]
    others = [one for one in counting if one.unit.code != deciding.unit.code]
    if others:
        count = len({one.unit.code for one in others})
        grounds.append(
            Sentence(
                step="unit",
                zh=f"其后依次还有{count}个单位，首位是{others[0].unit.name_zh}。",
                en=f"{_plural(count, 'other unit')} would come after it, first "
                f"{others[0].unit.name_en}.",
            )
        )
    return ResponsibleUnit(claim=deciding, others=counting[1:], grounds=grounds, returned=returned)


def _nobody(on_date: date, is_returned: bool) -> Sentence:
    if is_returned:
        return Sentence(
            step="unit",
            zh=f"截至{on_date}除已退回的单位外，没有其他单位对此负责：须人工指派。",
            en=f"On {on_date} no unit answers for this but those that returned it: it has to be "
            "assigned by hand.",
        )
    return Sentence(
        step="unit",
        zh=f"截至{on_date}没有单位对此负责：责任台账有缺口。",
        en=f"On {on_date} no unit answers for this: the responsibilities have a gap here.",
    )


def nearest_responders(
    session: Session,
    *,
    lon: float,
    lat: float,
    unit_code: str | None = None,
    count: int = RESPONDER_COUNT,
) -> list[NearResponder]:
    """Return the available responders nearest to a point; see :func:`responders_near`."""
    return responders_near(session, [Destination(lon, lat, unit_code)], count=count)[0]


def responders_near(
    session: Session, destinations: Sequence[Destination], *, count: int = RESPONDER_COUNT
) -> list[list[NearResponder]]:
    """Return for each destination the available responders nearest to it.

    Args:
        session: open transaction.
        destinations: where they are to go; the responsible unit's own responders are marked.
        count: how many for each at most.

    Raises:
        InvalidPosition: a destination is no position.
    """
    for one in destinations:
        fault = places.position_fault(one.lon, one.lat)
        if fault is not None:
            raise InvalidPosition(f"This position cannot be used: {fault}.")
    near: list[list[NearResponder]] = [[] for _ in destinations]
    if not near:
        return near
    rows = queries.nearest_responders(
        session,
        lons=[one.lon for one in destinations],
        lats=[one.lat for one in destinations],
        count=count,
    )
    named: dict[str, Named] = {}
    for row in rows:
        unit_code = row["unit_code"]
        if unit_code not in named:
            named[unit_code] = Named(
                code=unit_code, name_zh=row["unit_name_zh"], name_en=row["unit_name_en"]
            )
        near[row["n"]].append(
            NearResponder(
                code=row["code"],
                name_zh=row["name_zh"],
                name_en=row["name_en"],
                kind=row["kind"],
                unit=named[unit_code],
                is_of_responsible_unit=unit_code == destinations[row["n"]].unit_code,
                distance_m=round(row["distance_m"], 1),
                lon=row["lon"],
                lat=row["lat"],
            )
        )
    return near


def why_responders(responders: Sequence[NearResponder]) -> Sentence:
    """Say in a sentence who is nearest."""
    if not responders:
        return Sentence(
            step="responder", zh="当前没有可派遣的力量。", en="Nobody is free to be sent now."
        )
    first = responders[0]
    return Sentence(
        step="responder",
        zh=f"最近的可派遣力量是{first.name_zh}，直线距离{first.distance_m:.0f}米。",
        en=f"The nearest who is free to go is {first.name_en}, {first.distance_m:.0f} m away in a "
        "straight line.",
    )


def _why(claim: Claim, names: Names) -> Sentence:
    because_zh, because_en = _BECAUSE[Basis(claim.basis)]
    code = claim.division_code
    area_zh, area_en = names.get(code, (code, code)) if code else ("", "")
    since = claim.valid_from
    return Sentence(
        step="unit",
        zh=f"由{claim.unit.name_zh}（{ROLE_ZH[claim.role]}）负责："
        f"{because_zh.format(area=area_zh)}{f'，自{since}起' if since else ''}。",
        en=f"{claim.unit.name_en} ({claim.role}) is responsible: "
        f"{because_en.format(area=area_en)}{f', since {since}' if since else ''}.",
    )


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
