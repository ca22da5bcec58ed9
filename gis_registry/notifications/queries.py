"""Everything of notifications that talks to the database."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic_core import to_json
from sqlalchemy.orm import Session

from gis_registry.db.sql import load_queries

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))
#: The channel on which processes with live streams listen.
CHANNEL = "gis_registry_notices"


def announce(session: Session, notices: Sequence[Mapping[str, object]]) -> None:
    """Add deliveries and their jobs, and notify those who listen."""
    values = {"channel": CHANNEL, "notices": to_json(notices).decode()}
    session.execute(_QUERIES["announce"], values)
