"""Run the migrations: on a connection that is given, or on the database of the settings."""

from typing import Any

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection

from gis_registry.db.engine import Database
from gis_registry.settings import Settings
from gis_registry.tables import METADATA

#: Parts of tables, and the job queue's tables, which are as its library has them.
_NOT_OURS = ("survey_rows_", "procrastinate_")


def is_compared(item: Any, name: str | None, kind: str, is_reflected: bool, other: object) -> bool:
    """Return whether something should be as the tables are declared."""
    if kind == "table" and is_reflected and str(name).startswith(_NOT_OURS):
        return False
    return bool(alembic_helpers.include_object(item, name, kind, is_reflected, other))


def migrate(connection: Connection) -> None:
    """Run the migrations on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_object=is_compared,
        process_revision_directives=alembic_helpers.writer,
        render_item=alembic_helpers.render_item,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if isinstance(given, Connection):
    migrate(given)
elif given is not None:
    with given.connect() as connection:
        migrate(connection)
else:
    with Database(Settings()) as database, database.engine.connect() as connection:
        migrate(connection)
