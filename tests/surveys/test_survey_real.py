"""Real surveys of a real city: every row is accounted for, and the next one registers nothing new.

The lights of 2017 stand where those of 2015 stood, within nanometres; some got other attributes.
The hydrants are loaded twice. They stand beside lights, and none of them is one.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest
from delivered import load, rows_of
from making import copy_of
from project import SAMPLES
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.components.tables import Component, IdentifierBlock
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.surveys.schemas import SurveyRowEntry, SurveySummary

SURVEYS = [  # class, rows, first survey, next survey
    ("0137", 6049, "StreetLights_2015-04-13.geojson.gz", "StreetLights_2017-07-31.geojson.gz"),
    ("0113", 1901, "Hydrants_2017-03-22.geojson.gz", "Hydrants_2017-03-22.geojson.gz"),
]


@pytest.fixture(scope="module")
def cambridge(server: EmbeddedServer, cambridge_template: str) -> Iterator[Database]:
    """Return a database of this module's own."""
    with (
        copy_of(server, cambridge_template, "real_surveys") as settings,
        Database(settings) as database,
    ):
        yield database


@pytest.mark.parametrize(
    ("class_code", "count", "first", "next_one"), SURVEYS, ids=["lights", "hydrants"]
)
def test_every_row_of_a_real_survey_is_accounted_for(
    cambridge: Database, class_code: str, count: int, first: str, next_one: str
) -> None:
    with cambridge.session() as session:
        summary = load(session, SAMPLES / "cambridge" / first, **_described(class_code, first))
        rows = _accounted_for(session, summary, count)
        assert set(summary.verdicts) <= {"new", "refused"}
        assert summary.accepted > 0.99 * count
        _assert_identifiers(session, class_code, [row.code for row in rows if row.code])
    with cambridge.session() as session:
        described = _described(class_code, next_one)
        again = load(session, SAMPLES / "cambridge" / next_one, **described)
        rows_again = _accounted_for(session, again, count)
        same = {"unchanged", "changed"} if next_one != first else {"unchanged"}
        assert {row.verdict for row in rows_again} - {"refused"} == same
        assert again.accepted == summary.accepted
        assert [row.code for row in rows_again] == [row.code for row in rows]
        assert max(row.distance_m for row in rows_again if row.distance_m is not None) < 0.001
        _assert_identifiers(session, class_code, [row.code for row in rows_again if row.code])


def _described(class_code: str, name: str) -> dict[str, object]:
    """Return what is said of a file, whose name ends with the day that it is of."""
    day = date.fromisoformat(name.removesuffix(".geojson.gz").rpartition("_")[2])
    return {"class_code": class_code, "as_of": day, "accuracy_m": 2.0}


def _accounted_for(session: Session, summary: SurveySummary, count: int) -> list[SurveyRowEntry]:
    """Return the rows of a survey, each of which is there and has a verdict."""
    rows = rows_of(session, summary.survey)
    assert summary.rows == summary.accepted + summary.refused == count
    assert [row.row for row in rows] == list(range(1, count + 1))
    assert Counter(row.verdict for row in rows) == summary.verdicts
    assert Counter(row.refusal for row in rows if row.refusal) == summary.refusals
    assert all(row.code for row in rows if row.verdict != "refused")
    assert all(row.reason for row in rows if row.verdict == "refused")
    return rows


def _assert_identifiers(session: Session, class_code: str, codes: list[str]) -> None:
    """Assert that they are unique, without a gap, and just what is recorded as issued."""
    assert len(set(codes)) == len(codes)
    count = len(codes)
    assert sorted(int(code[-6:]) for code in codes) == list(range(1, count + 1))
    assert {code[:-6] for code in codes} == {f"990101{class_code}"}
    block = session.scalars(
        select(IdentifierBlock).where(IdentifierBlock.class_code == class_code)
    ).one()
    assert (block.first_serial, block.last_serial) == (1, count)
    known = session.scalar(
        select(func.count()).where(Component.code.in_(codes), Component.state == "active")
    )
    assert known == count
