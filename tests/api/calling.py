"""Requests made up from an OpenAPI document: every answer has to be one that it tells of."""

from collections.abc import Callable

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def call(
    operation: schemathesis.APIOperation,
    mode: GenerationMode,
    *,
    url: str,
    key: str,
    examples: int,
    change: Callable[[schemathesis.Case], None] = lambda _: None,
) -> None:
    """Call an operation so often, each time with other input; the case can be changed before."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case) -> None:
        change(case)
        headers = {"Authorization": f"Bearer {key}"}
        case.call_and_validate(base_url=url, headers=headers, checks=CHECKS)

    holds()
