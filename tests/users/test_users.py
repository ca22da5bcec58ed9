"""Users: keys are kept as hashes, can be revoked, and roles allow what they should."""

import pytest
from sqlalchemy import MetaData, select, text
from sqlalchemy.orm import Session

from gis_registry.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, NotPermitted
from gis_registry.roles import PERMISSIONS, Permission, Role
from gis_registry.users import service
from gis_registry.users.service import Actor, anonymous
from gis_registry.users.tables import ApiKey


def test_a_key_tells_who_asks(session: Session) -> None:
    key = service.add_user(session, " 王巡查 ", Role.INSPECTOR)
    assert key.startswith("gr_")
    assert len(key) > 40
    assert service.actor_of(session, key) == Actor("王巡查", Role.INSPECTOR)
    assert service.actor_of(session, f" {key}\n") == Actor("王巡查", Role.INSPECTOR)


def test_the_key_itself_is_nowhere_in_the_database(session: Session) -> None:
    key = service.add_user(session, "wang", Role.READER)
    metadata = MetaData()
    metadata.reflect(session.connection(), only=["users", "api_keys"])
    held = [
        str(value)
        for table in metadata.tables.values()
        for row in session.execute(select(table))
        for value in row
    ]
    assert "wang" in held
    assert not [value for value in held if key in value or key.removeprefix("gr_") in value]
    (kept,) = session.scalars(select(ApiKey))
    assert len(kept.key_sha256) == 64


@pytest.mark.parametrize("key", ["", "gr_", "gr_nobody", "王", "x" * 10_000, "' OR true --"])
def test_a_key_that_is_nobodys_is_refused(session: Session, key: str) -> None:
    service.add_user(session, "wang", Role.READER)
    with pytest.raises(NotAuthenticated, match="not known or was revoked"):
        service.actor_of(session, key)


def test_a_revoked_key_is_refused_and_the_others_stay(session: Session) -> None:
    wang = [service.add_user(session, "wang", Role.READER), service.add_key(session, "wang")]
    other = service.add_user(session, "li", Role.UNIT)
    assert len({*wang, other}) == 3
    assert [(user.name, count) for user, count in service.users(session)] == [
        ("li", 1),
        ("wang", 2),
    ]
    assert service.revoke_keys(session, "wang") == 2
    assert service.revoke_keys(session, "wang") == 0
    for key in wang:
        with pytest.raises(NotAuthenticated):
            service.actor_of(session, key)
    assert service.actor_of(session, other).name == "li"
    new = service.add_key(session, "wang")
    assert service.actor_of(session, new).name == "wang"


def test_a_new_key_can_replace_the_others(session: Session) -> None:
    old = service.add_user(session, "wang", Role.READER)
    new = service.add_key(session, "wang", revoke_others=True)
    assert service.actor_of(session, new).name == "wang"
    with pytest.raises(NotAuthenticated):
        service.actor_of(session, old)


@pytest.mark.parametrize("name", ["", "   ", "anonymous", "x" * 101])
def test_a_name_that_cannot_be_is_refused(session: Session, name: str) -> None:
    with pytest.raises(InvalidInput):
        service.add_user(session, name, Role.READER)


def test_a_name_is_given_once(session: Session) -> None:
    service.add_user(session, "wang", Role.READER)
    with pytest.raises(Conflict, match="`user key wang` makes another key"):
        service.add_user(session, " wang ", Role.ADMINISTRATOR)


def test_a_user_who_is_not_there_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound, match="There is no user 'nobody'"):
        service.add_key(session, "nobody")
    with pytest.raises(NotFound, match="There is no user 'nobody'"):
        service.revoke_keys(session, "nobody")


# read, report, survey, dispatch, handle, administer
_MATRIX = {
    Role.ADMINISTRATOR: "yes yes yes yes yes yes",
    Role.ANALYST: "yes no yes no no no",
    Role.INSPECTOR: "yes yes no no no no",
    Role.DISPATCHER: "yes yes no yes no no",
    Role.UNIT: "yes no no no yes no",
    Role.READER: "yes no no no no no",
}


@pytest.mark.parametrize("role", Role)
def test_a_role_allows_this_and_no_more(role: Role) -> None:
    actor = Actor("somebody", role)
    for permission, allowed in zip(Permission, _MATRIX[role].split(), strict=True):
        assert actor.may(permission) is (allowed == "yes")
        if allowed == "yes":
            actor.require(permission)
            continue
        with pytest.raises(NotPermitted) as refused:
            actor.require(permission)
        message = str(refused.value)
        assert f"“{permission}”" in message
        assert message.endswith(f"yours is {role}.")
        for other in Role:
            if permission in PERMISSIONS[other]:
                assert other in message


def test_any_of_several_permissions_is_enough() -> None:
    Actor("somebody", Role.UNIT).require(Permission.DISPATCH, Permission.HANDLE)
    with pytest.raises(NotPermitted, match="“dispatch” or “survey”"):
        Actor("somebody", Role.UNIT).require(Permission.DISPATCH, Permission.SURVEY)


def test_nobody_known_may_what_the_settings_say() -> None:
    anonymous(Role.READER).require(Permission.READ)
    for role in (None, Role.READER):
        with pytest.raises(NotAuthenticated, match="Send a key as `Authorization: Bearer"):
            anonymous(role).require(Permission.REPORT)


def test_the_database_knows_the_same_roles(session: Session) -> None:
    definition = session.scalar(
        text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_users_role'")
    )
    assert definition is not None
    assert all(f"'{role}'" in definition for role in Role)
