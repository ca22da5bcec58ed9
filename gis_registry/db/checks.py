"""Whether a database has what the registry needs, and what to do where it has not."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from gis_registry.db.programs import LEAST_MAJOR_VERSION, install_hint
from gis_registry.errors import DatabaseUnsuitable

#: Name in the database → what people call it; in the order in which they are created.
EXTENSIONS = {
    "postgis": "PostGIS",
    "pgrouting": "pgRouting",
    "btree_gist": "btree_gist",
    "pg_trgm": "pg_trgm",
}
LEAST_POSTGIS_VERSION = 3
_ANEW = (
    "make the database anew with "
    "`CREATE DATABASE gis_registry TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';`."
)
_INSUFFICIENT_PRIVILEGE = "42501"
_LOCK_KEY = 0x6769735F  # any number, so long as all programs use the same


@dataclass(frozen=True)
class CheckResult:
    """One thing that was looked at.

    Attributes:
        name: Stable name for programs, such as ``server-version``.
        is_passed: Whether it is as needed.
        message: What was found and, where it is not as needed, what to do.
    """

    name: str
    is_passed: bool
    message: str


def check_server(connection: Connection) -> list[CheckResult]:
    """Look at the database's server, extensions, encoding and locale; changes nothing."""
    return [
        _check_version(connection),
        *(_check_extension(connection, name) for name in EXTENSIONS),
        _check_encoding(connection),
        *_check_trigrams(connection),
    ]


def require_suitable(connection: Connection) -> None:
    """Return when the database has all that is needed.

    Raises:
        DatabaseUnsuitable: It has not; one line for each thing that is missing.
    """
    failures = [each.message for each in check_server(connection) if not each.is_passed]
    if failures:
        raise DatabaseUnsuitable("\n".join(failures))


def create_extensions(connection: Connection) -> list[str]:
    """Create the extensions that are installed on the server but not yet in this database.

    Those that the server does not have are left to ``check_server``. Committing is the caller's.

    Args:
        connection: In a transaction or about to begin one; not in autocommit.

    Returns:
        The names of those that were created.

    Raises:
        DatabaseUnsuitable: This role may not; says which commands a superuser has to run.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    missing = [
        name
        for name in EXTENSIONS
        if _created_version(connection, name) is None
        and _available_version(connection, name) is not None
    ]
    for number, name in enumerate(missing):
        try:
            with connection.begin_nested():
                connection.execute(text(f"CREATE EXTENSION {name}"))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _INSUFFICIENT_PRIVILEGE:
                raise
            raise DatabaseUnsuitable(
                f"The role {_scalar(connection, 'SELECT current_user')} may not create extensions: "
                f"{_superuser_hint(connection, *missing[number:])}."
            ) from error
    return missing


def _check_version(connection: Connection) -> CheckResult:
    found = _scalar(connection, "SHOW server_version")
    is_passed = _major_version(connection) >= LEAST_MAJOR_VERSION
    advice = "" if is_passed else f": {LEAST_MAJOR_VERSION} or later is needed; upgrade the server"
    return CheckResult("server-version", is_passed, f"The server is PostgreSQL {found}{advice}.")


def _check_extension(connection: Connection, name: str) -> CheckResult:
    title = EXTENSIONS[name]
    created = _created_version(connection, name)
    available = _available_version(connection, name)
    is_passed = False
    if created is None and available is None:
        message = f"{title} is not installed on the server: {_install_hint(connection, name)}."
    elif created is None:
        message = (
            f"{title} {available} is installed but not created in this database: "
            f"{_superuser_hint(connection, name)}."
        )
    elif name == "postgis" and int(created.split(".")[0]) < LEAST_POSTGIS_VERSION:
        message = (
            f"PostGIS {created} is too old, {LEAST_POSTGIS_VERSION}.0 or later is needed: install "
            "it on the server and have a superuser run `ALTER EXTENSION postgis UPDATE;`."
        )
    elif (schema := _hidden_schema(connection, name)) is not None:
        database = _scalar(connection, "SELECT quote_ident(current_database())")
        message = (
            f"{title} lies in the schema {schema}, where this role does not look: run "
            f'`ALTER DATABASE {database} SET search_path TO "$user", public, {schema};` '
            "and connect again."
        )
    else:
        is_passed = True
        message = f"{title} {created} is there."
    return CheckResult(name, is_passed, message)


def _check_encoding(connection: Connection) -> CheckResult:
    encoding = _encoding(connection)
    is_passed = encoding == "UTF8"
    advice = "." if is_passed else f", UTF8 is needed: {_ANEW}"
    return CheckResult("encoding", is_passed, f"The database's encoding is {encoding}{advice}")


def _check_trigrams(connection: Connection) -> Iterator[CheckResult]:
    """Look whether Chinese text has trigrams: with ``LC_CTYPE=C`` it silently has none.

    Without pg_trgm or UTF8 there is nothing to look at, and their own checks fail.
    """
    is_there = _scalar(connection, "SELECT to_regproc('show_trgm') IS NOT NULL")
    if not is_there or _encoding(connection) != "UTF8":
        return
    is_passed = bool(_scalar(connection, "SELECT cardinality(show_trgm('路灯')) > 0"))
    message = "Chinese text can be searched."
    if not is_passed:
        locale = _scalar(
            connection, "SELECT datctype FROM pg_database WHERE datname = current_database()"
        )
        message = (
            f"Chinese text cannot be searched, since LC_CTYPE is {locale} in this database: {_ANEW}"
        )
    yield CheckResult("trigrams", is_passed, message)


def _scalar(connection: Connection, statement: str, **values: str) -> object:
    return connection.scalar(text(statement), values)


def _major_version(connection: Connection) -> int:
    return int(str(_scalar(connection, "SHOW server_version_num"))) // 10_000


def _encoding(connection: Connection) -> str:
    return str(_scalar(connection, "SHOW server_encoding"))


def _created_version(connection: Connection, name: str) -> str | None:
    statement = "SELECT extversion FROM pg_extension WHERE extname = :name"
    version = _scalar(connection, statement, name=name)
    return None if version is None else str(version)


def _available_version(connection: Connection, name: str) -> str | None:
    statement = "SELECT default_version FROM pg_available_extensions WHERE name = :name"
    version = _scalar(connection, statement, name=name)
    return None if version is None else str(version)


def _hidden_schema(connection: Connection, name: str) -> str | None:
    """Return the extension's schema when it is not in the search path."""
    statement = """
        SELECT quote_ident(nspname)
        FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
        WHERE extname = :name AND NOT nspname = ANY (current_schemas(true))
    """
    schema = _scalar(connection, statement, name=name)
    return None if schema is None else str(schema)


def _superuser_hint(connection: Connection, *names: str) -> str:
    commands = " ".join(f"CREATE EXTENSION {name};" for name in names)
    database = _scalar(connection, "SELECT current_database()")
    return f"have a superuser run `{commands}` in the database {database}"


def _install_hint(connection: Connection, name: str) -> str:
    major_version = _major_version(connection)
    if name in ("postgis", "pgrouting"):
        return f"{install_hint(major_version)} on the server's machine"
    return (
        "install PostgreSQL's additional modules on the server's machine "
        f"(`postgresql-{major_version}` on Debian, `postgresql{major_version}-contrib` on Red Hat`)"
    )
