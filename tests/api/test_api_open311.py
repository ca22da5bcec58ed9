"""Open311 GeoReport v2, as its clients use it and as its schemas have it."""

import importlib
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import httpx
import jsonschema
import pytest
import requests
import xmltodict
from georeport import GeoReport
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from running_api import COVER, LAMP, POSITIONS, Api, running

from gis_registry.roles import Role
from gis_registry.settings import Settings

SCHEMAS = {
    path.name: json.loads(path.read_text())
    for path in (Path(__file__).parent / "open311_schemas").glob("*.json")
}
# They name each other and no draft; $ref and anyOf are the same in all of them.
REGISTRY: Registry[Any] = Registry().with_resources(
    (
        name,
        Resource.from_contents(schema, default_specification=DRAFT4),
    )
    for name, schema in SCHEMAS.items()
)
LON, LAT = POSITIONS[1]
LAMPS = "01037"
#: What `three` sends.
AS_THREE = {
    "service_code": LAMPS,
    "lat": LAT,
    "long": LON,
    "address_string": "香港中路 10号",
    "first_name": "Zach",
    "last_name": "Williams",
    "phone": "555-5555",
    "description": "路灯不亮 <b>&",
    "media_url": "https://example.org/lamp.jpg",
    "jurisdiction_id": "qingdao",
}


def valid(answer: object, schema: str) -> Any:
    """Return an answer that the Open311 project's schema allows."""
    jsonschema.Draft4Validator(
        SCHEMAS[schema], registry=REGISTRY, format_checker=jsonschema.FormatChecker()
    ).validate(answer)
    return answer


def from_xml(element: ElementTree.Element) -> object:
    """Return what an answer in XML says, as it would be in JSON but for its types."""
    children = list(element)
    plural = {"services", "attributes", "service_requests", "notes", "endpoints", "formats"}
    if element.tag in plural or element.tag == "errors":
        return [from_xml(one) for one in children]
    if children:
        return {one.tag: from_xml(one) for one in children}
    return element.text


