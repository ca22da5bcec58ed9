"""Putting single rows right, refused or not, and trying those of an applied survey again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.places import service as places
from gis_registry.places.locating import Locator
from gis_registry.surveys import review_queries
from gis_registry.surveys.checked import CheckedBatch, Refusal
from gis_registry.surveys.checking import Expectation, check
from gis_registry.surveys.explaining import row_entry
from gis_registry.surveys.loading import match
from gis_registry.surveys.reading import Batch
from gis_registry.surveys.row_classes import class_lookup
from gis_registry.surveys.row_values import (
    ACCURACY_FIELD,
    DATE_FIELD,
    IDENTIFIER_FIELD,
    UNIT_FIELDS,
)
from gis_registry.surveys.schemas import Corrected, NewCorrection, SurveySummary
from gis_registry.surveys.staging import locate_rows
from gis_registry.surveys.summaries import get_survey, recount
from gis_registry.surveys.tables import (
    Survey,
    SurveyDecision,
    SurveyState,
    Verdict,
)
from gis_registry.units import queries as units

#: What a row says beside its attributes, its class and its geometry.
VALUE_FIELDS = (*UNIT_FIELDS, DATE_FIELD, ACCURACY_FIELD, IDENTIFIER_FIELD)
#: What was refused is not kept where it is no value of its column, so it has to be said anew.
_SAID_ANEW = {
    Refusal.UNKNOWN_UNIT: UNIT_FIELDS,
    Refusal.INVALID_VALUE: (DATE_FIELD, ACCURACY_FIELD),
}
_CORRECTED = "corrected"


@dataclass(frozen=True)
class Correction:
    """What a row should say.

    Attributes:
        values: by attribute, or by one of ``VALUE_FIELDS``, as a file would write it; an empty text
            takes the value away.
        class_code: of the city's edition; None: as it is.
        geometry: in EPSG:4490, x = longitude; None: as it is.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    class_code: str | None = None
    geometry: shapely.Geometry | None = None

    def __bool__(self) -> bool:
        """Return whether anything is to be changed."""
        return bool(self.values) or self.class_code is not None or self.geometry is not None


def correct(
    session: Session,
    survey_id: int,
    row_number: int,
    correction: Correction,
    *,
    actor: str,
    reason: str,
    is_matched: bool = True,
) -> Corrected:
    """Put a row right and check it again as if it had come so; a good row is then matched.

    What it said before is kept with the decision; what was decided of it before holds no more. A
    refused row may be refused again, for another reason. One that was not stays as it is rather
    than be refused.

    Args:
        session: open transaction.
        survey_id: a staged survey, or for refused rows an applied one.
        row_number: the row, from 1.
        correction: what it should say.
        actor: who corrects.
        reason: why.
        is_matched: whether to match the survey again at once.

    Raises:
        NotFound: there is no such survey or row.
        Conflict: the survey is not staged, or the row of an applied one is not refused.
        InvalidInput: there is nothing to change, no reason is given, or a row that was not refused
            would be.
    """
    survey = get_survey(session, survey_id, lock=True)
    stored = review_queries.delivered_row(session, survey_id, row_number)
    if stored is None:
        raise NotFound(f"Survey {survey_id} has no row {row_number}.")
    _require_correctable(survey, row_number, stored)
    if not correction or not reason.strip():
        raise InvalidInput("Say what the row should be, and give a reason.")
    before = _said(stored)
    after = _corrected(before, stored, correction)
    columns = _checked(session, survey, row_number, stored, after, correction)
    if columns["refusal"] is not None and stored["verdict"] != Verdict.REFUSED:
        raise InvalidInput(f"Row {row_number} stays as it is: {columns['reason']}")
    review_queries.correct(session, survey_id, row_number, columns)
    edits = {
        "before": {name: one for name, one in before.items() if after.get(name) != one},
        "after": {name: one for name, one in after.items() if before.get(name) != one},
    }
    _record(session, survey, _CORRECTED, row_number, edits=edits, actor=actor, reason=reason)
    recount(session, survey)
    is_matched = is_matched and survey.state == SurveyState.STAGED and columns["refusal"] is None
    if is_matched:
        match(session, survey_id)
    (row,) = review_queries.reviewed_rows(session, survey_id, [row_number])
    entry = row_entry(row)
    return Corrected(
        survey=survey_id,
        row=row_number,
        verdict=entry.verdict,
        code=entry.code,
        reason=entry.reason or "",
        edits=edits,
        is_matched=is_matched,
    )


