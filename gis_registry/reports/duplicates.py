"""Whether a report is of an incident that was reported before.

Earlier reports are found here, those of the same batch too; how probable each is, is weighed in
``duplicate_odds.py``.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.dispatch.schemas import Sentence
from gis_registry.reports import duplicate_odds as odds
from gis_registry.reports import duplicate_queries as queries
from gis_registry.reports.duplicate_batches import BeforeInBatch, before_in_batch
from gis_registry.reports.duplicate_odds import Case, Crowd, Earlier
from gis_registry.reports.duplicate_queries import Probe
from gis_registry.reports.questions import Question
from gis_registry.reports.schemas import Answer, SimilarReport

#: How probable it must be that a report repeats an open case for it to join that case.
JOINED_FROM = 0.9
#: How probable it must be for the case to be told.
TOLD_FROM = 0.01
#: How many cases are told at most.
TOLD_COUNT = 5

#: Side of the squares by which places are locked.
_SQUARE_DEG = 0.005
_DAY_S = 86400.0


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
    """A case that a report may repeat, how probable that is, and its report that is most alike.

    ``report_id`` is the case's first report; distance, age, text and component are those of the
    one that is most alike.
    """

    report_id: int
    case_id: int
    case_division_code: str
    probability: float
    distance_m: float
    age_s: float
    text_similarity: float
    is_same_component: bool
    is_same_matter: bool

    @property
    def is_joined(self) -> bool:
        """Whether the report joins the case, if no likelier one is open."""
        is_same_fault = self.is_same_component and self.is_same_matter
        return is_same_fault or self.probability >= JOINED_FROM


def find_all(
    session: Session, asked: Sequence[Asked], *, to_keep: bool = True
) -> list[list[Similar]]:
    """Return for each report the open cases that it may repeat, likeliest first.

    Earlier reports are those kept already, and those before it in the same batch.

    Args:
        session: open transaction.
        asked: the reports.
        to_keep: they are about to be kept: others who ask of the same places wait until the
            transaction ends, and cases that are joined stay open until then.
    """
    if not asked:
        return []
    if to_keep:
        _lock(session, asked)
    near = _near(session, asked)
    closed: set[int] = set()
    checked = {(one.case_division_code, one.case_id) for one in asked}
    while True:
        similar = _weighed(asked, near, closed=closed)
        joined = joined_cases(asked, similar).values()
        cases = {(one.case_division_code, one.case_id) for one in joined} - checked
        if not (to_keep and cases):
            return similar
        still_open = queries.lock_cases(session, cases)
        if len(still_open) == len(cases):
            return similar
        checked |= cases
        closed |= {case_id for _, case_id in cases} - still_open


def joined_cases(
    asked: Sequence[Asked], similar: Sequence[Sequence[Similar]]
) -> dict[int, Similar]:
    """Return by its number the earlier report, with its case, whose case each report joins."""
    joined = {}
    for one, others in zip(asked, similar, strict=True):
        case = _joined(others)
        if case is not None:
            joined[one.report_id] = case
    return joined


def _joined(similar: Sequence[Similar]) -> Similar | None:
    """Return the likeliest of the cases that a report joins."""
    return next((one for one in similar if one.is_joined), None)


def with_similar(answer: Answer, similar: Sequence[Similar], joined: Similar | None) -> Answer:
    """Add to an answer which earlier reports are similar, and whose case it joins."""
    if not similar:
        return answer
    return answer.model_copy(
        update={
            "similar": [entry(one) for one in similar],
            "grounds": [*answer.grounds, _why(joined or similar[0], is_joined=joined is not None)],
        }
    )


def entry(one: Similar) -> SimilarReport:
    """Return what is said of a case that a report may repeat."""
    return SimilarReport(
        report_id=one.report_id,
        case_id=one.case_id,
        probability=round(one.probability, 4),
        distance_m=round(one.distance_m, 2),
        age_s=round(one.age_s, 1),
        text_similarity=round(one.text_similarity, 3),
        is_same_component=one.is_same_component,
    )


def _why(one: Similar, *, is_joined: bool) -> Sentence:
    ago_zh, ago_en = _ago(one.age_s)
    same_zh, same_en = ("，同一部件", ", the same component") if one.is_same_component else ("", "")
    zh = f"案件{one.case_id}（{ago_zh}，相距{one.distance_m:.0f}米{same_zh}）"
    en = f"case {one.case_id} ({ago_en}, {one.distance_m:.0f} m away{same_en})"
    sure = f"{min(one.probability, 0.999):.0%}"
    if is_joined:
        return Sentence(
            step="case",
            zh=f"与{zh}为同一事件（把握{sure}），并入该案件。",
            en=f"It is of the same incident as {en}, {sure} sure, and joins it.",
        )
    return Sentence(
        step="case",
        zh=f"与{zh}相似（{sure}可能为同一事件），另立案件，请核对。",
        en=f"It resembles {en}, with a probability of {sure}, and has a case of its own: "
        "please check.",
    )


def _ago(age_s: float) -> tuple[str, str]:
    later_zh, later_en = ("前", "earlier") if age_s >= 0 else ("后", "later")
    for size_s, zh, en in (
        (_DAY_S, "天", "days"),
        (3600, "小时", "hours"),
        (60, "分钟", "minutes"),
    ):
        if abs(age_s) >= 2 * size_s:
            count = round(abs(age_s) / size_s)
            return f"{count}{zh}{later_zh}", f"{count} {en} {later_en}"
    seconds = round(abs(age_s))
    return f"{seconds}秒{later_zh}", f"{seconds} s {later_en}"


@dataclass(frozen=True)
class _Near:
    """What there is near a report: its crowd, reports of open cases, and of the same batch."""

    crowd: Crowd
    name_similarity: float
    kept: list[Earlier]
    in_batch: list[BeforeInBatch]


def _near(session: Session, asked: Sequence[Asked]) -> list[_Near]:
    rows: list[list[RowMapping]] = [[] for _ in asked]
    for row in queries.similar(session, [_probe(one) for one in asked], memory=odds.MEMORY):
        rows[row["n"]].append(row)
    in_batches = before_in_batch(
        session, [one.question for one in asked], [one.component_code for one in asked]
    )
    first_at = rows[0][0]["first_at"]
    told = []
    for one, found, in_batch in zip(asked, rows, in_batches, strict=True):
        moment = one.question.reported_at
        first_at = min(first_at or moment, moment)
        span_s = found[0]["span_s"]
        days = (moment - first_at).days if span_s is None else float(span_s) / _DAY_S
        crowd = Crowd(
            incidents=found[0]["whole_crowding"],
            days=odds.days_of_rate(days),
            by_case={row["case_id"]: row["crowding"] for row in found if row["crowding"]},
        )
        kept = [_kept(row, one) for row in found if row["id"] is not None]
        told.append(_Near(crowd, found[0]["name_similarity"], kept, in_batch))
    return told


def _probe(one: Asked) -> Probe:
    question = one.question
    return Probe(
        lon=question.lon,
        lat=question.lat,
        reach_m=odds.reach_m(question),
        bandwidth_m=odds.bandwidth_m(question),
        moment=question.reported_at,
        matter_type_id=question.matter.type.id,
        component_code=one.component_code,
        text=question.text,
    )


def _kept(row: RowMapping, asked: Asked) -> Earlier:
    return Earlier(
        report_id=row["id"],
        case=Case(row["case_division_code"], row["case_id"], row["first_report_id"]),
        accuracy_m=row["accuracy_m"],
        distance_m=row["distance_m"],
        age_s=float(row["age_s"]),
        is_same_matter=row["is_same_matter"],
        is_same_component=_is_same(row["component_code"], asked.component_code),
        is_other_component=_is_other(row["component_code"], asked.component_code),
        text_similarity=row["text_similarity"],
    )


def _is_same(one: str | None, other: str | None) -> bool:
    return one is not None and one == other


def _is_other(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _weighed(
    asked: Sequence[Asked], near: Sequence[_Near], *, closed: Collection[int]
) -> list[list[Similar]]:
    """Weigh the reports in their order, since what one joins decides what the next can join."""
    cases = [Case(one.case_division_code, one.case_id, one.report_id) for one in asked]
    told = []
    for n, (one, found) in enumerate(zip(asked, near, strict=True)):
        of_batch = [_of_batch(each, asked, cases[each.n], one) for each in found.in_batch]
        similar = _told(
            odds.weigh(
                one.question,
                [each for each in found.kept if each.case.id not in closed] + of_batch,
                _with_batch(found.crowd, of_batch, one.question),
                name_similarity=found.name_similarity,
            )
        )
        joined = _joined(similar)
        if joined is not None:
            cases[n] = Case(joined.case_division_code, joined.case_id, joined.report_id)
        told.append(similar)
    return told


def _of_batch(before: BeforeInBatch, asked: Sequence[Asked], case: Case, one: Asked) -> Earlier:
    other = asked[before.n]
    question = other.question
    return Earlier(
        report_id=other.report_id,
        case=case,
        accuracy_m=question.accuracy_m,
        distance_m=before.distance_m,
        age_s=(one.question.reported_at - question.reported_at).total_seconds(),
        is_same_matter=question.matter.type.id == one.question.matter.type.id,
        is_same_component=_is_same(other.component_code, one.component_code),
        is_other_component=_is_other(other.component_code, one.component_code),
        text_similarity=before.text_similarity,
    )


def _with_batch(crowd: Crowd, of_batch: Sequence[Earlier], question: Question) -> Crowd:
    """Add the reports of the batch to a crowd; a case counts where it is nearest."""
    if not of_batch:
        return crowd
    reach_m, bandwidth_m = odds.reach_m(question), odds.bandwidth_m(question)
    by_case = dict(crowd.by_case)
    for one in of_batch:
        if one.is_same_matter and one.distance_m <= reach_m:
            own = odds.crowding(one.distance_m, bandwidth_m)
            by_case[one.case.id] = max(own, by_case.get(one.case.id, 0.0))
    added = sum(by_case.values()) - sum(crowd.by_case.values())
    return Crowd(crowd.incidents + added, crowd.days, by_case)


def _told(weighed: Sequence[tuple[Earlier, float]]) -> list[Similar]:
    similar = [
        Similar(
            report_id=one.case.first_report_id,
            case_id=one.case.id,
            case_division_code=one.case.division_code,
            probability=probability,
            distance_m=one.distance_m,
            age_s=one.age_s,
            text_similarity=one.text_similarity or 0.0,
            is_same_component=one.is_same_component,
            is_same_matter=one.is_same_matter,
        )
        for one, probability in weighed
        if probability >= TOLD_FROM
    ]
    similar.sort(key=lambda one: (-one.probability, one.case_id))
    return similar[:TOLD_COUNT]


def _lock(session: Session, asked: Sequence[Asked]) -> None:
    if len(asked) > 1:
        queries.lock_all_places(session)
        return
    one = asked[0]
    major = one.question.matter.type.major_code
    places = {f"{major} {x} {y}" for x, y in odds.squares(one.question, _SQUARE_DEG)}
    if one.component_code is not None:
        places.add(one.component_code)
    digests = (blake2b(place.encode(), digest_size=8).digest() for place in places)
    queries.lock_places(session, {int.from_bytes(one, signed=True) for one in digests})
