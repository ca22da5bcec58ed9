"""Surveys from file to registry: read → check → match (staged) → apply, and revert."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue_queries
from gis_registry.catalogue import service as catalogue
from gis_registry.components import identifiers
from gis_registry.components import queries as components
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.places import service as places
from gis_registry.places.tables import City
from gis_registry.surveys import queries
from gis_registry.surveys.checking import (
    EARLIEST,
    MAX_ACCURACY_M,
    Expectation,
    check,
)
from gis_registry.surveys.mapping import Mapping
from gis_registry.surveys.reading import Source, open_source, sha256_of
from gis_registry.surveys.schemas import Reverted, SurveyRowEntry, SurveyRowPage, SurveySummary
from gis_registry.surveys.staging import stage_rows
from gis_registry.surveys.tables import Survey, SurveyState, Verdict
from gis_registry.units import queries as units

#: Told after every batch: what is being done, how many rows are done, and of how many if known.
Progress = Callable[[str, int, int | None], None]

_PAGE_ROWS = 10_000


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
    """Read a file, check every row and match it, without changing the registry.

    Raises:
        UnreadableFile, MissingCrs: the file cannot be used.
        UnknownClass: there is no such class.
        InvalidInput: the class is not said once, or its field is missing.
    """
    tell = progress or (lambda _stage, _done, _total: None)
    city = places.the_city(session)
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
    source = open_source(file.path, Mapping(crs=file.crs, layer=file.layer))
    expected = _expectation(session, file, source, city, as_of=as_of, today=today, zone=zone)
    survey = Survey(
        file_name=file.path.name,
        file_sha256=sha256_of(file.path),
        crs=source.crs,
        as_of=as_of,
        is_synthetic=file.is_synthetic,
        actor=actor,
        state=SurveyState.STAGED,
        row_count=0,
        accepted_count=0,
        refused_count=0,
    )
    session.add(survey)
    session.flush()
    done = 0
    tell("Reading and checking", 0, source.row_count)
    for batch in source.batches():
        checked = check(batch, expected)
        stage_rows(session, survey.id, checked, city=city, as_of=as_of)
        done += len(batch.geometries)
        tell("Reading and checking", done, source.row_count)
    tell("Matching", 0, None)
    queries.lock_applying(session)
    queries.analyze(session)
    queries.refuse_repeated_places(session, survey.id)
    queries.match_rows(session, survey.id)
    by_verdict = _by_verdict(queries.counts(session, survey.id))
    survey.row_count = done
    survey.refused_count = by_verdict.get(Verdict.REFUSED, 0)
    survey.accepted_count = done - survey.refused_count
    session.flush()
    return show(session, survey.id)


def apply(
    session: Session, survey_id: int, *, actor: str, progress: Progress | None = None
) -> SurveySummary:
    """Register what a staged survey found new; a survey that is applied stays as it is.

    Raises:
        NotFound: there is no such survey.
        Conflict: it was reverted.
        SerialsExhausted: a class has not enough serials left in a division.
    """
    tell = progress or (lambda _stage, _done, _total: None)
    survey = _get(session, survey_id, lock=True)
    if survey.state == SurveyState.APPLIED:
        return show(session, survey_id)
    if survey.state == SurveyState.REVERTED:
        raise Conflict(f"Survey {survey_id} was reverted; load its file again instead.")
    queries.lock_applying(session)
    queries.forget_matches(session, survey_id)  # others may have changed the registry since
    queries.match_rows(session, survey_id)
    wanted = queries.wanted_identifiers(session, survey_id)
    if wanted:
        tell("Registering", 0, None)
        change = components.new_change(
            session,
            actor=actor,
            reason=f"Survey {survey_id} of {survey.as_of}: {survey.file_name}",
        )
        first_serials = identifiers.issue(session, change_id=change.id, wanted=wanted)
        with components.bulk_insert(session, sum(wanted.values())):
            queries.register(
                session,
                survey_id,
                change_id=change.id,
                first_serials=first_serials,
                is_synthetic=survey.is_synthetic,
            )
        survey.change_id = change.id
    survey.state = SurveyState.APPLIED
    session.flush()
    return show(session, survey_id)


def revert(session: Session, survey_id: int, *, actor: str) -> Reverted:
    """Withdraw what an applied survey registered; its identifiers stay issued for ever.

    Components that were changed since are left as they are and named.

    Raises:
        NotFound: there is no such survey.
        Conflict: it is not applied.
    """
    survey = _get(session, survey_id, lock=True)
    if survey.state != SurveyState.APPLIED:
        raise Conflict(
            f"Survey {survey_id} is {survey.state}; only an applied one can be reverted."
        )
    queries.lock_applying(session)
    registered = queries.registered_by(session, survey_id, survey.change_id)
    keys = [(row["division_code"], row["code"]) for row in registered if row["is_untouched"]]
    kept = [row["code"] for row in registered if not row["is_untouched"]]
    if keys:
        change = components.new_change(session, actor=actor, reason=f"Survey {survey_id} reverted")
        components.archive(session, change_id=change.id, keys=keys)
        queries.withdraw(session, change_id=change.id, keys=keys)
        survey.reverted_by = change.id
    survey.state = SurveyState.REVERTED
    session.flush()
    return Reverted(survey=survey_id, withdrawn=len(keys), kept=kept)


def show(session: Session, survey_id: int) -> SurveySummary:
    """Return a survey and what became of its rows.

    Raises:
        NotFound: there is no such survey.
    """
    survey = _get(session, survey_id)
    counted = queries.counts(session, survey_id)
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
        verdicts=_by_verdict(counted),
        refusals={row["refusal"]: row["count"] for row in counted if row["refusal"]},
        actor=survey.actor,
        loaded_at=survey.loaded_at,
    )


def surveys(session: Session) -> list[SurveySummary]:
    """Return all surveys, the newest first."""
    return [show(session, one.id) for one in queries.surveys(session)]


def rows(
    session: Session, survey_id: int, *, verdict: Verdict | None = None
) -> Iterator[SurveyRowEntry]:
    """Return the rows of a survey in the file's order, all of them or those of one verdict.

    Raises:
        NotFound: there is no such survey.
    """
    _get(session, survey_id)  # now, not when the first row is asked for
    return _all_rows(session, survey_id, verdict)


def _all_rows(
    session: Session, survey_id: int, verdict: Verdict | None
) -> Iterator[SurveyRowEntry]:
    after: int | None = 0
    while after is not None:
        page = rows_page(session, survey_id, verdict=verdict, after=after, limit=_PAGE_ROWS)
        yield from page.rows
        after = page.next_after


def rows_page(
    session: Session,
    survey_id: int,
    *,
    verdict: Verdict | None = None,
    after: int = 0,
    limit: int = 100,
) -> SurveyRowPage:
    """Return some rows of a survey in the file's order, those after one of them.

    Raises:
        NotFound: there is no such survey.
    """
    _get(session, survey_id)
    found = queries.rows(session, survey_id, verdict=verdict, after=after, limit=limit + 1)
    entries = [SurveyRowEntry.model_validate(dict(row)) for row in found[:limit]]
    return SurveyRowPage(rows=entries, next_after=entries[-1].row if len(found) > limit else None)


def is_applied(session: Session, path: Path) -> bool:
    """Return whether a file with this content was applied and not reverted."""
    return queries.applied_with(session, sha256_of(path)) is not None


def _get(session: Session, survey_id: int, *, lock: bool = False) -> Survey:
    survey = queries.survey(session, survey_id, lock=lock)
    if survey is None:
        raise NotFound(
            f"There is no survey {survey_id}; `gis-registry survey list` shows what there is."
        )
    return survey


def _expectation(
    session: Session,
    file: SurveyFile,
    source: Source,
    city: City,
    *,
    as_of: date,
    today: date,
    zone: ZoneInfo,
) -> Expectation:
    single = None
    if file.class_code is not None:
        single = catalogue.find_class(session, file.class_code, edition_key=city.edition_key)
    elif file.class_field not in source.fields:
        raise InvalidInput(
            f"{file.path.name} has no field {file.class_field!r}; it has: "
            f"{', '.join(source.fields) or 'none'}."
        )
    classes = catalogue_queries.classes(session, edition_key=city.edition_key)
    digits = {one.key: one.class_digits for one in catalogue_queries.editions(session)}
    return Expectation(
        class_field=file.class_field,
        single_class=single,
        classes={one.code: one for one in classes},
        class_digits=digits[city.edition_key],
        units=frozenset(units.unit_ids(session)),
        as_of=as_of,
        today=today,
        zone=zone,
        accuracy_m=file.accuracy_m,
    )


def _by_verdict(counted: Sequence[RowMapping]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in counted:
        totals[row["verdict"]] = totals.get(row["verdict"], 0) + row["count"]
    return totals
