"""A first load without indexes ends with the same ones, and never empties what is there."""

from pathlib import Path

import pytest
from delivered import frame, load, places, rows_of
from making import register
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gis_registry.components import queries
from gis_registry.components.tables import Component


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "_WITHOUT_INDEXES_FROM", 1)


def _indexes(session: Session) -> dict[str, tuple[int, str]]:
    rows = session.execute(
        text(
            "SELECT indexname, indexdef, indexname::regclass::oid::int AS number FROM pg_indexes"
            " WHERE schemaname = 'public' AND tablename = 'components'"
        )
    )
    return {name: (number, definition) for name, definition, number in rows}


def _load(session: Session, tmp_path: Path, count: int) -> list[str | None]:
    frame(places(count)).to_file(tmp_path / "lights.gpkg")
    return [row.code for row in rows_of(session, load(session, tmp_path / "lights.gpkg").survey)]


def test_all_indexes_of_a_first_load_are_built_again(session: Session, tmp_path: Path) -> None:
    before = _indexes(session)
    codes = _load(session, tmp_path, 5)
    after = _indexes(session)
    assert {name: definition for name, (_, definition) in after.items()} == {
        name: definition for name, (_, definition) in before.items()
    }
    assert not {number for number, _ in after.values()} & {number for number, _ in before.values()}
    assert set(session.scalars(select(Component.code))) == set(codes)
    primary = text("SELECT count(*) FROM pg_constraint WHERE conname = 'pk_components'")
    assert session.scalar(primary) == 1


def test_components_that_are_there_stay_with_their_indexes(
    session: Session, tmp_path: Path
) -> None:
    there = register(session, 120.3826, 36.0671)
    before = _indexes(session)
    codes = _load(session, tmp_path, 5)
    assert _indexes(session) == before
    assert set(session.scalars(select(Component.code))) == {there, *codes}
    assert session.scalar(select(func.count()).select_from(Component)) == 6
