"""Reads of what a report may repeat, and locks that keep two of them from missing each other."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.db.sql import load_queries

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))

_ALL_PLACES = 0x6475706C6963  # "duplic": whoever asks of one place holds a share of it
_MOST_READ = 300  # reports of a place, those nearest in time
_MOST_TOLD = 50  # reports of open cases among them


@dataclass(frozen=True)
class Probe:
    """Where, when and of what earlier reports are looked for; degrees are of EPSG:4490."""

    lon: float
    lat: float
    reach_m: float
    bandwidth_m: float
    moment: datetime
    matter_type_id: int
    component_code: str | None
    text: str


def similar(
    session: Session, probes: Sequence[Probe], *, memory: timedelta
) -> Sequence[RowMapping]:
    """Return for each probe (``n``) its crowd and the reports of open cases that are near.

    Args:
        session: open transaction.
        probes: what is looked for.
        memory: how much earlier or later reports may have been made.
    """
    values = {
        "numbers": list(range(len(probes))),
        "lons": [one.lon for one in probes],
        "lats": [one.lat for one in probes],
        "reaches_m": [one.reach_m for one in probes],
        "bandwidths_m": [one.bandwidth_m for one in probes],
        "moments": [one.moment for one in probes],
        "matter_type_ids": [one.matter_type_id for one in probes],
        "component_codes": [one.component_code for one in probes],
        "texts": [one.text for one in probes],
        "memory": memory,
        "most_read": _MOST_READ,
        "most_told": _MOST_TOLD,
    }
    return session.execute(_QUERIES["similar"], values).mappings().all()


def text_similarities(session: Session, pairs: Sequence[tuple[str, str]]) -> Sequence[float]:
    """Return how similar the texts of each pair are, 0 to 1."""
    if not pairs:
        return []
    values = {"ones": [one for one, _ in pairs], "others": [other for _, other in pairs]}
    return session.scalars(_QUERIES["text_similarities"], values).all()


def lock_places(session: Session, keys: Collection[int]) -> None:
    """Let others who ask of the same places (by key) wait until the transaction ends."""
    session.execute(_QUERIES["lock_places"], {"all_places": _ALL_PLACES, "keys": list(keys)})


def lock_all_places(session: Session) -> None:
    """Let everybody else who asks of any place wait until the transaction ends."""
    session.execute(_QUERIES["lock_all_places"], {"all_places": _ALL_PLACES})


def lock_cases(session: Session, cases: Collection[tuple[str, int]]) -> set[int]:
    """Keep cases (division code, number) from being changed; return those that are open.

    What is open is read after the locks are held: who held one before may have closed the case.
    """
    if not cases:
        return set()
    ordered = sorted(cases)
    values = {
        "division_codes": [division_code for division_code, _ in ordered],
        "case_ids": [case_id for _, case_id in ordered],
    }
    session.execute(_QUERIES["lock_cases"], values)
    return set(session.scalars(_QUERIES["open_cases"], values))
