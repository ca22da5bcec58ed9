"""Reports as the service requests of Open311 GeoReport v2, and matter types as its services.

The texts come in Chinese or English, as the client asks: ``language`` is ``zh`` or ``en``.
"""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.cases.life_cycle import STATE_NAMES
from gis_registry.cases.tables import CaseEventKind, CaseState
from gis_registry.cases.wording import EVENT_NAMES
from gis_registry.catalogue import service as catalogue
from gis_registry.catalogue.tables import MatterKind
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.places import service as places
from gis_registry.places.datums import Datum
from gis_registry.places.tables import City
from gis_registry.reports import queries, service
from gis_registry.reports.open311_schemas import (
    Discovery,
    Endpoint,
    NewServiceRequest,
    RequestNote,
    RequestQuery,
    RequestToken,
    Service,
    ServiceAttribute,
    ServiceDefinition,
    ServiceRequest,
    SubmittedRequest,
)
from gis_registry.reports.schemas import NewReport, Sender
from gis_registry.reports.tables import Channel

#: Open311 has no field for it. A phone between tall buildings or a finger on a map is some 20 m
#: off; to think it better would name a wrong component, to think it worse only asks to confirm.
CITIZEN_ACCURACY_M = 20.0
#: Both limits are the specification's.
_LONGEST_SPAN = timedelta(days=90)
_SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
#: When what this endpoint answers last changed in form.
_CHANGESET = "2026-11-23T00:00:00Z"

_DESCRIPTIONS = {
    MatterKind.COMPONENT: {
        "zh": "某个部件有问题；按位置认定是哪一个。",
        "en": "Something is wrong with a component; the position tells which.",
    },
    MatterKind.PLACE: {
        "zh": "某处有问题，不涉及部件。",
        "en": "Something is wrong in a place; no component is meant.",
    },
}
#: Which of two names, in Chinese and English, a language takes.
_NAME = {"zh": 0, "en": 1}
_ATTRIBUTES = [
    ("accuracy_m", "number", "米", "metres", "位置的误差半径", "How far off the position may be"),
    ("client_key", "string", "至多200字", "at most 200 characters",
     "发送方自己的编号：同一编号只算一次上报",
     "The sender's own key: the same key twice is one request"),
    ("reported_at", "datetime", "ISO 8601，带时区", "ISO 8601 with zone",
     "发现的时间，不填为现在", "When it was seen; unset: now"),
]  # fmt: skip


def require_jurisdiction(session: Session, jurisdiction_id: str) -> None:
    """Refuse requests for any other city.

    Raises:
        NotFound: the registry is another city's.
    """
    city = places.the_city(session)
    if jurisdiction_id != city.key:
        raise NotFound(
            f"jurisdiction_id {jurisdiction_id!r} is not served here: send {city.key!r}, or none."
        )


def discovery(session: Session, *, url: str, language: str) -> Discovery:
    """Return where this interface answers, for whom, and how to get a key."""
    city = places.the_city(session)
    contact = {
        "zh": f"{city.name_zh}部件一张图的管理员",
        "en": f"The administrator of the component registry of {city.name_en}",
    }
    key_service = {
        "zh": "向管理员申请密钥，作为api_key发送。",
        "en": "Ask the administrator for a key and send it as api_key.",
    }
    return Discovery(
        changeset=_CHANGESET,
        contact=contact[language],
        key_service=key_service[language],
        endpoints=[
            Endpoint(
                specification=_SPECIFICATION,
                url=url,
                changeset=_CHANGESET,
                type="production",
                formats=["text/xml", "application/json"],
            )
        ],
    )


def services(session: Session, *, language: str) -> list[Service]:
    """Return what can be requested: the city's matter types, by kind and code."""
    city = places.the_city(session)
    found = catalogue.list_matter_types(
        session, edition_key=city.matter_edition_key, in_profile=True
    )
    return [
        Service(
            service_code=one.code,
            service_name=getattr(one, f"name_{language}"),
            description=_DESCRIPTIONS[MatterKind(one.kind)][language],
            metadata=True,
            type="realtime",
            keywords=f"{one.name_zh},{one.name_en}",
            group=one.major_name_zh,
        )
        for one in found
    ]