def take(
    session: Session, survey_id: int, row_number: int, new: NewCorrection, *, actor: str
) -> Corrected:
    """Put a row right as a correction says that came as one.

    Raises:
        NotFound, Conflict, InvalidInput: as :func:`correct` does, or the geometry is none.
    """
    correction = Correction(new.values, new.class_code, _geometry(new.geometry))
    return correct(session, survey_id, row_number, correction, actor=actor, reason=new.reason)


def retry(session: Session, survey_id: int, *, actor: str) -> SurveySummary:
    """Stage the rows of an applied survey anew that were corrected, or ambiguous and undecided.

    They are copied into a survey of their own and matched; it covers nothing, so that it lacks
    nothing. What other rows of the first survey are already, they are not.

    Raises:
        NotFound: there is no such survey.
        Conflict: it is staged still or stopped, or no row of it waits.
    """
    survey = get_survey(session, survey_id, lock=True)
    if survey.state == SurveyState.STAGED:
        raise Conflict(
            f"Survey {survey_id} is staged: correct its rows and decide; there is no need to retry."
        )
    if survey.state == SurveyState.STOPPED:
        raise Conflict(f"Survey {survey_id} was stopped as a whole; load its file again instead.")
    again = Survey(
        file_name=survey.file_name,
        file_sha256=f"rows of survey {survey_id}",  # not the whole file, which may be loaded again
        crs=survey.crs,
        as_of=survey.as_of,
        is_synthetic=survey.is_synthetic,
        actor=actor,
        state=SurveyState.STAGED,
        mapping=survey.mapping,
        retry_of=survey_id,
    )
    session.add(again)
    session.flush()
    if not review_queries.retry(session, survey_id, retry_id=again.id):
        raise Conflict(
            f"No row of survey {survey_id} waits to be tried again: correct refused rows first "
            f"(gis-registry survey rows {survey_id} --verdict refused)."
        )
    return match(session, again.id)


def _geometry(geojson: Mapping[str, Any] | None) -> shapely.Geometry | None:
    if geojson is None:
        return None
    try:
        return shapely.from_geojson(json.dumps(geojson))
    except shapely.GEOSException as error:
        raise InvalidInput("The geometry is no geometry of GeoJSON.") from error


def _require_correctable(survey: Survey, row_number: int, stored: RowMapping) -> None:
    if survey.state == SurveyState.STAGED:
        if stored["verdict"] == Verdict.MISSING:
            raise InvalidInput(
                f"This is no row of the file but the component {stored['code']}, which the file "
                "lacks: there is nothing to edit. If it still stands, reject that it is missing: "
                f"gis-registry survey decide {survey.id} reject --component {stored['code']} "
                "--reason …"
            )
        return
    if survey.state == SurveyState.STOPPED:
        raise Conflict(
            f"Survey {survey.id} was stopped as a whole: put its file or mapping right and load it "
            "again."
        )
    if stored["verdict"] != Verdict.REFUSED:
        raise Conflict(
            f"Survey {survey.id} is {survey.state}, so that only refused rows can be corrected; "
            f"row {row_number} is {stored['verdict']}. Edit its component instead."
        )


def _said(stored: RowMapping) -> dict[str, Any]:
    """Return what a row says, as JSON holds it."""
    surveyed_on: date | None = stored["surveyed_on"]
    geometry = None if stored["wkb"] is None else shapely.from_wkb(bytes(stored["wkb"]))
    return {
        "class_code": stored["class_code"],
        "geometry": None if geometry is None else geometry.wkt,
        **{name: stored[name] for name in (*UNIT_FIELDS, ACCURACY_FIELD, IDENTIFIER_FIELD)},
        DATE_FIELD: None if surveyed_on is None else surveyed_on.isoformat(),
        "attributes": stored["attributes"],
    }


