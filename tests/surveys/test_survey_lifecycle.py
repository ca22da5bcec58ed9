"""A survey from staged to applied to reverted, and what stays of it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from delivered import (
    LIGHT,
    delivery,
    frame,
    load,
    place_near,
    places,
    row_counts,
    rows_of,
    stage,
)
from making import wait_for_a_lock
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis_registry.components import service as components
from gis_registry.components.tables import Component, ComponentState, IdentifierBlock
from gis_registry.db.engine import Database
from gis_registry.errors import Conflict, InvalidInput, NotFound, UnknownClass
from gis_registry.surveys import loading, service

DAY = date(2026, 6, 30)


@pytest.fixture
def deliver(tmp_path: Path) -> Callable[..., Path]:
    """Write lights at places to a file of its own name."""

    def write(name: str, at: Sequence[object]) -> Path:
        path = tmp_path / f"{name}.gpkg"
        frame(at).to_file(path)
        return path

    return write


def _codes(session: Session, survey: int) -> list[str | None]:
    return [row.code for row in rows_of(session, survey)]


def test_the_same_file_twice_changes_nothing(
    session: Session, deliver: Callable[..., Path]
) -> None:
    path = deliver("lights", places(40))
    first = load(session, path)
    before = row_counts(session)
    second = load(session, path)
    assert first.verdicts == {"new": 40}
    assert second.verdicts == {"unchanged": 40}
    assert _codes(session, second.survey) == _codes(session, first.survey)
    assert {row.distance_m for row in rows_of(session, second.survey)} == {0}
    after = row_counts(session)
    grown = {"surveys": 1, "survey_rows": 40}
    assert after == {name: count + grown.get(name, 0) for name, count in before.items()}


def test_identifiers_follow_the_files_order_without_a_gap(
    session: Session, deliver: Callable[..., Path]
) -> None:
    codes = _codes(session, load(session, deliver("lights", places(40))).survey)
    by_prefix: dict[str, list[int]] = {}
    for code in codes:
        assert code is not None
        by_prefix.setdefault(code[:-6], []).append(int(code[-6:]))
    assert all(
        serials == list(range(serials[0], serials[0] + len(serials)))
        for serials in by_prefix.values()
    )
    issued = session.scalars(select(IdentifierBlock).where(IdentifierBlock.class_code == LIGHT))
    last = {one.division_code + one.class_code: one.last_serial for one in issued}
    assert {prefix: serials[-1] for prefix, serials in by_prefix.items()} == last


def test_one_component_is_matched_by_one_row(
    session: Session, deliver: Callable[..., Path]
) -> None:
    """Of two lights near one that is known, the nearer is it and the other is new."""
    known = places(1)[0]
    first = load(session, deliver("first", [known]), accuracy_m=2)
    near, nearer = place_near(known, 5), place_near(known, 0.2)
    second = load(session, deliver("second", [near, nearer]), accuracy_m=2)
    rows = rows_of(session, second.survey)
    assert [row.verdict for row in rows] == ["new", "changed"]  # it has the other one's name
    assert rows[1].code == _codes(session, first.survey)[0]
    assert rows[1].distance_m == pytest.approx(0.2, abs=0.001)


@pytest.mark.parametrize(("metres", "verdict"), [(0.9, "unchanged"), (1.1, "moved"), (70, "new")])
def test_both_accuracies_say_how_far_the_same_one_can_be(
    session: Session, deliver: Callable[..., Path], metres: float, verdict: str
) -> None:
    known = places(1)[0]
    load(session, deliver("first", [known]), accuracy_m=0.4)
    path = deliver("second", [place_near(known, metres)])
    summary = stage(session, path, accuracy_m=0.6)
    assert rows_of(session, summary.survey)[0].verdict == verdict


def test_another_class_at_the_same_place_is_another_component(
    session: Session, deliver: Callable[..., Path]
) -> None:
    path = deliver("things", places(2))
    load(session, path)
    assert load(session, path, class_code="0113").verdicts == {"new": 2}


def test_staging_leaves_the_registry_alone_until_it_is_applied(
    session: Session, deliver: Callable[..., Path]
) -> None:
    before = row_counts(session)
    staged = stage(session, deliver("lights", places(5)), as_of=DAY)
    assert (staged.state, staged.verdicts) == ("staged", {"new": 5})
    after = row_counts(session)
    assert {name for name in after if after[name] != before[name]} == {"surveys", "survey_rows"}
    assert _codes(session, staged.survey) == [None] * 5
    applied = service.apply(session, staged.survey, actor="test")
    assert (applied.state, applied.verdicts) == ("applied", {"new": 5})
    component = session.scalars(
        select(Component).where(Component.code == _codes(session, applied.survey)[0])
    ).one()
    assert component.surveyed_on == DAY
    before = row_counts(session)
    assert service.apply(session, staged.survey, actor="test") == applied
    assert row_counts(session) == before


def test_two_staged_surveys_of_the_same_lights_register_them_once(
    session: Session, deliver: Callable[..., Path]
) -> None:
    path = deliver("lights", places(5))
    one, other = stage(session, path), stage(session, path)
    assert other.findings[0]["check"] == "other-staged"
    assert service.apply(session, one.survey, actor="Li").verdicts == {"new": 5}
    with pytest.raises(Conflict) as refused:
        service.apply(session, other.survey, actor="Wang")
    assert str(refused.value) == (
        f"The registry was changed since survey {other.survey} was matched: 5 of its components, "
        f"among them {_codes(session, one.survey)[0]} by Li (Survey {one.survey} of "
        f"{one.as_of}: lights.gpkg). Match it again: gis-registry survey match {other.survey}"
    )
    assert loading.match(session, other.survey).verdicts == {"unchanged": 5}
    assert service.apply(session, other.survey, actor="Wang").verdicts == {"unchanged": 5}
    assert _codes(session, one.survey) == _codes(session, other.survey)


def test_an_applied_survey_no_longer_tells_what_else_is_staged(
    session: Session, deliver: Callable[..., Path]
) -> None:
    path = deliver("lights", places(5))
    stage(session, path)
    other = stage(session, path)
    assert [one["check"] for one in other.findings] == ["other-staged"]
    assert service.apply(session, other.survey, actor="Wang").findings == []


def test_a_match_that_was_withdrawn_since_staging_is_registered_anew(
    session: Session, deliver: Callable[..., Path]
) -> None:
    path = deliver("lights", places(3))
    first = load(session, path)
    staged = stage(session, path)
    assert staged.verdicts == {"unchanged": 3}
    service.revert(session, first.survey, actor="test")
    assert loading.match(session, staged.survey).verdicts == {"new": 3}
    assert service.apply(session, staged.survey, actor="test").verdicts == {"new": 3}
    assert not set(_codes(session, staged.survey)) & set(_codes(session, first.survey))


def test_reverting_withdraws_and_keeps_every_identifier(
    session: Session, deliver: Callable[..., Path]
) -> None:
    path = deliver("lights", places(4))
    survey = load(session, path).survey
    codes = _codes(session, survey)
    edited = codes[1]
    assert edited is not None
    components.edit(
        session,
        edited,
        actor="somebody",
        reason="new lamp",
        on_date=DAY,
        attributes={"lamp": "LED"},
    )
    done = service.revert(session, survey, actor="test")
    assert (done.withdrawn, done.kept) == (3, [edited])
    assert service.show(session, survey).state == "reverted"
    for code in codes:
        assert code is not None
        shown = components.show(session, code)
        history = components.history(session, code)
        assert len(history) == 2
        if code == edited:
            assert (shown.state, shown.attributes["lamp"]) == (ComponentState.ACTIVE, "LED")
        else:
            assert shown.state == ComponentState.WITHDRAWN
            assert history[-1].reason == f"Survey {survey} reverted"
    again = load(session, path)
    assert again.verdicts == {"new": 3, "unchanged": 1}
    assert set(_codes(session, again.survey)) & set(codes) == {edited}


def test_what_cannot_be_done_in_a_state_says_so(
    session: Session, deliver: Callable[..., Path]
) -> None:
    staged = stage(session, deliver("lights", places(2))).survey
    with pytest.raises(Conflict, match=f"Survey {staged} is staged; only an applied one"):
        service.revert(session, staged, actor="test")
    service.apply(session, staged, actor="test")
    service.revert(session, staged, actor="test")
    with pytest.raises(Conflict, match=f"Survey {staged} is reverted; only an applied one"):
        service.revert(session, staged, actor="test")
    with pytest.raises(Conflict, match=f"Survey {staged} was reverted; load its file again"):
        service.apply(session, staged, actor="test")
    for act in (service.show, service.apply, service.revert):
        with pytest.raises(NotFound, match="There is no survey 987654321"):
            act(session, 987654321, **({} if act is service.show else {"actor": "test"}))


@pytest.mark.parametrize(
    ("described", "error", "words"),
    [
        ({"class_code": None}, InvalidInput, "name their class with --class, or the field"),
        ({"class_code": "9999"}, UnknownClass, "There is no class '9999'"),
        ({"class_field": "kind"}, InvalidInput, "no field 'kind'.*It has: name"),
        ({"as_of": date(2999, 1, 1)}, InvalidInput, "2999-01-01 is in the future or before 1900"),
        ({"as_of": date(1, 1, 1)}, InvalidInput, "0001-01-01 is in the future or before 1900"),
        ({"accuracy_m": 0.0}, InvalidInput, "more than 0 and at most 1,000 metres"),
        ({"accuracy_m": float("nan")}, InvalidInput, "more than 0 and at most 1,000 metres"),
        ({"accuracy_m": float("inf")}, InvalidInput, "more than 0 and at most 1,000 metres"),
    ],
)
def test_a_description_that_cannot_be_right_is_refused_before_anything_is_written(
    session: Session,
    deliver: Callable[..., Path],
    described: dict[str, object],
    error: type[Exception],
    words: str,
) -> None:
    before = row_counts(session)
    path = deliver("lights", places(2))
    with pytest.raises(error, match=words):
        stage(session, path, **described)
    assert row_counts(session) == before


def test_progress_only_grows_and_reaches_the_end(
    session: Session, deliver: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gis_registry.surveys.datasets.BATCH_ROWS", 7)
    told: list[tuple[str, int, int | None]] = []
    file = delivery(deliver("lights", places(40)))
    staged = loading.stage(session, file, actor="test", progress=lambda *step: told.append(step))
    service.apply(session, staged.survey, actor="test", progress=lambda *step: told.append(step))
    stages = list(dict.fromkeys(stage for stage, _, _ in told))
    assert stages == [
        *("Reading and checking", "Looking at the whole", "Matching", "Storing", "Registering")
    ]
    reading = [done for stage, done, total in told if stage == stages[0] and total == 40]
    assert reading == [0, 7, 14, 21, 28, 35, 40]
    assert [row.row for row in rows_of(session, staged.survey)] == list(range(1, 41))


def test_a_duplicate_in_a_later_batch_names_the_row_it_repeats(
    session: Session, deliver: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gis_registry.surveys.datasets.BATCH_ROWS", 7)
    survey = load(session, deliver("lights", [*places(10), places(10)[2]])).survey
    row = rows_of(session, survey)[10]
    assert row.reason == "Row 3 has the same class and the same geometry."


def test_a_coarse_component_is_found_and_placed_by_a_finer_survey(
    session: Session, deliver: Callable[..., Path]
) -> None:
    (place,) = places(1)
    load(session, deliver("coarse", [place]), accuracy_m=60)
    near = place_near(place, 27)
    (row,) = rows_of(session, load(session, deliver("fine", [near]), accuracy_m=0.5).survey)
    assert row.verdict == "changed"
    assert "Its position is more exact: ±0.5 m instead of ±60 m." in (row.reason or "")
    shown = components.show(session, row.code or "")
    assert (shown.lon, shown.lat) == pytest.approx(near, abs=1e-9)
    assert shown.accuracy_m == 0.5


def test_reverting_waits_for_an_edit_and_keeps_what_it_changed(
    own_database: Database, deliver: Callable[..., Path]
) -> None:
    with own_database.session() as session:
        summary = load(session, deliver("lights", places(2)))
        kept, withdrawn = (str(row.code) for row in rows_of(session, summary.survey))

    def revert() -> list[str]:
        with own_database.session() as session:
            return service.revert(session, summary.survey, actor="a").kept

    with ThreadPoolExecutor() as pool:
        with own_database.session() as session:
            components.edit(
                session, kept, actor="b", reason="lamp", on_date=DAY, attributes={"lamp": "LED"}
            )
            reverting = pool.submit(revert)
            wait_for_a_lock(own_database)
        assert reverting.result() == [kept]
    with own_database.session() as session:
        assert components.show(session, kept).state == ComponentState.ACTIVE
        assert components.show(session, withdrawn).state == ComponentState.WITHDRAWN
