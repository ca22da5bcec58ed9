"""Answering a report: the component meant, whose job it is, who is nearest, and why."""

import math
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.catalogue.service import Matter
from gis_registry.catalogue.tables import ComponentClass
from gis_registry.components import queries as components
from gis_registry.components.schemas import ClassName, Named
from gis_registry.dispatch import service as dispatch
from gis_registry.dispatch.schemas import ResponsibleUnit, Sentence
from gis_registry.errors import InvalidPosition
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places
from gis_registry.places.datums import to_cgcs2000
from gis_registry.places.service import Place
from gis_registry.places.tables import City
from gis_registry.reports.matching import Candidate, Match, match, reach_m
from gis_registry.reports.schemas import (
    Answer,
    ComponentCandidate,
    NewReport,
    ReportedPlace,
)
from gis_registry.reports.tables import Outcome

_CANDIDATE_COUNT = 20
#: The coarsest accuracy that a survey may say of its components.
_COARSEST_SURVEY_M = 1000.0


@dataclass(frozen=True)
class Position:
    """A point in degrees, EPSG:4490."""

    lon: float
    lat: float


@dataclass(frozen=True)
class Decided:
    """What a report was found to be about, and whose job it is."""

    place: Place
    matched: Match
    responsible_place: Place
    responsible: ResponsibleUnit


@dataclass(frozen=True)
class Answered:
    """The answer to a report, and what it was found from."""

    matter: Matter
    position: Position
    place: Place
    division_code: str
    class_id: int | None
    answer: Answer


def answer(session: Session, new: NewReport, *, city: City, on_date: date) -> Answered:
    """Answer a report, without keeping it.

    Raises:
        UnknownMatterType: the matter is neither a matter type nor a class.
        InvalidPosition: the position is none or outside the city.
    """
    matter = catalogue.find_matter(
        session,
        new.matter,
        matter_edition_key=city.matter_edition_key,
        class_edition_key=city.edition_key,
        earlier_edition_keys=places.class_editions(session),
    )
    position = _position(new)
    decided = decide(
        session,
        matter=matter,
        lon=position.lon,
        lat=position.lat,
        accuracy_m=new.accuracy_m,
        on_date=on_date,
    )
    place, matched, responsible = decided.place, decided.matched, decided.responsible
    responsible_place = decided.responsible_place
    best = matched.candidates[0].component if matched.outcome is Outcome.UNIQUE else None
    responders = dispatch.nearest_responders(
        session,
        lon=position.lon,
        lat=position.lat,
        unit_code=responsible.claim.unit.code if responsible.claim else None,
    )
    where = reported_place(session, place)
    found = Answer(
        outcome=matched.outcome,
        component_code=best["code"] if best else None,
        candidates=[candidate_entry(one) for one in matched.candidates],
        place=where,
        responsible=responsible,
        responders=responders,
        grounds=[
            _why_place(where, city),
            _why_component(matched, new.accuracy_m, matter),
            *_why_other_area(session, place, responsible_place),
            *responsible.grounds,
            dispatch.why_responders(responders),
        ],
    )
    return Answered(
        matter=matter,
        position=position,
        place=place,
        division_code=responsible_place.division_code,
        class_id=best["class_id"] if best else None,
        answer=found,
    )


def decide(
    session: Session,
    *,
    matter: Matter,
    lon: float,
    lat: float,
    accuracy_m: float,
    on_date: date,
    moment: datetime | None = None,
) -> Decided:
    """Find where a report is, which component it means and whose job that is.

    Args:
        session: open transaction.
        matter: what is wrong.
        lon: longitude in degrees, EPSG:4490.
        lat: latitude in degrees, EPSG:4490.
        accuracy_m: radius in metres that holds the true position 68 times in 100.
        on_date: the day whose boundaries and responsibilities count.
        moment: the components as they were then; as they are now if not given.

    Raises:
        InvalidPosition: the position is none or outside the city.
    """
    place = places.locate(session, lon=lon, lat=lat, on_date=on_date)
    matched = _match(session, matter, Position(lon, lat), accuracy_m, moment)
    best = matched.candidates[0].component if matched.outcome is Outcome.UNIQUE else None
    responsible_place = place if best is None else _place_of(best)
    responsible = dispatch.responsible_unit(
        session,
        matter=matter,
        classes=_classes_meant(matter, best),
        component=best,
        place=responsible_place,
        on_date=on_date,
    )
    return Decided(place, matched, responsible_place, responsible)


def _classes_meant(matter: Matter, component: RowMapping | None) -> list[ComponentClass]:
    """Return the matter's classes; of the component's edition only its own, once it is known."""
    if component is None:
        return list(matter.classes)
    return [
        one
        for one in matter.classes
        if one.id == component["class_id"] or one.edition_key != component["edition_key"]
    ]


def _place_of(component: RowMapping) -> Place:
    """Return where a component stands: its area counts, also for a report from across a border."""
    subdistrict = component["subdistrict_code"]
    return Place(
        division_code=(subdistrict or component["code"])[:6],
        subdistrict_code=subdistrict,
        outside_m=None,
        cell_code=None,
    )


def _position(new: NewReport) -> Position:
    fault = places.position_fault(new.lon, new.lat)
    if fault is not None:
        raise InvalidPosition(f"This position cannot be used: {fault}.")
    lon, lat = to_cgcs2000(new.lon, new.lat, new.datum)
    return Position(float(lon), float(lat))


