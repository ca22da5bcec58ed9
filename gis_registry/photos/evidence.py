"""What a camera wrote into a photo (EXIF): when and where, where it looked, which way up.

Cameras and programs write all kinds of nonsense there. What cannot be true is left out, each thing
on its own: a bad date does not cost the position.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import SupportsFloat
from zoneinfo import ZoneInfo

from PIL import ExifTags, Image

from gis_registry.moments import time_fault
from gis_registry.places.service import position_fault

#: What Pillow raises over EXIF that is cut off, points nowhere or is of another type.
_GARBAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error)
_LONGEST_CAMERA = 200
#: Names of datums that agree with EPSG:4490 within centimetres; an empty one stands for WGS 84.
_SAME_DATUMS = {"", "WGS84", "CGCS2000"}

Tags = Mapping[int, object]


@dataclass(frozen=True)
class Evidence:
    """What a photo says of itself; None: nothing that can be used.

    ``position`` is longitude and latitude in degrees, EPSG:4490; ``orientation`` is EXIF's, 1 to 8.
    """

    taken_at: datetime | None = None
    position: tuple[float, float] | None = None
    heading_deg: float | None = None
    camera: str | None = None
    orientation: int = 1


def read_evidence(image: Image.Image, *, zone: ZoneInfo, received_at: datetime) -> Evidence:
    """Read what an image says of itself.

    Args:
        image: an open image.
        zone: what times without a zone are in.
        received_at: no photo was taken later than this.
    """
    try:
        exif = image.getexif()
    except _GARBAGE:
        return Evidence()
    photo, gps = _part(exif, ExifTags.IFD.Exif), _part(exif, ExifTags.IFD.GPSInfo)
    orientation = _number(_value(exif, ExifTags.Base.Orientation))
    return Evidence(
        taken_at=_taken_at(photo, zone, received_at),
        position=_position(gps),
        heading_deg=_heading_deg(gps),
        camera=_camera(exif),
        orientation=int(orientation) if orientation and orientation in range(1, 9) else 1,
    )


def _part(exif: Image.Exif, which: ExifTags.IFD) -> Tags:
    try:
        return exif.get_ifd(which)
    except _GARBAGE:
        return {}


def _value(exif: Image.Exif, tag: int) -> object:
    try:
        return exif.get(tag)
    except _GARBAGE:
        return None


def _taken_at(photo: Tags, zone: ZoneInfo, received_at: datetime) -> datetime | None:
    for time_tag, offset_tag in (
        (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
        (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
    ):
        try:
            local = datetime.strptime(_text(photo.get(time_tag)), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007  its zone follows
            moment = local.replace(tzinfo=_offset(_text(photo.get(offset_tag))) or zone)
            moment = moment.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
        if time_fault(moment, now=received_at) is None:
            return moment
    return None


def _offset(text: str) -> timezone | None:
    try:
        offset = datetime.strptime(text, "%z").utcoffset()
    except ValueError:
        return None
    return timezone(offset) if offset is not None and abs(offset) <= timedelta(hours=14) else None


def _position(gps: Tags) -> tuple[float, float] | None:
    datum = "".join(one for one in _text(gps.get(ExifTags.GPS.GPSMapDatum)) if one.isalnum())
    is_void = _text(gps.get(ExifTags.GPS.GPSStatus)) == "V"
    if is_void or datum.upper() not in _SAME_DATUMS:
        return None
    lon = _degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "EW")
    lat = _degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "NS")
    if lon is None or lat is None or position_fault(lon, lat) is not None:
        return None
    return lon, lat


def _degrees(gps: Tags, tag: int, side_tag: int, sides: str) -> float | None:
    parts = gps.get(tag)
    side = _text(gps.get(side_tag)).upper()[:1]
    if not isinstance(parts, tuple) or len(parts) != 3 or not side or side not in sides:
        return None
    degrees, minutes, seconds = (_number(one) for one in parts)
    if degrees is None or minutes is None or seconds is None:
        return None
    if min(degrees, minutes, seconds) < 0 or max(minutes, seconds) > 60:
        return None
    size = degrees + minutes / 60 + seconds / 3600
    return -size if side == sides[1] else size


def _heading_deg(gps: Tags) -> float | None:
    heading = _number(gps.get(ExifTags.GPS.GPSImgDirection))
    return heading % 360 if heading is not None and 0 <= heading <= 360 else None


def _camera(exif: Image.Exif) -> str | None:
    make, model = (_text(_value(exif, tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    name = model if model.lower().startswith(make.lower()) else f"{make} {model}"
    return name.strip()[:_LONGEST_CAMERA] or None


def _text(value: object) -> str:
    """Return text up to its NUL, without what cannot be read or stored."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    readable = (one if one.isprintable() else " " for one in value.partition("\0")[0])
    return " ".join("".join(readable).split())


def _number(value: object) -> float | None:
    """Return a finite number; a rational over zero is none."""
    if not isinstance(value, SupportsFloat):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None
