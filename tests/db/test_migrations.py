"""The migrations: one head, up and down again, and the models agree with what they make."""

from collections.abc import Iterator
from datetime import date

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from pytest_alembic.tests import (
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)
from sqlalchemy import Engine, RowMapping, create_engine, make_url, text
from sqlalchemy.orm import Session

from gis_registry.cases.indicator_upkeep import differences
from gis_registry.db.checks import create_extensions
from gis_registry.maps import count_queries
from gis_registry.maps.count_upkeep import check_counts
from gis_registry.places.working_time import STANDARD_WEEK, working_time
from gis_registry.resources import bundled
from gis_registry.settings import Settings
from gis_registry.startup import SCHEMA_VERSION

__all__ = [
    "test_model_definitions_match_ddl",
    "test_single_head_revision",
    "test_up_down_consistency",
    "test_upgrade",
]


@pytest.fixture
def alembic_config() -> Config:
    """Say where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(bundled("migrations")))
    config.set_main_option("path_separator", "os")
    return config


@pytest.fixture
def alembic_engine(empty_settings: Settings) -> Iterator[Engine]:
    """Return an engine of an empty database that has the extensions."""
    assert empty_settings.database_url is not None
    url = make_url(empty_settings.database_url.get_secret_value())
    engine = create_engine(url.set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        create_extensions(connection)
    yield engine
    engine.dispose()


def test_the_programs_version_is_the_newest_migration(alembic_config: Config) -> None:
    assert ScriptDirectory.from_config(alembic_config).get_current_head() == SCHEMA_VERSION


def test_going_all_the_way_down_leaves_nothing(alembic_runner, alembic_engine: Engine) -> None:  # type: ignore[no-untyped-def]
    left = text(
        "SELECT relname FROM pg_class "
        "WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'i', 'S') "
        "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e') "
        "AND relname NOT LIKE 'alembic%' AND relname NOT LIKE 'spatial_ref_sys%' ORDER BY relname"
    )
    functions = text("SELECT count(*) FROM pg_proc WHERE proname = 'metres_box'")
    alembic_runner.migrate_up_to("head")
    with alembic_engine.connect() as connection:
        assert len(connection.scalars(left).all()) > 40
        assert connection.scalar(functions) == 1
    alembic_runner.migrate_down_to("base")
    with alembic_engine.connect() as connection:
        assert connection.scalars(left).all() == []
        assert connection.scalar(functions) == 0


_SURVEYS = """
INSERT INTO surveys (file_name, file_sha256, crs, as_of, is_synthetic, actor, state,
  row_count, accepted_count, refused_count)
SELECT 'lights.csv', number, 'EPSG:4490', '2026-01-01', true, 'test', 'staged', 2, 1, 1
FROM generate_series(1, 3) AS number
"""
#: Two rows of the first survey, one of the second and none of the third.
_ROWS = """
INSERT INTO survey_rows (survey_id, row_number, class_id, geom, surveyed_on, attributes, issues,
  verdict, refusal)
VALUES
  (1, 1, 7, 'SRID=4490;POINT(120.3826 36.0671)', '2026-01-01', '{"name": "light"}',
    '[{"code": "far"}]', 'new', NULL),
  (1, 2, NULL, NULL, NULL, '{}', NULL, 'refused', 'outside-city'),
  (2, 1, 7, 'SRID=4490;LINESTRING(120.38 36.06, 120.39 36.06)', '2026-02-01', '{}', NULL,
    'unchanged', NULL)
