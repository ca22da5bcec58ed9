"""Every setting, from the environment (``GIS_REGISTRY_…``) or the file ``gis-registry.toml``."""

import os
from enum import StrEnum
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gis_registry.clock import SimulatedClock
from gis_registry.errors import InvalidInput
from gis_registry.roles import Role

SETTINGS_FILE = Path("gis-registry.toml")


def default_home() -> Path:
    """Return where the embedded server lives unless a setting says otherwise.

    For root this is a folder that the server's own account can reach, which root's home is not.
    """
    return Path("/var/lib/gis-registry") if os.geteuid() == 0 else user_data_path("gis-registry")


class LogFormat(StrEnum):
    """How log lines are written."""

    CONSOLE = "console"
    JSON = "json"


class Settings(BaseSettings):
    """What can be set, with its default; ``gis-registry settings`` shows what is in force."""

    model_config = SettingsConfigDict(
        env_prefix="GIS_REGISTRY_", toml_file=SETTINGS_FILE, extra="forbid"
    )

    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL URL (postgresql://user:password@host/name); "
        "unset: the embedded server",
    )
    home: Path = Field(
        default_factory=default_home,
        description="Folder of the embedded server and, unless set otherwise, of photos",
    )
    city: str | None = Field(
        default=None,
        description="City profile: the name of a shipped one, or a folder with a city.toml; "
        "unset: the shipped default",
    )
    anonymous_role: Role | None = Field(
        default=None,
        description="Role of requests without a key; unset: they may only read identity cards",
    )
    allowed_origins: str | None = Field(
        default=None,
        description="Sites whose pages may read from here, such as https://map.example.org; "
        "several with spaces between, or *; unset: none",
    )
    pool_size: int = Field(default=8, ge=1, le=200, description="Database connections kept open")
    statement_timeout_s: float = Field(
        default=30.0, gt=0, description="Longest time that one API query may take, in seconds"
    )
    max_request_bytes: int = Field(
        default=10_000_000, gt=0, description="Largest request body accepted by the API, in bytes"
    )
    photo_store: SecretStr | None = Field(
        default=None,
        description="Where photos are kept: a folder or any URL of fsspec (s3://…, sftp://…); "
        "unset: photos/ in the home",
    )
    max_photo_bytes: int = Field(
        default=20_000_000, gt=0, le=500_000_000, description="Largest photo accepted, in bytes"
    )
    max_photo_pixels: int = Field(
        default=100_000_000,
        gt=0,
        le=178_000_000,
        description="Most pixels that a photo may have, counted before it is decoded",
    )
    webhook_private_addresses: bool = Field(
        default=False,
        description="Whether webhooks may lead to loopback, link-local and private addresses",
    )
    webhook_timeout_s: float = Field(
        default=10.0, gt=0, le=300, description="Longest wait for a webhook's answer, in seconds"
    )
    event_streams: int = Field(
        default=200, ge=1, le=10_000, description="Most live event streams open in one process"
    )
    layer_versions: int = Field(
        default=5,
        ge=2,
        le=100,
        description="Versions of a thematic layer that are kept, the published one among them",
    )
    log_format: LogFormat = Field(
        default=LogFormat.CONSOLE, description="Log lines for people (console) or programs (json)"
    )
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="Least level logged"
    )

    simulated_clock: str | None = Field(
        default=None,
        description="A clock of its own for simulations, never for a city: SHOWN@REAL*SPEED, two "
        "times with their zones and how many times as fast; unset: the real time",
    )

    @field_validator("simulated_clock")
    @classmethod
    def _is_clock(cls, said: str | None) -> str | None:
        try:
            return None if said is None else str(SimulatedClock.parse(said))
        except InvalidInput as error:
            raise ValueError(str(error).rstrip(".")) from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic-settings names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic-settings names it
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments first, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)
