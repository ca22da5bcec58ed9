"""Quarantine: refused rows are corrected, tried again, or dropped with a reason."""

import re
from pathlib import Path

import pytest
import shapely
from delivered import (
    LIGHT,
    delivery,
    load,
    place_near,
    places,
    point,
    rows_of,
    stage,
    write_geojson,
)
from sqlalchemy.orm import Session

from gis_registry import surveys
from gis_registry.components import service as components
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.surveys import Correction, Selection
from gis_registry.surveys.deciding import decisions
from gis_registry.surveys.schemas import Corrected

AT = places(6)
GOOD, NO_CLASS, OUTSIDE, NO_UNIT, NO_DATE, TWICE = range(1, 7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a good row, and one refused for each reason that a correction can mend."""

    def said(**values: object) -> dict[str, object]:
        return {"kind": LIGHT, "height_m": 8, "owner_code": None, "surveyed_on": None} | values

    return write_geojson(
        tmp_path / "delivery.geojson",
        [
            (point(*AT[0]), said()),
            (point(*AT[1]), said(kind="9999")),
            (point(10.0, 50.0), said()),
            (point(*AT[3]), said(owner_code="NOBODY")),
            (point(*AT[4]), said(surveyed_on="someday")),
            (point(*AT[0]), said()),
        ],
    )


def _correct(session: Session, survey: int, row: int, **what: object) -> Corrected:
    correction = Correction(**what)  # type: ignore[arg-type]
    return surveys.correct(session, survey, row, correction, actor="a", reason="asked the crew")


def test_refused_rows_are_put_right_one_by_one(session: Session, path: Path) -> None:
    staged = stage(session, path, class_field="kind")
    assert (staged.accepted, staged.refused) == (1, 5)
    survey = staged.survey
    done = _correct(session, survey, NO_CLASS, class_code=LIGHT)
    assert (done.verdict, done.is_matched) == ("new", True)
    assert done.edits == {"before": {"class_code": None}, "after": {"class_code": LIGHT}}
    assert _correct(session, survey, OUTSIDE, geometry=shapely.Point(AT[2])).verdict == "new"
    assert _correct(session, survey, NO_UNIT, values={"owner_code": "QD-CC"}).verdict == "new"
    assert _correct(session, survey, NO_DATE, values={"surveyed_on": "2026-06-30"}).verdict == "new"
    moved = _correct(session, survey, TWICE, geometry=shapely.Point(AT[5]))
    assert moved.verdict == "new"
    assert surveys.show(session, survey).verdicts == {"new": 6}
    surveys.apply(session, survey, actor="a")
    rows = rows_of(session, survey)
    shown = components.show(session, str(rows[NO_UNIT - 1].code))
    assert shown.owner is not None
    assert shown.attributes["height_m"] == 8
    assert (rows[OUTSIDE - 1].lon, rows[OUTSIDE - 1].lat) == pytest.approx(AT[2])


@pytest.mark.parametrize(
    ("row", "what", "words"),
    [
        (NO_CLASS, {"values": {"height_m": "9"}}, "empty"),
        (NO_CLASS, {"class_code": "9998"}, "9998"),
        (OUTSIDE, {"geometry": shapely.Point(11, 50)}, "is not in Qingdao"),
        (OUTSIDE, {"geometry": shapely.LineString([AT[0], AT[1]])}, "(?i)line"),
        (NO_UNIT, {"values": {"height_m": "9"}}, "NOBODY"),
        (NO_UNIT, {"values": {"owner_code": "NOBODY ELSE"}}, "NOBODY ELSE"),
        (NO_DATE, {"values": {"surveyed_on": "2999-01-01"}}, "in the future"),
        (TWICE, {"values": {"height_m": "9"}}, "Row 1 has the same class"),
    ],
)
def test_what_is_wrong_still_is_refused_again(
    session: Session, path: Path, row: int, what: dict[str, object], words: str
) -> None:
    survey = stage(session, path, class_field="kind").survey
    done = _correct(session, survey, row, **what)
    assert (done.verdict, done.is_matched) == ("refused", False)
    assert re.search(words, done.reason)
    assert surveys.show(session, survey).refused == 5


def test_a_good_row_can_be_edited_before_it_is_applied(session: Session, path: Path) -> None:
    survey = stage(session, path, class_field="kind").survey
    done = _correct(session, survey, GOOD, values={"height_m": "9.5", "lamp": "LED", "kind2": ""})
    assert done.verdict == "new"
    assert done.edits == {
        "before": {"attributes": {"height_m": 8}},
        "after": {"attributes": {"height_m": 9.5, "lamp": "LED"}},
    }
    kept = decisions(session, survey)[0]
    assert (kept.decision, kept.actor, kept.reason) == ("corrected", "a", "asked the crew")
    assert kept.edits == done.edits
    surveys.apply(session, survey, actor="a")
    code = rows_of(session, survey)[0].code
    assert components.show(session, str(code)).attributes == {"height_m": 9.5, "lamp": "LED"}


@pytest.fixture
def resurvey(session: Session, path: Path, tmp_path: Path) -> int:
    """Stage what may be either of two lights, one that stayed, and none of a fourth."""
    lights = [(point(*AT[n]), {"name": "灯"}) for n in range(3)]
    near = (point(*place_near(AT[0], 3.0)), {"name": "灯"})
    load(session, write_geojson(tmp_path / "first.geojson", [*lights, near]))
    between = (point(*place_near(AT[0], 1.5)), {"name": "灯"})
    again = write_geojson(tmp_path / "again.geojson", [between, lights[1]])
    return surveys.stage(session, delivery(again), actor="a", forced_reason="a test").survey


def test_a_row_of_any_verdict_is_edited_and_matched_again(session: Session, resurvey: int) -> None:
    rows = rows_of(session, resurvey)
    assert [row.verdict for row in rows] == ["ambiguous", "unchanged", "missing"]
    first, second = (str(row.code) for row in rows[:2])
    _reject_all(session, resurvey)
    done = _correct(session, resurvey, 1, geometry=shapely.Point(*AT[0], 7.0))
    assert (done.verdict, done.code) == ("unchanged", first)
    moved = shapely.Point(place_near(AT[1], 2.5))
    done = _correct(session, resurvey, 2, geometry=moved, values={"name": "新灯"})
    assert (done.verdict, done.code) == ("moved", second)
    assert done.edits["after"] == {"geometry": moved.wkt, "attributes": {"name": "新灯"}}
    assert _correct(session, resurvey, 2, class_code="0138").verdict == "new"
    rows = rows_of(session, resurvey)
    assert [row.decision for row in rows if row.row] == [None, None]  # not of what it says now
    assert second in [row.code for row in rows if row.verdict == "missing"]


def _reject_all(session: Session, survey: int) -> None:
    selection = Selection(verdicts=("ambiguous", "missing"))
    surveys.decide(session, survey, surveys.Decision.REJECTED, selection, actor="a", reason="x")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"geometry": shapely.Point(11, 50)}, "is not in Qingdao"),
        ({"geometry": shapely.LineString([AT[0], AT[1]])}, "is a LineString"),
        ({"geometry": shapely.Point(AT[1])}, "Row 2 has the same class and the same geometry"),
        ({"class_code": "9998"}, "9998"),
        ({"values": {"owner_code": "NOBODY"}}, "NOBODY"),
        ({"values": {"class_code": "0138"}}, "give it as its class"),
    ],
)
def test_an_edit_that_does_not_pass_the_checks_leaves_the_row_as_it_was(
    session: Session, resurvey: int, what: dict[str, object], words: str
) -> None:
    _reject_all(session, resurvey)
    before = rows_of(session, resurvey)
    with pytest.raises(InvalidInput, match=words):
        _correct(session, resurvey, 1, **what)
    assert rows_of(session, resurvey) == before
    assert [one.decision for one in decisions(session, resurvey)] == ["rejected"]


def test_a_missing_component_is_no_row_to_edit(session: Session, resurvey: int) -> None:
    missing = rows_of(session, resurvey)[-1]
    with pytest.raises(InvalidInput, match=f"reject --component {missing.code}"):
        _correct(session, resurvey, 3, class_code=LIGHT)


def test_many_are_corrected_before_they_are_matched(session: Session, path: Path) -> None:
    survey = stage(session, path, class_field="kind").survey
    correction = Correction(class_code=LIGHT)
    done = surveys.correct(
        session, survey, NO_CLASS, correction, actor="a", reason="why", is_matched=False
    )
    assert (done.verdict, done.reason) == ("ambiguous", "It waits to be matched.")
    applied = surveys.apply(session, survey, actor="a")
    assert applied.verdicts == {"new": 1, "ambiguous": 1, "refused": 4}
    retried = surveys.retry(session, survey, actor="a")
    assert (retried.state, retried.verdicts) == ("staged", {"new": 1})


def test_refused_rows_of_an_applied_survey_are_corrected_and_tried_again(
    session: Session, path: Path
) -> None:
    survey = load(session, path, class_field="kind").survey
    with pytest.raises(Conflict, match="only refused rows can be corrected"):
        _correct(session, survey, GOOD, values={"lamp": "LED"})
    with pytest.raises(Conflict, match=r"No row of survey \d+ waits"):
        surveys.retry(session, survey, actor="a")
    assert not _correct(session, survey, OUTSIDE, geometry=shapely.Point(AT[2])).is_matched
    near = shapely.Point(place_near(AT[0], 0.3))
    _correct(session, survey, TWICE, geometry=near)
    retried = surveys.retry(session, survey, actor="a")
    assert retried.verdicts == {"new": 2}  # the light beside it is row 1's already
    assert {row.decision for row in rows_of(session, survey) if row.row in (OUTSIDE, TWICE)} == {
        "retried"
    }
    applied = surveys.apply(session, retried.survey, actor="a")
    assert applied.verdicts == {"new": 2}
    with pytest.raises(Conflict, match=r"No row of survey \d+ waits"):
        surveys.retry(session, survey, actor="a")


def test_a_retry_retires_nothing(session: Session, path: Path) -> None:
    survey = load(session, path, class_field="kind").survey
    lights = [row.code for row in rows_of(session, survey) if row.verdict == "new"]
    _correct(session, survey, OUTSIDE, geometry=shapely.Point(AT[2]))
    retried = surveys.retry(session, survey, actor="a").survey
    surveys.apply(session, retried, actor="a")
    assert [components.show(session, str(code)).state for code in lights] == ["active"]


def test_refused_rows_are_dropped_with_a_reason(session: Session, path: Path) -> None:
    survey = load(session, path, class_field="kind").survey
    done = surveys.drop(
        session, survey, Selection(rows=(GOOD, OUTSIDE, TWICE)), actor="a", reason="a test row"
    )
    assert (done.rows, done.verdicts, done.left_out) == (2, {"refused": 2}, {"new": 1})
    dropped = [row.row for row in rows_of(session, survey) if row.decision == "dropped"]
    assert dropped == [OUTSIDE, TWICE]


def test_what_cannot_be_corrected_or_retried_says_so(session: Session, path: Path) -> None:
    survey = stage(session, path, class_field="kind").survey
    with pytest.raises(NotFound, match=f"Survey {survey} has no row 7"):
        _correct(session, survey, 7, class_code=LIGHT)
    with pytest.raises(InvalidInput, match="Say what the row should be"):
        _correct(session, survey, GOOD)
    with pytest.raises(Conflict, match="there is no need to retry"):
        surveys.retry(session, survey, actor="a")


def test_a_line_is_corrected_as_a_line(session: Session, tmp_path: Path) -> None:
    broken = {"type": "LineString", "coordinates": [list(AT[0]), list(AT[0])]}
    path = write_geojson(tmp_path / "rails.geojson", [(broken, {"name": "栏"})])
    survey = stage(session, path, class_code="0507").survey
    line = shapely.LineString([AT[0], AT[1]])
    assert rows_of(session, survey)[0].verdict == "refused"
    assert _correct(session, survey, 1, geometry=line).verdict == "new"