"""


def _rows(engine: Engine) -> list[RowMapping]:
    """Return the rows of all surveys with the table that each is in, which its 'place' says."""
    rows = text(
        "SELECT tableoid::regclass::text AS place, to_jsonb(r) AS row FROM survey_rows r "
        "ORDER BY survey_id, row_number"
    )
    with engine.connect() as connection:
        return list(connection.execute(rows).mappings())


def test_the_rows_of_surveys_move_into_a_table_for_each_and_back(  # type: ignore[no-untyped-def]
    alembic_runner, alembic_engine: Engine
) -> None:
    alembic_runner.migrate_up_to("0002")
    with alembic_engine.begin() as connection:
        connection.execute(text(_SURVEYS))
        connection.execute(text(_ROWS))
    before = _rows(alembic_engine)
    assert [one["place"] for one in before] == ["survey_rows"] * 3

    alembic_runner.migrate_up_to("0003")
    split = _rows(alembic_engine)
    assert [one["row"] for one in split] == [one["row"] for one in before]
    assert [one["place"] for one in split] == ["survey_rows_1", "survey_rows_1", "survey_rows_2"]
    with alembic_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM survey_rows_3")) == 0

    alembic_runner.migrate_down_to("0002")
    assert _rows(alembic_engine) == before


_CITY = """
INSERT INTO editions (key, name_zh, name_en, class_digits) VALUES ('e', '版', 'e', 4);
INSERT INTO city (is_only, key, name_zh, name_en, division_code, time_zone, edition_key,
  matter_edition_key, projected_epsg, place_tolerance_m, map_lon, map_lat, map_zoom)
VALUES (true, 'nowhere', '无名市', 'Nowhere', '990200', 'Asia/Urumqi', 'e', 'e', 4549, 500, 120, 36,
  9)
"""


def test_a_city_from_before_the_calendar_gets_the_standard_week(  # type: ignore[no-untyped-def]
    alembic_runner, alembic_engine: Engine
) -> None:
    alembic_runner.migrate_up_before("0010")
    with alembic_engine.begin() as connection:
        connection.execute(text(_CITY))
    alembic_runner.migrate_up_one()
    with Session(alembic_engine) as session:
        found = working_time(session)
        assert (found.version, found.zone.key) == (1, "Asia/Urumqi")
        assert found.day(date(2026, 7, 1)).minutes == ((480, 720), (840, 1080))
        hours = session.execute(text("SELECT hours FROM calendar_versions")).scalar_one()
        assert hours == [STANDARD_WEEK.model_dump(mode="json")]


_CASES = """
INSERT INTO cases (division_code, id, geom) OVERRIDING SYSTEM VALUE
SELECT '990203', n, 'SRID=4490;POINT(120.38 36.06)' FROM generate_series(1, 60) AS n;
INSERT INTO case_progress (
  division_code, case_id, version, state, unit_code, stage, due_at, overdue_at, reported_at,
  checked_at, filed_at, dispatched_at, handled_at, verified_at, ended_at, is_checked_on_time,
  is_filed_on_time, is_dispatched_on_time, is_handled_on_time, is_verified_on_time, returned,
  sent_back, extended, urged, appealed
)
SELECT '990203', n, n,
  (ARRAY['reported', 'dispatched', 'handled', 'closed', 'not_accepted', 'merged'])[1 + n % 6],
  CASE WHEN n % 3 > 0 THEN 'U' || n % 4 END, CASE WHEN n % 6 = 1 THEN 'handling' END,
  CASE WHEN n % 6 = 1 THEN at + interval '2 days' END,
  CASE WHEN n % 12 = 1 THEN at + interval '2 days' END, at,
  CASE WHEN n % 6 IN (1, 2, 3, 5) THEN at + interval '9 minutes' END,
  CASE WHEN n % 6 IN (1, 2, 3, 5) THEN at + interval '0.3 seconds' * n * n END,
  CASE WHEN n % 6 IN (1, 2, 3) THEN at + interval '1 minute' * n END,
  CASE WHEN n % 6 IN (2, 3) AND n % 4 > 0 THEN at + interval '1 hour' * n END,
  CASE WHEN n % 6 = 3 THEN at + interval '2 hours' * n END,
  CASE WHEN n % 6 > 2 THEN at + interval '1 day' * n END,
  n % 4 = 0, n % 5 > 0, CASE WHEN n % 7 > 0 THEN n % 3 > 0 END, n % 4 > 1, n % 8 > 0,
  n % 2, n % 3, n % 4, n % 5, n % 7
