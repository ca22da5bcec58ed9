"""What Open311 GeoReport v2 says and is told, in the words of its specification."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

#: What the specification allows at most in one answer.
MOST_REQUESTS = 1000
#: What the specification allows a service request to say at most.
LONGEST_DESCRIPTION = 4000


def _separated(value: object) -> object:
    """Return the parts of a list with commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Date = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2100, 1, 1, tzinfo=UTC))
]
Number = Annotated[int, Field(ge=1, lt=2**63)]


class Endpoint(BaseModel):
    """Where an interface answers, and in which formats."""

    specification: str
    url: str
    changeset: str
    type: Literal["production", "test"]
    formats: list[str]


class Discovery(BaseModel):
    """What a client has to know before it begins."""

    changeset: str
    contact: str
    key_service: str
    endpoints: list[Endpoint]


class Service(BaseModel):
    """A matter type as something that can be requested."""

    service_code: str
    service_name: str
    description: str
    metadata: bool
    type: Literal["realtime"]
    keywords: str
    group: str


class ServiceAttribute(BaseModel):
    """Something more that a request can say."""

    variable: bool
    code: str
    datatype: Literal["string", "number", "datetime"]
    required: bool
    datatype_description: str
    order: int
    description: str


class ServiceDefinition(BaseModel):
    """What a request for a service can say."""

    service_code: str
    attributes: list[ServiceAttribute]


class RequestAttributes(BaseModel):
    """The attributes that every service has: what a report can say and Open311 has no field for."""

    model_config = ConfigDict(extra="forbid")

    accuracy_m: float | None = Field(default=None, gt=0, le=5000)
    client_key: str | None = Field(default=None, max_length=200)
    reported_at: AwareDatetime | None = None


class NewServiceRequest(BaseModel):
    """A service request as it arrives; what it says besides is not kept."""

    service_code: str = Field(max_length=20)
    lat: float | None = None
    long: float | None = None
    address_string: str | None = Field(default=None, max_length=500)
    description: str = Field(default="", max_length=LONGEST_DESCRIPTION)
    media_url: str | None = Field(default=None, max_length=1000, pattern=r"^https?://[^\s]+$")
    account_id: str | None = Field(default=None, max_length=200)
    device_id: str | None = Field(default=None, max_length=200)
    first_name: str | None = Field(default=None, max_length=100)
    last_name: str | None = Field(default=None, max_length=99)
    phone: str | None = Field(default=None, max_length=50)
    email: str | None = Field(default=None, max_length=254)
    attribute: RequestAttributes = RequestAttributes()


class RequestQuery(BaseModel):
    """Which service requests are asked for."""

    service_request_id: Annotated[
        list[Number] | None, BeforeValidator(_separated), Field(max_length=MOST_REQUESTS)
    ] = None
    service_code: Annotated[list[str] | None, BeforeValidator(_separated)] = None
    start_date: Date | None = None
    end_date: Date | None = None
    updated_after: Date | None = None
    updated_before: Date | None = None
    status: Annotated[list[Literal["open", "closed"]] | None, BeforeValidator(_separated)] = None
    page: int = Field(default=1, ge=1, le=1_000_000)
    page_size: int = Field(default=MOST_REQUESTS, ge=1, le=MOST_REQUESTS)
    extensions: bool = False


class SubmittedRequest(BaseModel):
    """What a new service request became."""

    service_request_id: str
    service_notice: str
    account_id: None


class RequestToken(BaseModel):
    """The service request that a token stands for."""

    service_request_id: str
    token: str


class RequestNote(BaseModel):
    """Something that happened to a service request (an extension)."""

    datetime: datetime
    type: str
    summary: str
    description: str | None


class ServiceRequest(BaseModel):
    """A report as a service request; the last two fields only for who asks for extensions."""

    service_request_id: str
    status: Literal["open", "closed"]
    status_notes: str
    service_name: str
    service_code: str
    description: str | None
    agency_responsible: str | None
    service_notice: str
    requested_datetime: datetime
    updated_datetime: datetime
    expected_datetime: datetime | None
    address: str | None
    address_id: None
    zipcode: None
    lat: float
    long: float
    media_url: str | None
    extended_attributes: dict[str, Any] | None = None
    notes: list[RequestNote] | None = None
