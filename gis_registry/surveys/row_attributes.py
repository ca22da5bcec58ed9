"""Attributes of rows: which columns are kept, and what the class's schema says of their values.

A schema is JSON Schema, one for each class, about each attribute by itself. It is applied to the
distinct values of a column, never row by row, by the ``jsonschema`` library; values that simple
limits of length and size cannot fault are not even asked about.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jsonschema import Draft202012Validator
from numpy.typing import NDArray

from gis_registry.catalogue.attribute_schemas import SEVERITY_KEYWORD
from gis_registry.catalogue.tables import ComponentClass
from gis_registry.surveys.checked import CheckedBatch, Issue, Refusal, RowCheck, Severity
from gis_registry.surveys.columns import as_attribute, as_numbers
from gis_registry.surveys.row_classes import RowClasses

_ANNOTATIONS = {"title", "description", "$comment", "examples", SEVERITY_KEYWORD}
_LENGTHS: Mapping[str, Callable[..., pa.Array]] = {
    "minLength": pc.greater_equal,
    "maxLength": pc.less_equal,
}
_LIMITS: Mapping[str, Callable[..., pa.Array]] = {
    "minimum": pc.greater_equal,
    "maximum": pc.less_equal,
    "exclusiveMinimum": pc.greater,
    "exclusiveMaximum": pc.less,
}
#: Types that a value of text or of decimals surely is.
_TEXT, _NUMBER = "string", "number"


@dataclass(frozen=True)
class Rule:
    """What a schema says of one attribute."""

    schema: Mapping[str, Any]
    severity: Severity
    _validator: Draft202012Validator
    _faults: dict[object, str | None] = field(default_factory=dict)

    def fault(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        key = (type(value), value) if isinstance(value, (str, int, float, bool)) else None
        if key is None or key not in self._faults:
            errors = list(self._validator.iter_errors(self._as_meant(value)))
            fault = _sentence(errors[0].message, errors[0].validator) if errors else None
            if key is None:
                return fault
            self._faults[key] = fault
        return self._faults[key]

    def _as_meant(self, value: object) -> object:
        """Take text for the number that it is, as in a CSV file, where the schema wants one."""
        wanted = self.schema.get("type")
        if isinstance(value, str) and wanted in ("number", "integer"):
            number = as_numbers(pa.array([value]))[0].as_py()
            return value if number is None else number
        return value

    def suspects(self, values: pa.Array) -> NDArray[np.bool_]:
        """Return which values simple limits cannot say are right."""
        known = set(self.schema) - _ANNOTATIONS
        if pa.types.is_string(values.type) and self.schema.get("type") == _TEXT:
            sure = _within(self.schema, known - {"type"}, _LENGTHS, pc.utf8_length(values))
        elif self.schema.get("type") == _NUMBER and not pa.types.is_nested(values.type):
            numbers = as_numbers(values) if pa.types.is_string(values.type) else values
            sure = _within(self.schema, known - {"type"}, _LIMITS, numbers)
        else:
            sure = None
        if sure is None:
            return np.ones(len(values), dtype=bool)
        return ~np.asarray(sure.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)


def _within(
    schema: Mapping[str, Any],
    keywords: set[str],
    known: Mapping[str, Callable[..., pa.Array]],
    sizes: pa.Array,
) -> pa.Array | None:
    """Return which sizes keep all limits, or None where a keyword is no mere limit."""
    if not keywords <= set(known) or pa.types.is_boolean(sizes.type):
        return None
    sure = pc.is_valid(sizes)
    for keyword in keywords:
        sure = pc.and_(sure, known[keyword](sizes, schema[keyword]))
    return sure


def _sentence(message: str, keyword: str) -> str:
    """Return a validator's message as the end of a sentence."""
    return message if len(message) <= 160 else f"{message[:60]}… breaks {keyword!r}"


