"""Schemas of attributes: shipped, laid over by a city's own, and what is wrong with a bad file."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from gis_registry.catalogue import service
from gis_registry.catalogue.attribute_schemas import load_attribute_schemas
from gis_registry.catalogue.loading import load_catalogue
from gis_registry.errors import InvalidProfile

GBT13, GBT26 = "gbt30428-2013", "gbt47678-2026"


def schema(session: Session, code: str, edition: str = GBT13) -> dict[str, Any]:
    found = service.show_class(session, code, edition_key=edition).attribute_schema
    assert found is not None
    return found


def written(folder: Path, content: object) -> Path:
    path = folder / "schemas.json"
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def test_every_class_has_a_schema_and_some_have_more(session: Session) -> None:
    assert schema(session, "0305")["properties"]["length_m"] == {"type": "number", "minimum": 0}
    assert "lamp_count" not in schema(session, "0305")["properties"]
    assert schema(session, "0137")["properties"]["lamp_count"]["minimum"] == 0
    assert schema(session, "0402")["properties"]["height_m"]["maximum"] == 150


def test_a_counterpart_has_the_same(session: Session) -> None:
    assert schema(session, "01037", GBT26) == schema(session, "0137")


def test_a_city_lays_its_own_over_the_shipped_ones(session: Session, tmp_path: Path) -> None:
    own = written(
        tmp_path,
        {
            "every_class": {"properties": {"material": {"enum": ["钢"]}, "length_m": True}},
            "classes": [
                {
                    "edition": GBT13,
                    "codes": ["0137"],
                    "properties": {"height_m": {"type": "number", "maximum": 40}},
                    "required": ["height_m"],
                }
            ],
        },
    )
    load_catalogue(session, schemas_file=own)
    light, bin_ = schema(session, "0137"), schema(session, "0305")
    assert bin_["properties"]["material"] == {"enum": ["钢"]}
    assert bin_["properties"]["length_m"] is True
    assert light["properties"]["height_m"] == {"type": "number", "maximum": 40}
    assert (light["required"], bin_["required"]) == (["height_m"], [])
    assert light["properties"]["lamp_count"]["minimum"] == 0
    described = {
        name: (words, severity) for name, words, severity in service.described_attributes(light)
    }
    assert described["height_m"] == ('required, type "number", maximum 40', "error")
    assert described["length_m"] == ("anything", "error")
    assert described["state"][1] == "warning"
    load_catalogue(session)
    assert schema(session, "0305")["properties"]["length_m"] == {"type": "number", "minimum": 0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"classes": [{"edition": GBT13, "codes": []}]}, "classes.0.codes: List should have"),
        (
            {"classes": [{"edition": GBT13, "codes": ["9999"]}]},
            f"classes.0: {GBT13} has no class '9999'.",
        ),
        ({"everyclass": {}}, "everyclass: Extra inputs are not permitted."),
        (
            {"every_class": {"properties": {"a": {"type": "numbr"}}}},
            "every_class.properties.a.type: 'numbr' is not valid",
        ),
        (
            {"every_class": {"properties": {"a": {"x-severity": "bad"}}}},
            "every_class.properties.a.x-severity: write error, warning or note.",
        ),
        ({"every_class": {"additionalProperties": False}}, "every_class.additionalProperties"),
        ([], "file: "),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(
    session: Session, tmp_path: Path, content: object, message: str
) -> None:
    with pytest.raises(InvalidProfile) as refused:
        load_attribute_schemas(session, own=written(tmp_path, content))
    assert str(refused.value).startswith("schemas.json, ")
    assert message in str(refused.value)


def test_a_file_that_is_no_json_is_refused(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "schemas.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InvalidProfile, match="is not valid JSON"):
        load_attribute_schemas(session, own=path)
    with pytest.raises(InvalidProfile, match="cannot be read"):
        load_attribute_schemas(session, own=tmp_path / "missing.json")
