"""The sentences that say why an answer names its place and its component, in both languages."""

import math

from gis_registry.components.schemas import Named
from gis_registry.dispatch.schemas import Sentence
from gis_registry.places.tables import City
from gis_registry.reports.clues import Clue, ClueKind, Gone
from gis_registry.reports.matching import Match
from gis_registry.reports.questions import Question
from gis_registry.reports.schemas import ReportedPlace
from gis_registry.reports.tables import Outcome
from gis_registry.reports.weighing import reach_m


def why_place(place: ReportedPlace, city: City) -> Sentence:
    """Say where a report is."""
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


def why_other_area(area: Named) -> Sentence:
    """Say that the component stands in another area than the position."""
    return Sentence(
        step="place",
        zh=f"部件在{area.name_zh}，责任按部件所在地认定。",
        en=f"The component stands in {area.name_en}, whose units count.",
    )


def why_component(matched: Match, question: Question) -> Sentence:
    """Say which component a report means, or what keeps it from being known."""
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
    clue_zh, clue_en = _why_clue(best.clue, row["code"])
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


def why_gone(label: Gone) -> Sentence:
    """Say that a label belongs to a component that stands no more."""
    zh, en = "已撤销登记", "whose registration was withdrawn"
    if not label.is_withdrawn:
        zh, en = "已拆除，现无替代它的部件", "which is retired; nothing stands in its place"
    return Sentence(
        step="component",
        zh=f"标识“{label.said}”属于{label.code}，{zh}。",
        en=f"The label “{label.said}” belongs to {label.code}, {en}.",
    )


def _why_clue(clue: Clue | None, code: str) -> tuple[str, str]:
    """Say in Chinese and English what in the report fits a component, to go before its weight."""
    if clue is None or (clue.odds <= 1 and not clue.is_doubtful):
        return "", ""
    if clue.label_of is not None:
        read_zh = "扫码" if clue.kind is ClueKind.SCANNED else "文字中的标识"
        return (
            f"{read_zh}“{clue.said}”属于{clue.label_of}，它已被{code}取代，",
            f"the label “{clue.said}” belongs to {clue.label_of}, which was replaced by {code}, ",
        )
    if clue.kind is ClueKind.SCANNED:
        return f"扫码“{clue.said}”与其相符，", f"“{clue.said}” was scanned, "
    if clue.kind is ClueKind.WRITTEN:
        return f"文字中的标识“{clue.said}”与其相符，", f"the text names “{clue.said}”, "
    return f"编号{clue.said}与文字相符，", f"the number {clue.said} in the text fits, "
