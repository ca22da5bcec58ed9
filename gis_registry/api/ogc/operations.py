"""What ``/ogc`` answers: one description of each operation, which all else is made from.

The route, the refusal of parameters that it does not have, and its part of the OpenAPI document
come from the same description, so they cannot differ.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from gis_registry.roles import Permission

if TYPE_CHECKING:
    from gis_registry.api.ogc.asking import Asking

PREFIX = "/ogc"
#: What relations of links of OGC API begin with.
REL = "http://www.opengis.net/def/rel/ogc/1.0/"


@dataclass(frozen=True)
class Format:
    """How an answer is written.

    Attributes:
        name: its value of the parameter ``f``.
        media_type: what it is.
        title: what people call it.
    """

    name: str
    media_type: str
    title: str


JSON = Format("json", "application/json", "JSON")
GEOJSON = Format("json", "application/geo+json", "GeoJSON")
HTML = Format("html", "text/html", "HTML")
SCHEMA = Format("json", "application/schema+json", "JSON Schema")
DCAT = Format("dcat", "application/ld+json", "DCAT")
OPENAPI = Format("json", "application/vnd.oai.openapi+json;version=3.0", "OpenAPI 3.0")


@dataclass(frozen=True)
class Parameter:
    """A parameter of the query.

    Attributes:
        name: what it is called.
        description: what it does.
        schema: which values it has, as JSON Schema; ``array`` is a list with commas.
    """

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


BBOX = Parameter(
    "bbox",
    "Only what touches a box: its least and greatest corner, four numbers, or six with heights",
    {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
)
TOKEN = Parameter("token", "Where the page before ended, as its link `next` has it")


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    Attributes:
        path: below the prefix, with ``{names}``.
        name: what programs call it, told apart from all others.
        summary: what it does, in a sentence.
        answer: does it.
        tag: what it belongs to.
        parameters: what may be asked, but for ``f``.
        formats: how the answer may be written, the first one unless asked otherwise.
        takes_properties: whether properties of the collection are parameters too.
        method: the HTTP method; what answers GET answers HEAD.
        permission: what is needed.
        success: status and meaning of the answer when it was done.
        schema: of the answer, where it is JSON.
        body: media types that the request's body may have.
        headers: headers that say more, told of as parameters.
        also: other statuses of an answer, with their meanings.
    """

    path: str
    name: str
    summary: str
    answer: "Callable[[Asking], Awaitable[Response]]"
    tag: str = "Capabilities"
    parameters: tuple[Parameter, ...] = ()
    formats: tuple[Format, ...] = (JSON, HTML)
    takes_properties: bool = False
    method: str = "GET"
    permission: Permission = Permission.READ
    success: tuple[int, str] = (200, "Done")
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    body: tuple[str, ...] = ()
    headers: tuple[Parameter, ...] = ()
    also: Mapping[int, str] = field(default_factory=dict)
