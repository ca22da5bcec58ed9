"""Adding users, giving them keys, and telling who a key belongs to."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ARRAY, Text, bindparam, func, select, update
from sqlalchemy.orm import Session

from gis_registry.db.reading import Reading, plain
from gis_registry.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, NotPermitted
from gis_registry.roles import PERMISSIONS, Permission, Role
from gis_registry.users.tables import ApiKey, User

_PREFIX = "gr_"
_ACTORS = (
    select(ApiKey.key_sha256, User.name, User.role, User.unit_code)
    .join(User, ApiKey.user_id == User.id)
    .where(
        ApiKey.key_sha256 == func.any(bindparam("hashes", type_=ARRAY(Text))),
        ApiKey.revoked_at.is_(None),
    )
)
_ACTORS_SQL = plain(_ACTORS)


@dataclass(frozen=True)
class Actor:
    """Who asks: a user by a key, or nobody known with the role that the settings give them."""

    name: str
    role: Role | None
    unit_code: str | None = None

    def may(self, permission: Permission) -> bool:
        """Return whether the role includes a permission."""
        return self.role is not None and permission in PERMISSIONS[self.role]

    def require(self, *permissions: Permission) -> None:
        """Refuse unless the role includes one of these permissions.

        Raises:
            NotAuthenticated: nobody is known.
            NotPermitted: the role is not enough.
        """
        refused = self.refusal(*permissions)
        if refused is not None:
            raise refused

    def refusal(self, *permissions: Permission) -> NotAuthenticated | NotPermitted | None:
        """Return why the actor may not, unless the role includes one of these permissions."""
        if any(self.may(one) for one in permissions):
            return None
        if self.name == "anonymous":
            return NotAuthenticated(
                "Send a key as `Authorization: Bearer …`; an administrator makes one with "
                "`gis-registry user add NAME --role ROLE`."
            )
        roles = ", ".join(role for role in Role if PERMISSIONS[role] & set(permissions))
        needed = " or ".join(f"“{one}”" for one in permissions)
        return NotPermitted(
            f"This needs the permission {needed}, which {roles} have; yours is {self.role}."
        )


def anonymous(role: Role | None) -> Actor:
    """Return the actor of requests without a key."""
    return Actor(name="anonymous", role=role)


def add_user(session: Session, name: str, role: Role, *, unit_code: str | None = None) -> str:
    """Add a user, who may be of a unit, and return the key, which is kept nowhere else.

    Raises:
        InvalidInput: the name is empty, too long, or reserved.
        Conflict: the name is taken.
    """
    name = name.strip()
    if not 1 <= len(name) <= 100 or name == "anonymous":
        raise InvalidInput("A user's name has 1 to 100 characters and is not “anonymous”.")
    if _user(session, name) is not None:
        raise Conflict(f"There is a user {name!r} already; `user key {name}` makes another key.")
    user = User(name=name, role=role, unit_code=unit_code)
    session.add(user)
    session.flush()
    return _new_key(session, user)


def set_unit(session: Session, name: str, unit_code: str | None) -> None:
    """Say of which unit a user is; None: of none.

    Raises:
        NotFound: there is no such user.
    """
    user = _user(session, name)
    if user is None:
        raise NotFound(f"There is no user {name!r}; `gis-registry user list` shows who there is.")
    user.unit_code = unit_code
    session.flush()


def add_key(session: Session, name: str, *, revoke_others: bool = False) -> str:
    """Make another key for a user and return it.

    Raises:
        NotFound: there is no such user.
    """
    user = _user(session, name)
    if user is None:
        raise NotFound(f"There is no user {name!r}; `gis-registry user list` shows who there is.")
    if revoke_others:
        revoke_keys(session, name)
    return _new_key(session, user)


def revoke_keys(session: Session, name: str) -> int:
    """Make a user's keys useless from now on; return how many there were.

    Raises:
        NotFound: there is no such user.
    """
    user = _user(session, name)
    if user is None:
        raise NotFound(f"There is no user {name!r}; `gis-registry user list` shows who there is.")
    revoked = session.execute(
        update(ApiKey)
        .where(ApiKey.user_id == user.id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
        .returning(ApiKey.id)
    )
    return len(revoked.all())


def actor_of(session: Session, key: str) -> Actor:
    """Return whose key this is.

    Raises:
        NotAuthenticated: it is nobody's, or no longer valid.
    """
    found = actors(session, [key], anonymous_role=None)[0]
    if isinstance(found, NotAuthenticated):
        raise found
    return found


def actors(
    session: Session, keys: Sequence[str | None], *, anonymous_role: Role | None
) -> list[Actor | NotAuthenticated]:
    """Return whose each key is, or that it is nobody's or no longer valid.

    Args:
        session: open transaction.
        keys: what was sent; None: no key, so nobody known.
        anonymous_role: the role of nobody known.
    """
    hashes = {key: _hash(key) for key in keys if key is not None}
    found = {
        row.key_sha256: _actor(*row)
        for row in session.execute(_ACTORS, {"hashes": list(hashes.values())})
    }
    return [
        anonymous(anonymous_role) if key is None else found.get(hashes[key]) or _unknown_key()
        for key in keys
    ]


async def actor_read(reading: Reading, key: str) -> Actor:
    """Return whose key this is, read without a transaction.

    Raises:
        NotAuthenticated: it is nobody's, or no longer valid.
    """
    for row in await reading.rows(_ACTORS_SQL, {"hashes": [_hash(key)]}, is_plan_kept=True):
        return _actor(*row)
    raise _unknown_key()


def users(session: Session) -> list[tuple[User, int]]:
    """Return every user with how many valid keys they have."""
    found = session.scalars(select(User).order_by(User.name)).all()
    keys = session.scalars(select(ApiKey.user_id).where(ApiKey.revoked_at.is_(None))).all()
    return [(user, keys.count(user.id)) for user in found]


def _actor(_: str, name: str, role: str, unit_code: str | None) -> Actor:
    return Actor(name=name, role=Role(role), unit_code=unit_code)


def _unknown_key() -> NotAuthenticated:
    return NotAuthenticated("The API key is not known or was revoked.")


def _user(session: Session, name: str) -> User | None:
    return session.scalars(select(User).where(User.name == name)).one_or_none()


def _new_key(session: Session, user: User) -> str:
    key = _PREFIX + secrets.token_urlsafe(32)
    session.add(ApiKey(user_id=user.id, key_sha256=_hash(key)))
    session.flush()
    return key


def _hash(key: str) -> str:
    # A key is 256 random bits: a plain hash cannot be guessed backwards, and a slow one would cost
    # every request its time.
    return hashlib.sha256(key.strip().encode()).hexdigest()
