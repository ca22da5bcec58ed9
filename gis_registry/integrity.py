"""Whether what the registry holds fits together: nothing half done, nothing issued twice."""

from pathlib import Path

from sqlalchemy.orm import Session

from gis_registry.db.checks import CheckResult
from gis_registry.db.sql import load_queries

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))
#: What each query looks for, as it is said where nothing is found.
_SOUND = {
    "versions": "Every state of every component is kept.",
    "changes": "Every state names the change that made it.",
    "identifiers": "Every identifier in use was issued.",
    "issued_twice": "No identifier was issued twice.",
    "counters": "The counters stand behind the last identifier issued.",
    "survey_rows": "Every row of every survey is kept.",
    "registered": "Applied surveys registered what they found new.",
    "aliases": "Every alias and every successor is of a component.",
}


def check_contents(session: Session) -> list[CheckResult]:
    """Look for what does not fit together; changes nothing. It reads every component once or twice.

    Returns:
        A result for each thing that was looked at; the message of one that is not sound names the
        first few examples.
    """
    results = []
    for name, sound in _SOUND.items():
        faults = session.scalars(_QUERIES[name]).all()
        shown = "; ".join(map(str, faults[:3]))
        message = sound if not faults else f"{shown}{' …' if len(faults) > 3 else ''}"
        results.append(CheckResult(name.replace("_", "-"), not faults, message))
    return results
