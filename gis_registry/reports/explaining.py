"""The whole chain behind a report's answer, step by step, and the same question asked again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel, JsonValue
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue
from gis_registry.catalogue.service import Matter
from gis_registry.catalogue.tables import MatterType
from gis_registry.dispatch.explaining import BASIS_LABEL, rungs
from gis_registry.dispatch.precedence import Basis
from gis_registry.dispatch.schemas import Claim, ResponsibleUnit
from gis_registry.errors import InvalidPosition
from gis_registry.places.datums import GROUND, Datum, from_cgcs2000
from gis_registry.places.service import the_city
from gis_registry.reports import answering, queries, service
from gis_registry.reports.questions import Question
from gis_registry.reports.schemas import (
    AnsweredReport,
    ComponentCandidate,
    Difference,
    Explanation,
    ExplanationStep,
    Replay,
    ReportedPlace,
)
from gis_registry.reports.tables import CHANNEL_ZH, Channel, Outcome, Report

_DATUM_NAME = {
    Datum.CGCS2000: "CGCS2000",
    Datum.WGS84: "WGS 84",
    Datum.GCJ02: "GCJ-02",
    Datum.BD09: "BD-09",
}
_OUTCOME_ZH = {
    Outcome.UNIQUE: "唯一",
    Outcome.AMBIGUOUS: "不唯一",
    Outcome.NONE: "无部件",
    Outcome.PLACE: "场所",
}


class Language(StrEnum):
    """Languages of an explanation."""

    ZH = "zh"
    EN = "en"


def explain(session: Session, report_id: int, *, language: Language | None = None) -> Explanation:
    """Tell how a report came to its answer, and whether asking again comes to the same.

    Args:
        session: open transaction.
        report_id: number of the report.
        language: only sentences in this one; in both if not given.

    Raises:
        NotFound: there is no such report.
    """
    report = service.show(session, report_id)
    (kept,) = queries.by_ids(session, [report_id])
    zone = ZoneInfo(the_city(session).time_zone)
    explanation = Explanation(
        report_id=report.id,
        answered_at=report.received_at,
        steps=[
            _what_was_reported(report, zone),
            _where_in_our_datum(report, Datum(kept.datum)),
            *_from_grounds(report, "place"),
            *_from_grounds(report, "photo"),
            *(_candidate(one) for one in report.answer.candidates),
            *_from_grounds(report, "component"),
            *_precedence(session, report),
            *_from_grounds(report, "unit"),
            *_from_grounds(report, "responder"),
            _case(report),
        ],
        replay=_replay(session, report, kept, zone),
    )
    return explanation if language is None else _only(explanation, language)


def _only(explanation: Explanation, language: Language) -> Explanation:
    other = Language.EN if language is Language.ZH else Language.ZH
    for one in [*explanation.steps, explanation.replay, *explanation.replay.differences]:
        setattr(one, other, None)
    return explanation


def _plain(model: BaseModel) -> JsonValue:
    return model.model_dump(mode="json", by_alias=True)


def _what_was_reported(report: AnsweredReport, zone: ZoneInfo) -> ExplanationStep:
    at = f"{report.reported_at.astimezone(zone):%Y-%m-%d %H:%M}"
    accuracy = f"{report.accuracy_m:g}"
    return ExplanationStep(
        step="report",
        zh=f"{at}，{report.reported_by}（{CHANNEL_ZH[Channel(report.channel)]}）上报"
        f"“{report.matter.name_zh}”，定位精度{accuracy}米。",
        en=f"At {at} {report.reported_by} ({report.channel}) reported “{report.matter.name_en}” "
        f"at a position accurate to {accuracy} m.",
        facts={
            "channel": report.channel,
            "reported_by": report.reported_by,
            "reported_at": report.reported_at.isoformat(),
            "received_at": report.received_at.isoformat(),
            "matter": _plain(report.matter),
            "text": report.text,
            "accuracy_m": report.accuracy_m,
        },
    )


def _where_in_our_datum(report: AnsweredReport, datum: Datum) -> ExplanationStep:
    name = _DATUM_NAME[datum]
    said_lon, said_lat = (float(one) for one in from_cgcs2000(report.lon, report.lat, datum))
    said, taken = f"{said_lon:.6f}, {said_lat:.6f}", f"{report.lon:.6f}, {report.lat:.6f}"
    _, _, shift_m = GROUND.inv(said_lon, said_lat, report.lon, report.lat)
    if datum in (Datum.CGCS2000, Datum.WGS84):
        zh = f"位置为{name} {said}，无需换算。"
        en = f"The position was given in {name} as {said}; nothing was converted."
    else:
        zh = f"位置以{name}给出：{said}，换算为CGCS2000 {taken}，移动{shift_m:.0f}米。"
        en = (
            f"The position was given in {name} as {said}, and is {taken} in CGCS2000, "
            f"{shift_m:.0f} m off."
        )
    return ExplanationStep(
        step="datum",
        zh=zh,
        en=en,
        facts={
            "datum": datum,
            "lon": round(said_lon, 7),
            "lat": round(said_lat, 7),
            "lon_cgcs2000": report.lon,
            "lat_cgcs2000": report.lat,
            "shift_m": round(shift_m, 1),
        },
    )


def _from_grounds(report: AnsweredReport, step: str) -> list[ExplanationStep]:
    """Return the sentences of a step as they were kept, the first one with its facts."""
    answer = report.answer
    facts: dict[str, dict[str, JsonValue]] = {
        "place": {"place": _plain(answer.place)},
        "photo": {"photos": list(report.photos)},
        "component": {"outcome": answer.outcome, "component_code": answer.component_code},
        "unit": {"claim": _plain(answer.responsible.claim) if answer.responsible.claim else None},
        "responder": {"responders": [_plain(one) for one in answer.responders]},
    }
    told = [one for one in answer.grounds if one.step == step]
    return [
        ExplanationStep(step=step, zh=one.zh, en=one.en, facts=facts[step] if n == 0 else {})
        for n, one in enumerate(told)
    ]


def _times(likelihood: float | None, unmapped: float | None) -> str:
    """Return how many times likelier the first is, in two digits; nothing if one is unknown."""
    if not likelihood or not unmapped:
        return ""
    return f"{Decimal(f'{likelihood / unmapped:.2g}'):,f}"


def _candidate(one: ComponentCandidate) -> ExplanationStep:
    about, clue = one.component_class, one.clue
    times = _times(one.likelihood, one.unmapped)
    zh = (
        f"{about.name_zh} {one.code}：相距{one.distance_m:.1f}米，最远可达{one.reach_m:.0f}米"
        + (f"，按距离，可能性是图上没有的部件的{times}倍" if times else "")
        + (f"，“{clue.said}”与{clue.matched}相符（{clue.odds:g}倍）" if clue else "")
        + (f"，该标识属于被它取代的{clue.label_of}" if clue and clue.label_of else "")
    )
    en = (
        f"{about.name_en} {one.code}: {one.distance_m:.1f} m away, could be up to "
        f"{one.reach_m:.0f} m off"
        + (f", by distance {times} times as likely as one not on the map" if times else "")
        + (f", “{clue.said}” fits {clue.matched} ({clue.odds:g} to 1)" if clue else "")
        + (f", the label of {clue.label_of}, which it replaced" if clue and clue.label_of else "")
    )
    return ExplanationStep(
        step="candidate",
        zh=f"{zh}，概率{one.probability:.1%}。",
        en=f"{en}, probability {one.probability:.1%}.",
        facts={"candidate": _plain(one)},
    )


def _precedence(session: Session, report: AnsweredReport) -> list[ExplanationStep]:
    outcome = report.answer.outcome
    steps = rungs(
        session,
        report.answer.responsible,
        is_about_components=outcome != Outcome.PLACE,
        is_component_known=outcome == Outcome.UNIQUE,
    )
    return [
        ExplanationStep(
            step="precedence",
            zh=one.zh,
            en=one.en,
            facts={
                "basis": one.basis,
                "is_deciding": one.is_deciding,
                "claims": [_plain(claim) for claim in one.claims],
            },
        )
        for one in steps
    ]


def _case(report: AnsweredReport) -> ExplanationStep:
    claim = report.answer.responsible.claim
    zh = f"派{claim.unit.name_zh}" if claim else "尚无责任单位"
    en = f"for {claim.unit.name_en}" if claim else "which has no responsible unit yet"
    similar = report.answer.similar
    told = [one for one in report.answer.grounds if one.step == "case"]
    case_zh, case_en = (
        (f"属于案件{report.case_id}。", f"It belongs to case {report.case_id}.")
        if report.is_duplicate
        else (
            f"为此立案：案件{report.case_id}，{zh}。",
            f"Case {report.case_id} was opened for it, {en}.",
        )
    )
    return ExplanationStep(
        step="case",
        zh="".join([*(one.zh for one in told), case_zh]),
        en=" ".join([*(one.en for one in told), case_en]),
        facts={
            "case_id": report.case_id,
            "division_code": report.division_code,
            "is_duplicate": report.is_duplicate,
            "similar": [_plain(one) for one in similar],
        },
    )


@dataclass(frozen=True)
class _Said:
    """One thing that an answer says: as data, and as it reads."""

    value: JsonValue
    zh: str
    en: str


_COMPARED = {
    "place": ("位置", "the place"),
    "outcome": ("匹配结果", "the outcome"),
    "component": ("所指部件", "the component"),
    "candidates": ("候选部件", "the candidates"),
    "responsible": ("责任单位", "the responsible unit"),
    "others": ("其他责任依据", "the other claims"),
}


def _replay(session: Session, report: AnsweredReport, kept: Report, zone: ZoneInfo) -> Replay:
    """Ask again: of the components as of the answer, the responsibilities of the report's day."""
    on_date = report.reported_at.astimezone(zone).date()
    answer = report.answer
    then = _compared(
        answer.place, answer.outcome, answer.component_code, answer.candidates, answer.responsible
    )
    differences = [
        Difference(
            what=what,
            then=then[what].value,
            replayed=now.value,
            zh=f"{_COMPARED[what][0]}：当时{then[what].zh}，重算{now.zh}。",
            en=f"{_COMPARED[what][1].capitalize()}: then {then[what].en}; now {now.en}.",
        )
        for what, now in _asked_again(session, report, kept, on_date).items()
        if now.value != then[what].value
    ]
    at = f"{report.received_at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    zh_end = "结论相同" if not differences else "结论不同"
    en_end = "the same" if not differences else "not the same"
    return Replay(
        components_as_of=report.received_at,
        responsibilities_on=on_date,
        is_same=not differences,
        differences=differences,
        zh=f"按{at}的部件和{on_date}的责任台账重算：{zh_end}。",
        en=f"Asked again, of the components as of {at} and the responsibilities of {on_date}, "
        f"the answer is {en_end}.",
    )


