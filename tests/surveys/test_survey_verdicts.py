"""Every verdict through the database: what is said, applied and restored by reverting."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from delivered import (
    GUARDRAIL,
    LIGHT,
    WATER,
    Place,
    delivery,
    frame,
    load,
    places,
    rows_of,
    stage,
)
from making import moved
from shapely import Geometry, LineString, box
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.components import service as components
from gis_registry.errors import Conflict
from gis_registry.surveys import loading, service

HYDRANT = "0113"
DAY = date(2026, 6, 30)
HOME = places(1)[0]
#: What is declared of both files: the whole city was surveyed.
DESCRIBED = {"class_field": "kind", "as_of": DAY, "accuracy_m": 0.5}


def at(north_m: float, east_m: float = 0.0) -> Place:
    """Return the place so many metres north and east of the first of the tests' places."""
    return moved(*moved(*HOME, azimuth=0, metres=north_m), azimuth=90, metres=east_m)


#: The lights that are registered, by what becomes of them; the last two stand 2 m apart.
FIRST = {
    "unchanged": at(0),
    "moved": at(50),
    "changed": at(100),
    "reclassified": at(150),
    "missing": at(200),
    "held": at(250),
    "open": at(300),
    "open too": at(300, 2),
}
#: The rows of the next survey: verdict, class, place, lamp, day.
SECOND: list[tuple[str, str, Place, str, str]] = [
    ("unchanged", LIGHT, at(0, 0.3), "Na", "2026-06-01"),
    ("moved", LIGHT, at(50, 3), "Na", "2026-06-01"),
    ("changed", LIGHT, at(100), "LED", "2026-06-01"),
    ("reclassified", HYDRANT, at(150), "Na", "2026-06-01"),
    ("ambiguous", LIGHT, at(300, 1), "Na", "2026-06-01"),
    ("refused", LIGHT, at(250), "Na", "2999-01-01"),
    ("new", LIGHT, at(450), "Na", "2026-06-01"),
]


@pytest.fixture
def registered(session: Session, tmp_path: Path) -> dict[str, str]:
    """Register the lights and return their identifiers by what becomes of them."""
    count = len(FIRST)
    path = tmp_path / "first.gpkg"
    frame(list(FIRST.values()), kind=[LIGHT] * count, lamp=["Na"] * count).to_file(path)
    survey = load(session, path, **DESCRIBED).survey
    codes = [row.code or "" for row in rows_of(session, survey)]
    return dict(zip(FIRST, codes, strict=True))


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """Return the file of the next survey."""
    _, kinds, at_places, lamps, days = zip(*SECOND, strict=True)
    path = tmp_path / "second.gpkg"
    frame(at_places, kind=kinds, lamp=lamps, surveyed_on=days).to_file(path)
    return path


def snapshot(session: Session, *, whole: bool = False) -> dict[str, dict[str, Any]]:
    """Return every component by identifier, with or without what only counts its changes."""
    counting = "" if whole else " - '{version,change_id,operation}'::text[]"
    rows = session.execute(
        text(
            "SELECT c.code, (to_jsonb(c) || jsonb_build_object('geom', c.geom::text))"
            f"{counting} FROM components c"
        )
    )
    return {code: state for code, state in rows}  # noqa: C416  rows are no tuples


def reject_missing(session: Session, survey: int) -> None:
    """Decide that nothing is retired for a delivery's lack of it."""
    session.execute(
        text(
            "UPDATE survey_rows SET decision = 'rejected' "
            "WHERE survey_id = :survey AND verdict = 'missing'"
        ),
        {"survey": survey},
    )


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    return {code for code in after if after[code] != before.get(code)}


def _place(session: Session, code: str) -> Place:
    shown = components.show(session, code)
    return shown.lon, shown.lat


def test_every_verdict_is_given_with_its_component_and_reason(
    session: Session, registered: dict[str, str], second: Path
) -> None:
    summary = stage(session, second, **DESCRIBED)
    rows = rows_of(session, summary.survey)
    assert [row.row for row in rows] == [1, 2, 3, 4, 5, 6, 7, None]
    assert [row.verdict for row in rows] == [verdict for verdict, *_ in SECOND] + ["missing"]
    assert summary.verdicts == {row.verdict: 1 for row in rows}
    assert (summary.rows, summary.accepted, summary.refused) == (7, 6, 1)
    by_verdict = {row.verdict: row for row in rows}
    for verdict in ("unchanged", "moved", "changed", "reclassified", "missing"):
        assert by_verdict[verdict].code == registered[verdict]
    assert by_verdict["new"].code is by_verdict["refused"].code is None
    open_row = by_verdict["ambiguous"]
    assert {open_row.code, open_row.runner_up} == {registered["open"], registered["open too"]}
    assert {row.verdict: row.distance_m for row in rows if row.distance_m is not None} == {
        "unchanged": pytest.approx(0.3, abs=0.001),
        "moved": pytest.approx(3, abs=0.001),
        "changed": pytest.approx(0, abs=0.001),
        "reclassified": pytest.approx(0, abs=0.001),
        "ambiguous": pytest.approx(1, abs=0.001),
    }
    reasons = {
        "unchanged": "It is 0.30 m from where it is registered, within both accuracies.",
        "moved": "It is 3.00 m from where it is registered, beyond both accuracies.",
        "changed": "It is 0.00 m from where it is registered, and differs. lamp: Na → LED.",
        "reclassified": "A component of another class is registered 0.00 m off.",
        "ambiguous": "place and attributes do not decide.",
        "refused": "surveyed_on is '2999-01-01', in the future or before 1900.",
        "new": "No component of its class is near enough to be it.",
        "missing": "The delivery covers its area and class, and no row is this component.",
    }
    for verdict, words in reasons.items():
        assert words in (by_verdict[verdict].reason or "")
    assert all(row.score is None or 0.5 <= row.score <= 1 for row in rows)
    assert open_row.score == pytest.approx(0.5, abs=0.01)


