"""The standard's own examples are answered, text and JSON alike, or refused for a reason."""

import json
from pathlib import Path

import pytest
from filtered import statement
from sqlalchemy import Boolean, Date, DateTime, Double, Text, column
from sqlalchemy.dialects.postgresql import ARRAY

from gis_registry.errors import InvalidInput
from gis_registry.maps.filters import FilterLanguage, PropertyType, Queryable

EXAMPLES = json.loads((Path(__file__).parent / "data/cql2/examples.json").read_text())

_NAMES = {
    PropertyType.STRING: "beamMode city cityName eo:instrument etat_vol geophys:SURVEY_NAME id"
    " landsat:scene_id material name owner polarization road_class swathDirection",
    PropertyType.NUMBER: "balance bar bridge_clearance category depth eo:cloud_cover floors foo"
    " landsat:wrs_path landsat:wrs_row taxes value vehicle_height windSpeed x",
    PropertyType.DATETIME: "ends_at event_time liftOff starts_at touchdown updated updated_at",
    PropertyType.GEOMETRY: "geometry road footprint location",
    PropertyType.ARRAY: "values layer:ids",
    PropertyType.BOOLEAN: "swimming_pool",
    PropertyType.DATE: "built",
}
TYPES = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_SQL = {
    PropertyType.STRING: Text(),
    PropertyType.NUMBER: Double(),
    PropertyType.BOOLEAN: Boolean(),
    PropertyType.DATE: Date(),
    PropertyType.DATETIME: DateTime(timezone=True),
    PropertyType.ARRAY: ARRAY(Text()),
    PropertyType.GEOMETRY: None,
}
#: Properties that are a number in one example and text in another.
OTHERWISE = {
    "example03": {"landsat:wrs_path": PropertyType.STRING},
    "example40": {"value": PropertyType.STRING},
    "example40-alt01": {"value": PropertyType.STRING},
}
REFUSED = {
    # Functions that the standard makes up to show calls of them.
    "clause6_01": "no operator or function “avg”",
    "clause6_02b": "no operator or function “avg”",
    "clause7_18": "no operator or function “Buffer”",
    "example68": "no operator or function “Foo”",
    "example69": "no operator or function “Bar”",
    # Polygons that cross themselves, or have holes outside.
    "example46": "Self-intersection",
    "example46-alt01": "Self-intersection",
    "example49": "Hole lies outside shell",
    "example49-alt01": "Hole lies outside shell",
    # Arrays of several types.
    "example81": "the arrays here are lists of texts",
    "example82": "the arrays here are lists of texts",
}


def _queryables(name: str) -> dict[str, Queryable]:
    types = TYPES | OTHERWISE.get(name, {})
    return {one: Queryable(one, kind, column(one, _SQL[kind])) for one, kind in types.items()}


def _answers(name: str) -> list[str]:
    example = EXAMPLES[name]
    found = [statement(example["text"], FilterLanguage.CQL2_TEXT, _queryables(name))]
    if example["json"] is not None:
        given = json.dumps(example["json"])
        found.append(statement(given, FilterLanguage.CQL2_JSON, _queryables(name)))
    return found


@pytest.mark.parametrize("name", [one for one in EXAMPLES if one not in REFUSED])
def test_text_and_json_of_an_example_are_one_statement(name: str) -> None:
    assert len(set(_answers(name))) == 1


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("language", FilterLanguage)
def test_an_example_is_refused_for_its_reason(name: str, language: FilterLanguage) -> None:
    example = EXAMPLES[name]
    given = {FilterLanguage.CQL2_TEXT: example["text"], FilterLanguage.CQL2_JSON: example["json"]}
    if given[language] is None:
        return
    written = given[language] if isinstance(given[language], str) else json.dumps(given[language])
    with pytest.raises(InvalidInput, match=REFUSED[name]):
        statement(written, language, _queryables(name))


def test_no_example_is_left_out() -> None:
    assert len(EXAMPLES) == 120
    assert sum(one["json"] is not None for one in EXAMPLES.values()) == 109
