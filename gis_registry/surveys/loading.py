"""Loading a delivery: reading, checking and judging its rows, which ends staged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.places import service as places
from gis_registry.places.locating import Locator
from gis_registry.places.tables import City
from gis_registry.surveys import queries
from gis_registry.surveys.checked import Refusal
from gis_registry.surveys.checking import (
    EARLIEST,
    MAX_ACCURACY_M,
    Expectation,
    check,
)
from gis_registry.surveys.comparison import Comparison, compare, registered_beside
from gis_registry.surveys.delivery import Delivery
from gis_registry.surveys.reading import Batch, Source, open_source, sha256_of
from gis_registry.surveys.row_classes import class_lookup
from gis_registry.surveys.schemas import SurveySummary
from gis_registry.surveys.staging import StagedRows, repetitions, write_judged
from gis_registry.surveys.tables import Survey, SurveyState, Verdict
from gis_registry.units import queries as units

#: Told after every batch: what is being done, how many rows are done, and of how many if known.
Progress = Callable[[str, int, int | None], None]


def silent(_stage: str, _done: int, _total: int | None) -> None:
    """Tell nobody how far the work is."""


@dataclass(frozen=True)
class SurveyFile:
    """A file as its sender describes it.

    Attributes:
        path: the file.
        class_code: class of every row, unless ``class_field`` names the field that holds it.
        class_field: field with each row's class code.
        crs: ``EPSG:…`` or a datum, if the file does not say it.
        layer: which layer, if there are several.
        as_of: day of the survey; None: today in the city.
        accuracy_m: position accuracy of all rows in metres; None: that of each class.
        is_synthetic: whether the data are made up.
    """

    path: Path
    class_code: str | None = None
    class_field: str | None = None
    crs: str | None = None
    layer: str | None = None
    as_of: date | None = None
    accuracy_m: float | None = None
    is_synthetic: bool = False


def stage(
    session: Session, file: SurveyFile, *, actor: str, progress: Progress | None = None
) -> SurveySummary:
    """Read a file, check every row and judge it, without changing the registry.

    Raises:
        UnreadableFile, MissingCrs: the file cannot be used.
        UnknownClass: there is no such class.
        InvalidInput: the class is not said once, or its field is missing.
    """
    tell = progress or silent
    city = places.the_city(session)
    source = open_source(file.path, crs=file.crs, layer=file.layer)
    expected = _expectation(session, file, source, city)
    survey = Survey(
        file_name=file.path.name,
        file_sha256=sha256_of(file.path),
        crs=source.crs,
        as_of=expected.as_of,
        is_synthetic=file.is_synthetic,
        actor=actor,
        state=SurveyState.STAGED,
    )
    session.add(survey)
    session.flush()
    staged = _read(session, source, file, expected, city, tell)
    delivery = staged.delivery()
    repeated = _refuse_repeated(staged, delivery)
    tell("Matching", 0, None)
    queries.lock_matching(session)
    survey.matched_at = queries.now(session)
    comparison = compare(
        session,
        delivery,
        registered_beside(session, delivery),
        city=city,
        identifiers=staged.identifiers(),
        row_shapes=staged.shapes,
        row_attributes=staged.attributes,
        coverage=None,
    )
    for done in staged.copy(session, survey.id, _with_refusals(comparison.columns(), repeated)):
        tell("Storing", done, len(delivery))
    _finish_judging(session, survey, comparison)
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
    queries.lock_matching(session)
    survey.matched_at = queries.now(session)
    records = queries.delivered(session, survey_id)
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
    )
    numbers = records["row_number"]
    named = queries.stripped(records["identifier"])
    shapes = queries.row_shapes(session, survey_id)
    comparison = compare(
        session,
        delivery,
        registered_beside(session, delivery),
        city=places.the_city(session),
        identifiers=named if (named != b"").any() else None,
        row_shapes=dict(
            zip(
                np.searchsorted(numbers, list(shapes)).tolist(),
                shapely.from_wkb(list(shapes.values())),
                strict=True,
            )
        ),
        row_attributes=lambda rows: {
            int(np.searchsorted(numbers, number)): said
            for number, said in queries.attributes_of_rows(
                session, survey_id, numbers[rows].tolist()
            ).items()
        },
        coverage=None,
    )
    write_judged(session, survey_id, numbers, delivery.is_good, comparison.columns())
    _finish_judging(session, survey, comparison)
    return summary_of(survey)


def get_survey(session: Session, survey_id: int, *, lock: bool = False) -> Survey:
    """Return a survey, if asked so that nobody else can change it until the transaction ends.

    Raises:
        NotFound: there is no such survey.
    """
    survey = queries.survey(session, survey_id, lock=lock)
    if survey is None:
        raise NotFound(
            f"There is no survey {survey_id}; `gis-registry survey list` shows what there is."
        )
    return survey


def summary_of(survey: Survey) -> SurveySummary:
    """Return a survey and what became of its rows."""
    return SurveySummary(
        survey=survey.id,
        file_name=survey.file_name,
        crs=survey.crs,
        as_of=survey.as_of,
        state=survey.state,
        is_synthetic=survey.is_synthetic,
        rows=survey.row_count,
        accepted=survey.accepted_count,
        refused=survey.refused_count,
        verdicts=survey.verdicts,
        refusals=survey.refusals,
        actor=survey.actor,
        loaded_at=survey.loaded_at,
    )


def _read(
    session: Session,
    source: Source,
    file: SurveyFile,
    expected: Expectation,
    city: City,
    tell: Progress,
) -> StagedRows:
    """Read, check and locate all rows."""
    locator = Locator(session, city=city, on_date=expected.as_of)
    staged = StagedRows(city_name=city.name_en)
    tell("Reading and checking", 0, source.row_count)
    done = 0
    for batch in source.batches():
        checked = check(_with_class_code(batch, file.class_field), expected)
        nan = np.full(len(checked), np.nan)
        staged.add(checked, locator, raw=(nan, nan))
        done += len(checked)
        tell("Reading and checking", done, source.row_count)
    return staged


def _refuse_repeated(staged: StagedRows, delivery: Delivery) -> NDArray[np.int64]:
    """Refuse rows that repeat an earlier one, and return the number of that one, or 0."""
    first = repetitions(delivery, staged.shapes)
    delivery.is_good[first > 0] = False
    return first


def _with_refusals(
    judged: dict[str, NDArray[np.generic]], repeated: NDArray[np.int64]
) -> dict[str, NDArray[np.generic]]:
    """Add why rows are refused that repeat an earlier one."""
    refusal = np.full(len(repeated), None, dtype=object)
    reason = judged["reason"].copy()
    for place in np.flatnonzero(repeated).tolist():
        refusal[place] = Refusal.DUPLICATE_IN_FILE.value
        reason[place] = f"Row {repeated[place]} has the same class and the same geometry."
    return judged | {"refusal": refusal, "reason": reason}


def _finish_judging(session: Session, survey: Survey, comparison: Comparison) -> None:
    """Enter what the delivery lacks and what differs, and count the verdicts."""
    queries.analyze(session)
    queries.lack(
        session,
        survey.id,
        after=len(comparison.delivery),
        codes=comparison.missing_codes(),
    )
    if (comparison.judgement.verdict == Verdict.UNCHANGED.value).any():
        queries.mark_differing(session, survey.id)
    counted = queries.counts(session, survey.id)
    survey.verdicts = _totals(counted, "verdict")
    survey.refusals = _totals(counted, "refusal")
    survey.row_count = len(comparison.delivery)
    survey.refused_count = survey.verdicts.get(Verdict.REFUSED, 0)
    survey.accepted_count = survey.row_count - survey.refused_count
    session.flush()


def _totals(counted: Sequence[RowMapping], what: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in counted:
        if row[what] is not None:
            totals[row[what]] = totals.get(row[what], 0) + row["count"]
    return totals


def _expectation(session: Session, file: SurveyFile, source: Source, city: City) -> Expectation:
    zone = ZoneInfo(city.time_zone)
    today = datetime.now(zone).date()
    as_of = file.as_of or today
    if not EARLIEST <= as_of <= today:
        raise InvalidInput(f"The survey's date {as_of} is in the future or before {EARLIEST.year}.")
    if file.accuracy_m is not None and not 0 < file.accuracy_m <= MAX_ACCURACY_M:
        raise InvalidInput(
            f"The accuracy must be more than 0 and at most {MAX_ACCURACY_M:,} metres."
        )
    if (file.class_code is None) == (file.class_field is None):
        raise InvalidInput("Say either the class of all rows or the field that holds it.")
    single = None
    if file.class_code is not None:
        single = catalogue.find_class(session, file.class_code, edition_key=city.edition_key)
    elif file.class_field not in source.fields:
        raise InvalidInput(
            f"{file.path.name} has no field {file.class_field!r}; it has: "
            f"{', '.join(source.fields) or 'none'}."
        )
    return Expectation(
        single_class=single,
        class_lookup=class_lookup(session, city_edition_key=city.edition_key),
        field_names={"class_code": file.class_field} if file.class_field else {},
        units=frozenset(units.unit_ids(session)),
        as_of=as_of,
        today=today,
        zone=zone,
        accuracy_m=file.accuracy_m,
    )


def _with_class_code(batch: Batch, class_field: str | None) -> Batch:
    if class_field is None:
        return batch
    names = ["class_code" if name == class_field else name for name in batch.fields.column_names]
    return replace(batch, fields=batch.fields.rename_columns(names))
