"""Photos as cameras make them, with what they write into them."""

from io import BytesIO
from typing import Any

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

MAKE, MODEL = "Lichtbild AG", "Lichtbild X100"
LON, LAT = 120.3826, 36.0671
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><secret>who-took-it</secret></x:xmpmeta>'
COMMENT = b"taken by somebody with a name"


def degrees(value: float) -> tuple[int, int, IFDRational]:
    """Return degrees, minutes and seconds, to a millionth of a second."""
    millionths = round(abs(value) * 3_600_000_000)
    rest, seconds = divmod(millionths, 60_000_000)
    return rest // 60, rest % 60, IFDRational(seconds, 1_000_000)


def gps(lon: float = LON, lat: float = LAT, **more: object) -> dict[int, object]:
    """Return the tags of a position; more by the names that EXIF gives them."""
    tags = {
        ExifTags.GPS.GPSLatitudeRef: "S" if lat < 0 else "N",
        ExifTags.GPS.GPSLatitude: degrees(lat),
        ExifTags.GPS.GPSLongitudeRef: "W" if lon < 0 else "E",
        ExifTags.GPS.GPSLongitude: degrees(lon),
        ExifTags.GPS.GPSImgDirectionRef: "T",
        ExifTags.GPS.GPSImgDirection: IFDRational(27150, 100),
        **{ExifTags.GPS[name]: value for name, value in more.items()},
    }
    return {tag: value for tag, value in tags.items() if value is not None}


def exif(
    *,
    position: dict[int, object] | None = None,
    taken: str | None = "2026:06:30 10:00:00",
    offset: str | None = None,
    orientation: object = 1,
    make: object = MAKE,
    model: object = MODEL,
) -> bytes:
    """Return EXIF as a camera writes it."""
    written: Any = Image.Exif()
    written[ExifTags.Base.Make] = make
    written[ExifTags.Base.Model] = model
    written[ExifTags.Base.Orientation] = orientation
    times = {
        ExifTags.Base.DateTimeOriginal: taken,
        ExifTags.Base.OffsetTimeOriginal: offset,
    }
    written[ExifTags.IFD.Exif] = {tag: text for tag, text in times.items() if text is not None}
    written[ExifTags.IFD.GPSInfo] = gps() if position is None else position
    return bytes(written.tobytes())


def scene(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """Return a picture that is red in its upper left quarter and blue elsewhere."""
    picture = Image.new("RGB", (width, height), "blue")
    picture.paste("red", (0, 0, width // 2, height // 2))
    return picture.convert(mode)


def encoded(picture: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    """Return a picture as a file."""
    file = BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def photo(form: str = "JPEG", *, width: int = 64, height: int = 48, **tags: Any) -> bytes:
    """Return a photo with all that cameras write into one."""
    options: dict[str, Any] = {"exif": exif(**tags)}
    if form != "PNG":
        options["xmp"] = XMP
    if form == "JPEG":
        options["comment"] = COMMENT
    return encoded(scene(width, height), form, **options)
