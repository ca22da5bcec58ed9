"""What seldom changes is read once for each state, and never after a change."""

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import MatterType
from gis_registry.db import reference
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places
from gis_registry.places.tables import Division
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import AnsweredReport, NewReport


def _token(session: Session) -> object:
    return session.scalar(text("SELECT token FROM reference_state"))


@pytest.mark.parametrize("table", reference.TABLES)
def test_a_statement_on_each_table_changes_the_token(session: Session, table: str) -> None:
    before = _token(session)
    column = session.scalar(
        text(
            "SELECT column_name FROM information_schema.columns WHERE table_name = :table "
            "AND is_identity = 'NO' ORDER BY ordinal_position LIMIT 1"
        ),
        {"table": table},
    )
    session.execute(text(f"UPDATE {table} SET {column} = {column} WHERE false"))
    assert _token(session) != before


def test_what_is_held_is_read_once(session: Session) -> None:
    city = places.the_city(session)
    codes = {city.division_code}
    with reference.held(session):
        names = places_queries.division_names(session, codes)
        known = reference.kept(session, "division names")
        assert known.items() >= names.items()
        known[city.division_code] = ("别名", "alias")  # were it read again, this would not be told
        assert places_queries.division_names(session, codes)[city.division_code][1] == "alias"
    assert places_queries.division_names(session, codes) == names
    with reference.held(session):
        reference.kept(session, "division names").clear()


def test_a_change_shows_in_the_next_report(session: Session) -> None:
    def told() -> AnsweredReport:
        new = NewReport(lon=120.38, lat=36.07, matter="0101", accuracy_m=5)
        return reports.submit(session, new, reported_by="李巡查")

    before = told()
    session.execute(
        update(MatterType).where(MatterType.code == before.matter.code).values(name_en="Renamed")
    )
    division = before.answer.place.division
    assert division is not None
    session.execute(
        update(Division).where(Division.code == division.code).values(name_en="Elsewhere")
    )
    after = told()
    assert after.matter.name_en == "Renamed"
    assert after.answer.place.division is not None
    assert after.answer.place.division.name_en == "Elsewhere"


def test_what_is_rolled_back_is_not_kept(session: Session) -> None:
    code = places.the_city(session).division_code
    with reference.held(session):
        before = places_queries.division_names(session, {code})
    with session.begin_nested() as undone:
        session.execute(update(Division).where(Division.code == code).values(name_en="Never"))
        with reference.held(session):
            assert places_queries.division_names(session, {code})[code][1] == "Never"
        undone.rollback()
    with reference.held(session):
        assert places_queries.division_names(session, {code}) == before


def test_the_city_that_is_kept_belongs_to_no_session(session: Session) -> None:
    with reference.held(session):
        kept = places.the_city(session)
    assert kept not in session
    assert kept.key == places.the_city(session).key