def as_text(value: object) -> object:
    """Return what an answer in JSON says without its types."""
    if isinstance(value, dict):
        return {key: as_text(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_text(one) for one in value]
    if isinstance(value, bool):
        return str(value).lower()
    return None if value in (None, "") else str(value)


def both(client: httpx.Client, path: str, **params: Any) -> Any:
    """Return an answer in JSON, after a look that it says the same in XML."""
    found = client.get(f"/open311/v2/{path}.json", params=params)
    written = client.get(f"/open311/v2/{path}.xml", params=params)
    assert found.status_code == written.status_code
    assert found.headers["content-type"] == "application/json; charset=utf-8"
    assert written.headers["content-type"] == "text/xml; charset=utf-8"
    assert written.content.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    said = from_xml(ElementTree.fromstring(written.content))  # noqa: S314  our own server
    assert json.dumps(said).replace(".xml", ".json") == json.dumps(as_text(found.json()))
    return found.json()


def submit(api: Api, **changed: object) -> Any:
    """Submit a request as `three` does; returns the answer."""
    sent = AS_THREE | {"api_key": api.keys[Role.INSPECTOR]} | changed
    form = {name: value for name, value in sent.items() if value is not None}
    return requests.post(f"{api.url}/open311/v2/requests.json", data=form, timeout=60)


def test_a_form_is_utf_8_whether_escaped_or_not(shared_api: Api) -> None:
    sent = {**AS_THREE, "api_key": shared_api.keys[Role.INSPECTOR], "description": "灯杆 é Ã©"}
    raw = "&".join(f"{name}={value}" for name, value in sent.items())
    for body in (raw.encode(), urlencode(sent).encode()):
        number = _post_form(shared_api, body).json()[0]["service_request_id"]
        shown = shared_api.as_(Role.READER).get(f"/open311/v2/requests/{number}.json").json()
        assert shown[0]["description"] == "灯杆 é Ã©"
    part = 'Content-Disposition: form-data; name="description"'
    for body, form in (
        (raw, "application/x-www-form-urlencoded"),
        (urlencode(sent, encoding="gb18030"), "application/x-www-form-urlencoded"),
        (f"--x\r\n{part}\r\n\r\n路灯\r\n--x--\r\n", "multipart/form-data; boundary=x"),
    ):
        refused = _post_form(shared_api, body.encode("gb18030"), form)
        assert (refused.status_code, "UTF-8" in refused.json()[0]["description"]) == (400, True)


def _post_form(
    api: Api, body: bytes, form: str = "application/x-www-form-urlencoded"
) -> requests.Response:
    headers = {"Content-Type": form}
    address = f"{api.url}/open311/v2/requests.json"
    return requests.post(address, data=body, headers=headers, timeout=60)


@pytest.fixture
def open_api(own_settings: Settings) -> Iterator[Api]:
    """Return an API that anybody may read, as Open311 has it."""
    own_settings.anonymous_role = Role.READER
    with running(own_settings) as api:
        yield api


def test_anybody_discovers_where_it_answers(shared_api: Api) -> None:
    found = both(shared_api.as_(None), "discovery")
    (endpoint,) = found["endpoints"]
    assert endpoint["url"] == f"{shared_api.url}/open311/v2"
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["formats"] == ["text/xml", "application/json"]
    assert "api_key" in found["key_service"]


def test_the_matter_types_are_services(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    found = valid(both(client, "services"), "services.json")
    services = {one["service_code"]: one for one in found}
    assert len(services) == len(found) >= 200
    assert services[LAMPS]["service_name"] == "路灯异常"
    assert services[LAMPS]["keywords"] == "路灯异常,street light - anomaly"
    assert (services[LAMPS]["metadata"], services[LAMPS]["type"]) == (True, "realtime")
    english = both(client, "services", lang="en")
    assert {one["service_code"]: one["service_name"] for one in english}[LAMPS] == (
        "street light - anomaly"
    )
    accepted = client.get("/open311/v2/services.json", headers={"Accept-Language": "en-GB"})
    assert accepted.json() == english


def test_every_service_has_a_definition(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    for code in (LAMPS, LAMP, "06001"):
        found = valid(both(client, f"services/{code}"), "service-definition.json")
        assert found["service_code"] == code
        assert [one["code"] for one in found["attributes"]] == [
            "accuracy_m",
            "client_key",
            "reported_at",
        ]
        assert not any(one["required"] for one in found["attributes"])


def test_the_client_georeport_works_unchanged(open_api: Api) -> None:
    numbers = [submit(open_api).json()[0]["service_request_id"] for _ in range(2)]
    root = f"{open_api.url}/open311/v2"
    client = GeoReport(root, jurisdiction="qingdao")
    valid(client.get_service_list(), "services.json")
    valid(client.get_service_definition(LAMPS), "service-definition.json")
    found = valid(client.get_service_requests(), "requests.json")
    assert [one["service_request_id"] for one in found] == numbers[::-1]
    assert client.get_service_requests(service_request_id=",".join(numbers)) == found
    assert client.get_service_requests(service_code=LAMPS, status="open,closed") == found
    assert client.get_service_requests(status="closed") == []
    day = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert client.get_service_requests(start_date=day) == found
    assert client.get_service_requests(end_date=day) == []
    assert valid(client.get_service_request(numbers[0]), "request.json") == found[1]
    in_xml = GeoReport(root, output_format="xml")
    assert len(in_xml.get_service_list()) == len(client.get_service_list())
    assert in_xml.get_service_definition(LAMPS)["service_code"] == LAMPS
    assert in_xml.get_service_requests() == [as_text(one) for one in found]
    assert in_xml.get_service_request(numbers[0]) == as_text(found[1])
    with pytest.raises(requests.HTTPError, match="404"):
        client.get_service_request("999999")
    with pytest.raises(requests.HTTPError, match="404"):
        GeoReport(root, jurisdiction="chicago").get_service_list()


def test_the_client_three_works_unchanged(open_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # It was written for Python 2, where itertools has an ifilter: that is given, nothing else.
    monkeypatch.setattr(itertools, "ifilter", filter, raising=False)
    three = importlib.import_module("three")
    client = three.Three(
        f"{open_api.url}/open311/v2", api_key=open_api.keys[Role.INSPECTOR], jurisdiction="qingdao"
    )
    services = client.services()
    assert LAMPS in {one["service_code"] for one in services}
    assert client.services(LAMPS)["service_code"] == LAMPS
    (sent,) = client.post(
        LAMPS, lat=LAT, long=LON, name="Zach Williams", phone="555-5555", description="路灯不亮",
        address="香港中路 10号",
    )  # fmt: skip
    number = sent["service_request_id"]
    (shown,) = client.request(number)
    assert (shown["description"], shown["address"]) == ("路灯不亮", "香港中路 10号")
    assert [one["service_request_id"] for one in client.requests(LAMPS, count=5)] == [number]
    today = datetime.now(UTC).date()
    between = [f"{one:%m-%d-%Y}" for one in (today, today + timedelta(days=1))]
    assert [one["service_request_id"] for one in client.requests(between=between)] == [number]
    assert client.token(number) == [{"service_request_id": number, "token": number}]
    assert client.discovery()["endpoints"]


def test_requests_are_found_by_when_something_happened_to_them(api: Api) -> None:
    old = {"attribute[reported_at]": "2020-03-01T08:00:00+08:00"}
    number = submit(api, **old).json()[0]["service_request_id"]
    client = api.as_(Role.READER)
    assert both(client, "requests") == []
    hour = timedelta(hours=1)
    after, before = (f"{datetime.now(UTC) + one:%Y-%m-%dT%H:%M:%SZ}" for one in (-hour, hour))
    (found,) = both(client, "requests", updated_after=after, updated_before=before)
    assert found["service_request_id"] == number
    assert both(client, "requests", updated_after=before) == []
    assert both(client, "requests", updated_before=after) == []
    assert both(client, "requests", updated_after=after, start_date=after) == []


def test_a_request_becomes_a_report_of_a_citizen(api: Api) -> None:
    submitted = submit(api)
    assert submitted.status_code == 200
    (answer,) = submitted.json()
    assert answer["service_notice"]
    assert answer["account_id"] is None
    number = answer["service_request_id"]
    client = api.as_(Role.READER)
    report = client.get(f"/api/reports/{number}").json()
    assert (report["channel"], report["reported_by"]) == ("citizen", "inspector-1")
    assert (report["lon"], report["lat"]) == (pytest.approx(LON), pytest.approx(LAT))
    assert report["accuracy_m"] == 20
    assert "Williams" not in json.dumps(report)
    (shown,) = valid(both(client, f"requests/{number}", lang="en"), "requests.json")
    assert shown["service_name"] == "street light - anomaly"
    assert (shown["status"], shown["status_notes"]) == ("open", "Reported")
    assert shown["description"] == "路灯不亮 <b>&"
    assert shown["address"] == "香港中路 10号"
    assert shown["media_url"] == "https://example.org/lamp.jpg"
    assert shown["agency_responsible"]
    assert shown["agency_responsible"] in shown["service_notice"]
    assert "extended_attributes" not in shown
    when = datetime.fromisoformat(shown["requested_datetime"])
    assert when.utcoffset() == timedelta(hours=8)
    assert abs(datetime.now(UTC) - when) < timedelta(minutes=1)
    token = both(client, f"tokens/{number}")
    assert token == [{"service_request_id": number, "token": number}]


def test_attributes_say_what_open311_has_no_field_for(api: Api) -> None:
    said = {
        "attribute[accuracy_m]": "3",
        "attribute[client_key]": "app-1",
        "attribute[reported_at]": "2026-03-01T08:00:00+08:00",
    }
    first, second = submit(api, **said).json(), submit(api, **said).json()
    assert first == second
    client = api.as_(Role.READER)
    report = client.get(f"/api/reports/{first[0]['service_request_id']}").json()
    assert (report["accuracy_m"], report["client_key"]) == (3, "app-1")
    asked = {"start_date": "2026-03-01T00:00:00Z", "end_date": "2026-03-01T00:00:00Z"}
    (found,) = valid(both(client, "requests", extensions="true", **asked), "requests.json")
    assert found["requested_datetime"] == "2026-03-01T08:00:00+08:00"
    assert found["extended_attributes"] == {
        "component_code": api.codes[1],
        "state": "reported",
    }
    assert found["address"]
    assert [(one["type"], one["summary"]) for one in found["notes"]] == [("reported", "上报")]


def test_a_closed_case_closes_its_requests(api: Api) -> None:
    number = submit(api).json()[0]["service_request_id"]
    other = submit(api, service_code=COVER).json()[0]["service_request_id"]
    case_id = api.as_(Role.READER).get(f"/api/reports/{number}").json()["case_id"]
    closed = api.as_(Role.DISPATCHER).post(
        f"/api/cases/{case_id}/close", json={"reason": "已更换灯具"}
    )
    assert closed.status_code == 200
    client = api.as_(Role.READER)
    (found,) = valid(both(client, "requests", status="closed", extensions="true"), "requests.json")
    assert (found["service_request_id"], found["status"]) == (number, "closed")
    assert found["status_notes"] == "已结案：已更换灯具"
    assert found["updated_datetime"] >= found["requested_datetime"]
    assert [one["description"] for one in found["notes"]] == [None, "已更换灯具"]
    (open_one,) = both(client, "requests", status="open")
    assert (open_one["service_request_id"], open_one["service_code"]) == (other, COVER)


def test_a_request_says_where_its_case_is_and_when_it_will_be_done(api: Api) -> None:
    number = submit(api).json()[0]["service_request_id"]
    reader, dispatcher = api.as_(Role.READER), api.as_(Role.DISPATCHER)
    case_id = reader.get(f"/api/reports/{number}").json()["case_id"]

    def shown(language: str = "en") -> dict[str, Any]:
        found: dict[str, Any]
        (found,) = valid(both(reader, f"requests/{number}", lang=language), "requests.json")
        return found

    def do(action: str, **change: Any) -> dict[str, Any]:
        done = dispatcher.post(f"/api/cases/{case_id}/{action}", json=change)
        assert done.status_code == 200, done.text
        status: dict[str, Any] = done.json()
        return status

    assert (shown()["status_notes"], shown()["expected_datetime"]) == ("Reported", None)
    filed = do("file")
    agency = shown()["agency_responsible"]
    assert shown()["status_notes"] == f"Dispatched to {agency}"
    assert shown("zh")["status_notes"].startswith("已派遣：")
    due_at = datetime.fromisoformat(filed["due_at"]).replace(microsecond=0)
    assert datetime.fromisoformat(shown()["expected_datetime"]) == due_at
    returned = do("return", unit_code=filed["unit_code"], reason="不属我单位")
    assert returned["unit_code"] != filed["unit_code"]
    assert shown()["agency_responsible"] != agency
    assert shown()["agency_responsible"] in shown()["service_notice"]
    do("close", reason="不在管辖范围")
    assert (shown()["status"], shown()["status_notes"]) == ("closed", "Closed: 不在管辖范围")
    assert shown()["expected_datetime"] is None


def test_requests_come_in_pages_and_by_number(api: Api) -> None:
    numbers = [submit(api).json()[0]["service_request_id"] for _ in range(5)][::-1]
    client = api.as_(Role.READER)

    def asked(**params: Any) -> list[str]:
        found = valid(both(client, "requests", **params), "requests.json")
        return [one["service_request_id"] for one in found]

    assert [asked(page=page, page_size=2) for page in (1, 2, 3, 4)] == [
        numbers[:2],
        numbers[2:4],
        numbers[4:],
        [],
    ]
    overriding = {"status": "closed", "end_date": "2001-01-01T00:00:00Z"}
    assert asked(service_request_id=f"{numbers[4]}, {numbers[0]}", **overriding) == [
        numbers[0],
        numbers[4],
    ]
    assert asked(service_request_id="999999") == []
    assert asked(service_code=f"06001,{LAMPS}") == numbers
    assert asked(service_code="06001") == []


@pytest.mark.parametrize(
    ("changed", "status", "detail"),
    [
        ({"lat": None, "long": None}, 400, "addresses are not looked up"),
        ({"lat": None}, 400, "Send lat and long"),
        ({"lat": "north"}, 400, "lat: Input should be a valid number"),
        ({"lat": "nan"}, 400, "not numbers"),
        ({"lat": "48.85", "long": "2.35"}, 400, "2.35, 48.85 is not in Qingdao"),
        ({"service_code": None}, 400, "service_code: Field required"),
        ({"service_code": "nothing"}, 404, "no matter type 'nothing'"),
        ({"jurisdiction_id": "chicago"}, 404, "'chicago' is not served here"),
        ({"description": "x" * 4001}, 400, "description: String should have at most 4000"),
        ({"description": "\0"}, 400, "NUL"),
        ({"media_url": "lamp.jpg"}, 400, "media_url"),
        ({"attribute[colour]": "red"}, 400, "attribute.colour: Extra inputs"),
        ({"attribute[accuracy_m]": "0"}, 400, "attribute.accuracy_m"),
        ({"attribute[reported_at]": "2100-01-01T00:00:00Z"}, 400, "from the future"),
        ({"api_key": None}, 403, "Send a key as `api_key`"),
        ({"api_key": ""}, 403, "Send a key as `api_key`"),
        ({"api_key": "gr_wrong"}, 403, "not known"),
    ],
)
def test_a_request_that_cannot_be_taken(
    shared_api: Api, changed: dict[str, object], status: int, detail: str
) -> None:
    refused = submit(shared_api, **changed)
    (error,) = refused.json()
    assert (refused.status_code, error["code"]) == (status, status)
    assert detail in error["description"]


@pytest.mark.parametrize(
    ("path", "params", "status", "detail"),
    [
        ("services/nothing", {}, 404, "no matter type"),
        ("services", {"jurisdiction_id": "chicago"}, 404, "not served here"),
        ("requests/999999", {}, 404, "no service request"),
        ("requests/x", {}, 404, "they have numbers"),
        ("requests/1", {"extensions": "perhaps"}, 400, "extensions"),
        ("tokens/999999", {}, 404, "no report"),
        ("nothing", {}, 404, "nothing at"),
        ("requests", {"status": "lost"}, 400, "status"),
        ("requests", {"page_size": "1001"}, 400, "page_size"),
        ("requests", {"page": "0"}, 400, "page"),
        ("requests", {"service_request_id": "x"}, 400, "service_request_id"),
        ("requests", {"service_request_id": str(2**63)}, 400, "service_request_id"),
        ("requests", {"start_date": "2026-01-01"}, 400, "start_date"),
        ("requests", {"start_date": "0001-01-01T00:00:00+14:00"}, 400, "start_date"),
        ("requests", {"end_date": "9999-12-31T23:59:59-14:00"}, 400, "end_date"),
        (
            "requests",
            {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-04-02T00:00:00Z"},
            400,
            "0 to 90 days",
        ),
        ("requests", {"api_key": "gr_wrong"}, 403, "not known"),
    ],
)
def test_an_error_is_as_open311_has_it(
    shared_api: Api, path: str, params: dict[str, str], status: int, detail: str
) -> None:
    (error,) = both(shared_api.as_(Role.READER), path, **params)
    assert error["code"] == status
    assert detail in error["description"]


def test_other_formats_and_methods_are_refused(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    wrong = client.get("/open311/v2/services.yaml", headers={"Accept": "text/html"})
    assert (wrong.status_code, wrong.json()[0]["code"]) == (400, 400)
    assert "'json' or 'xml'" in wrong.json()[0]["description"]
    assert client.delete("/open311/v2/services.json").json()[0]["code"] == 405


def test_files_are_refused(shared_api: Api) -> None:
    key = {"api_key": shared_api.keys[Role.INSPECTOR]}
    refused = requests.post(
        f"{shared_api.url}/open311/v2/requests.xml",
        data=AS_THREE | key,
        files={"media": ("lamp.png", b"\x89PNG")},
        timeout=60,
    )
    assert refused.status_code == 400
    error = xmltodict.parse(refused.content)["errors"]["error"]
    assert error["code"] == "400"
    assert "media_url" in error["description"]


def test_who_may_report_is_as_for_any_report(shared_api: Api) -> None:
    """A key that may not report is refused; a cookie reports nothing."""
    refused = submit(shared_api, api_key=shared_api.keys[Role.READER])
    assert (refused.status_code, refused.json()[0]["code"]) == (403, 403)
    nobody = shared_api.as_(None)
    for path in ("services", "services/01037", "requests", "requests/1", "tokens/1"):
        assert nobody.get(f"/open311/v2/{path}.json").status_code == 403
    key = shared_api.keys[Role.INSPECTOR]
    cookie = {"Cookie": f"gis_registry_key={key}"}
    posted = nobody.post("/open311/v2/requests.json", data=AS_THREE, headers=cookie)
    assert posted.status_code == 403
    asked = nobody.get("/open311/v2/services.json", params={"api_key": key})
    assert asked.status_code == 200
    header = {"Authorization": f"Bearer {key}"}
    posted = nobody.post("/open311/v2/requests.json", data=AS_THREE, headers=header)
    assert posted.status_code == 200


def test_text_that_xml_cannot_say_is_replaced(api: Api) -> None:
    number = submit(api, description="a\x01b\nc").json()[0]["service_request_id"]
    found = api.as_(Role.READER).get(f"/open311/v2/requests/{number}.xml")
    request = xmltodict.parse(found.content)["service_requests"]["request"]
    assert request["description"] == "a\ufffdb\nc"


def test_a_body_that_is_too_large_is_refused_in_its_form(own_settings: Settings) -> None:
    own_settings.max_request_bytes = 1000
    with running(own_settings) as api:
        refused = submit(api, description="x" * 1000)
        assert (refused.status_code, refused.json()[0]["code"]) == (413, 413)
