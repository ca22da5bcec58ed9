"""Answering a report: the component meant, whose job it is, who is nearest, and why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue.service import Matter
from gis_registry.components.lookup import class_name
from gis_registry.components.schemas import Named, Names, named
from gis_registry.dispatch import service as dispatch
from gis_registry.dispatch.schemas import NearResponder, ResponsibleUnit
from gis_registry.dispatch.service import Destination
from gis_registry.errors import InvalidPosition, RegistryError
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places
from gis_registry.places.service import Place, Point
from gis_registry.places.tables import City
from gis_registry.reports import grounds, photo_evidence
from gis_registry.reports.matching import Candidate, Match, match_all
from gis_registry.reports.questions import Question, questions_of
from gis_registry.reports.schemas import (
    Answer,
    CandidateClue,
    ComponentCandidate,
    NewReport,
    ReportedPlace,
)


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
    names = places_queries.division_names(
        session,
        {
            code
            for _, one in clear
            for place in (one.place, one.responsible_place)
            for code in (place.division_code, place.subdistrict_code)
            if code is not None
        },
    )
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
        component = match.component
        asked.append(
            dispatch.Question(
                matter=question.matter,
                classes=question.matter.classes,
                component=component,
                place=place if component is None else _place_of(component),
                on_date=question.on_date,
            )
        )
    responsible = dispatch.responsible_units(session, asked)
    decided = iter(
        Decided(place, match, whose.place, unit)
        for (_, place), match, whose, unit in zip(inside, matched, asked, responsible, strict=True)
    )
    return [next(decided) if isinstance(place, Place) else place for place in located]


def _answered(
    question: Question,
    decided: Decided,
    responders: list[NearResponder],
    city: City,
    names: Names,
) -> Answered:
    where = named_place(decided.place, names)
    component, other_area = decided.matched.component, decided.responsible_place.subdistrict_code
    if other_area == decided.place.subdistrict_code:
        other_area = None
    return Answered(
        question=question,
        place=decided.place,
        division_code=decided.responsible_place.division_code,
        class_id=component["class_id"] if component else None,
        answer=Answer(
            outcome=decided.matched.outcome,
            component_code=component["code"] if component else None,
            candidates=[candidate_entry(one) for one in decided.matched.candidates],
            place=where,
            responsible=decided.responsible,
            responders=responders,
            grounds=[
                grounds.why_place(where, city),
                *photo_evidence.sentences(question, zone=ZoneInfo(city.time_zone)),
                grounds.why_component(decided.matched, question),
                *map(grounds.why_gone, decided.matched.gone),
                *([grounds.why_other_area(named(other_area, names))] if other_area else []),
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


def named_place(place: Place, names: Names) -> ReportedPlace:
    """Return where a report is, with the names of divisions by code."""
    subdistrict = place.subdistrict_code
    return ReportedPlace(
        division=named(place.division_code, names),
        subdistrict=named(subdistrict, names) if subdistrict is not None else None,
        outside_m=place.outside_m,
        cell_code=place.cell_code,
    )


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
