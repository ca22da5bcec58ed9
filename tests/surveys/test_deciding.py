"""Deciding what of a staged survey is applied, and taking that back."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from delivered import LIGHT, frame, load, place_near, places, rows_of, stage
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry import surveys
from gis_registry.components import service as components
from gis_registry.errors import Conflict, InvalidInput, NotFound, UnknownClass
from gis_registry.surveys import Decision, Selection
from gis_registry.surveys.deciding import decisions
from gis_registry.surveys.schemas import SurveyRowEntry

KNOWN = places(8)
#: What the second delivery has: as it was, moved, gone, new, and one that may be either of two.
TWIN = place_near(KNOWN[4], 3.0)
BETWEEN = place_near(KNOWN[4], 1.5)


@pytest.fixture
def deliver(tmp_path: Path) -> Callable[..., Path]:
    """Write lights at places to a file of its own name."""

    def write(file: str, at: Sequence[object], **columns: Sequence[object]) -> Path:
        path = tmp_path / f"{file}.gpkg"
        frame(at, **(columns or {"name": ["灯"] * len(at)})).to_file(path)
        return path

    return write


@pytest.fixture
def staged(session: Session, deliver: Callable[..., Path]) -> int:
    """Stage a delivery with rows of many verdicts; return its number."""
    load(session, deliver("first", [*KNOWN, TWIN]), accuracy_m=0.5)
    again = [
        KNOWN[0],
        place_near(KNOWN[1], 2.0),
        BETWEEN,
        *KNOWN[5:],
        place_near(KNOWN[0], 20.0),
        KNOWN[2],
    ]
    names = ["灯"] * len(again)
    names[-1] = "新灯"
    return stage(session, deliver("again", again, name=names), accuracy_m=0.5).survey


def _by_verdict(session: Session, survey: int) -> dict[str, SurveyRowEntry]:
    return {row.verdict: row for row in rows_of(session, survey)}


def _decide(session: Session, survey: int, decision: Decision, **which: object) -> dict[str, int]:
    selection = Selection(**which)  # type: ignore[arg-type]
    done = surveys.decide(session, survey, decision, selection, actor="a", reason="looked at it")
    return dict(done.verdicts)


def _place(session: Session, code: str | None) -> tuple[float, float]:
    assert code is not None
    shown = components.show(session, code)
    return round(shown.lon, 7), round(shown.lat, 7)


def test_the_delivery_has_every_verdict_that_the_tests_need(session: Session, staged: int) -> None:
    assert surveys.show(session, staged).verdicts == {
        "unchanged": 4,
        "moved": 1,
        "ambiguous": 1,
        "new": 1,
        "changed": 1,
        "missing": 1,
    }


def test_what_is_rejected_is_not_applied(session: Session, staged: int) -> None:
    rows = _by_verdict(session, staged)
    before = {name: _place(session, rows[name].code) for name in ("moved", "missing", "changed")}
    rejected = _decide(
        session,
        staged,
        Decision.REJECTED,
        verdicts=("moved", "missing", "changed", "new"),
    )
    assert rejected == {"changed": 1, "missing": 1, "moved": 1, "new": 1}
    count = session.scalar(text("SELECT count(*) FROM components"))
    surveys.apply(session, staged, actor="a")
    assert session.scalar(text("SELECT count(*) FROM components")) == count
    for name, place in before.items():
        shown = components.show(session, str(rows[name].code))
        assert (shown.state, shown.version) == ("active", 1)
        assert _place(session, rows[name].code) == place
    assert _by_verdict(session, staged)["new"].code is None


def test_what_is_accepted_is_applied_as_if_nothing_had_been_said(
    session: Session, staged: int
) -> None:
    rows = _by_verdict(session, staged)
    _decide(session, staged, Decision.ACCEPTED, verdicts=("moved", "missing", "new"))
    surveys.apply(session, staged, actor="a")
    assert components.show(session, str(rows["missing"].code)).state == "retired"
    assert components.show(session, str(rows["moved"].code)).version == 2
    assert _by_verdict(session, staged)["new"].code is not None


def test_new_rows_keep_their_order_when_one_between_them_is_rejected(
    session: Session, deliver: Callable[..., Path]
) -> None:
    survey = stage(session, deliver("lights", places(3))).survey
    _decide(session, survey, Decision.REJECTED, rows=(2,))
    surveys.apply(session, survey, actor="a")
    first, second, third = rows_of(session, survey)
    assert second.code is None
    assert third.code == str(int(str(first.code)) + 1)


def test_an_ambiguous_row_becomes_the_component_that_is_chosen(
    session: Session, staged: int
) -> None:
    row = _by_verdict(session, staged)["ambiguous"]
    assert row.row is not None
    done = surveys.choose(
        session, staged, {row.row: row.runner_up}, actor="a", reason="saw the tag"
    )
    assert (done.decision, done.rows) == ("accepted", 1)
    chosen = rows_of(session, staged)[row.row - 1]
    assert (chosen.verdict, chosen.code) == ("moved", row.runner_up)
    assert chosen.distance_m == pytest.approx(1.5, abs=0.01)
    assert "Chosen by a: saw the tag." in (chosen.reason or "")
    assert surveys.show(session, staged).verdicts["moved"] == 2
    assert "ambiguous" not in surveys.show(session, staged).verdicts
    surveys.apply(session, staged, actor="a")
    assert _place(session, row.runner_up) == pytest.approx(BETWEEN, abs=1e-6)
    assert _place(session, row.code) != pytest.approx(BETWEEN, abs=1e-6)


def test_an_ambiguous_row_can_be_a_new_component(session: Session, staged: int) -> None:
    row = _by_verdict(session, staged)["ambiguous"]
    assert row.row is not None
    surveys.choose(session, staged, {row.row: None}, actor="a", reason="two posts and a third")
    surveys.apply(session, staged, actor="a")
    registered = rows_of(session, staged)[row.row - 1]
    assert registered.verdict == "new"
    assert _place(session, registered.code) == pytest.approx(BETWEEN, abs=1e-6)


@pytest.mark.parametrize("is_new", [False, True])
def test_what_was_decided_stays_when_the_survey_is_matched_again(
    session: Session, staged: int, is_new: bool
) -> None:
    row = _by_verdict(session, staged)["ambiguous"]
    assert row.row is not None
    _decide(session, staged, Decision.REJECTED, verdicts=("missing", "changed"))
    component = None if is_new else row.runner_up
    surveys.choose(session, staged, {row.row: component}, actor="a", reason="saw it")
    before = rows_of(session, staged)
    surveys.match(session, staged)
    after = rows_of(session, staged)
    chosen = after[row.row - 1]
    assert (chosen.verdict, chosen.code) == (before[row.row - 1].verdict, component)
    assert chosen.decision == "accepted"
    assert "Chosen by a: saw it" in (chosen.reason or "")
    decided = {one.verdict: one.decision for one in after if one.decision == "rejected"}
    assert decided == {"missing": "rejected", "changed": "rejected"}
    if not is_new:  # the other candidate is no row's now, and the delivery covers its place
        assert [one.code for one in after if one.verdict == "missing" and not one.decision] == [
            row.code
        ]


def test_all_rows_are_meant_only_when_it_is_said(session: Session, staged: int) -> None:
    with pytest.raises(InvalidInput, match="Say which rows are meant"):
        Selection(components=())
    with pytest.raises(InvalidInput, match="but not both"):
        Selection(rows=(1,), everything=True)
    with pytest.raises(InvalidInput, match="Say which rows are meant"):
        surveys.choose(session, staged, {}, actor="a", reason="nothing to choose")
    with pytest.raises(InvalidInput, match="Say which rows are meant"):
        surveys.rows_frame(session, staged, verdicts=[])
    assert _decide(session, staged, Decision.REJECTED, everything=True)["missing"] == 1
    assert [one.selection for one in decisions(session, staged)] == [{"everything": True}]


def test_undoing_takes_choices_and_decisions_back(session: Session, staged: int) -> None:
    before = rows_of(session, staged)
    row = _by_verdict(session, staged)["ambiguous"]
    assert row.row is not None
    _decide(session, staged, Decision.REJECTED, verdicts=("missing", "moved"))
    surveys.choose(session, staged, {row.row: row.runner_up}, actor="a", reason="saw it")
    done = surveys.undo(
        session, staged, Selection(everything=True), actor="b", reason="the wrong survey"
    )
    assert done.rows == 3
    assert rows_of(session, staged) == before
    assert surveys.show(session, staged).verdicts["ambiguous"] == 1
    assert [(one.decision, one.actor, one.row_count) for one in decisions(session, staged)] == [
        ("rejected", "a", 2),
        ("accepted", "a", 1),
        ("undone", "b", 3),
    ]
    with pytest.raises(InvalidInput, match="Nothing was decided of these rows"):
        surveys.undo(session, staged, Selection(everything=True), actor="b", reason="again")


def test_choosing_a_missing_component_finds_it_and_undoing_misses_it_again(
    session: Session, staged: int
) -> None:
    rows = _by_verdict(session, staged)
    row, missing = rows["ambiguous"], rows["missing"]
    assert row.row is not None
    surveys.choose(session, staged, {row.row: missing.code}, actor="a", reason="it was carried off")
    assert "missing" not in surveys.show(session, staged).verdicts
    surveys.undo(session, staged, Selection(rows=(row.row,)), actor="a", reason="no")
    assert surveys.show(session, staged).verdicts["missing"] == 1
    assert _by_verdict(session, staged)["missing"].code == missing.code


def test_rows_are_selected_by_class_area_row_and_component(
    session: Session, deliver: Callable[..., Path]
) -> None:
    at = places(4)
    path = deliver("lights", at, kind=[LIGHT, LIGHT, "0113", "0113"])
    survey = stage(session, path, class_field="kind").survey
    area = rows_of(session, survey)[0].subdistrict_code
    assert area is not None
    assert _decide(session, survey, Decision.REJECTED, class_codes=("0113",)) == {"new": 2}
    in_area = sum(one.subdistrict_code == area for one in rows_of(session, survey))
    assert _decide(session, survey, Decision.REJECTED, areas=(area,)) == {"new": in_area}
    assert _decide(session, survey, Decision.ACCEPTED, areas=(area[:6],)) == {"new": 4}
    assert _decide(session, survey, Decision.ACCEPTED, areas=(f"{area[:4]}00",)) == {"new": 4}
    assert _decide(session, survey, Decision.REJECTED, rows=(1, 4)) == {"new": 2}
    assert _decide(session, survey, Decision.ACCEPTED, decisions=("rejected",)) == {"new": 2}


def test_rejecting_a_missing_component_is_said_by_its_identifier(
    session: Session, staged: int
) -> None:
    missing = _by_verdict(session, staged)["missing"]
    assert missing.row is None
    assert missing.code is not None
    done = _decide(session, staged, Decision.REJECTED, components=(missing.code,))
    assert done == {"missing": 1}
    surveys.apply(session, staged, actor="a")
    assert components.show(session, missing.code).state == "active"


def test_what_cannot_be_decided_says_why(session: Session, staged: int) -> None:
    rows = _by_verdict(session, staged)
    ambiguous, moved, unchanged = rows["ambiguous"], rows["moved"], rows["unchanged"]
    assert ambiguous.row is not None
    assert moved.row is not None
    for which, words in (
        ({"verdicts": ("ambiguous",)}, "choose with --row and --component"),
        ({"verdicts": ("unchanged",)}, "there is nothing to decide"),
        ({"rows": (999,)}, "has no such rows"),
    ):
        with pytest.raises(InvalidInput, match=words):
            _decide(session, staged, Decision.ACCEPTED, **which)
    with pytest.raises(UnknownClass, match="9999"):
        _decide(session, staged, Decision.ACCEPTED, class_codes=("9999",))
    with pytest.raises(NotFound, match="no district or subdistrict '123456'"):
        _decide(session, staged, Decision.ACCEPTED, areas=("123456",))
    with pytest.raises(InvalidInput, match="needs a reason"):
        surveys.decide(
            session, staged, Decision.ACCEPTED, Selection(everything=True), actor="a", reason=" "
        )
    with pytest.raises(InvalidInput, match="Only refused rows are dropped"):
        surveys.drop(session, staged, Selection(rows=(1,)), actor="a", reason="why")
    for chosen, error, words in (
        ({moved.row: moved.code}, InvalidInput, "is moved, not ambiguous"),
        ({ambiguous.row: unchanged.code}, Conflict, r"Row \d is .* already"),
        ({ambiguous.row: "3702020137999999"}, NotFound, "no active component 3702020137999999"),
        ({999: None}, NotFound, "has no row 999"),
    ):
        with pytest.raises(error, match=words):
            surveys.choose(session, staged, chosen, actor="a", reason="why")
    surveys.apply(session, staged, actor="a")
    with pytest.raises(Conflict, match="is applied; only of a staged one"):
        _decide(session, staged, Decision.ACCEPTED, everything=True)


def test_a_component_far_off_cannot_be_chosen(
    session: Session, deliver: Callable[..., Path], staged: int
) -> None:
    far = rows_of(session, load(session, deliver("far", [(120.40, 36.10)])).survey)[0].code
    row = _by_verdict(session, staged)["ambiguous"].row
    assert row is not None
    with pytest.raises(InvalidInput, match="at most 1,000 m off"):
        surveys.choose(session, staged, {row: far}, actor="a", reason="why")
