"""The history of components as a collection: at any moment what the component service says."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import ComponentClass
from gis_registry.components import as_of
from gis_registry.components.tables import Change, Component, FormerComponent
from gis_registry.maps import crs, features, questions
from gis_registry.maps.collections import Collection
from gis_registry.maps.history_collection import components_history

_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
#: Few moments, so that changes often fall together, and a question on a change.
_MOMENTS = st.integers(0, 6).map(lambda number: _BEGIN + timedelta(microseconds=number))
#: Of each component when it changed, one state after the other.
_HISTORIES = st.lists(
    st.lists(_MOMENTS, min_size=1, max_size=4).map(sorted), min_size=1, max_size=4
)


def told(session: Session, collection: Collection, **asked: Any) -> list[dict[str, Any]]:
    conditions = questions.conditions(collection, properties={}, **asked)
    statement = features.listed(
        collection, conditions, features.feature(collection, crs.STORED), limit=1000
    )
    connection = session.connection().connection.driver_connection
    assert connection is not None
    found = connection.cursor().execute(statement.sql, statement.values).fetchall()
    return [from_json(row[0]) for row in found]


def write(session: Session, histories: list[list[datetime]]) -> None:
    class_id = session.scalars(select(ComponentClass.id).order_by(ComponentClass.id)).first()
    for number, moments in enumerate(histories):
        changes = [
            Change(made_at=moment, actor="test", reason="测试 for a test") for moment in moments
        ]
        session.add_all(changes)
        session.flush()
        for version, change in enumerate(changes, 1):
            is_last = version == len(changes)
            said: dict[str, Any] = {} if is_last else {"ended_by": changes[version].id}
            session.add(
                (Component if is_last else FormerComponent)(
                    division_code="370202",
                    code=f"3702020137{number:06}",
                    version=version,
                    operation="registered" if version == 1 else "moved",
                    state="retired" if version % 3 == 0 else "active",
                    geom=f"SRID=4490;POINT({120.3 + version / 100} 36.06)",
                    accuracy_m=0.5,
                    surveyed_on=date(2026, 1, 1),
                    attributes={},
                    class_id=class_id,
                    change_id=change.id,
                    **said,
                )
            )
    session.flush()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories=_HISTORIES, moment=_MOMENTS)
def test_at_a_moment_it_is_what_the_registry_was(
    session: Session, histories: list[list[datetime]], moment: datetime
) -> None:
    collection = components_history()
    with session.begin_nested() as attempt:
        write(session, histories)
        then = as_of.components(moment)
        expected = session.execute(select(then.c.code, then.c.version, then.c.state)).all()
        held = told(session, collection, when=moment.isoformat())
        every = told(session, collection)
        attempt.rollback()
    found = [one["properties"] for one in held]
    assert sorted((one["code"], one["version"], one["state"]) for one in found) == sorted(
        tuple(one) for one in expected
    )
    assert [one["id"] for one in every] == [
        f"3702020137{number:06}-{version}"
        for number, moments in enumerate(histories)
        for version in range(1, len(moments) + 1)
    ]


def test_a_day_and_an_interval_have_every_state_of_them(session: Session) -> None:
    collection = components_history()
    days = [_BEGIN, _BEGIN + timedelta(days=2), _BEGIN + timedelta(days=5)]
    write(session, [days])

    def versions(when: str) -> list[int]:
        return [one["properties"]["version"] for one in told(session, collection, when=when)]

    assert versions("2026-02-27") == []
    assert versions("2026-03-02") == [1]
    assert versions("2026-03-03") == [2]
    assert versions("2026-03-02/2026-03-04") == [1, 2]
    assert versions("../2026-03-01") == [1]
    assert versions("2026-03-04/..") == [2, 3]
    assert versions("2030-01-01") == [3]
