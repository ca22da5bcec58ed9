"""Real surveys of a real city: every row is accounted for, and a second load changes nothing."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest
from delivered import load, rows_of
from making import copy_of
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.components.tables import Component, IdentifierBlock
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.resources import bundled

SURVEYS = {
    "StreetLights_2017-07-31.geojson.gz": ("0137", 6049),
    "Hydrants_2017-03-22.geojson.gz": ("0113", 1901),
}


@pytest.fixture(scope="module")
def cambridge(server: EmbeddedServer, cambridge_template: str) -> Iterator[Database]:
    """Return a database of this module's own."""
    with (
        copy_of(server, cambridge_template, "real_surveys") as settings,
        Database(settings) as database,
    ):
        yield database


@pytest.mark.parametrize("name", SURVEYS)
def test_every_row_of_a_real_survey_is_accounted_for(cambridge: Database, name: str) -> None:
    class_code, count = SURVEYS[name]
    described = {"class_code": class_code, "as_of": date(2017, 7, 31), "accuracy_m": 2.0}
    with cambridge.session() as session:
        summary = load(session, bundled("samples") / "cambridge" / name, **described)
        rows = rows_of(session, summary.survey)
        assert summary.rows == summary.accepted + summary.refused == count
        assert [row.row for row in rows] == list(range(1, count + 1))
        assert Counter(row.verdict for row in rows) == summary.verdicts
        assert Counter(row.refusal for row in rows if row.refusal) == summary.refusals
        assert all(row.reason for row in rows if row.verdict == "refused")
        assert summary.accepted > 0.99 * count
        _assert_identifiers(session, class_code, [row.code for row in rows if row.code])
    with cambridge.session() as session:
        again = load(session, bundled("samples") / "cambridge" / name, **described)
        assert again.verdicts == {
            "unchanged": summary.accepted,
            **({"refused": summary.refused} if summary.refused else {}),
        }
        assert [row.code for row in rows_of(session, again.survey)] == [row.code for row in rows]


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
