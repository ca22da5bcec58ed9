"""Whether a report is of an incident that was reported before."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from gis_registry.reports.questions import Question
from gis_registry.reports.schemas import Answer


@dataclass(frozen=True)
class Asked:
    """A report that is about to be kept: its number, what it asks, and the component it is about.

    ``case_id`` is the number that its case gets if it joins no other.
    """

    report_id: int
    case_id: int
    case_division_code: str
    question: Question
    component_code: str | None


@dataclass(frozen=True)
class Similar:
    """An earlier report that may be of the same incident, and how probable that is."""

    report_id: int
    case_id: int
    case_division_code: str
    probability: float
    distance_m: float
    age_s: float
    text_similarity: float
    is_same_component: bool


def find_all(session: Session, asked: Sequence[Asked]) -> list[list[Similar]]:
    """Return for each report the earlier ones of open cases that it may repeat, likeliest first.

    Earlier ones are those kept already, and those before it in the same batch.
    """
    return [[] for _ in asked]


def joined_cases(
    asked: Sequence[Asked], similar: Sequence[Sequence[Similar]]
) -> dict[int, Similar]:
    """Return by its number the earlier report, with its case, whose case each report joins."""
    return {}


def with_similar(answer: Answer, similar: Sequence[Similar], joined: Similar | None) -> Answer:
    """Add to an answer which earlier reports are similar, and whose case it joins."""
    return answer
