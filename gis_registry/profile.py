"""City profiles: the folder with a ``city.toml`` that says everything particular to one city."""

import tomllib
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gis_registry.errors import InvalidInput, InvalidProfile
from gis_registry.places.working_time import STANDARD_WEEK, WorkingHours, WorkingTime
from gis_registry.resources import bundled

#: The calendar of mainland China's public holidays, which is kept by the package of this name.
CHINESE_CALENDAR = "chinesecalendar"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MapView(_Part):
    """Where a map of the city opens."""

    center: tuple[float, float] = Field(description="lon, lat in degrees")
    zoom: int = Field(ge=0, le=20)


class ProfileFiles(_Part):
    """Files that make the city, relative to the profile's folder."""

    classes: str | None = None
    divisions: list[str]
    grid_cells: list[str] = []
    units: list[str] = []
    responsibilities: list[str] = []
    responders: list[str] = []
    cameras: list[str] = []
    video_kinds: list[str] = []
    sensors: list[str] = []
    sensor_rules: list[str] = []
    citizen_kinds: list[str] = []
    reward_rules: list[str] = []
    attribute_schemas: str | None = None


class ProfileSurvey(_Part):
    """A survey that the demo loads."""

    file: str
    class_code: str | None = Field(default=None, alias="class")
    class_field: str | None = None
    as_of: date
    is_synthetic: bool = False
    accuracy_m: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_way_to_say_the_class(self) -> "ProfileSurvey":
        if (self.class_code is None) == (self.class_field is None):
            raise ValueError("say either class or class_field")
        return self


class ProfileLayer(_Part):
    """A thematic layer that the demo publishes."""

    name: str
    file: str
    crs: str | None = None
    id_field: str | None = None
    title_zh: str
    title_en: str
    description: str = ""
    keywords: list[str] = []
    department: str | None = None
    field: str | None = None
    licence: str
    source: str


class ProfileTimeLimits(_Part):
    """A version of the table of time limits."""

    file: str
    title: str
    source: str
    valid_from: date


class ProfileDeadlines(_Part):
    """When people are told of deadlines; minutes are of time that counts."""

    warn_share: float = Field(
        default=0.2, ge=0, lt=1, description="Warn when so much of the limit is left"
    )
    warn_minutes: float = Field(default=15, ge=0, le=10_000, description="But not later than this")
    urge_minutes: float = Field(
        default=120, ge=0, le=100_000, description="Urge when handling is so late"
    )


class DemoFiles(_Part):
    """What the demo reports, relative to the profile's folder."""

    reports: str | None = None
    detections: str | None = None


class CityProfile(_Part):
    """One city, as its ``city.toml`` describes it."""

    folder: Path
    key: str
    is_default: bool = False
    name_zh: str
    name_en: str
    division_code: str = Field(pattern=r"^\d{6}$")
    time_zone: str
    edition: str
    matter_edition: str
    projected_epsg: int
    place_tolerance_m: float = Field(ge=0, le=50_000)
    max_missing_share: float = Field(default=0.2, ge=0, le=1)
    calendar: str | None = Field(
        default=None, description=f"{CHINESE_CALENDAR}, or a CSV file of holidays"
    )
    working_hours: list[WorkingHours] = Field(default=[STANDARD_WEEK], min_length=1)
    map: MapView
    files: ProfileFiles
    time_limits: list[ProfileTimeLimits] = []
    deadlines: ProfileDeadlines = ProfileDeadlines()
    surveys: list[ProfileSurvey] = []
    layers: list[ProfileLayer] = []
    demo: DemoFiles = DemoFiles()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{name!r} is no time zone such as Asia/Shanghai") from error
        return name

    @field_validator("calendar")
    @classmethod
    def _known_calendar(cls, name: str | None) -> str | None:
        if name is not None and name != CHINESE_CALENDAR and not name.endswith(".csv"):
            raise ValueError(f"write {CHINESE_CALENDAR}, or the name of a CSV file")
        return name

    @field_validator("working_hours")
    @classmethod
    def _weeks_that_fit(cls, hours: list[WorkingHours]) -> list[WorkingHours]:
        try:
            WorkingTime(ZoneInfo("UTC"), hours)
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        return hours

    def paths(self, names: list[str]) -> list[Path]:
        """Return files of the profile as paths.

        Raises:
            InvalidProfile: one is missing.
        """
        paths = [self.folder / name for name in names]
        for path in paths:
            if not path.is_file():
                raise InvalidProfile(f"The city profile {self.key} names {path}, which is missing.")
        return paths


def find_profile(city: str | None) -> CityProfile:
    """Return the profile of the shipped city of this name, or of this folder; None: the default.

    Raises:
        InvalidProfile: there is none, or it is incomplete; the message says where and what.
    """
    shipped = {
        path.parent.name: path.parent for path in sorted(bundled("samples").glob("*/city.toml"))
    }
    if city is None:
        profiles = [read_profile(folder) for folder in shipped.values()]
        defaults = [one for one in profiles if one.is_default]
        if len(defaults) != 1:
            raise InvalidProfile("Exactly one shipped city profile must say is_default = true.")
        return defaults[0]
    if city in shipped:
        return read_profile(shipped[city])
    if Path(city).is_dir():
        return read_profile(Path(city).resolve())
    raise InvalidProfile(
        f"GIS_REGISTRY_CITY is {city!r}, which is neither a shipped city "
        f"({', '.join(shipped)}) nor a folder."
    )


def read_profile(folder: Path) -> CityProfile:
    """Read ``city.toml`` of a folder.

    Raises:
        InvalidProfile: it is missing or something in it is wrong.
    """
    path = folder / "city.toml"
    try:
        return CityProfile(folder=folder, **tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidProfile(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidProfile(f"{path} is not valid TOML: {error}.") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise InvalidProfile(f"{path}: {faults}.") from error