FROM (
  SELECT n, timestamptz '2025-11-28 15:59:30Z' + interval '17 hours' * n AS at
  FROM generate_series(1, 60) AS n
) AS made;
INSERT INTO case_events (division_code, case_id, sequence, kind, actor, note)
SELECT '990203', n, 1, 'reported', 'test', '{}' FROM generate_series(1, 60) AS n
"""


def test_cases_from_before_the_indicators_are_counted(  # type: ignore[no-untyped-def]
    alembic_runner, alembic_engine: Engine
) -> None:
    alembic_runner.migrate_up_to("0013")
    with alembic_engine.begin() as connection:
        connection.execute(text(_CITY))
        connection.execute(text(_CASES))
    alembic_runner.migrate_up_to("head")
    with Session(alembic_engine) as session:
        assert differences(session) == []
        reported = text("SELECT sum(reported) FROM indicator_totals WHERE scope = 'unit'")
        assert session.scalar(reported) == 2 * 60  # by day and by month
        assert session.scalar(text("SELECT count(*) FROM indicator_histograms")) > 100


def test_how_long_cases_took_is_packed_and_unpacked_without_loss(  # type: ignore[no-untyped-def]
    alembic_runner, alembic_engine: Engine
) -> None:
    times = text("SELECT to_jsonb(t) FROM indicator_times t WHERE cases <> 0 ORDER BY to_jsonb(t)")
    alembic_runner.migrate_up_to("0013")
    with alembic_engine.begin() as connection:
        connection.execute(text(_CITY))
        connection.execute(text(_CASES))
    alembic_runner.migrate_up_before("0016")
    with alembic_engine.begin() as connection:
        connection.execute(text("UPDATE indicator_times SET cases = cases * 70000 - bucket % 2"))
        before = connection.scalars(times).all()
    alembic_runner.migrate_up_to("0016")
    alembic_runner.migrate_down_to("0015")
    with alembic_engine.connect() as connection:
        assert connection.scalars(times).all() == before
    assert len(before) > 400


_COMPONENTS = """
INSERT INTO components (division_code, code, version, operation, state, geom, accuracy_m,
  surveyed_on, attributes, class_id, owner_id, maintainer_id, change_id)
SELECT '990203', '9902030101' || lpad(n::text, 6, '0'), 1, 'registered',
  (ARRAY['active', 'retired', 'withdrawn'])[1 + n % 3],
  CASE WHEN n % 10 > 0 THEN ST_SetSRID(ST_Point(120 + n * n / 5e4, 36 + n / 5e2), 4490)
    ELSE ST_SetSRID(ST_MakeEnvelope(120, 36, 120 + n / 5e2, 36 + n / 5e2), 4490) END,
  1, '2026-01-01', '{}', 1 + n % 4, CASE WHEN n % 2 > 0 THEN 5 END, CASE WHEN n % 5 > 0 THEN 6 END,
  1
FROM generate_series(1, 100) AS n
"""


_WHOLE_WORLD = {"z": 0, "x": 0, "y": 0}


def test_components_from_before_the_map_are_counted(  # type: ignore[no-untyped-def]
    alembic_runner, alembic_engine: Engine
) -> None:
    alembic_runner.migrate_up_before("0018")
    with alembic_engine.begin() as connection:
        connection.execute(text(_COMPONENTS))
    for _ in range(2):
        alembic_runner.migrate_up_one()
        with Session(alembic_engine) as session:
            assert check_counts(session).is_passed
            assert count_queries.total(session) == 100
            assert session.execute(count_queries.QUERIES["version"], _WHOLE_WORLD).scalar_one() > 0
        alembic_runner.migrate_down_one()
        with alembic_engine.begin() as connection:  # and nothing counts any more
            connection.execute(text("DELETE FROM components WHERE code = '9902030101000001'"))
            connection.execute(text(f"{_COMPONENTS} WHERE n = 1"))
