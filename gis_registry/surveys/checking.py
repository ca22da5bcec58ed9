"""Checking rows: each gets the first fault that keeps it out of the registry, or none."""

import numpy as np
import pyarrow as pa

from gis_registry.surveys.checked import CheckedBatch, Issue, Refusal, RowCheck, Severity
from gis_registry.surveys.columns import Distinct, distinct
from gis_registry.surveys.expectation import EARLIEST, MAX_ACCURACY_M, Expectation
from gis_registry.surveys.reading import Batch
from gis_registry.surveys.row_attributes import check_attributes, take_attributes
from gis_registry.surveys.row_classes import RowClasses, class_column
from gis_registry.surveys.row_geometries import (
    check_position,
    check_presence,
    check_type,
    check_validity,
    single_parts,
)
from gis_registry.surveys.row_values import (
    ACCURACY_FIELD,
    DATE_FIELD,
    IDENTIFIER_FIELD,
    UNIT_FIELDS,
    check_identifier_divisions,
    repeated_rows,
    take_accuracies,
    take_dates,
    take_identifiers,
    take_source_keys,
    take_units,
)

__all__ = [
    "EARLIEST",
    "MAX_ACCURACY_M",
    "CheckedBatch",
    "Expectation",
    "Issue",
    "Refusal",
    "Severity",
    "check",
    "check_identifier_divisions",
    "repeated_rows",
]

#: Columns with a meaning of their own that are no attributes; the class's are added where used.
_TAKEN = {ACCURACY_FIELD, DATE_FIELD, IDENTIFIER_FIELD, *UNIT_FIELDS}
#: An edition has some 150 classes: a column of more names than this names something else.
_MOST_CLASS_NAMES = 1000


def check(batch: Batch, expected: Expectation) -> CheckedBatch:
    """Check everything that a row can be checked for by itself.

    The work is done on whole columns and on their distinct values, never row by row.
    """
    count = len(batch.geometries)
    checked = CheckedBatch(
        first_row=batch.first_row,
        geometries=single_parts(batch.geometries),
        class_ids=np.zeros(count, dtype=np.int32),
        accuracies_m=np.full(count, np.nan),
        dates=pa.nulls(count, pa.date32()),
        units={},
        unit_ids=np.zeros((count, 3), dtype=np.int32),
        identifiers=None,
        source_keys=None,
        attributes=batch.fields,
        good=np.ones(count, dtype=bool),
        refusal=np.full(count, None, dtype=object),
        reason=np.full(count, None, dtype=object),
    )
    for row, note in batch.notes.items():
        checked.issues[row] = [Issue(RowCheck.READING, Severity.NOTE, note)]
    check_presence(checked)
    classes = _take_classes(checked, batch.fields, expected)
    check_type(checked, classes)
    check_position(checked, batch)
    check_validity(checked)
    take_accuracies(checked, batch.fields, expected, classes)
    take_dates(checked, batch.fields, expected)
    take_units(checked, batch.fields, expected)
    take_identifiers(checked, batch.fields, expected, classes)
    take_source_keys(checked, batch.fields, expected)
    taken = _TAKEN | (set() if expected.single_class else {"class_code", "class_name"})
    checked.attributes = take_attributes(batch.fields, taken, expected.zone)
    check_attributes(checked, classes, expected.schemas)
    return checked


def _take_classes(checked: CheckedBatch, fields: pa.Table, expected: Expectation) -> RowClasses:
    """Find each row's class; refuse rows without one."""
    if expected.single_class is not None:
        classes = RowClasses([expected.single_class], np.zeros(len(checked), dtype=np.int32))
        checked.class_ids = classes.ids()
        return classes
    column = class_column(fields)
    written = (
        distinct(fields.column(column), expected.zone)
        if column is not None
        else Distinct([], np.full(len(checked), -1, dtype=np.int32))
    )
    name = expected.name_of(column or "class_code")
    found = [expected.class_lookup.find(one) for one in written.values]
    known = {one.id: one for one in found if not isinstance(one, str)}
    places = {key: place for place, key in enumerate(known)}
    of_value = [-1 if isinstance(one, str) else places[one.id] for one in found]
    classes = RowClasses(
        list(known.values()), np.array([*of_value, -1], dtype=np.int32)[written.index]
    )
    checked.class_ids = classes.ids()
    checked.refuse(
        classes.index < 0,
        Refusal.UNKNOWN_CLASS,
        lambda row: (
            f"{name} is {found[written.index[row]]}"
            if written.index[row] >= 0
            else f"{name} is empty."
        ),
    )
    if column == "class_code" and "class_name" in fields.column_names:
        _compare_names(checked, classes, fields, expected)
    return classes


def _compare_names(
    checked: CheckedBatch, classes: RowClasses, fields: pa.Table, expected: Expectation
) -> None:
    """Warn of rows whose class has another name than the one beside its code."""
    names = distinct(fields.column("class_name"), expected.zone)
    if len(names.values) > _MOST_CLASS_NAMES:
        return
    width = len(names.values) + 1
    pairs = (classes.index.astype(np.int64) + 1) * width + names.index + 1
    distinct_pairs, pair_of_row = np.unique(pairs, return_inverse=True)
    issues: dict[int, Issue] = {}
    for place, pair in enumerate(distinct_pairs.tolist()):
        which, name = divmod(pair, width)
        if which == 0 or name == 0:
            continue
        one, written = classes.classes[which - 1], names.values[name - 1]
        named = expected.class_lookup.named(written)
        if named and one.id not in named:
            issues[place] = Issue(
                RowCheck.CLASS_NAME,
                Severity.WARNING,
                f"{expected.name_of('class_name')} is {written!r}, but {one.code} is "
                f"{one.name_zh} {one.name_en}.",
            )
    if issues:
        differs = np.isin(pair_of_row, list(issues))
        checked.add_issue(differs, lambda row: issues[int(pair_of_row[row])])
