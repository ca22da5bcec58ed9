"""What goes in and out about webhooks."""

from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from gis_registry.notifications.announcing import Notice
from gis_registry.notifications.tables import DeliveryStatus

Kind = Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z_]+)+$", max_length=100)]
Division = Annotated[str, Field(pattern=r"^[0-9]{6}$")]


class NewWebhook(BaseModel):
    """An address that wants to be told what happens."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=2000,
        description="Where to POST to: https, or http where nobody else listens",
        examples=["https://example.org/hooks/cases"],
    )
    kinds: list[Kind] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Only these kinds; left out: all",
        examples=[["case.filed", "case.closed"]],
    )
    division_code: Division | None = Field(
        default=None,
        description="Only cases of this district; left out: all",
        examples=["370202"],
    )
    description: str = Field(default="", max_length=500, description="Whose it is, what it is for")


class WebhookSummary(BaseModel):
    """A webhook and how it fares."""

    id: int
    url: str
    kinds: list[str] | None = Field(description="Kinds it wants; null: all")
    division_code: str | None = Field(description="District whose cases it wants; null: all")
    description: str
    is_active: bool = Field(description="Whether it is told what happens")
    created_by: str
    created_at: datetime
    pending: int = Field(description="Deliveries that wait or are tried again")
    dead: int = Field(description="Deliveries that were given up")


class WebhookWithSecret(WebhookSummary):
    """A webhook with its secret, which is shown this once."""

    secret: str = Field(description="Key of the signatures, `whsec_…`; keep it")
    warning: str | None = Field(default=None, description="What is unsafe about it")


class DeliverySummary(BaseModel):
    """What became of one notice for one webhook."""

    id: int = Field(description="Its number; the body's `sequence`")
    webhook_id: int
    notice_id: str = Field(description="The same for each webhook and try: header `webhook-id`")
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime | None = Field(description="Of one that is pending")
    last_attempt_at: datetime | None
    last_status_code: int | None
    last_error: str | None
    delivered_at: datetime | None
    created_at: datetime
    payload: dict[str, Any] = Field(description="What is sent, without `sequence`")


class DeliveryPage(BaseModel):
    """Deliveries, the newest first."""

    deliveries: list[DeliverySummary]
    next_before: int | None = Field(description="Give this as `before` for the next page")


class Retried(BaseModel):
    """How many dead deliveries are tried again."""

    retried: int


class LiveNotice(BaseModel):
    """What a live stream tells: that something happened, and to which case."""

    id: str = Field(description="The same whenever it is told", examples=["370202-15-3"])
    kind: str = Field(examples=["case.filed"])
    case_id: int
    division_code: str
    happened_at: datetime

    @classmethod
    def of(cls, notice: Notice) -> "LiveNotice":
        """Return what is told of a notice."""
        return cls.model_validate(notice, from_attributes=True)

    @cached_property
    def text(self) -> str:
        """It in JSON, made once for all streams."""
        return self.model_dump_json()

    @cached_property
    def position(self) -> str:
        """Where a stream is that was told this last."""
        return f"{self.happened_at.isoformat()}_{self.id}"