def _match(
    session: Session,
    matter: Matter,
    position: Position,
    accuracy_m: float,
    moment: datetime | None,
) -> Match:
    if not matter.classes:
        return Match(Outcome.PLACE, ())
    near = (
        components.nearest if moment is None else partial(components.nearest_as_of, moment=moment)
    )(
        session,
        lon=position.lon,
        lat=position.lat,
        class_ids=[one.id for one in matter.classes],
        radius_m=reach_m(accuracy_m, _COARSEST_SURVEY_M),
        count=_CANDIDATE_COUNT,
    )
    return match(near, report_accuracy_m=accuracy_m)


def reported_place(session: Session, place: Place) -> ReportedPlace:
    """Return where a report is, with names."""
    codes = {place.division_code, place.subdistrict_code} - {None}
    names = places_queries.division_names(session, {code for code in codes if code})

    def named(code: str | None) -> Named | None:
        if code is None:
            return None
        name_zh, name_en = names.get(code, (code, code))
        return Named(code=code, name_zh=name_zh, name_en=name_en or name_zh)

    return ReportedPlace(
        division=named(place.division_code),
        subdistrict=named(place.subdistrict_code),
        outside_m=place.outside_m,
        cell_code=place.cell_code,
    )


def candidate_entry(one: Candidate) -> ComponentCandidate:
    """Return what is said of a candidate."""
    row = one.component
    return ComponentCandidate(
        code=row["code"],
        component_class=ClassName(
            edition=row["edition_key"],
            code=row["class_code"],
            name_zh=row["class_name_zh"],
            name_en=row["class_name_en"],
        ),
        distance_m=round(row["distance_m"], 2),
        reach_m=round(one.reach_m, 1),
        probability=round(one.probability, 4),
        lon=row["lon"],
        lat=row["lat"],
    )


def matter_name(matter: Matter) -> Named:
    """Return what a matter is called."""
    return Named(code=matter.type.code, name_zh=matter.type.name_zh, name_en=matter.type.name_en)


def _why_place(place: ReportedPlace, city: City) -> Sentence:
    smallest = place.subdistrict or place.division
    zh = f"位置在{smallest.name_zh if smallest else city.name_zh}"
    en = f"The position is in {smallest.name_en if smallest else city.name_en}"
    if place.division and place.subdistrict:
        zh = f"位置在{place.division.name_zh}{place.subdistrict.name_zh}"
        en += f", {place.division.name_en}"
    if place.outside_m:
        metres = math.ceil(place.outside_m)
        zh += f"（在其边界外{metres}米，取最近的）"
        en += f" (the nearest one: it lies {metres} m outside its boundary)"
    if place.subdistrict is None:
        zh += "，街道边界不详"
        en += "; which subdistrict is not known there"
    if place.cell_code:
        zh += f"，单元网格{place.cell_code}"
        en += f", grid cell {place.cell_code}"
    return Sentence(step="place", zh=f"{zh}。", en=f"{en}.")


def _why_other_area(session: Session, place: Place, counted: Place) -> list[Sentence]:
    if counted.subdistrict_code in (None, place.subdistrict_code):
        return []
    there = reported_place(session, counted).subdistrict
    assert there is not None  # noqa: S101  its code is not None
    return [
        Sentence(
            step="place",
            zh=f"部件在{there.name_zh}，责任按部件所在地认定。",
            en=f"The component stands in {there.name_en}, whose units count.",
        )
    ]


def _why_component(matched: Match, accuracy_m: float, matter: Matter) -> Sentence:
    about_zh, about_en = matter.type.name_zh, matter.type.name_en
    if matched.outcome is Outcome.PLACE:
        return Sentence(
            step="component",
            zh=f"“{about_zh}”是场所类事项，不涉及部件。",
            en=f"“{about_en}” is a matter of the place; no component is meant.",
        )
    if matched.outcome is Outcome.NONE:
        clear = reach_m(accuracy_m, 0)  # any component nearer than this would be a candidate
        return Sentence(
            step="component",
            zh=f"定位精度{accuracy_m:g}米，{clear:.0f}米内没有登记的此类部件。",
            en=f"No such component is registered within {clear:.0f} m, which is how far off it "
            f"could be with a position accurate to {accuracy_m:g} m.",
        )
    best = matched.candidates[0]
    row = best.component
    count = len(matched.candidates)
    count_zh, count_en = (
        (str(count), str(count))
        if count < _CANDIDATE_COUNT
        else (f"至少{count}", f"at least {count}")
    )
    if matched.outcome is Outcome.UNIQUE:
        return Sentence(
            step="component",
            zh=f"所指部件是{row['class_name_zh']} {row['code']}，距上报位置"
            f"{row['distance_m']:.1f}米（把握{best.probability:.0%}，"
            f"范围{best.reach_m:.0f}米内有{count_zh}个同类部件）。",
            en=f"It is the {row['class_name_en']} {row['code']}, {row['distance_m']:.1f} m from "
            f"the reported position ({best.probability:.0%} sure; "
            f"{count_en} of its kind within reach of {best.reach_m:.0f} m).",
        )
    if count == 1:
        return Sentence(
            step="component",
            zh=f"{best.reach_m:.0f}米内只有{row['code']}可能（{best.probability:.0%}），"
            f"但相距{row['distance_m']:.1f}米：请确认。",
            en=f"Only {row['code']} within {best.reach_m:.0f} m could be meant "
            f"({best.probability:.0%}), but it is {row['distance_m']:.1f} m away: please confirm.",
        )
    return Sentence(
        step="component",
        zh=f"{best.reach_m:.0f}米内有{count_zh}个同类部件都可能，最可能的是"
        f"{row['code']}（{best.probability:.0%}）：请确认。",
        en=f"{count_en.capitalize()} components within {best.reach_m:.0f} m could be meant, most "
        f"probably {row['code']} ({best.probability:.0%}): please confirm.",
    )
