"""The cookie of /login changes something only for scripts of this site's own pages."""

from collections.abc import Callable

import httpx
import pytest
from running_api import Api

from gis_registry.api.access import COOKIE
from gis_registry.roles import Role

REPORT = {"lon": 120.3826, "lat": 36.0671, "matter": "06001"}
SCRIPT = {"X-Requested-With": "gis-registry"}
Post = Callable[..., httpx.Response]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def post(shared_api: Api) -> Post:
    """Return a function that posts as a browser does that is signed in."""

    def send(
        path: str, headers: dict[str, str], *, role: Role = Role.INSPECTOR, matter: str = "06001"
    ) -> httpx.Response:
        client = shared_api.as_(None)
        client.cookies.set(COOKIE, shared_api.keys[role])
        return client.post(path, json={**REPORT, "matter": matter}, headers=headers)

    return send


@pytest.mark.parametrize(
    "headers",
    [
        {},
        SCRIPT,
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site", **SCRIPT},
        {"Sec-Fetch-Site": "same-site", **SCRIPT},
        {"Sec-Fetch-Site": "none", **SCRIPT},
        {"Origin": "https://elsewhere.example", **SCRIPT},
        {"Origin": "null", **SCRIPT},
        {"Origin": "", **SCRIPT},
        {"Sec-Fetch-Site": "cross-site", "Origin": "OWN", **SCRIPT},
        {"Origin": "OWN"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example", **FORM},
    ],
)
@pytest.mark.parametrize(
    "path", ["/api/reports", "/api/reports/similar", "/api/cases/1/assign", "/api/photos"]
)
def test_any_other_post_with_the_cookie_is_from_nobody_known(
    shared_api: Api, post: Post, headers: dict[str, str], path: str
) -> None:
    sent = {name: shared_api.url if one == "OWN" else one for name, one in headers.items()}
    answer = post(path, sent)
    assert answer.status_code == 401, answer.text
    assert answer.json()["type"] == "/problems/not-authenticated"


@pytest.mark.parametrize("proof", ["Sec-Fetch-Site", "Origin"])
def test_a_script_of_a_page_of_this_site_acts_for_who_is_signed_in(
    shared_api: Api, post: Post, proof: str
) -> None:
    proofs = {"Sec-Fetch-Site": "same-origin", "Origin": shared_api.url}
    headers = {proof: proofs[proof], **SCRIPT}
    assert post("/api/reports/similar", headers).status_code == 200
    # Asked together with others that come at once: known, so told what is wrong with it.
    answer = post("/api/reports", headers, matter="99999")
    assert answer.status_code == 404, answer.text
    assert answer.json()["type"] == "/problems/unknown-matter-type"
    assert post("/api/reports", headers, role=Role.READER).status_code == 403


def test_a_key_in_a_header_goes_before_the_cookie(shared_api: Api, post: Post) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", **SCRIPT, "X-API-Key": "gr_wrong"}
    assert post("/api/reports", headers).status_code == 401


def test_an_old_cookie_is_said_to_be_old(shared_api: Api) -> None:
    client = shared_api.as_(None)
    client.cookies.set(COOKIE, "gr_revoked")
    answer = client.post(
        "/api/reports", json=REPORT, headers={"Sec-Fetch-Site": "same-origin", **SCRIPT}
    )
    assert answer.status_code == 401


def test_other_methods_stay_anonymous(shared_api: Api) -> None:
    client = shared_api.as_(None)
    client.cookies.set(COOKIE, shared_api.keys[Role.ADMINISTRATOR])
    headers = {"Sec-Fetch-Site": "same-origin", **SCRIPT}
    path = f"/api/components/{shared_api.codes[0]}"
    assert client.patch(path, json={"reason": "x"}, headers=headers).status_code == 401