def _asked_again(
    session: Session, report: AnsweredReport, kept: Report, on_date: date
) -> dict[str, _Said]:
    matter_type = session.get_one(MatterType, kept.matter_type_id)
    classes = catalogue.classes_of_matter(session, matter_type.id)
    question = Question(
        matter=Matter(type=matter_type, classes=tuple(classes)),
        lon=report.lon,
        lat=report.lat,
        accuracy_m=report.accuracy_m,
        text=report.text,
        scanned=kept.scanned,
        reported_at=report.reported_at,
        on_date=on_date,
    )
    decided = answering.decide_all(session, [question], moment=report.received_at)[0]
    if isinstance(decided, InvalidPosition):
        return {"place": _Said(None, "不在本市", "not in the city")}
    matched = decided.matched
    component = matched.component
    return _compared(
        answering.named_place(decided.place, {}),  # names are not compared
        matched.outcome,
        component["code"] if component else None,
        [answering.candidate_entry(one) for one in matched.candidates],
        decided.responsible,
    )


def _compared(
    place: ReportedPlace,
    outcome: str,
    component_code: str | None,
    candidates: Sequence[ComponentCandidate],
    responsible: ResponsibleUnit,
) -> dict[str, _Said]:
    """Return what two answers are compared by: codes and figures, not names, which may change."""
    division, subdistrict = (
        one.code if one else None for one in (place.division, place.subdistrict)
    )
    where: list[JsonValue] = [division, subdistrict, place.cell_code]
    codes = " ".join(str(one) for one in where if one)
    weighed = [f"{one.code} ({one.distance_m:g} m, {one.probability:.1%})" for one in candidates]
    others_zh = "、".join(one.unit.name_zh for one in responsible.others)
    others_en = ", ".join(one.unit.name_en for one in responsible.others)
    return {
        "place": _Said(where, codes, codes),
        "outcome": _Said(outcome, _OUTCOME_ZH[Outcome(outcome)], outcome),
        "component": _Said(component_code, component_code or "无", component_code or "none"),
        "candidates": _Said(
            [
                {"code": one.code, "distance_m": one.distance_m, "probability": one.probability}
                for one in candidates
            ],
            "、".join(weighed) or "无",
            ", ".join(weighed) or "none",
        ),
        "responsible": _first_claim(responsible.claim),
        "others": _Said(
            [_claim_key(one) for one in responsible.others],
            others_zh or "无",
            others_en or "none",
        ),
    }


def _first_claim(claim: Claim | None) -> _Said:
    if claim is None:
        return _Said(None, "无", "nobody")
    zh, en = BASIS_LABEL[Basis(claim.basis)]
    return _Said(_claim_key(claim), f"{claim.unit.name_zh}（{zh}）", f"{claim.unit.name_en} ({en})")


def _claim_key(claim: Claim) -> dict[str, JsonValue]:
    return {
        "unit_code": claim.unit.code,
        "role": claim.role,
        "basis": claim.basis,
        "division_code": claim.division_code,
        "valid_from": claim.valid_from.isoformat() if claim.valid_from else None,
    }
