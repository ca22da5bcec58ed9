"""What Open311 answers, errors too: JSON and XML made from the same values."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal
from xml.etree import ElementTree

from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

PREFIX = "/open311/v2"

Format = Literal["json", "xml"]

_JSON = "application/json; charset=utf-8"
_XML = "text/xml; charset=utf-8"
#: Characters that XML 1.0 cannot say in any way.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: What the specification calls one of a list, where it is not the list's name without its s.
_ONE_OF = {"service_requests": "request"}


class Open311Error(BaseModel):
    """What went wrong, as Open311 has it."""

    code: int
    description: str


def answer(
    format_: str,
    root: str,
    content: BaseModel | Sequence[BaseModel],
    *,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return models in a format.

    Args:
        format_: ``xml``, or else JSON.
        root: name of the outermost element in XML; JSON has none.
        content: one model, or a list of them. Fields that were not set are left out.
        status_code: HTTP status.
        headers: further headers.
    """
    value = (
        content.model_dump(mode="json", exclude_unset=True)
        if isinstance(content, BaseModel)
        else [one.model_dump(mode="json", exclude_unset=True) for one in content]
    )
    if format_ != "xml":
        return JSONResponse(value, status_code, headers, media_type=_JSON)
    written: bytes = ElementTree.tostring(_element(root, value), "utf-8", xml_declaration=True)
    return Response(written, status_code, headers, media_type=_XML)


def refusal(path: str, status: int, detail: str, headers: Mapping[str, str]) -> Response:
    """Return an error in the format that the address ends with."""
    # Its specification has one answer for a missing and for a wrong key, and is older than 422.
    code = {401: 403, 422: 400}.get(status, status)
    error = Open311Error(code=code, description=detail)
    format_ = "xml" if path.endswith(".xml") else "json"
    return answer(format_, "errors", [error], status_code=code, headers=headers)


def _element(name: str, value: object) -> ElementTree.Element:
    element = ElementTree.Element(name)
    if isinstance(value, dict):
        element.extend(_element(key, one) for key, one in value.items())
    elif isinstance(value, list):
        one_of = _ONE_OF.get(name, name.removesuffix("s"))
        element.extend(_element(one_of, one) for one in value)
    elif isinstance(value, bool):
        element.text = str(value).lower()
    elif value is not None:
        element.text = _NO_XML.sub("\ufffd", str(value))
    return element