def definition(session: Session, service_code: str, *, language: str) -> ServiceDefinition:
    """Return which attributes a request for a service can have.

    Raises:
        UnknownMatterType: there is no such service.
    """
    city = places.the_city(session)
    matter = catalogue.find_matter(
        session,
        service_code,
        matter_edition_key=city.matter_edition_key,
        class_edition_key=city.edition_key,
        earlier_edition_keys=places.class_editions(session),
    )
    return ServiceDefinition(
        service_code=matter.type.code,
        attributes=[
            ServiceAttribute.model_validate(
                {
                    "variable": True,
                    "code": code,
                    "datatype": datatype,
                    "required": False,
                    "datatype_description": unit_zh if language == "zh" else unit_en,
                    "order": order,
                    "description": zh if language == "zh" else en,
                }
            )
            for order, (code, datatype, unit_zh, unit_en, zh, en) in enumerate(_ATTRIBUTES, 1)
        ],
    )


def submit(
    session: Session, new: NewServiceRequest, *, reported_by: str, language: str
) -> SubmittedRequest:
    """Take in a service request as a citizen's report.

    Who it comes from is kept, and never part of an answer here.

    Raises:
        UnknownMatterType: there is no such service.
        InvalidInput: it has no position, or says too much.
        InvalidPosition: the position is none or outside the city.
    """
    if new.lat is None or new.long is None:
        raise InvalidInput(
            "Send lat and long in degrees (WGS 84): addresses are not looked up here."
        )
    said = new.attribute
    report = NewReport(
        lon=new.long,
        lat=new.lat,
        datum=Datum.WGS84,
        accuracy_m=said.accuracy_m or CITIZEN_ACCURACY_M,
        matter=new.service_code,
        text=new.description.strip(),
        address=new.address_string,
        media_url=new.media_url,
        sender=_sender(new),
        channel=Channel.CITIZEN,
        client_key=said.client_key,
        reported_at=said.reported_at,
    )
    answered = service.submit(session, report, reported_by=reported_by)
    grounds = [one.model_dump() for one in answered.answer.responsible.grounds]
    return SubmittedRequest(
        service_request_id=str(answered.id),
        service_notice=_notice(grounds, language),
        account_id=None,
    )


def requests(session: Session, query: RequestQuery, *, language: str) -> list[ServiceRequest]:
    """Return service requests, the newest first.

    Numbers override every other condition. Without dates the last 90 days count; with one date the
    90 days from or before it. Dates of the last update (an extension) stand alone, or limit these.

    Raises:
        InvalidInput: the dates are further apart than 90 days, or in the wrong order.
    """
    city = places.the_city(session)
    numbers = query.service_request_id
    if numbers is not None:
        query = RequestQuery(
            page=query.page, page_size=query.page_size, extensions=query.extensions
        )
    has_dates = query.updated_after is not None or query.updated_before is not None
    since, until = (
        (query.start_date, query.end_date)
        if numbers is not None or has_dates
        else _span(query.start_date, query.end_date)
    )
    rows = queries.service_requests(
        session,
        ids=numbers,
        matter_codes=query.service_code,
        since=since,
        until=until,
        states=query.status,
        updated_after=query.updated_after,
        updated_before=query.updated_before,
        with_events=query.extensions,
        limit=query.page_size,
        offset=(query.page - 1) * query.page_size,
    )
    return [_request(row, city, language) for row in rows]


def request(
    session: Session, service_request_id: str, *, extensions: bool, language: str
) -> ServiceRequest:
    """Return a service request.

    Raises:
        NotFound: there is no such one.
    """
    number = _number(service_request_id)
    rows = queries.service_requests(session, ids=[number], with_events=extensions)
    if not rows:
        raise NotFound(f"There is no service request {number}.")
    return _request(rows[0], places.the_city(session), language)


