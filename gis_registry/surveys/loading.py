"""Loading a delivery: reading, checking and judging its rows, which ends staged."""

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis_registry.components import queries as components
from gis_registry.errors import Conflict
from gis_registry.places import service as places
from gis_registry.places.locating import Locator
from gis_registry.places.tables import City
from gis_registry.surveys import queries, review_queries
from gis_registry.surveys.batch_checks import batch_findings
from gis_registry.surveys.checked import CheckedBatch, Refusal
from gis_registry.surveys.checking import Expectation, check
from gis_registry.surveys.comparison import Comparison, box_of, compare, registered_beside
from gis_registry.surveys.delivery import Delivery, Registered
from gis_registry.surveys.early_copy import EarlyCopy
from gis_registry.surveys.expecting import expectation_of
from gis_registry.surveys.mapping import Mapping
from gis_registry.surveys.progress import Progress, silent
from gis_registry.surveys.reading import Batch, Source, open_source, sha256_of
from gis_registry.surveys.schemas import SurveySummary
from gis_registry.surveys.staging import (
    LocatedRows,
    StagedRows,
    StoredRows,
    locate_rows,
    repetitions,
    write_judged,
)
from gis_registry.surveys.stopping import (
    OF_NEIGHBOURS,
    has_error,
    lacking,
    neighbours,
    stopped,
    stored,
)
from gis_registry.surveys.summaries import get_survey, recount, summary_of
from gis_registry.surveys.tables import Survey, SurveyState
from gis_registry.surveys.whole import Gathered, batch_context

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")

_AS_IT_IS = Mapping()


@dataclass(frozen=True)
class SurveyFile:
    """A file as its sender describes it.

    Attributes:
        path: the file.
        mapping: how it is to be understood.
        is_synthetic: whether the data are made up.
    """

    path: Path
    mapping: Mapping = _AS_IT_IS
    is_synthetic: bool = False


def stage(
    session: Session,
    file: SurveyFile,
    *,
    actor: str,
    forced_reason: str | None = None,
    progress: Progress | None = None,
) -> SurveySummary:
    """Read a file, check it and judge every row, without changing the registry.

    A file that is wrong as a whole is kept as stopped, with the reason at every row.

    Args:
        session: open transaction.
        file: the file.
        actor: who loads it.
        forced_reason: why a file that looks wrong as a whole is right all the same.
        progress: told how far the work is.

    Raises:
        UnreadableFile, MissingCrs: the file cannot be used.
        UnknownClass: there is no such class.
        InvalidInput: the class is not said, or the mapping names what the file has not.
    """
    tell = progress or silent
    city = places.the_city(session)
    source = open_source(file.path, file.mapping)
    expected = expectation_of(session, source, city)
    survey = _new_survey(
        session, file, source, as_of=expected.as_of, actor=actor, forced_reason=forced_reason
    )
    locator = Locator(session, city=city, on_date=expected.as_of)
    gathered = Gathered(class_code=source.mapping.class_.code)
    early = EarlyCopy(session, survey.id) if components.is_empty(session) else None
    staged = _read(session, source, expected, locator, gathered, city, early, tell)
    delivery = staged.delivery()
    repeated = _refuse_repeated(staged, delivery)
    tell("Looking at the whole", 0, None)
    context = batch_context(
        session, gathered, source=source, expected=expected, locator=locator, city=city
    )
    components.lock_matching(session)
    survey.matched_at = queries.now(session)
    # Where names stand beside the codes, they tell the edition, and no places need to.
    read_as = () if context.class_names else context.read_as.values()
    registered = registered_beside(
        session,
        delivery,
        attribute_names=staged.attribute_names,
        also={class_id for meant in read_as for class_id in meant.values()},
        has_refused=not delivery.is_good.any(),
    )
    findings = batch_findings(delivery, registered, context)
    comparison = None
    if forced_reason is not None or not has_error(findings):
        tell("Matching", 0, None)
        comparison = compare(
            session,
            delivery,
            registered if delivery.is_good.any() else registered.take(np.arange(0)),
            staged,
            city=city,
            coverage=file.mapping.coverage or None,
        )
        findings += lacking(comparison, context, city)
    survey.findings = [stored(one) for one in [*findings, *neighbours(session, survey)]]
    if not has_error(findings):
        survey.forced_reason = None
    elif forced_reason is None:
        survey.state, comparison = SurveyState.STOPPED, None
    judged = stopped(delivery, findings) if comparison is None else comparison.columns()
    _store(session, survey, staged, _with_refusals(judged, repeated), early, tell)
    _finish(session, survey, len(delivery), comparison)
    return summary_of(survey)


