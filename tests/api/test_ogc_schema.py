"""Requests below /ogc made up from its OpenAPI document, which is valid itself."""

from collections.abc import Iterator

import pytest
import schemathesis
from calling import call
from openapi_spec_validator import OpenAPIV30SpecValidator
from running_api import Api, running
from schemathesis import GenerationMode

from gis_registry.api.ogc import OPERATIONS
from gis_registry.api.ogc.openapi import described
from gis_registry.api.ogc.operations import PREFIX
from gis_registry.roles import Role
from gis_registry.settings import Settings

DOCUMENT = described(OPERATIONS, PREFIX)
OPENED = schemathesis.openapi.from_dict(DOCUMENT)


def _takes(operation: schemathesis.APIOperation) -> bool:
    """Return whether there is anything in a request that could be wrong."""
    return bool(list(operation.query)) or bool(list(operation.body))


#: Each with any collection, which hardly ever is one, and with one that there is.
CALLS = [
    pytest.param(one, mode, is_known, id=f"{one.label}-{mode.value}-{is_known}")
    for one in (found.ok() for found in OPENED.get_all_operations())
    for mode in (GenerationMode if _takes(one) else [GenerationMode.POSITIVE])
    for is_known in ([True, False] if "{collection}" in one.path else [False])
]


@pytest.fixture(scope="module")
def api(module_settings: Settings) -> Iterator[Api]:
    """Return an API whose components may be changed."""
    with running(module_settings) as api:
        yield api


def test_the_document_is_valid() -> None:
    assert [str(one) for one in OpenAPIV30SpecValidator(DOCUMENT).iter_errors()] == []


@pytest.mark.parametrize(("operation", "mode", "is_known"), CALLS)
def test_the_document_is_true(
    operation: schemathesis.APIOperation, mode: GenerationMode, is_known: bool, api: Api
) -> None:
    def make_known(case: schemathesis.Case) -> None:
        if is_known:
            there = {"collection": "components", "feature": api.codes[0]}
            case.path_parameters |= {n: one for n, one in there.items() if n in operation.path}

    call(
        operation,
        mode,
        url=f"{api.url}{PREFIX}",
        key=api.keys[Role.ADMINISTRATOR],
        examples=12,
        change=make_known,
    )
