"""Who may do what: every route states it, and the server holds to it."""

import re

import httpx
import pytest
from running_api import Api, serving

from gis_registry.api.access import COOKIE, permissions_by_route
from gis_registry.api.app import create_app
from gis_registry.db.engine import Database
from gis_registry.roles import PERMISSIONS, Permission, Role
from gis_registry.settings import Settings
from gis_registry.users import service as users

PUBLIC = {
    "/",
    "/c",
    "/c/{code}",
    "/docs",
    "/favicon.ico",
    "/health",
    "/login",
    "/logout",
    "/open311/v2/discovery.{format}",
    "/openapi.json",
    "/problems",
    "/problems/{code}",
    "/ready",
    "/static",
}
ROUTES = [
    (method, route.path, permissions)
    for route, permissions in permissions_by_route(create_app(Settings()).routes)
    for method in sorted((route.methods or set()) - {"HEAD"}) or ["GET"]
    if route.path is not None
    and not route.path.startswith("/ogc")  # each operation asks for its permission itself
]
GUARDED = [one for one in ROUTES if one[2]]


def test_every_route_needs_a_permission_or_is_listed_as_public() -> None:
    assert {path for _, path, permissions in ROUTES if not permissions} == PUBLIC
    assert len(GUARDED) >= 25


def test_the_document_states_the_permission_of_each_route() -> None:
    document = create_app(Settings()).openapi()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey", "cookie"}
    stated = {
        (method.upper(), path): operation.get("x-permission")
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    for method, path, permissions in GUARDED:
        if path.startswith("/api/"):
            assert stated[(method, path)] == [str(one) for one in permissions]
            operation = document["paths"][path][method.lower()]
            assert all(f"`{one}`" in operation["description"] for one in permissions)
            assert operation["security"]
    assert stated[("GET", "/ready")] is None


def test_every_route_declares_its_problems() -> None:
    document = create_app(Settings()).openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            expected = {"422", "500", "503"} | (
                {"401", "403"} if "x-permission" in operation else set()
            )
            assert expected <= set(responses), (method, path)
            for status, response in responses.items():
                if status >= "400":
                    assert list(response["content"]) == ["application/problem+json"]


def call(client: httpx.Client, method: str, path: str) -> httpx.Response:
    path = path.replace("{number}", "1").replace("{code}", "3702020137999999")
    path = path.replace("{format}", "json")
    body = {} if method in ("POST", "PATCH") else None
    with client.stream(method, path, json=body) as answer:  # one of them has no end
        return answer


@pytest.mark.parametrize("role", [None, *Role])
def test_each_role_may_what_it_may(shared_api: Api, role: Role | None) -> None:
    client = shared_api.as_(role)
    for method, path, permissions in GUARDED:
        status = call(client, method, path).status_code
        # Open311 has one answer for a missing and for a wrong key, and is older than 422.
        unknown, unusable = (403, 400) if path.startswith("/open311/") else (401, 422)
        if role is None:
            assert status == unknown, (method, path)
        elif PERMISSIONS[role] & set(permissions):
            assert status in (200, 202, 204, 404, 409, unusable), (method, path)
        else:
            assert status == 403, (method, path)


def test_a_refusal_says_what_is_needed(shared_api: Api) -> None:
    refused = shared_api.as_(Role.READER).post("/api/reports", json={})
    assert refused.headers["content-type"] == "application/problem+json"
    assert "inspector, dispatcher" in refused.json()["detail"]
    nobody = shared_api.as_(None).get("/api/me")
    assert nobody.headers["www-authenticate"] == "Bearer"
    assert "gis-registry user add" in nobody.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status", "detail"),
    [
        ({"Authorization": "Bearer gr_wrong"}, 401, "not known"),
        ({"X-API-Key": "gr_wrong"}, 401, "not known"),
        ({"Authorization": "Basic dTpw"}, 401, "must be `Bearer KEY`"),
        ({"Authorization": "Bearer"}, 401, "must be `Bearer KEY`"),
        ({"Cookie": f"{COOKIE}=gr_wrong"}, 401, "Send a key"),
    ],
)
def test_a_wrong_key_is_refused(
    shared_api: Api, headers: dict[str, str], status: int, detail: str
) -> None:
    refused = shared_api.as_(None).get("/api/me", headers=headers)
    assert refused.status_code == status
    assert detail in refused.json()["detail"]


def test_a_key_is_taken_from_either_header(shared_api: Api) -> None:
    key = shared_api.keys[Role.ANALYST]
    for headers in ({"X-API-Key": key}, {"Authorization": f"bearer {key}"}):
        me = shared_api.as_(None).get("/api/me", headers=headers)
        assert me.json()["name"] == "analyst-1"


def test_a_cookie_reads_and_never_writes(shared_api: Api) -> None:
    cookie = {"Cookie": f"{COOKIE}={shared_api.keys[Role.ADMINISTRATOR]}"}
    client = shared_api.as_(None)
    assert client.get("/api/me", headers=cookie).json()["name"] == "administrator-1"
    assert client.post("/api/reports", json={}, headers=cookie).status_code == 401


def test_a_revoked_key_is_useless_at_once(api: Api) -> None:
    client = api.as_(Role.READER)
    assert client.get("/api/me").status_code == 200
    with Database(api.settings) as database, database.session() as session:
        users.revoke_keys(session, "reader-1")
    assert client.get("/api/me").status_code == 401


def test_the_settings_can_let_anybody_read(own_settings: Settings) -> None:
    own_settings.anonymous_role = Role.READER
    with serving(own_settings) as url, httpx.Client(base_url=url, trust_env=False) as client:
        assert client.get("/api/me").json()["name"] == "anonymous"
        assert client.post("/api/reports", json={}).status_code == 401


def test_no_permission_is_without_a_route_that_needs_it() -> None:
    needed = {one for _, _, permissions in GUARDED for one in permissions}
    assert set(Permission) == needed


def test_signing_in_and_out(shared_api: Api) -> None:
    client = shared_api.as_(None)
    card = f"/c/{shared_api.codes[0]}"
    assert "市城市管理" not in client.get(card).text
    wrong = client.post("/login", data={"key": "gr_wrong", "next": card})
    assert wrong.status_code == 401
    assert "not known or was revoked" in wrong.text
    signed_in = client.post(
        "/login", data={"key": f" {shared_api.keys[Role.READER]} ", "next": card}
    )
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, card)
    flags = signed_in.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags
    assert "registered for a test" in client.get(card).text
    assert client.post("/logout").headers["location"] == "/"
    assert "registered for a test" not in client.get(card).text


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "/\\evil", ""])
def test_signing_in_leads_to_no_other_site(shared_api: Api, address: str) -> None:
    client = shared_api.as_(None)
    sent = {"key": shared_api.keys[Role.READER], "next": address}
    assert client.post("/login", data=sent).headers["location"] == "/"
    elsewhere = client.post("/login", data=sent, headers={"Sec-Fetch-Site": "cross-site"})
    assert elsewhere.status_code == 403


def test_a_browser_without_a_key_is_led_to_the_sign_in_page(shared_api: Api) -> None:
    led = shared_api.as_(None).get("/maps/overview", headers={"Accept": "text/html"})
    assert (led.status_code, led.headers["location"]) == (303, "/login?next=/maps/overview")
    assert re.search(
        r'name="next" value="/maps/overview"',
        shared_api.as_(None).get(led.headers["location"]).text,
    )
