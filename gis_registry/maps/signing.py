"""The key that signs where pages end: made by the database when its schema is, and kept there."""

from uuid import UUID

from sqlalchemy import CheckConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.db.base import Base
from gis_registry.db.reading import Reading


class SigningKey(Base):
    """The only row that it has; whoever changes it makes every page's link void."""

    __tablename__ = "signing_key"
    __table_args__ = (CheckConstraint("is_only", name="is_only"),)

    is_only: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    secret: Mapped[UUID] = mapped_column(server_default=func.gen_random_uuid())


async def signing_key(reading: Reading) -> bytes:
    """Return the key."""
    ((secret,),) = await reading.rows("SELECT secret FROM signing_key")
    return bytes(secret.bytes)
