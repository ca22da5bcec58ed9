"""Saying in a sentence why a row got its verdict, from what is stored of it."""

from sqlalchemy import RowMapping

from gis_registry.surveys.schemas import SurveyRowEntry
from gis_registry.surveys.tables import Verdict


def row_entry(row: RowMapping) -> SurveyRowEntry:
    """Return a row of a survey as it is shown, with the reason for its verdict."""
    return SurveyRowEntry.model_validate(dict(row) | {"reason": reason_of(row)})


def reason_of(row: RowMapping) -> str:
    """Return why a row got its verdict: what was found, and what came next."""
    said = row["reason"]
    if row["verdict"] == Verdict.REFUSED:
        return str(said)
    parts = [_found(row)]
    if said:
        parts.append(said if said.endswith(".") else f"{said}.")
    if row["runner_up"] is not None and row["verdict"] != Verdict.AMBIGUOUS:
        parts.append(f"Next would be {row['runner_up']}, {row['runner_up_m']:.2f} m off.")
    return " ".join(parts)


def _found(row: RowMapping) -> str:
    distance_m = row["distance_m"]
    match row["verdict"]:
        case Verdict.NEW:
            return "No component of its class is near enough to be it."
        case Verdict.UNCHANGED:
            return f"It is {distance_m:.2f} m from where it is registered, within both accuracies."
        case Verdict.MOVED:
            return f"It is {distance_m:.2f} m from where it is registered, beyond both accuracies."
        case Verdict.CHANGED:
            return f"It is {distance_m:.2f} m from where it is registered, and differs."
        case Verdict.RECLASSIFIED:
            return f"A component of another class is registered {distance_m:.2f} m off."
        case Verdict.MISSING:
            return "The delivery covers its area and class, and no row is this component."
        case _:
            return _ambiguity(row)


def _ambiguity(row: RowMapping) -> str:
    candidates = [
        f"{code}, {metres:.2f} m off"
        for code, metres in (
            (row["code"], row["distance_m"]),
            (row["runner_up"], row["runner_up_m"]),
        )
        if code is not None
    ]
    if not candidates:
        return "It waits to be matched."
    if len(candidates) == 2:
        return f"It may be {candidates[0]}, or {candidates[1]}: place and attributes do not decide."
    return f"It may be {candidates[0]}, or a new one: place and attributes do not decide."
