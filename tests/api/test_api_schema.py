"""Requests made up from the OpenAPI document: no failure inside, and answers as documented."""

import pytest
import schemathesis
from calling import call
from running_api import Api
from schemathesis import GenerationMode

from gis_registry.api.app import create_app
from gis_registry.roles import Role
from gis_registry.settings import Settings

DOCUMENT = schemathesis.openapi.from_dict(create_app(Settings()).openapi())
#: It ends when its client goes, and is tested by itself.
ENDLESS = {"/api/events"}
#: Changes of cases are alike, made from one table: in the quick run one of them stands for all.
ALIKE = "/api/cases/{number}/"
STANDS_FOR_ALL = "/api/cases/{number}/handle"


def _marks(path: str) -> list[pytest.MarkDecorator]:
    is_alike = path.startswith(ALIKE) and path != STANDS_FOR_ALL
    return [pytest.mark.slow] if is_alike else []


CALLS = [
    pytest.param(
        operation,
        mode,
        id=f"{operation.label}-{mode.value}",
        marks=_marks(operation.path),
    )
    for operation in (one.ok() for one in DOCUMENT.get_all_operations())
    for mode in GenerationMode
    # What takes neither input nor a key cannot be called wrongly.
    if mode is GenerationMode.POSITIVE or operation.path.startswith("/api/")
    if operation.path not in ENDLESS
]


@pytest.mark.parametrize(("operation", "mode"), CALLS)
def test_the_document_is_true(
    operation: schemathesis.APIOperation, mode: GenerationMode, shared_api: Api
) -> None:
    key = shared_api.keys[Role.ADMINISTRATOR]
    call(operation, mode, url=shared_api.url, key=key, examples=8)