def match(session: Session, survey_id: int, *, progress: Progress | None = None) -> SurveySummary:
    """Judge the rows of a staged survey again, as the registry is now; decisions that fit stay.

    Raises:
        NotFound: there is no such survey.
        Conflict: it is not staged.
    """
    tell = progress or silent
    survey = get_survey(session, survey_id, lock=True)
    if survey.state != SurveyState.STAGED:
        raise Conflict(f"Survey {survey_id} is {survey.state}; only a staged one is matched again.")
    tell("Matching", 0, None)
    components.lock_matching(session)
    survey.matched_at = queries.now(session)
    names = queries.attribute_names(session, survey_id)
    records = queries.delivered(session, survey_id, attribute_names=names)
    delivery = Delivery(
        lon=records["lon"].astype(np.float64),
        lat=records["lat"].astype(np.float64),
        raw_x=records["lon"].astype(np.float64),
        raw_y=records["lat"].astype(np.float64),
        class_ids=records["class_id"].astype(np.int32),
        accuracies_m=records["accuracy_m"].astype(np.float64),
        is_good=records["is_good"] == 1,
        divisions=records["division"].astype(np.int32),
        areas=records["area"].astype(np.int32),
        unit_ids=records["unit_ids"].astype(np.int32),
    )
    numbers = records["row_number"]
    named = queries.stripped(records["identifier"])
    chosen = review_queries.standing_choices(session, survey_id)
    for one in chosen:  # what a person said a row is counts as if the row said it
        named[np.searchsorted(numbers, one["row_number"])] = one["component"] or b""
    review_queries.remember(session, survey_id, chosen=[one["row_number"] for one in chosen])
    comparison = compare(
        session,
        delivery,
        _registered_for(session, survey, delivery, names),
        StoredRows(session, survey_id, records, named),
        city=places.the_city(session),
        coverage=_coverage_of(survey),
    )
    write_judged(session, survey_id, numbers, delivery.is_good, comparison.columns())
    own = [one for one in survey.findings if one["check"] not in OF_NEIGHBOURS]
    survey.findings = [*own, *map(stored, neighbours(session, survey))]
    _finish(session, survey, len(delivery), comparison, is_again=True)
    return summary_of(survey)


def _registered_for(
    session: Session, survey: Survey, delivery: Delivery, attribute_names: Sequence[str]
) -> Registered:
    """Return what a stored survey is matched with: not what rows that it retries have already."""
    registered = registered_beside(session, delivery, attribute_names=attribute_names)
    if survey.retry_of is None:
        return registered
    held = review_queries.held(session, survey.id, box=box_of(delivery))
    return registered.take(np.flatnonzero(~np.isin(registered.codes, held)))


def _coverage_of(survey: Survey) -> Collection[str] | None:
    """Return which divisions a stored survey covers; a few rows of another one cover nothing."""
    if survey.retry_of is not None:
        return ()
    return Mapping.model_validate(survey.mapping).coverage or None


def _new_survey(
    session: Session,
    file: SurveyFile,
    source: Source,
    *,
    as_of: date,
    actor: str,
    forced_reason: str | None,
) -> Survey:
    survey = Survey(
        file_name=file.path.name,
        file_sha256=sha256_of(file.path),
        crs=source.crs,
        as_of=as_of,
        is_synthetic=file.is_synthetic,
        actor=actor,
        state=SurveyState.STAGED,
        mapping=file.mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        forced_reason=forced_reason,
    )
    session.add(survey)
    session.flush()
    return survey


def _read(
    session: Session,
    source: Source,
    expected: Expectation,
    locator: Locator,
    gathered: Gathered,
    city: City,
    early: EarlyCopy | None,
    tell: Progress,
) -> StagedRows:
    """Read, check and locate all rows: one thread reads, others check."""

    def prepare(batch: Batch) -> tuple[Batch, CheckedBatch, LocatedRows]:
        checked = check(batch, expected)
        raw = batch.raw_x, batch.raw_y
        return batch, checked, locate_rows(checked, locator, raw=raw, city_name=city.name_en)

    staged = StagedRows(session)
    tell("Reading and checking", 0, source.row_count)
    done = 0
    with early or nullcontext():
        for batch, checked, rows in in_order(prepare, source.batches()):
            gathered.add(batch.fields, checked, expected)
            staged.add(rows)
            if early is not None:
                early.add(rows)
            done += len(checked)
            tell("Reading and checking", done, source.row_count)
    return staged


def in_order(work: Callable[[_Item], _Done], items: Iterable[_Item]) -> Iterator[_Done]:
    """Do work on items in as many threads as there are processors; yield what comes, in order."""
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[_Done]] = deque()
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _refuse_repeated(staged: StagedRows, delivery: Delivery) -> NDArray[np.int64]:
    """Refuse rows that repeat an earlier one, and return the number of that one, or 0."""
    first = repetitions(delivery, staged.shapes)
    delivery.is_good[first > 0] = False
    return first


def _with_refusals(
    judged: dict[str, NDArray[np.generic]], repeated: NDArray[np.int64]
) -> dict[str, NDArray[np.generic]]:
    """Add why rows are refused that repeat an earlier one."""
    refusal = judged.get("refusal", np.full(len(repeated), None, dtype=object)).copy()
    reason = judged["reason"].copy()
    for place in np.flatnonzero(repeated).tolist():
        refusal[place] = Refusal.DUPLICATE_IN_FILE.value
        reason[place] = f"Row {repeated[place]} has the same class and the same geometry."
    return judged | {"refusal": refusal, "reason": reason}


def _store(
    session: Session,
    survey: Survey,
    staged: StagedRows,
    judged: dict[str, NDArray[np.generic]],
    early: EarlyCopy | None,
    tell: Progress,
) -> None:
    """Write the rows of a survey into a table of their own, unless they stand there already."""
    if early is None or not early.holds(judged):
        queries.make_rows_table(session, survey.id)
        for done in staged.copy(survey.id, judged):
            tell("Storing", done, len(judged["verdict"]))
    tell("Storing", len(judged["verdict"]), len(judged["verdict"]))
    queries.attach_rows(session, survey.id)


def _finish(
    session: Session,
    survey: Survey,
    row_count: int,
    comparison: Comparison | None,
    *,
    is_again: bool = False,
) -> None:
    """Enter what the delivery lacks, and count the verdicts."""
    if comparison is not None:
        queries.lack(session, survey.id, after=row_count, codes=comparison.missing_codes())
    if is_again:
        review_queries.reinstate(session, survey.id)
    recount(session, survey)
