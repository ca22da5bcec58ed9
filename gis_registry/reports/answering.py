"""Answering a report: the component meant, whose job it is, who is nearest, and why."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.catalogue.service import Matter
from gis_registry.components.lookup import class_name
from gis_registry.components.schemas import Named
from gis_registry.dispatch import service as dispatch
from gis_registry.dispatch.schemas import NearResponder, ResponsibleUnit, Sentence
from gis_registry.dispatch.service import Destination
from gis_registry.errors import InvalidInput, InvalidPosition, RegistryError
from gis_registry.moments import time_fault
from gis_registry.photos import service as photos
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places
from gis_registry.places.datums import to_cgcs2000
from gis_registry.places.service import Place, Point
from gis_registry.places.tables import City
from gis_registry.reports import photo_evidence
from gis_registry.reports.clues import Clue, ClueKind
from gis_registry.reports.matching import Candidate, Match, match_all
from gis_registry.reports.questions import Question
from gis_registry.reports.schemas import (
    Answer,
    CandidateClue,
    ComponentCandidate,
    NewReport,
    ReportedPlace,
)
from gis_registry.reports.tables import Outcome
from gis_registry.reports.weighing import reach_m

_Names = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Decided:
    """What a report was found to be about, and whose job it is."""

    place: Place
    matched: Match
    responsible_place: Place
    responsible: ResponsibleUnit

    @property
    def component(self) -> RowMapping | None:
        """The component that is meant, if it is known."""
        is_unique = self.matched.outcome is Outcome.UNIQUE
        return self.matched.candidates[0].component if is_unique else None


@dataclass(frozen=True)
class Answered:
    """The answer to a report, and what it was found from."""

    question: Question
    place: Place
    division_code: str
    class_id: int | None
    answer: Answer


def answer_all(
    session: Session, reports: Sequence[NewReport], *, city: City, now: datetime
) -> list[Answered | RegistryError]:
    """Answer reports, without keeping them; one that cannot be answered gets its error.

    The errors are UnknownMatterType (the matter is neither a matter type nor a class),
    InvalidPosition (the position is none, or outside the city) and InvalidInput (it is from the
    future, or from before 2000).
    """
    asked = questions_of(session, reports, city, now)
    questions = [one for one in asked if isinstance(one, Question)]
    decided = decide_all(session, questions)
    clear = [
        (question, one)
        for question, one in zip(questions, decided, strict=True)
        if isinstance(one, Decided)
    ]
    responders = dispatch.responders_near(
        session,
        [
            Destination(
                question.lon,
                question.lat,
                one.responsible.claim.unit.code if one.responsible.claim else None,
            )
            for question, one in clear
        ],
    )
    names = _division_names(session, [one for _, one in clear])
    answers = iter(
        _answered(question, one, near, city, names)
        for (question, one), near in zip(clear, responders, strict=True)
    )
    outcomes = iter(decided)
    told: list[Answered | RegistryError] = []
    for one in asked:
        found = next(outcomes) if isinstance(one, Question) else one
        told.append(next(answers) if isinstance(found, Decided) else found)
    return told


def decide_all(
    session: Session, questions: Sequence[Question], *, moment: datetime | None = None
) -> list[Decided | InvalidPosition]:
    """Find where each report is, which component it means and whose job that is.

    Args:
        session: open transaction.
        questions: what the reports ask.
        moment: the components as they were then; as they are now if not given.
    """
    located = places.locate_all(
        session, [Point(one.lon, one.lat, one.on_date, one.accuracy_m) for one in questions]
    )
    inside = [
        (question, place)
        for question, place in zip(questions, located, strict=True)
        if isinstance(place, Place)
    ]
    matched = match_all(session, [question for question, _ in inside], moment=moment)
    asked = []
    for (question, place), match in zip(inside, matched, strict=True):
        best = match.candidates[0].component if match.outcome is Outcome.UNIQUE else None
        asked.append(
            dispatch.Question(
                matter=question.matter,
                classes=question.matter.classes,
                component=best,
                place=place if best is None else _place_of(best),
                on_date=question.on_date,
            )
        )
    responsible = dispatch.responsible_units(session, asked)
    decided = iter(
        Decided(place, match, whose.place, unit)
        for (_, place), match, whose, unit in zip(inside, matched, asked, responsible, strict=True)
    )
    return [next(decided) if isinstance(place, Place) else place for place in located]


def questions_of(
    session: Session, reports: Sequence[NewReport], city: City, now: datetime
) -> list[Question | RegistryError]:
    """Resolve the words of reports; one that cannot be answered gets its error."""
    zone = ZoneInfo(city.time_zone)
    matters = catalogue.find_matters(
        session,
        {one.matter for one in reports},
        matter_edition_key=city.matter_edition_key,
        class_edition_key=city.edition_key,
        earlier_edition_keys=places.class_editions(session),
    )

    kept = photos.find_all(session, {sha256 for one in reports for sha256 in one.photos})

    def question(new: NewReport) -> Question | RegistryError:
        matter = matters.get(new.matter)
        if matter is None:
            return catalogue.unknown_matter(
                new.matter,
                matter_edition_key=city.matter_edition_key,
                class_edition_key=city.edition_key,
            )
        reported_at = new.reported_at or now
        fault = time_fault(reported_at, now=now)
        if fault is not None:
            return InvalidInput(f"The report is {fault}.")
        missing = [sha256 for sha256 in new.photos if sha256 not in kept]
        if missing:
            return InvalidInput(f"There is no photo {missing[0]}: send it to /api/photos first.")
        fault = places.position_fault(new.lon, new.lat)
        if fault is not None:
            return InvalidPosition(f"This position cannot be used: {fault}.")
        lon, lat = to_cgcs2000(new.lon, new.lat, new.datum)
        return Question(
            matter=matter,
            lon=float(lon),
            lat=float(lat),
            accuracy_m=new.accuracy_m,
            text=new.text,
            scanned=new.scanned,
            reported_at=reported_at,
            on_date=reported_at.astimezone(zone).date(),
            photos=tuple(kept[sha256] for sha256 in new.photos),
        )

    return [question(one) for one in reports]


def _answered(
    question: Question,
    decided: Decided,
    responders: list[NearResponder],
    city: City,
    names: _Names,
) -> Answered:
    where = named_place(decided.place, names)
    best = decided.component
    return Answered(
        question=question,
        place=decided.place,
        division_code=decided.responsible_place.division_code,
        class_id=best["class_id"] if best else None,
        answer=Answer(
            outcome=decided.matched.outcome,
            component_code=best["code"] if best else None,
            candidates=[candidate_entry(one) for one in decided.matched.candidates],
            place=where,
            responsible=decided.responsible,
            responders=responders,
            grounds=[
                _why_place(where, city),
                *photo_evidence.sentences(question, zone=ZoneInfo(city.time_zone)),
                _why_component(decided.matched, question),
                *_why_other_area(decided, names),
                *decided.responsible.grounds,
                dispatch.why_responders(responders),
            ],
        ),
    )


def _place_of(component: RowMapping) -> Place:
    """Return where a component stands: its area counts, also for a report from across a border."""
    subdistrict = component["subdistrict_code"]
    return Place(
        division_code=(subdistrict or component["code"])[:6],
        subdistrict_code=subdistrict,
        outside_m=None,
        cell_code=None,
    )


def _division_names(session: Session, decided: Sequence[Decided]) -> _Names:
    codes = {
        code
        for one in decided
        for place in (one.place, one.responsible_place)
        for code in (place.division_code, place.subdistrict_code)
    }
    return places_queries.division_names(session, {code for code in codes if code})


def reported_place(session: Session, place: Place) -> ReportedPlace:
    """Return where a report is, with names."""
    codes = {place.division_code, place.subdistrict_code} - {None}
    return named_place(
        place, places_queries.division_names(session, {code for code in codes if code})
    )


def named_place(place: Place, names: _Names) -> ReportedPlace:
    """Return where a report is, with the names (Chinese, English) of divisions by code."""
    return ReportedPlace(
        division=_named(place.division_code, names),
        subdistrict=_named(place.subdistrict_code, names),
        outside_m=place.outside_m,
        cell_code=place.cell_code,
    )


def _named(code: str | None, names: _Names) -> Named | None:
    if code is None:
        return None
    name_zh, name_en = names.get(code, (code, code))
    return Named(code=code, name_zh=name_zh, name_en=name_en or name_zh)


def candidate_entry(one: Candidate) -> ComponentCandidate:
    """Return what is said of a candidate."""
    row = one.component
    return ComponentCandidate(
        code=row["code"],
        component_class=class_name(row),
        distance_m=round(row["distance_m"], 2),
        reach_m=round(one.reach_m, 1),
        probability=round(one.probability, 4),
        likelihood=float(f"{one.likelihood:.4g}"),
        unmapped=float(f"{one.unmapped:.4g}"),
        clue=CandidateClue(**asdict(one.clue)) if one.clue else None,
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


def _why_other_area(decided: Decided, names: _Names) -> list[Sentence]:
    there = decided.responsible_place.subdistrict_code
    named = _named(there, names)
    if named is None or there == decided.place.subdistrict_code:
        return []
    return [
        Sentence(
            step="place",
            zh=f"部件在{named.name_zh}，责任按部件所在地认定。",
            en=f"The component stands in {named.name_en}, whose units count.",
        )
    ]


def _why_component(matched: Match, question: Question) -> Sentence:
    matter, accuracy_m = question.matter, question.accuracy_m
    about_zh, about_en = matter.type.name_zh, matter.type.name_en
    if matched.outcome is Outcome.PLACE:
        return Sentence(
            step="component",
            zh=f"“{about_zh}”是场所类事项，不涉及部件。",
            en=f"“{about_en}” is a matter of the place; no component is meant.",
        )
    if matched.outcome is Outcome.NONE:
        return _why_none(matched, accuracy_m)
    best = matched.candidates[0]
    row, count = best.component, matched.count
    clue_zh, clue_en = _why_clue(best.clue)
    if best.clue is not None and best.clue.is_doubtful:
        metres = f"{row['distance_m']:.0f}"
        return Sentence(
            step="component",
            zh=f"{clue_zh}{row['class_name_zh']} {row['code']}，但它距上报位置{metres}米"
            f"或不属于“{about_zh}”的部件：标识、位置或事项有误，请确认。",
            en=f"{clue_en}it is the {row['class_name_en']} {row['code']}, but that stands "
            f"{metres} m from the reported position or is nothing that “{about_en}” is about: "
            "the label, the position or the matter is wrong. Please confirm.",
        )
    if matched.outcome is Outcome.UNIQUE:
        return Sentence(
            step="component",
            zh=f"所指部件是{row['class_name_zh']} {row['code']}，距上报位置"
            f"{row['distance_m']:.1f}米（{clue_zh}把握{best.probability:.0%}，"
            f"范围{best.reach_m:.0f}米内有{count}个同类部件）。",
            en=f"It is the {row['class_name_en']} {row['code']}, {row['distance_m']:.1f} m from "
            f"the reported position ({clue_en}{best.probability:.0%} sure; "
            f"{count} of its kind within reach of {best.reach_m:.0f} m).",
        )
    if count == 1:
        return Sentence(
            step="component",
            zh=f"{best.reach_m:.0f}米内只有{row['code']}可能（{clue_zh}{best.probability:.0%}），"
            f"但相距{row['distance_m']:.1f}米：请确认。",
            en=f"Only {row['code']} within {best.reach_m:.0f} m could be meant "
            f"({clue_en}{best.probability:.0%}), but it is {row['distance_m']:.1f} m away: "
            "please confirm.",
        )
    return Sentence(
        step="component",
        zh=f"{best.reach_m:.0f}米内有{count}个同类部件都可能，最可能的是"
        f"{row['code']}（{clue_zh}{best.probability:.0%}）：请确认。",
        en=f"{count} components within {best.reach_m:.0f} m could be meant, most "
        f"probably {row['code']} ({clue_en}{best.probability:.0%}): please confirm.",
    )


def _why_none(matched: Match, accuracy_m: float) -> Sentence:
    """Say that it is not on the map; then somebody has to survey it."""
    clear = reach_m(accuracy_m, 0)  # any component nearer than this would be a candidate
    if not matched.candidates:
        return Sentence(
            step="component",
            zh=f"定位精度{accuracy_m:g}米，{clear:.0f}米内没有登记的此类部件：图上没有，转为补测任务。",
            en=f"No such component is registered within {clear:.0f} m, which is how far off it "
            f"could be with a position accurate to {accuracy_m:g} m: it is not on the map and "
            "becomes a survey task.",
        )
    best = matched.candidates[0]
    code, metres = best.component["code"], best.component["distance_m"]
    return Sentence(
        step="component",
        zh=f"最近的可能部件{code}相距{metres:.1f}米（{best.probability:.0%}），更可能是图上没有登记的"
        f"（{matched.missing:.0%}）：转为补测任务。",
        en=f"It is rather one that is not on the map ({matched.missing:.0%}) than {code}, which is "
        f"{metres:.1f} m away ({best.probability:.0%}): it becomes a survey task.",
    )


def _why_clue(clue: Clue | None) -> tuple[str, str]:
    """Say in Chinese and English what in the report fits a component, to go before its weight."""
    if clue is None or (clue.odds <= 1 and not clue.is_doubtful):
        return "", ""
    if clue.kind is ClueKind.SCANNED:
        return f"扫码“{clue.said}”与其相符，", f"“{clue.said}” was scanned, "
    if clue.kind is ClueKind.WRITTEN:
        return f"文字中的标识“{clue.said}”与其相符，", f"the text names “{clue.said}”, "
    return f"编号{clue.said}与文字相符，", f"the number {clue.said} in the text fits, "
