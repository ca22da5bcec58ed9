"""The database as a program holds it: an engine, sessions, and the embedded server behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from pydantic_core import to_json
from sqlalchemy import URL, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from gis_registry.db.embedded import EmbeddedServer
from gis_registry.errors import DatabaseUnavailable
from gis_registry.settings import Settings


class Database:
    """A PostGIS that is there: ours, started for as long as this is open, or one given by URL."""

    def __init__(self, settings: Settings) -> None:
        """Hold the server and make the engine.

        Raises:
            DatabaseUnavailable: the embedded server cannot start, or the URL is none.
        """
        self._embedded: EmbeddedServer | None = None
        if settings.database_url is None:
            self._embedded = EmbeddedServer(settings.home)
            url = make_url(self._embedded.acquire())
        else:
            url = _driver_url(settings.database_url.get_secret_value())
        self.url = url
        self.engine = _engine(url, settings)
        if self._embedded is not None:
            event.listen(self.engine, "do_connect", self._connect_or_revive)

    def close(self) -> None:
        """Close the connections and let the embedded server go."""
        self.engine.dispose()
        if self._embedded is not None:
            self._embedded.release()
            self._embedded = None

    def __enter__(self) -> "Database":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _connect_or_revive(
        self, dialect: Dialect, _: Any, arguments: list[Any], options: dict[str, Any]
    ) -> Any:
        """Connect; if the embedded server crashed, start it again for SQLAlchemy's next try."""
        try:
            return dialect.connect(*arguments, **options)
        except psycopg.OperationalError:
            if self._embedded is not None:
                self._embedded.revive()
            return None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a transaction: committed at the end, rolled back on any error.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with answering(self.url), Session(self.engine) as session, session.begin():
            yield session


@contextmanager
def answering(url: URL) -> Iterator[None]:
    """Turn a lost or refused connection into an error that says which server and what to do."""
    try:
        yield
    except (OperationalError, psycopg.OperationalError) as error:
        cause = (
            error.orig if isinstance(error, OperationalError) else error
        )  # COPY is psycopg's own
        is_lost = isinstance(error, OperationalError) and error.connection_invalidated
        if not (is_lost or "connect" in str(cause).lower()):
            raise
        where = url.difference_update_query(["password"]).render_as_string()
        first_line = str(cause).strip().splitlines()[0]
        raise DatabaseUnavailable(
            f"The database at {where} does not answer ({first_line}). Is the server running, and "
            "is GIS_REGISTRY_DATABASE_URL right?"
        ) from error


def _as_json(value: Any) -> str:
    """Return a value of a JSON column, in which models may stand for what they hold."""
    return to_json(value).decode()


def _driver_url(given: str) -> URL:
    try:
        url = make_url(given)
    except (ArgumentError, ValueError) as error:  # a port that is no number: ValueError
        raise DatabaseUnavailable(
            "GIS_REGISTRY_DATABASE_URL is not a URL such as postgresql://user:password@host/name."
        ) from error
    if url.get_backend_name() != "postgresql":
        raise DatabaseUnavailable(
            f"GIS_REGISTRY_DATABASE_URL names {url.get_backend_name()}; PostgreSQL with PostGIS is "
            "needed (postgresql://user:password@host/name)."
        )
    return url.set(drivername="postgresql+psycopg")


def _engine(url: URL, settings: Settings) -> Engine:
    return create_engine(
        url,
        pool_size=settings.pool_size,
        max_overflow=settings.pool_size,
        pool_pre_ping=True,
        json_serializer=_as_json,
        connect_args={"connect_timeout": 10, "options": "-c timezone=UTC"},
    )
