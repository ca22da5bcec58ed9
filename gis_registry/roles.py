"""Roles and the permissions that each of them includes."""

from enum import StrEnum


class Permission(StrEnum):
    """What a route or command can require."""

    READ = "read"
    REPORT = "report"
    SURVEY = "survey"
    DISPATCH = "dispatch"
    HANDLE = "handle"
    ADMINISTER = "administer"


class Role(StrEnum):
    """What a user is to the city."""

    ADMINISTRATOR = "administrator"
    ANALYST = "analyst"
    INSPECTOR = "inspector"
    DISPATCHER = "dispatcher"
    UNIT = "unit"
    READER = "reader"


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.ANALYST: frozenset({Permission.READ, Permission.SURVEY}),
    Role.INSPECTOR: frozenset({Permission.READ, Permission.REPORT}),
    Role.DISPATCHER: frozenset({Permission.READ, Permission.REPORT, Permission.DISPATCH}),
    Role.UNIT: frozenset({Permission.READ, Permission.HANDLE}),
    Role.READER: frozenset({Permission.READ}),
}
