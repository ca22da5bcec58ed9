"""Copying rows as new while others are read: it comes to the same as copying them at the end."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from delivered import delivery, frame, places
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.surveys import loading, queries
from gis_registry.surveys.early_copy import EarlyCopy

Deliver = Callable[..., Path]


@pytest.fixture
def deliver(tmp_path: Path) -> Deliver:
    """Write lights at places to a file."""

    def write(at: Sequence[object]) -> Path:
        frame(at, name=["灯"] * len(at)).to_file(tmp_path / "lights.gpkg")
        return tmp_path / "lights.gpkg"

    return write


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gis_registry.surveys.datasets.BATCH_ROWS", 7)


def stored(session: Session, survey: int) -> list[dict[str, Any]]:
    rows = session.execute(
        text("SELECT to_jsonb(r) - 'survey_id' FROM survey_rows r WHERE survey_id = :survey"),
        {"survey": survey},
    )
    return sorted(rows.scalars(), key=lambda row: row["row_number"])


@pytest.mark.parametrize("repeats", [False, True])
def test_rows_are_the_same_as_if_they_were_copied_at_the_end(
    session: Session, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, *, repeats: bool
) -> None:
    at = places(40)
    if repeats:
        at[33] = at[2]
    at[11] = (0.0, 0.0)  # outside the city
    path = deliver(at)
    copied: list[bool] = []
    holds = EarlyCopy.holds
    monkeypatch.setattr(
        EarlyCopy, "holds", lambda early, judged: copied.append(holds(early, judged)) or copied[-1]
    )
    early = loading.stage(session, delivery(path), actor="test")
    assert copied == [not repeats]
    monkeypatch.setattr("gis_registry.components.queries.is_empty", lambda _: False)
    late = loading.stage(session, delivery(path), actor="test")
    assert len(copied) == 1
    assert stored(session, early.survey) == stored(session, late.survey)
    assert early.verdicts == late.verdicts == {"new": 39 - repeats, "refused": 1 + repeats}


def test_an_error_while_copying_ends_the_load(
    session: Session, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Any:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(queries, "copy_rows", fail)
    with pytest.raises(RuntimeError, match="the disk is full"):
        loading.stage(session, delivery(deliver(places(100))), actor="test")


def test_an_error_while_reading_ends_the_copying(
    session: Session, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    locate = loading.locate_rows
    seen = []

    def fail_late(checked: Any, *arguments: Any, **named: Any) -> Any:
        seen.append(checked)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return locate(checked, *arguments, **named)

    monkeypatch.setattr(loading, "locate_rows", fail_late)
    with pytest.raises(KeyboardInterrupt):
        loading.stage(session, delivery(deliver(places(100))), actor="test")
    session.rollback()
    assert session.scalar(text("SELECT count(*) FROM surveys")) == 0
