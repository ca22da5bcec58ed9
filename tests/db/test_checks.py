"""The checks of a database, each made to fail on a real one."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, NullPool, create_engine, make_url, text

from gis_registry.db.checks import check_server, create_extensions, require_suitable
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.errors import DatabaseUnsuitable

ALL = ["postgis", "pgrouting", "btree_gist", "pg_trgm"]


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    """A running server of its own."""
    with tempfile.TemporaryDirectory(prefix="checks-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = EmbeddedServer(folder / "home")
        with server:
            yield server


@contextmanager
def connect(server: EmbeddedServer, database: str, user: str | None = None) -> Iterator[Connection]:
    url = make_url(server.url(database))
    engine = create_engine(url.set(username=user or url.username), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def fresh(server: EmbeddedServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A new database without extensions, with the options that the test asks for."""
    options = getattr(request, "param", "ENCODING 'UTF8' LOCALE 'C.UTF-8'")
    engine = create_engine(server.url("postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE fresh TEMPLATE template0 {options}"))
        yield "fresh"
        connection.execute(text("DROP DATABASE fresh WITH (FORCE)"))


def failures(connection: Connection) -> dict[str, str]:
    return {each.name: each.message for each in check_server(connection) if not each.is_passed}


def test_the_embedded_database_passes_every_check(server: EmbeddedServer) -> None:
    with connect(server, "gis_registry") as connection:
        names = [each.name for each in check_server(connection)]
        assert names == ["server-version", *ALL, "encoding", "trigrams"]
        assert failures(connection) == {}
        require_suitable(connection)
        assert create_extensions(connection) == []


def test_missing_extensions_are_named_with_the_command(server: EmbeddedServer, fresh: str) -> None:
    with connect(server, fresh) as connection:
        found = failures(connection)
        assert list(found) == ALL
        for name in ALL:
            assert f"`CREATE EXTENSION {name};` in the database fresh" in found[name]
        with pytest.raises(DatabaseUnsuitable) as caught:
            require_suitable(connection)
        assert len(str(caught.value).splitlines()) == 4


def test_extensions_are_created_where_the_role_may(server: EmbeddedServer, fresh: str) -> None:
    with connect(server, fresh) as connection, connection.begin():
        assert create_extensions(connection) == ALL
    with connect(server, fresh) as connection:
        require_suitable(connection)


def test_a_role_that_may_not_create_extensions_is_told_who_can(
    server: EmbeddedServer, fresh: str
) -> None:
    with connect(server, fresh) as connection:
        connection.execute(text("CREATE ROLE reader LOGIN"))
        connection.commit()
    try:
        with connect(server, fresh, user="reader") as connection:
            with pytest.raises(DatabaseUnsuitable, match="role reader may not") as caught:
                create_extensions(connection)
            assert "CREATE EXTENSION postgis; CREATE EXTENSION pgrouting;" in str(caught.value)
            assert len(failures(connection)) == 4  # the transaction can go on
    finally:
        with connect(server, fresh) as connection:
            connection.execute(text("DROP ROLE reader"))
            connection.commit()


@pytest.mark.parametrize("fresh", ["ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"], indirect=True)
def test_a_locale_without_chinese_trigrams_is_refused(server: EmbeddedServer, fresh: str) -> None:
    with connect(server, fresh) as connection:
        create_extensions(connection)
        found = failures(connection)
        assert list(found) == ["trigrams"]
        assert "LC_CTYPE is C" in found["trigrams"]
        assert "LOCALE 'C.UTF-8'" in found["trigrams"]


@pytest.mark.parametrize("fresh", ["ENCODING 'LATIN1' LOCALE 'C'"], indirect=True)
def test_an_encoding_other_than_utf8_is_refused(server: EmbeddedServer, fresh: str) -> None:
    with connect(server, fresh) as connection:
        create_extensions(connection)
        found = failures(connection)
        assert list(found) == ["encoding"]
        assert "encoding is LATIN1, UTF8 is needed" in found["encoding"]


def test_an_extension_outside_the_search_path_is_refused(
    server: EmbeddedServer, fresh: str
) -> None:
    with connect(server, fresh) as connection:
        connection.execute(text("CREATE SCHEMA shapes"))
        connection.execute(text("CREATE EXTENSION postgis SCHEMA shapes"))
        connection.execute(text("SET search_path TO public, shapes"))
        create_extensions(connection)
        assert failures(connection) == {}
        connection.execute(text("SET search_path TO public"))
        found = failures(connection)
        assert "PostGIS lies in the schema shapes" in found["postgis"]