@dataclass
class SchemaBook:
    """The schemas of classes, prepared once; equal rules of several classes are one."""

    _rules: dict[str, Rule] = field(default_factory=dict)
    _of_class: dict[int, dict[str, Rule]] = field(default_factory=dict)

    def rules(self, one: ComponentClass) -> Mapping[str, Rule]:
        """Return the rules of a class by attribute."""
        if one.id not in self._of_class:
            properties = (one.attribute_schema or {}).get("properties", {})
            self._of_class[one.id] = {
                name: self._rule(schema)
                for name, schema in properties.items()
                if isinstance(schema, dict)
            }
        return self._of_class[one.id]

    def _rule(self, schema: dict[str, Any]) -> Rule:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._rules:
            self._rules[key] = Rule(
                schema=schema,
                severity=Severity(schema.get(SEVERITY_KEYWORD, Severity.ERROR)),
                _validator=Draft202012Validator(
                    schema, format_checker=Draft202012Validator.FORMAT_CHECKER
                ),
            )
        return self._rules[key]


def take_attributes(fields: pa.Table, taken: set[str], zone: ZoneInfo) -> pa.Table:
    """Return the columns that are attributes, as they are kept."""
    kept = [name for name in fields.column_names if name not in taken]
    arrays = [as_attribute(fields.column(name), zone) for name in kept]
    return (
        pa.Table.from_arrays(arrays, names=kept)
        if kept
        else fields.select([])  # still knows how many rows there are
    )


def check_attributes(checked: CheckedBatch, classes: RowClasses, book: SchemaBook) -> None:
    """Hold every row's attributes against the schema of its class."""
    rules = [book.rules(one) for one in classes.classes]
    names = {name for of_class in rules for name in of_class}
    for name in sorted(names & set(checked.attributes.column_names)):
        column = checked.attributes.column(name).combine_chunks()
        of_class = [one.get(name) for one in rules]
        for rule in {id(one): one for one in of_class if one is not None}.values():
            has_rule = np.array([*(one is rule for one in of_class), False])
            _check_values(checked, name, column, rule, has_rule[classes.index])
    _check_required(checked, classes)


def _check_values(
    checked: CheckedBatch, name: str, column: pa.Array, rule: Rule, rows: NDArray[np.bool_]
) -> None:
    if pa.types.is_nested(column.type):
        values: Sequence[object] = column.to_pylist()
        index = np.where([one is None for one in values], -1, np.arange(len(values)))
        suspects = np.ones(len(values), dtype=bool)
    else:
        encoded = column.dictionary_encode()
        index = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        suspects = rule.suspects(encoded.dictionary)
        values = encoded.dictionary
    used = np.zeros(len(values) + 1, dtype=bool)
    used[index[rows]] = True
    faults: dict[int, Issue] = {}
    for place in np.flatnonzero(used[:-1] & suspects).tolist():
        value = values[place]
        fault = rule.fault(value.as_py() if isinstance(value, pa.Scalar) else value)
        if fault is not None:
            faults[place] = Issue(RowCheck.ATTRIBUTE, rule.severity, f"{name}: {fault}.")
    if not faults:
        return
    faulty = np.zeros(len(values) + 1, dtype=bool)
    faulty[list(faults)] = True
    _say(checked, rows & faulty[index], rule.severity, lambda row: faults[int(index[row])])


def _check_required(checked: CheckedBatch, classes: RowClasses) -> None:
    for place, one in enumerate(classes.classes):
        schema = one.attribute_schema or {}
        for name in schema.get("required", ()):
            rows = classes.index == place
            if name in checked.attributes.column_names:
                rows &= ~np.asarray(
                    checked.attributes.column(name).combine_chunks().is_valid(), dtype=bool
                )
            subschema = schema.get("properties", {}).get(name)
            severity = Severity(
                subschema.get(SEVERITY_KEYWORD, Severity.ERROR)
                if isinstance(subschema, dict)
                else Severity.ERROR
            )
            issue = Issue(
                RowCheck.ATTRIBUTE,
                severity,
                f"{name} is empty; every {one.code} ({one.name_en}) has one.",
            )
            _say(checked, rows, severity, partial(_same, issue))


def _same(issue: Issue, _row: int) -> Issue:
    return issue


def _say(
    checked: CheckedBatch,
    rows: NDArray[np.bool_],
    severity: Severity,
    issue: Callable[[int], Issue],
) -> None:
    """Refuse rows for an error, or say the lesser thing."""
    if severity == Severity.ERROR:
        checked.refuse(rows, Refusal.INVALID_ATTRIBUTE, lambda row: issue(row).sentence)
    else:
        checked.add_issue(rows, issue)
