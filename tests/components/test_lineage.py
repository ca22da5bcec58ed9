"""What became of components: replaced, split, merged, reclassified; and what stood when."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from making import CORNER, DAY, moved, register
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.components import as_of, lineage, service
from gis_registry.components.schemas import ComponentDetail
from gis_registry.components.tables import ComponentState, Relation
from gis_registry.errors import Conflict, InvalidInput, NotFound, RegistryError

SHANGHAI = ZoneInfo("Asia/Shanghai")
ON = date(2026, 7, 10)


@pytest.fixture
def lights(session: Session) -> list[str]:
    """Return four street lights in a row."""
    return [register(session, *moved(*CORNER, azimuth=90, metres=20 * n)) for n in range(4)]


def succeed(
    session: Session, relation: Relation, old: list[str], new: list[str]
) -> list[ComponentDetail]:
    """Record that components took the place of others."""
    return lineage.succeed(
        session,
        relation,
        predecessors=old,
        successors=new,
        actor="李工",
        reason="road works",
        on_date=ON,
    )


def steps(session: Session, code: str) -> list[tuple[str, str | None]]:
    """Return the relations of a component with the others."""
    return [(one.relation, one.code) for one in service.show(session, code).lineage]


def test_a_replaced_component_tells_what_stands_there_now(
    session: Session, lights: list[str]
) -> None:
    first, second, third, _ = lights
    (gone,) = succeed(session, Relation.REPLACED_BY, [first], [second])
    assert (gone.state, gone.ended_on, [one.code for one in gone.became]) == (
        "retired",
        ON,
        [second],
    )
    succeed(session, Relation.REPLACED_BY, [second], [third])
    assert [one.code for one in service.show(session, first).became] == [third]
    assert steps(session, first) == [("replaced_by", second)]
    assert steps(session, second) == [("replaces", first), ("replaced_by", third)]
    assert service.show(session, third).ended_on is None
    last = service.history(session, first)[-1]
    assert (last.operation, last.reason) == ("retired", f"Replaced by {second}: road works")


def test_components_are_split_and_merged(session: Session, lights: list[str]) -> None:
    first, second, third, fourth = lights
    succeed(session, Relation.SPLIT_INTO, [first], [second, third])
    assert [one.code for one in service.show(session, first).became] == [second, third]
    gone = succeed(session, Relation.MERGED_INTO, [second, third], [fourth])
    assert [one.state for one in gone] == ["retired", "retired"]
    assert [one.code for one in service.show(session, first).became] == [fourth]
    assert steps(session, fourth) == [("merged_from", second), ("merged_from", third)]
    assert steps(session, second) == [("split_from", first), ("merged_into", fourth)]


def test_one_that_is_retired_already_may_get_a_successor(
    session: Session, lights: list[str]
) -> None:
    first, second, *_ = lights
    service.edit(
        session, first, actor="a", reason="gone", on_date=DAY, state=ComponentState.RETIRED
    )
    (gone,) = succeed(session, Relation.REPLACED_BY, [first], [second])
    assert (gone.version, gone.ended_on, len(gone.became)) == (2, ON, 1)


def test_putting_a_replaced_component_back_takes_its_successor_away(
    session: Session, lights: list[str]
) -> None:
    first, second, *_ = lights
    succeed(session, Relation.REPLACED_BY, [first], [second])
    back = service.edit(
        session, first, actor="a", reason="wrong one", on_date=DAY, state=ComponentState.ACTIVE
    )
    assert (back.became, back.lineage, back.ended_on) == ([], [], None)
    assert steps(session, second) == []
    assert service.history(session, first)[1].reason == f"Replaced by {second}: road works"


def test_what_cannot_have_been_is_refused(session: Session, lights: list[str]) -> None:
    first, second, third, fourth = lights
    withdrawn = register(session, *CORNER, state=ComponentState.WITHDRAWN)
    succeed(session, Relation.REPLACED_BY, [first], [second])
    cases: list[tuple[Relation, list[str], list[str], type[RegistryError], str]] = [
        (Relation.REPLACED_BY, [third], [third], InvalidInput, "cannot take its own place"),
        (Relation.REPLACED_BY, [first], [third], Conflict, f"given its place to {second} already"),
        (Relation.REPLACED_BY, [third], [first], Conflict, f"{first} is retired: it cannot stand"),
        (Relation.REPLACED_BY, [withdrawn], [third], Conflict, "a survey that was reverted had"),
        (Relation.SPLIT_INTO, [third], [fourth], InvalidInput, "into two or more; here are 1 and"),
        (Relation.SPLIT_INTO, [third], [fourth, fourth], InvalidInput, "named twice"),
    ]
    for relation, old, new, error, message in cases:
        with pytest.raises(error, match=message):
            succeed(session, relation, old, new)
    with pytest.raises(InvalidInput, match="A change needs a reason"):
        lineage.succeed(
            session,
            Relation.REPLACED_BY,
            predecessors=[third],
            successors=[fourth],
            actor="a",
            reason=" ",
        )
    assert service.show(session, third).version == 1


def test_nothing_becomes_its_own_ancestor(session: Session, lights: list[str]) -> None:
    first, second, third, _ = lights
    succeed(session, Relation.REPLACED_BY, [first], [second])
    succeed(session, Relation.REPLACED_BY, [second], [third])
    # As reverting a survey does, which knows nothing of successors:
    session.execute(
        text("UPDATE components SET state = 'active' WHERE code = :code"), {"code": first}
    )
    session.expire_all()
    with pytest.raises(Conflict, match=f"{third} itself took the place of {first} before"):
        succeed(session, Relation.REPLACED_BY, [third], [first])


def test_a_reclassified_component_keeps_its_identifier(session: Session, lights: list[str]) -> None:
    code = lights[0]
    shown = service.edit(session, code, actor="a", reason="a pole", on_date=DAY, class_code="0138")
    assert (shown.code, shown.component_class.code) == (code, "0138")
    assert [(one.relation, one.class_from, one.class_to, one.reason) for one in shown.lineage] == [
        ("reclassified", "0137", "0138", "a pole")
    ]
    assert service.history(session, code)[-1].operation == "reclassified"
    with pytest.raises(InvalidInput, match=r"is no line, as those of class 0507 "):
        service.edit(session, code, actor="a", reason="b", on_date=DAY, class_code="0507")


def test_a_component_is_shown_as_it_was(session: Session) -> None:
    before = datetime.now(UTC)
    code = register(session, *CORNER)
    there = moved(*CORNER, azimuth=90, metres=5)
    first = service.show(session, code).changed_at
    service.edit(session, code, actor="a", reason="moved", on_date=DAY, position=there)
    second = service.show(session, code).changed_at
    service.edit(session, code, actor="a", reason="gone", on_date=DAY, state=ComponentState.RETIRED)
    third = service.show(session, code).changed_at
    assert first < second < third

    then = [service.show(session, code, moment=moment) for moment in (first, second, third)]
    assert [(one.version, one.state, one.as_of) for one in then] == [
        (1, "active", first),
        (2, "active", second),
        (3, "retired", third),
    ]
    assert (then[0].lon, then[0].lat) == pytest.approx(CORNER)
    assert (then[1].lon, then[1].lat) == pytest.approx(there)
    assert [one.ended_on is None for one in then] == [True, True, False]
    assert service.show(session, code, moment=third - timedelta(microseconds=1)).version == 2
    with pytest.raises(NotFound, match=r"it was not in the registry yet\.$"):
        service.show(session, code, moment=before)

    listed = [
        [one.code for one in service.page(session, class_code="0137", moment=moment).components]
        for moment in (before, first, second, third)
    ]
    assert listed == [[], [code], [code], []]


def test_the_registry_of_a_moment_can_be_asked_for_a_class_and_an_area(session: Session) -> None:
    light = register(session, *CORNER)
    bin_ = register(session, *CORNER, class_code="0305")
    far = register(session, 120.447, 36.389)
    moment = service.show(session, far).changed_at
    class_id = session.scalar(
        text("SELECT class_id FROM components WHERE code = :code"), {"code": bin_}
    )
    service.edit(session, bin_, actor="a", reason="b", on_date=DAY, class_code="0137")

    def codes(**options: object) -> set[str]:
        states = as_of.components(moment, **options)  # type: ignore[arg-type]
        return set(session.scalars(states.select().with_only_columns(states.c.code)))

    assert codes() == {light, bin_, far}
    assert codes(class_ids=[class_id]) == {bin_}
    assert codes(division_code="370215") == {far}
    subdistrict = service.show(session, light).subdistrict
    assert subdistrict is not None
    assert codes(division_code=subdistrict.code) == {light, bin_}


def test_each_component_stood_once_at_any_moment(session: Session, lights: list[str]) -> None:
    """Changes that were made in one transaction included."""
    for _ in range(3):
        for code in lights:
            service.edit(session, code, actor="a", reason="b", on_date=DAY, attributes={"n": _})
    made = [one.made_at for code in lights for one in service.history(session, code)]
    for moment in made:
        states = as_of.components(moment)
        found = session.scalars(states.select().with_only_columns(states.c.code)).all()
        assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-06-30", "2026-06-30T23:59:59.999999+08:00"),
        (" 2026-06-30T10:00 ", "2026-06-30T10:00+08:00"),
        ("2026-06-30T10:00:00Z", "2026-06-30T10:00+00:00"),
        ("0001-01-01T00:00+14:00", "0001-01-01T00:00+14:00"),
    ],
)
def test_a_date_is_the_end_of_its_day_in_the_city(written: str, moment: str) -> None:
    assert as_of.moment_of(written, SHANGHAI) == datetime.fromisoformat(moment)


@pytest.mark.parametrize("written", ["2999-01-01", "2999-01-01T10:00Z", "9999-12-31"])
def test_what_is_still_to_come_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput, match=f"{written} is still to come"):
        as_of.moment_of(written, SHANGHAI)
    today = datetime.now(SHANGHAI).date()
    assert as_of.moment_of(str(today), SHANGHAI).date() == today


@pytest.mark.parametrize("written", ["yesterday", "", "2026-13-01"])
def test_what_is_no_date_or_time_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput, match="is no date or time such as 2026-06-30 or"):
        as_of.moment_of(written, SHANGHAI)