def token(session: Session, token: str) -> RequestToken:
    """Return the service request of a token: numbers are given at once, so it is the number.

    Raises:
        NotFound: there is no such one.
    """
    known = service.show(session, _number(token))
    return RequestToken(service_request_id=str(known.id), token=str(known.id))


def _number(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,18}", text) is None:
        raise NotFound(f"There is no service request {text!r}: they have numbers.")
    return int(text)


def _span(start: datetime | None, end: datetime | None) -> tuple[datetime, datetime | None]:
    if start is None:
        return (end or datetime.now(UTC)) - _LONGEST_SPAN, end
    if end is None:
        return start, start + _LONGEST_SPAN
    if not timedelta(0) <= end - start <= _LONGEST_SPAN:
        raise InvalidInput("end_date must be 0 to 90 days after start_date.")
    return start, end


def _sender(new: NewServiceRequest) -> Sender | None:
    name = " ".join(part for part in (new.first_name, new.last_name) if part)
    sender = Sender(
        account=new.account_id or new.device_id,
        name=name or None,
        phone=new.phone,
        email=new.email,
    )
    return sender if sender.model_dump(exclude_none=True) else None


def _notice(grounds: list[dict[str, str]], language: str) -> str:
    return ("" if language == "zh" else " ").join(one[language] for one in grounds)


def _request(row: RowMapping, city: City, language: str) -> ServiceRequest:
    zone = ZoneInfo(city.time_zone)
    found = ServiceRequest(
        service_request_id=str(row["id"]),
        status=row["state"],
        status_notes=_where_it_is(row, language),
        service_name=row[f"matter_name_{language}"],
        service_code=row["matter_code"],
        description=row["text"] or None,
        agency_responsible=row[f"unit_name_{language}"] or row["unit_name_zh"],
        service_notice=_notice(row["grounds"], language),
        requested_datetime=_told(row["reported_at"], zone),
        updated_datetime=_told(row["updated_at"], zone),
        expected_datetime=row["expected_at"] and _told(row["expected_at"], zone),
        address=row["address"] or _address(row["place"], language),
        address_id=None,
        zipcode=None,
        lat=row["lat"],
        long=row["lon"],
        media_url=row["media_url"],
    )
    if row["events"] is not None:
        found.extended_attributes = {
            "component_code": row["component_code"],
            "state": row["progress"],
        }
        found.notes = [
            RequestNote(
                datetime=_told(datetime.fromisoformat(one["happened_at"]), zone),
                type=one["kind"],
                summary=EVENT_NAMES[CaseEventKind(one["kind"])][_NAME[language]],
                description=one["reason"],
            )
            for one in row["events"]
        ]
    return found


def _told(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return a moment as the specification writes it: local, to the second."""
    return moment.astimezone(zone).replace(microsecond=0)


def _where_it_is(row: RowMapping, language: str) -> str:
    """Return in words where the case is in its life cycle, and why it ended."""
    state = CaseState(row["progress"])
    name = STATE_NAMES[state][_NAME[language]]
    name = name[0].upper() + name[1:]
    unit = row[f"unit_name_{language}"] or row["unit_name_zh"]
    if state is CaseState.DISPATCHED and unit:
        name = f"{name}：{unit}" if language == "zh" else f"{name} to {unit}"
    if not row["reason"]:
        return name
    return f"{name}：{row['reason']}" if language == "zh" else f"{name}: {row['reason']}"


def _address(place: dict[str, dict[str, str]], language: str) -> str | None:
    """Return the names of the district and subdistrict, in the order of the language."""
    known = [place[one][f"name_{language}"] for one in ("division", "subdistrict") if place[one]]
    return ("".join(known) if language == "zh" else ", ".join(reversed(known))) or None