def test_applying_changes_these_components_and_no_other(
    session: Session, registered: dict[str, str], second: Path
) -> None:
    before = snapshot(session, whole=True)
    staged = stage(session, second, **DESCRIBED)
    assert snapshot(session, whole=True) == before
    service.apply(session, staged.survey, actor="test")
    after = snapshot(session, whole=True)
    (new,) = after.keys() - before.keys()
    touched = {registered[one] for one in ("moved", "changed", "reclassified", "missing")}
    assert _changed(before, after) == touched | {new}
    assert {after[code]["version"] for code in touched} == {2}

    assert _place(session, registered["moved"]) == pytest.approx(at(50, 3), abs=1e-9)
    assert components.show(session, registered["changed"]).attributes["lamp"] == "LED"
    assert components.show(session, registered["reclassified"]).component_class.code == HYDRANT
    assert components.show(session, registered["missing"]).state == "retired"
    assert _place(session, new) == pytest.approx(at(450), abs=1e-9)
    assert rows_of(session, staged.survey)[6].code == new
    operations = {
        one: components.history(session, registered[one])[-1].operation
        for one in ("unchanged", "moved", "changed", "reclassified", "missing")
    }
    assert operations == {
        "unchanged": "registered",
        "moved": "moved",
        "changed": "changed",
        "reclassified": "reclassified",
        "missing": "retired",
    }


def test_the_same_file_once_more_changes_nothing(
    session: Session, registered: dict[str, str], second: Path
) -> None:
    load(session, second, **DESCRIBED)
    before = snapshot(session, whole=True)
    again = stage(session, second, **DESCRIBED)
    assert again.verdicts == {"unchanged": 5, "ambiguous": 1, "refused": 1}
    assert [one["check"] for one in again.findings] == ["same-file"]
    service.apply(session, again.survey, actor="test")
    assert snapshot(session, whole=True) == before


def test_reverting_restores_exactly_what_was(
    session: Session, registered: dict[str, str], second: Path
) -> None:
    before = snapshot(session)
    survey = load(session, second, **DESCRIBED).survey
    done = service.revert(session, survey, actor="test")
    assert (done.withdrawn, done.restored, done.kept) == (1, 4, [])
    after = snapshot(session)
    (new,) = after.keys() - before.keys()
    assert after.pop(new)["state"] == "withdrawn"
    assert after == before
    assert [one.operation for one in components.history(session, registered["moved"])] == [
        *("registered", "moved", "restored")
    ]


def test_reverting_spares_what_was_touched_since_and_names_it(
    session: Session, registered: dict[str, str], second: Path, tmp_path: Path
) -> None:
    """A later survey changes a light that the survey had changed, and one that it had not."""
    before = snapshot(session)
    survey = load(session, second, **DESCRIBED).survey
    later = tmp_path / "later.gpkg"
    frame([at(0), at(100)], kind=[LIGHT] * 2, lamp=["Hg"] * 2).to_file(later)
    with_reason = {"forced_reason": "only two lamps were replaced"}
    summary = loading.stage(session, delivery(later, **DESCRIBED), actor="test", **with_reason)
    reject_missing(session, summary.survey)
    assert summary.verdicts["changed"] == 2
    service.apply(session, summary.survey, actor="test")
    touched = snapshot(session, whole=True)
    done = service.revert(session, survey, actor="test")
    assert (done.withdrawn, done.restored, done.kept) == (1, 3, [registered["changed"]])
    whole = snapshot(session, whole=True)
    for one in ("unchanged", "changed"):
        assert whole[registered[one]] == touched[registered[one]]
    after = snapshot(session)
    edited = {registered["unchanged"], registered["changed"]}
    assert _changed(before, after) - edited == after.keys() - before.keys()


