"""Who is responsible, and who is nearest and free to go; each with its reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue.service import Matter
from gis_registry.catalogue.tables import ComponentClass
from gis_registry.components.schemas import Named
from gis_registry.dispatch import queries
from gis_registry.dispatch.precedence import FOR_COMPONENTS, FOR_PLACES, Basis, in_order
from gis_registry.dispatch.schemas import Claim, NearResponder, ResponsibleUnit, Sentence
from gis_registry.errors import InvalidPosition
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places
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
    """Whose job is it: what is wrong, with which component or classes, where and when."""

    matter: Matter | None
    classes: Sequence[ComponentClass]
    component: RowMapping | None
    place: Place
    on_date: date


@dataclass(frozen=True)
class Destination:
    """Where somebody is to go, in degrees of EPSG:4490, and whose job it is there."""

    lon: float
    lat: float
    unit_code: str | None


def responsible_units(session: Session, questions: Sequence[Question]) -> list[ResponsibleUnit]:
    """Decide for each question which unit is responsible."""
    return [
        responsible_unit(
            session,
            matter=one.matter,
            classes=one.classes,
            component=one.component,
            place=one.place,
            on_date=one.on_date,
        )
        for one in questions
    ]


def responders_near(
    session: Session, destinations: Sequence[Destination]
) -> list[list[NearResponder]]:
    """Return for each destination the available responders nearest to it."""
    return [
        nearest_responders(session, lon=one.lon, lat=one.lat, unit_code=one.unit_code)
        for one in destinations
    ]


def responsible_unit(
    session: Session,
    *,
    matter: Matter | None,
    classes: Sequence[ComponentClass],
    component: RowMapping | None,
    place: Place,
    on_date: date,
) -> ResponsibleUnit:
    """Decide which unit is responsible.

    Args:
        session: open transaction.
        matter: what is wrong, if it was said.
        classes: classes that it can concern; none: a matter of the place.
        component: the component that it is about (``code, maintainer_id, owner_id``), if known.
        place: where it is.
        on_date: the day whose facts count.
    """
    city = places.the_city(session)
    areas = [
        code
        for code in (place.subdistrict_code, place.division_code, city.division_code)
        if code is not None
    ]
    claims = in_order(
        queries.claims(
            session,
            component_code=component["code"] if component else None,
            maintainer_id=component["maintainer_id"] if component else None,
            owner_id=component["owner_id"] if component else None,
            class_ids=[one.id for one in classes],
            matter_type_id=matter.type.id if matter else None,
            areas=areas,
            on_date=on_date,
        ),
        order=FOR_COMPONENTS if classes else FOR_PLACES,
        areas=areas,
    )
    if not claims:
        nobody = Sentence(
            step="unit",
            zh=f"截至{on_date}没有单位对此负责：责任台账有缺口。",
            en=f"On {on_date} no unit answers for this: the responsibilities have a gap here.",
        )
        return ResponsibleUnit(claim=None, others=[], grounds=[nobody])
    names = places_queries.division_names(
        session, {one["division_code"] for one in claims if one["division_code"]}
    )
    deciding = claims[0]
    grounds = [_why(deciding, names)]
    others = [one for one in claims if one["unit_code"] != deciding["unit_code"]]
    if others:
        count = len({one["unit_code"] for one in others})
        grounds.append(
            Sentence(
                step="unit",
                zh=f"其后依次还有{count}个单位，首位是{others[0]['unit_name_zh']}。",
                en=f"{_plural(count, 'other unit')} would come after it, first "
                f"{others[0]['unit_name_en']}.",
            )
        )
    return ResponsibleUnit(
        claim=_claim(deciding), others=[_claim(one) for one in claims[1:]], grounds=grounds
    )


def nearest_responders(
    session: Session,
    *,
    lon: float,
    lat: float,
    unit_code: str | None = None,
    count: int = RESPONDER_COUNT,
) -> list[NearResponder]:
    """Return the available responders nearest to a point.

    Args:
        session: open transaction.
        lon: longitude in degrees, EPSG:4490.
        lat: latitude in degrees, EPSG:4490.
        unit_code: the responsible unit; its own responders are marked.
        count: how many at most.

    Raises:
        InvalidPosition: the coordinates are none.
    """
    fault = places.position_fault(lon, lat)
    if fault is not None:
        raise InvalidPosition(f"This position cannot be used: {fault}.")
    return [
        NearResponder(
            code=row["code"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            kind=row["kind"],
            unit=_unit(row),
            is_of_responsible_unit=row["unit_code"] == unit_code,
            distance_m=round(row["distance_m"], 1),
            lon=row["lon"],
            lat=row["lat"],
        )
        for row in queries.nearest_responders(session, lon=lon, lat=lat, count=count)
    ]


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


def _why(claim: RowMapping, names: dict[str, tuple[str, str]]) -> Sentence:
    because_zh, because_en = _BECAUSE[Basis(claim["basis"])]
    code = claim["division_code"]
    area_zh, area_en = names.get(code, (code, code)) if code else ("", "")
    since = claim["valid_from"]
    return Sentence(
        step="unit",
        zh=f"由{claim['unit_name_zh']}（{ROLE_ZH[claim['role']]}）负责："
        f"{because_zh.format(area=area_zh)}{f'，自{since}起' if since else ''}。",
        en=f"{claim['unit_name_en']} ({claim['role']}) is responsible: "
        f"{because_en.format(area=area_en)}{f', since {since}' if since else ''}.",
    )


def _claim(row: RowMapping) -> Claim:
    return Claim(
        unit=_unit(row),
        role=row["role"],
        basis=row["basis"],
        division_code=row["division_code"],
        valid_from=row["valid_from"],
        responsibility_id=row["responsibility_id"],
    )


def _unit(row: RowMapping) -> Named:
    return Named(code=row["unit_code"], name_zh=row["unit_name_zh"], name_en=row["unit_name_en"])


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
