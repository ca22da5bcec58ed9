"""The map of a survey as a folium page: what it would change, where, and why."""

from gis_registry.maps.base_map import (
    Page,
    add_divisions,
    add_full_screen,
    base_map,
    corners,
    rendered,
    templates,
)
from gis_registry.maps.figure import Call, LeafletMap
from gis_registry.maps.survey_content import VERDICTS, ShownRow, SurveyContent
from gis_registry.surveys.tables import SurveyState, Verdict

_MAX_ZOOM = 22
#: Chinese and English name and colour of each verdict. The colours are those of Okabe and Ito, told
#: apart by people who are colour-blind; the marks differ in form as well.
_LOOKS = {
    Verdict.UNCHANGED: ("未变", "unchanged", "#8c98a5"),
    Verdict.NEW: ("新增", "new", "#009e73"),
    Verdict.CHANGED: ("变更", "changed", "#e69f00"),
    Verdict.MOVED: ("移位", "moved", "#0072b2"),
    Verdict.MISSING: ("缺失", "missing", "#d55e00"),
    Verdict.RECLASSIFIED: ("改类", "reclassified", "#cc79a7"),
    Verdict.REFUSED: ("拒收", "refused", "#3b3b3b"),
    Verdict.AMBIGUOUS: ("待定", "ambiguous", "#f0e442"),
}
_DECISIONS = {
    "accepted": ("已接受", "accepted"),
    "rejected": ("已驳回", "rejected"),
    "dropped": ("已放弃", "dropped"),
    "retried": ("已重试", "retried"),
}
_STATES = {
    "stopped": ("已停止", "stopped"),
    "staged": ("待应用", "staged"),
    "applied": ("已应用", "applied"),
    "reverted": ("已撤销", "reverted"),
}


def render_survey_review(content: SurveyContent, *, asset_prefix: str | None) -> Page:
    """Render the map.

    Args:
        content: what it shows.
        asset_prefix: where scripts and styles are, ending with a slash; None: in the page itself.

    Raises:
        RegistryError: the page assets are not installed.
    """
    number = content.summary.survey
    return rendered(
        _map(content),
        name="survey_review",
        title=f"普查批次 {number} 审核 Survey {number} review: {content.summary.file_name}",
        panels=_panels(content),
        asset_prefix=asset_prefix,
    )


def _map(content: SurveyContent) -> LeafletMap:
    page_map = base_map(
        content.map_center, content.map_zoom, max_zoom=_MAX_ZOOM, sources=content.sources
    )
    add_divisions(page_map, content.districts, content.subdistricts)
    add_full_screen(page_map)
    page_map.add_child(Call("surveyReview.begin", _data(content)))
    return page_map


def _data(content: SurveyContent) -> dict[str, object]:
    return {
        "survey": content.summary.survey,
        "is_staged": content.summary.state == SurveyState.STAGED,
        "looks": {
            verdict.value: {"zh": zh, "en": en, "colour": colour}
            for verdict, (zh, en, colour) in _LOOKS.items()
        },
        "decisions": _DECISIONS,
        "classes": content.class_names,
        "areas": {one.code: [one.name_zh, one.name_en] for one in content.areas},
        "box": corners(content.box),
        "boxes": {
            "class": {one.code: corners(one.box) for one in content.classes},
            "area": {one.code: corners(one.box) for one in content.areas},
        },
        "rows": [_row(one) for one in content.rows],
        "unchanged": content.unchanged,
    }


def _row(one: ShownRow) -> list[object]:
    """Return a row as the page's script takes it apart."""
    return [
        one.row,
        one.verdict,
        one.code,
        one.class_id,
        one.area_code,
        one.geometry,
        one.before,
        one.before_class_id,
        _rounded(one.distance_m, 2),
        _rounded(one.score, 4),
        one.runner_up,
        _rounded(one.runner_up_m, 2),
        one.other,
        one.identifier,
        one.reason,
        one.decision,
    ]


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)


def _panels(content: SurveyContent) -> str:
    occurring = [one for one in reversed(VERDICTS) if content.summary.verdicts.get(one)]
    most = max((one.changed for one in content.areas), default=0)
    return templates.get_template("survey_review_panels.html").render(
        content=content,
        summary=content.summary,
        looks=_LOOKS,
        state=_STATES[content.summary.state],
        verdicts=occurring,
        changing=[one for one in occurring if one != Verdict.UNCHANGED],
        drawn=_drawn_counts(content),
        most=most,
    )


def _drawn_counts(content: SurveyContent) -> dict[str, int]:
    """Return how many rows of each verdict are drawn."""
    counts: dict[str, int] = {Verdict.UNCHANGED.value: len(content.unchanged)}
    for one in content.rows:
        counts[one.verdict] = counts.get(one.verdict, 0) + 1
    return counts
