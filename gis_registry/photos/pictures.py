"""What a file shows: its type by content, limits before anything is decoded, copies to be shown.

The copies are encoded anew from the pixels alone, the right way up: nothing else of the file (EXIF,
XMP, colour profiles, comments, what is hidden behind its end) can be in them.
"""

import re
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from zoneinfo import ZoneInfo

from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from gis_registry.errors import RequestTooLarge, UnusablePhoto
from gis_registry.photos.evidence import Evidence, read_evidence
from gis_registry.photos.schemas import ShownSize
from gis_registry.settings import Settings

THUMBNAIL_PX = 320
_QUALITY = 90
#: The longest side that a JPEG, as which photos are shown, can have.
_LONGEST_SIDE_PX = 65_500
#: Progressive photos have about ten scans. Thousands, each empty, keep a decoder busy for hours.
_MOST_SCANS = 50

#: What photos are read by; each is called directly, since ``Image.open`` has a limit of its own.
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "image/jpeg": JpegImageFile,
    "image/png": PngImageFile,
    "image/webp": WebPImageFile,
}
_MAGIC = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)
_OTHERS = (
    (re.compile(rb"....ftyp(he[iv]|mif1|msf1)", re.DOTALL), "a HEIC photo"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "an AVIF image"),
    (re.compile(rb"....ftyp|\x1aE\xdf\xa3", re.DOTALL), "a video"),
    (re.compile(rb"\s*%PDF"), "a PDF document"),
    (re.compile(rb"PK[\x03\x05]"), "a ZIP archive or an office document"),
    (re.compile(rb"GIF8"), "a GIF image"),
    (re.compile(rb"BM.{12}", re.DOTALL), "a BMP image"),
    (re.compile(rb"II\*\0|MM\0\*"), "a TIFF image or a raw photo"),
    (re.compile(rb"\s*<(svg|\?xml|!doctype|html)", re.IGNORECASE), "a web page or a drawing"),
)
_ADVICE = "Photos are JPEG, PNG or WebP: convert it to JPEG."
#: The next marker of a JPEG that begins a segment: no restart, no zero that stands for FF itself.
_MARKER = re.compile(rb"\xff+[^\xff\x00\x01\xd0-\xd8]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
#: What Pillow raises over files that are damaged.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    AttributeError,
    AssertionError,
    struct.error,
    zlib.error,
)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: A photo of 100 megapixels takes some 0.8 GB while it is decoded: one at a time, and all by one
#: thread, since the memory that a thread has freed is not soon used by another.
_decoder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="photos")


@dataclass(frozen=True)
class PhotoLimits:
    """How large a photo may be."""

    max_bytes: int
    max_pixels: int

    @classmethod
    def of(cls, settings: Settings) -> "PhotoLimits":
        """Return what the settings allow."""
        return cls(settings.max_photo_bytes, settings.max_photo_pixels)

    def check_size(self, size_bytes: int) -> None:
        """Refuse more bytes than a photo may have.

        Raises:
            RequestTooLarge: there are more.
        """
        if size_bytes > self.max_bytes:
            raise RequestTooLarge(
                f"A photo may have {self.max_bytes:,} bytes, this one has {size_bytes:,}: send it "
                "smaller."
            )


@dataclass(frozen=True)
class Picture:
    """A photo that can be kept: what it is, what it says of itself, the copies to be shown."""

    media_type: str
    width: int
    height: int
    evidence: Evidence
    shown: dict[ShownSize, bytes]


def look_at(
    content: bytes, limits: PhotoLimits, *, zone: ZoneInfo, received_at: datetime
) -> Picture:
    """Decode a photo and make the copies that are shown.

    Args:
        content: the file.
        limits: how large it may be; its pixels are counted before they are decoded.
        zone: what camera times without a zone are in.
        received_at: when it came.

    Raises:
        UnusablePhoto: it is no photo, of no type that is read, damaged, animated or too large.
        RequestTooLarge: it has too many bytes.
    """
    limits.check_size(len(content))
    media_type = _media_type(content)
    if media_type == "image/jpeg":
        _check_scans(content)
    return _decoder.submit(_decoded, content, media_type, limits, zone, received_at).result()


def _decoded(
    content: bytes, media_type: str, limits: PhotoLimits, zone: ZoneInfo, received_at: datetime
) -> Picture:
    try:
        with _READERS[media_type](BytesIO(content)) as image:
            _check_shape(image, limits)
            evidence = read_evidence(image, zone=zone, received_at=received_at)
            upright = _upright(image, evidence.orientation)
            width, height = upright.size
            shown = {ShownSize.IMAGE: _encoded(upright)}
            upright.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
            shown[ShownSize.THUMBNAIL] = _encoded(upright)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(limits) from error
    except _DAMAGE as error:
        raise UnusablePhoto(
            "The photo is damaged or was cut off on its way: send it again."
        ) from error
    return Picture(media_type, width, height, evidence, shown)


def _media_type(content: bytes) -> str:
    for pattern, media_type in _MAGIC:
        if pattern.match(content):
            return media_type
    if not content:
        raise UnusablePhoto("The file is empty: send the bytes of a photo.")
    for pattern, name in _OTHERS:
        if pattern.match(content):
            raise UnusablePhoto(f"This is {name}, whatever its name says. {_ADVICE}")
    raise UnusablePhoto(f"This is no photo of a type that is read. {_ADVICE}")


def _check_scans(content: bytes) -> None:
    """Refuse a JPEG of more scans than any photo has.

    Its segments are followed one by one: the same two bytes also stand where they mean nothing.
    """
    scans, at = 0, 2
    while (found := _MARKER.search(content, at)) is not None:
        marker = found[0][-1]
        if marker == _END_OF_IMAGE:
            return
        at = found.end()
        if marker == _START_OF_SCAN:
            scans += 1
            if scans > _MOST_SCANS:
                raise UnusablePhoto(
                    f"The photo is built of more than {_MOST_SCANS} scans, as no camera does: "
                    "save it anew as JPEG."
                )
        at += int.from_bytes(content[at : at + 2], "big")


def _check_shape(image: ImageFile.ImageFile, limits: PhotoLimits) -> None:
    if image.width * image.height > limits.max_pixels:
        raise _too_many_pixels(limits)
    if max(image.size) > _LONGEST_SIDE_PX:
        raise UnusablePhoto(f"A photo may be {_LONGEST_SIDE_PX:,} pixels wide and high.")
    if getattr(image, "is_animated", False):
        raise UnusablePhoto("The picture moves: send one that stands still.")


def _too_many_pixels(limits: PhotoLimits) -> UnusablePhoto:
    return UnusablePhoto(
        f"The photo has too many pixels: {limits.max_pixels:,} are allowed. Send it smaller."
    )


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the pixels in red, green and blue, the right way up, with nothing else."""
    if image.mode.startswith("I"):  # 16 bits of grey
        pixels = image.convert("I").point(lambda grey: grey / 256).convert("RGB")
    elif image.has_transparency_data:
        layer = image.convert("RGBA")
        pixels = Image.new("RGB", layer.size, "white")
        pixels.paste(layer, mask=layer)
    elif image.mode == "RGB":
        image.load()
        pixels = image
    else:
        pixels = image.convert("RGB")
    if orientation in _TURNS:
        pixels = pixels.transpose(_TURNS[orientation])
    pixels.info.clear()
    return pixels


def _encoded(pixels: Image.Image) -> bytes:
    encoded = BytesIO()
    pixels.save(encoded, "JPEG", quality=_QUALITY)
    return encoded.getvalue()
