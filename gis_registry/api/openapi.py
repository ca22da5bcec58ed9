"""The OpenAPI document: problems in their media type, and the permission that each route needs."""

from typing import Any

from fastapi import FastAPI

from gis_registry.api.access import permissions_by_route
from gis_registry.api.problems import MEDIA_TYPE
from gis_registry.roles import PERMISSIONS, Permission, Role


class RegistryAPI(FastAPI):
    """An application whose OpenAPI document says all that callers have to know."""

    def openapi(self) -> dict[str, Any]:
        """Return the document, made once."""
        if self.openapi_schema is None:
            schema = super().openapi()
            needed = {
                (route.path_format, method.lower()): permissions
                for route, permissions in permissions_by_route(self.routes)
                for method in route.methods or ()
            }
            for path, operations in schema["paths"].items():
                for method, operation in operations.items():
                    _summarise(operation)
                    _state_permission(operation, needed.get((path, method), ()))
                    _name_media_type(operation)
            self.openapi_schema = schema
        return self.openapi_schema


def _summarise(operation: dict[str, Any]) -> None:
    """Make the description's first line the summary, which FastAPI takes from the name."""
    first, _, rest = operation.get("description", "").partition("\n")
    operation["summary"] = first.rstrip(".") or operation["summary"]
    operation["description"] = rest.strip()


def _state_permission(operation: dict[str, Any], permissions: tuple[Permission, ...]) -> None:
    if not permissions:
        operation.pop("security", None)
        operation["description"] = _joined(operation, "Needs no key.")
        return
    operation["x-permission"] = [str(one) for one in permissions]
    roles = ", ".join(role for role in Role if PERMISSIONS[role] & set(permissions))
    names = " or ".join(f"`{one}`" for one in permissions)
    operation["description"] = _joined(operation, f"Needs the permission {names} ({roles}).")


def _joined(operation: dict[str, Any], sentence: str) -> str:
    said = operation.get("description", "").strip()
    return f"{said}\n\n{sentence}" if said else sentence


def _name_media_type(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        # FastAPI names problems by what the route answers otherwise.
        for named in ("application/json", "text/event-stream"):
            if status >= "400" and named in content:
                response["content"] = {MEDIA_TYPE: content[named]}
