"""Time limits over HTTP: how long, why, what could be found, and by which version."""

from typing import Any

import pytest
from running_api import Api

from gis_registry.roles import Role


def ask(api: Api, **parameters: object) -> Any:
    answered = api.as_(Role.READER).get("/api/catalogue/limits", params=parameters)  # type: ignore[arg-type]
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_the_limit_of_a_class_its_reason_and_its_conditions(shared_api: Api) -> None:
    found = ask(shared_api, **{"class": "0101"}, condition="missing", on="2026-07-01")
    handling = next(one for one in found["limits"] if one["stage"] == "handling")
    assert (handling["amount"], handling["unit"], handling["basis"]) == (2, "urgent_hour", "class")
    assert handling["sentence_zh"].startswith("处置限2紧急工作时：小类0101上水井盖“缺失或移位”")
    assert (found["on"], found["stages_without"]) == ("2026-07-01", [])
    assert [(one["code"], one["is_default"]) for one in found["conditions"]] == [
        (None, True),
        ("missing", False),
        ("broken", False),
        ("rattling", False),
        ("sunken", False),
    ]
    snow = ask(shared_api, matter="10001", stage="handling", on="2027-01-15")
    assert [(one["amount"], one["season"]) for one in snow["limits"]] == [(8, "11-15–03-31")]
    assert len(ask(shared_api)["limits"]) == 5
    assert ask(shared_api)["stages_without"] == ["handling"]
    assert ask(shared_api, on="2019-12-31")["limits"] == []


@pytest.mark.parametrize(
    ("parameters", "status", "told"),
    [
        ({"class": "0101", "condition": "melted"}, 422, "there are missing (缺失或移位"),
        ({"class": "9999"}, 404, "There is no class '9999'"),
        ({"matter": "99999"}, 404, "There is no matter type '99999'"),
        ({"class": "0101", "matter": "06001"}, 422, "not for both"),
        ({"stage": "resting"}, 422, ""),
        ({"on": "2026-02-30"}, 422, ""),
        ({"condition": "x" * 51}, 422, ""),
    ],
)
def test_what_cannot_be_answered_is_refused(
    shared_api: Api, parameters: dict[str, str], status: int, told: str
) -> None:
    refused = shared_api.as_(Role.READER).get("/api/catalogue/limits", params=parameters)
    assert (refused.status_code, refused.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert told in refused.json()["detail"]


def test_the_versions_are_listed(shared_api: Api) -> None:
    (version,) = shared_api.as_(Role.READER).get("/api/catalogue/limits/versions").json()
    assert (version["number"], version["state"], version["valid_from"]) == (
        1,
        "valid",
        "2020-01-01",
    )
    assert "样例" in version["title"]
    assert shared_api.as_(None).get("/api/catalogue/limits/versions").status_code == 401
