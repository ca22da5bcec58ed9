"""Tables of users and their API keys."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, func
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.db.base import Base


class User(Base):
    """A person or program that works with the registry; ``unit_code`` is the unit they are of."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(
            "role in ('administrator', 'analyst', 'inspector', 'dispatcher', 'unit', 'reader')",
            name="role",
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    unit_code: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(Base):
    """A key by its hash; the key itself is shown once and kept by its user alone."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    key_sha256: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]