def _corrected(
    before: Mapping[str, Any], stored: RowMapping, correction: Correction
) -> dict[str, Any]:
    """Return what a row is to say.

    Raises:
        InvalidInput: the class is given as if it were an attribute.
    """
    if "class_code" in correction.values:
        raise InvalidInput("The class of a row is no attribute of it; give it as its class.")
    after = dict(before) | {"attributes": dict(stored["attributes"])}
    for name, value in correction.values.items():
        if name in VALUE_FIELDS:
            after[name] = value or None
        elif value == "":
            after["attributes"].pop(name, None)
        else:
            after["attributes"][name] = _like(stored["attributes"].get(name), value)
    if correction.class_code is not None:
        after["class_code"] = correction.class_code
    if correction.geometry is not None:
        after["geometry"] = shapely.force_2d(correction.geometry).wkt
    return after


def _like(before: object, value: str) -> object:
    """Return a value in the type that it had, if it can be."""
    if before is None or isinstance(before, str):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        return value
    numbers = (int, float)
    is_alike = isinstance(found, type(before)) or (
        isinstance(found, numbers) and isinstance(before, numbers)
    )
    return found if is_alike else value


def _checked(
    session: Session,
    survey: Survey,
    row_number: int,
    stored: RowMapping,
    said: Mapping[str, Any],
    correction: Correction,
) -> dict[str, Any]:
    """Check what a row says; return the columns of ``survey_rows`` that come of it."""
    city = places.the_city(session)
    zone = ZoneInfo(city.time_zone)
    expected = Expectation(
        single_class=None,
        class_lookup=class_lookup(session, city_edition_key=city.edition_key),
        units=units.unit_ids(session),
        as_of=survey.as_of,
        today=datetime.now(zone).date(),
        zone=zone,
        accuracy_m=None,
    )
    checked = check(_batch(row_number, said), expected)
    _refuse_what_was_not_said(checked, stored, correction)
    nowhere = np.full(1, np.nan)
    located = locate_rows(
        checked,
        Locator(session, city=city, on_date=survey.as_of),
        raw=(nowhere, nowhere),
        city_name=city.name_en,
    )
    columns: dict[str, Any] = located.texts.to_pylist()[0]
    if columns["refusal"] is None:
        repeated = review_queries.repeated_row(
            session,
            survey.id,
            row_number,
            class_id=columns["class_id"],
            geom=columns["geom"],
        )
        if repeated is not None:
            columns["refusal"] = Refusal.DUPLICATE_IN_FILE.value
            columns["reason"] = f"Row {repeated} has the same class and the same geometry."
    return columns


def _batch(row_number: int, said: Mapping[str, Any]) -> Batch:
    """Return a row as if it had been read from a file."""
    geometry = None if said["geometry"] is None else shapely.from_wkt(said["geometry"])
    values = {name: said[name] for name in ("class_code", *VALUE_FIELDS)}
    fields = {
        name: pa.array([one]) if not isinstance(one, str) else pa.array([one], pa.string())
        for name, one in (values | said["attributes"]).items()
        if one is not None or name == "class_code"
    }
    if said["class_code"] is None:
        fields["class_code"] = pa.array([None], pa.string())
    nowhere = np.full(1, np.nan)
    return Batch(
        first_row=row_number,
        geometries=np.array([geometry], dtype=object),
        fields=pa.table(fields),
        raw_x=nowhere,
        raw_y=nowhere,
    )


def _refuse_what_was_not_said(
    checked: CheckedBatch, stored: RowMapping, correction: Correction
) -> None:
    """Refuse a row again whose fault was in a value that the correction does not give."""
    if stored["verdict"] != Verdict.REFUSED:
        return
    needed = _SAID_ANEW.get(Refusal(stored["refusal"]), ())
    if needed and not set(needed) & set(correction.values):
        checked.refuse(np.ones(1, dtype=bool), Refusal(stored["refusal"]), stored["reason"])


def _record(
    session: Session,
    survey: Survey,
    decision: str,
    row_number: int,
    *,
    edits: dict[str, Any],
    actor: str,
    reason: str,
) -> None:
    session.add(
        SurveyDecision(
            survey_id=survey.id,
            actor=actor,
            decision=decision,
            selection={"rows": [row_number]},
            edits=edits,
            row_count=1,
            reason=reason,
        )
    )
    session.flush()