def test_surveys_that_are_reverted_one_after_the_other_leave_what_was_before_both(
    session: Session, registered: dict[str, str], second: Path, tmp_path: Path
) -> None:
    before = snapshot(session)
    survey = load(session, second, **DESCRIBED)
    new = rows_of(session, survey.survey)[6].code or ""
    third = tmp_path / "third.gpkg"
    moved_on = [at(50, 6), at(100), at(450, 3)]
    frame(moved_on, kind=[LIGHT] * 3, lamp=["Hg"] * 3).to_file(third)
    later = stage(session, third, **DESCRIBED).survey
    reject_missing(session, later)
    service.apply(session, later, actor="test")
    assert _place(session, new) == pytest.approx(at(450, 3), abs=1e-9)
    service.revert(session, later, actor="test")
    done = service.revert(session, survey.survey, actor="test")
    assert (done.withdrawn, done.restored, done.kept) == (1, 4, [])
    after = snapshot(session)
    assert after.pop(new)["state"] == "withdrawn"
    assert after == before


def test_who_comes_second_is_told_by_whom_and_matches_again(
    session: Session, registered: dict[str, str], second: Path
) -> None:
    survey = stage(session, second, **DESCRIBED).survey
    components.edit(
        session,
        registered["moved"],
        actor="Li",
        reason="moved by hand",
        on_date=DAY,
        position=at(50, 3),
    )
    with pytest.raises(Conflict) as told:
        service.apply(session, survey, actor="Wang")
    assert str(told.value) == (
        f"The registry was changed since survey {survey} was matched: 1 of its components, among "
        f"them {registered['moved']} by Li (moved by hand). Match it again: gis-registry survey "
        f"match {survey}"
    )
    again = loading.match(session, survey)
    assert again.verdicts == {
        "ambiguous": 1,
        "changed": 1,
        "missing": 1,
        "new": 1,
        "reclassified": 1,
        "refused": 1,
        "unchanged": 2,
    }
    assert service.apply(session, survey, actor="Wang").state == "applied"


def test_matching_again_says_the_same_of_a_registry_that_is_the_same(
    session: Session, registered: dict[str, str], second: Path
) -> None:
    staged = stage(session, second, **DESCRIBED)
    rows = rows_of(session, staged.survey)
    assert loading.match(session, staged.survey) == staged
    assert rows_of(session, staged.survey) == rows


def _line(north_m: float, east_m: float = 0.0) -> LineString:
    return LineString([at(north_m, east_m), at(north_m, east_m + 30), at(north_m + 8, east_m + 50)])


def _polygon(north_m: float, east_m: float = 0.0) -> Geometry:
    (west, south), (east, north) = at(north_m, east_m), at(north_m + 12, east_m + 25)
    return box(west, south, east, north)


@pytest.mark.parametrize(
    ("class_code", "shape"), [(GUARDRAIL, _line), (WATER, _polygon)], ids=["lines", "polygons"]
)
def test_lines_and_polygons_get_verdicts_are_applied_and_reverted(
    session: Session, tmp_path: Path, class_code: str, shape: Any
) -> None:
    described = {"class_code": class_code, "as_of": DAY, "accuracy_m": 0.5}
    frame([shape(n * 60) for n in range(4)], kind=["a"] * 4).to_file(tmp_path / "first.gpkg")
    first = load(session, tmp_path / "first.gpkg", **described)
    codes = [row.code for row in rows_of(session, first.survey)]
    before = snapshot(session)
    shapes = [shape(0.3), shape(64), shape(180), shape(300)]
    frame(shapes, kind=["a", "a", "b", "a"]).to_file(tmp_path / "second.gpkg")
    staged = stage(session, tmp_path / "second.gpkg", **described)
    rows = rows_of(session, staged.survey)
    found = [(row.verdict, row.code) for row in rows]
    assert found == [
        ("unchanged", codes[0]),
        ("moved", codes[1]),
        ("changed", codes[3]),
        ("new", None),
        ("missing", codes[2]),
    ]
    assert loading.match(session, staged.survey) == staged
    assert rows_of(session, staged.survey) == rows
    service.apply(session, staged.survey, actor="test")
    assert _changed(before, snapshot(session)) >= {codes[1], codes[2], codes[3]}
    done = service.revert(session, staged.survey, actor="test")
    assert (done.withdrawn, done.restored, done.kept) == (1, 3, [])
    after = snapshot(session)
    assert {code: after[code] for code in before} == before


def test_a_file_that_names_components_is_believed(
    session: Session, registered: dict[str, str], tmp_path: Path
) -> None:
    """The two lights that place leaves open, told apart by their identifiers."""
    path = tmp_path / "named.gpkg"
    names = [registered["open too"], registered["open"]]
    frame([at(300, 1), at(300, 1.2)], kind=[LIGHT] * 2, identifier=names).to_file(path)
    rows = rows_of(session, stage(session, path, **DESCRIBED).survey)
    assert [row.code for row in rows if row.row] == names
