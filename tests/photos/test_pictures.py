"""What a file shows: its type by content, its limits, and copies that hold the picture alone."""

import resource
import struct
import time
import zipfile
import zlib
from datetime import UTC, datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photographed import COMMENT, MAKE, MODEL, XMP, encoded, exif, photo, scene
from PIL import Image, ImageCms

from gis_registry.errors import RequestTooLarge, UnusablePhoto
from gis_registry.photos.pictures import THUMBNAIL_PX, PhotoLimits, Picture, look_at
from gis_registry.photos.schemas import ShownSize
from gis_registry.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

LIMITS = PhotoLimits.of(Settings())
RED, BLUE, WHITE = (254, 0, 0), (0, 0, 254), (255, 255, 255)


def look(content: bytes, limits: PhotoLimits = LIMITS) -> Picture:
    return look_at(content, limits, zone=ZoneInfo("Asia/Shanghai"), received_at=datetime.now(UTC))


def shown(picture: Picture, size: ShownSize = ShownSize.IMAGE) -> Image.Image:
    return Image.open(BytesIO(picture.shown[size]), formats=["JPEG"])


def is_near(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(one - other) < 30 for one, other in zip(pixel, colour, strict=True))


def segments(jpeg: bytes) -> list[int]:
    """Return the markers of a JPEG up to its pixels."""
    at, found = 2, []
    while jpeg[at + 1] != 0xDA:
        found.append(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return found


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (*chunks, (b"IEND", b""))
    )


def header(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


@pytest.mark.parametrize(
    ("form", "media_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("MPO", "image/jpeg")],
)
def test_a_photo_is_known_by_its_content(form: str, media_type: str) -> None:
    picture = look(encoded(scene(), form, exif=exif()))
    assert (picture.media_type, picture.width, picture.height) == (media_type, 64, 48)
    assert picture.evidence.position is not None
    assert shown(picture).size == shown(picture, ShownSize.THUMBNAIL).size == (64, 48)


@settings(max_examples=40, deadline=None)
@given(
    form=st.sampled_from(["JPEG", "PNG", "WEBP"]),
    orientation=st.integers(1, 8),
    make=st.text(st.characters(min_codepoint=65, max_codepoint=122), min_size=8, max_size=30),
)
def test_a_shown_copy_is_the_picture_alone(form: str, orientation: int, make: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    written = exif(orientation=orientation, make=make)
    options = {"xmp": XMP} if form != "PNG" else {}
    sent = encoded(scene(), form, exif=written, icc_profile=profile, **options) + b"PK\3\4hidden"
    gps_of_it = written[written.index(struct.pack(">LL", 120, 1)) :][:8]
    for copy in look(sent).shown.values():
        for trace in (make.encode(), MODEL.encode(), gps_of_it, b"Exif", b"xmp", b"who-took-it"):
            assert trace not in copy
        assert b"ICC_PROFILE" not in copy
        assert b"hidden" not in copy
        # Nothing but JFIF (E0), tables (DB, C4) and the frame (C0): no other APPn, no comment.
        assert set(segments(copy)) <= {0xE0, 0xDB, 0xC0, 0xC4}
        image = Image.open(BytesIO(copy))
        assert dict(image.getexif()) == {}
        assert not image.info.keys() & {"exif", "xmp", "icc_profile", "comment", "photoshop"}


def test_a_comment_is_not_shown() -> None:
    sent = photo()
    assert COMMENT in sent
    assert MAKE.encode() in sent
    assert all(COMMENT not in copy for copy in look(sent).shown.values())


@pytest.mark.parametrize(
    ("orientation", "red"),
    [
        (1, (5, 5)),
        (2, (58, 5)),
        (3, (58, 42)),
        (4, (5, 42)),
        (5, (5, 5)),
        (6, (42, 5)),
        (7, (42, 58)),
        (8, (5, 58)),
    ],
)
def test_a_photo_is_shown_the_right_way_up(orientation: int, red: tuple[int, int]) -> None:
    picture = look(photo(orientation=orientation))
    image = shown(picture)
    turned = orientation > 4
    assert image.size == (picture.width, picture.height) == ((48, 64) if turned else (64, 48))
    opposite = (image.width - 1 - red[0], image.height - 1 - red[1])
    assert is_near(image.getpixel(red), RED)
    assert is_near(image.getpixel(opposite), BLUE)


@pytest.mark.parametrize(
    ("content", "corner"),
    [
        (encoded(scene(mode="CMYK")), RED),
        (encoded(scene(mode="L")), (76, 76, 76)),
        (encoded(scene(mode="1"), "PNG"), None),
        (encoded(scene().quantize(8), "PNG"), RED),
        (encoded(scene().quantize(8), "PNG", transparency=b"\0\0"), None),
        (encoded(scene(mode="RGBA"), "PNG"), RED),
        (encoded(scene(mode="LA"), "PNG"), (76, 76, 76)),
        (encoded(Image.new("RGBA", (64, 48), (0, 0, 0, 0)), "PNG"), WHITE),
        (encoded(Image.new("RGBA", (64, 48), (0, 0, 0, 0)), "WEBP", lossless=True), WHITE),
        (encoded(Image.new("I;16", (64, 48), 32768), "PNG"), (128, 128, 128)),
        (encoded(scene(), progressive=True), RED),
        (encoded(scene(), "WEBP", lossless=True), RED),
    ],
)
def test_every_kind_of_pixels_can_be_shown(
    content: bytes, corner: tuple[int, int, int] | None
) -> None:
    image = shown(look(content))
    assert (image.mode, image.size) == ("RGB", (64, 48))
    assert corner is None or is_near(image.getpixel((5, 5)), corner)


def test_sixteen_bits_of_colour_can_be_shown() -> None:
    row = b"\0" + struct.pack(">HHH", 65535, 0, 0) * 64
    ihdr = struct.pack(">IIBBBBB", 64, 48, 16, 2, 0, 0, 0)
    image = shown(look(png((b"IHDR", ihdr), (b"IDAT", zlib.compress(row * 48)))))
    assert is_near(image.getpixel((5, 5)), RED)


@pytest.mark.parametrize(
    ("width", "height", "thumbnail"),
    [
        (640, 480, (320, 240)),
        (300, 900, (107, 320)),
        (20, 10, (20, 10)),
        (1, 1, (1, 1)),
        (5000, 1, (320, 1)),
    ],
)
def test_a_thumbnail_is_320_pixels_long(
    width: int, height: int, thumbnail: tuple[int, int]
) -> None:
    image = shown(look(encoded(scene(width, height))), ShownSize.THUMBNAIL)
    assert THUMBNAIL_PX == 320
    assert image.size == thumbnail


def archive() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photo.jpg", b"\0" * 10_000_000)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF document"),
        (archive(), "ZIP archive"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC photo, whatever its name says. Photos are"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "AVIF"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video"),
        (encoded(scene(), "GIF"), "GIF"),
        (encoded(scene(), "BMP"), "BMP"),
        (encoded(scene(), "TIFF"), "TIFF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "web page or a drawing"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "web page"),
        (b"RIFF\0\0\0\0WAVEfmt ", "no photo"),
        (b"\0" * 1000, "no photo"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "damaged"),
        (photo(width=640, height=480)[:-3000], "damaged or was cut off"),
        (photo("PNG", width=640, height=480)[:-300], "damaged or was cut off"),
        (photo("WEBP", width=640, height=480)[:-300], "damaged or was cut off"),
        (encoded(scene(), "PNG", save_all=True, append_images=[scene().rotate(9)]), "moves"),
        (encoded(scene(), "WEBP", save_all=True, append_images=[scene().rotate(9)]), "moves"),
    ],
)
def test_what_is_no_photo_is_refused_with_a_sentence(content: bytes, said: str) -> None:
    with pytest.raises(UnusablePhoto, match=said):
        look(content)


def test_a_photo_has_no_more_bytes_and_pixels_than_allowed() -> None:
    content = photo()
    with pytest.raises(
        RequestTooLarge, match=f"may have 1,000 bytes, this one has {len(content):,}"
    ):
        look(content, PhotoLimits(max_bytes=1000, max_pixels=10**8))
    at_its_limit = PhotoLimits(max_bytes=len(content), max_pixels=64 * 48)
    assert look(content, at_its_limit).width == 64
    with pytest.raises(UnusablePhoto, match="too many pixels: 3,071 are allowed"):
        look(content, PhotoLimits(max_bytes=len(content), max_pixels=64 * 48 - 1))


PIXELS_OF_A_BOMB = (b"IDAT", zlib.compress(b"\0" * 1_000_000))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (png(header(60_000, 60_000), PIXELS_OF_A_BOMB), "too many pixels"),
        (png(header(2**31 - 1, 2**31 - 1), PIXELS_OF_A_BOMB), "too many pixels"),
        (png(header(70_000, 100), PIXELS_OF_A_BOMB), "65,500 pixels wide and high"),
        (
            png(
                header(60, 60),
                (b"zTXt", b"note\0\0" + zlib.compress(b"\0" * 50_000_000)),
                PIXELS_OF_A_BOMB,
            ),
            "damaged",
        ),
        (
            b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xfe\x3f\0\xfe\x3f\0",
            "too many pixels",
        ),
    ],
    ids=["60,000 x 60,000", "2^31 x 2^31", "too wide", "text that unpacks", "webp"],
)
def test_a_bomb_is_refused_before_it_is_decoded(content: bytes, said: str) -> None:
    memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    with pytest.raises(UnusablePhoto, match=said):
        look(content)
    assert time.perf_counter() - started < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_kb < 30_000


def test_a_photo_of_thousands_of_scans_is_refused() -> None:
    content = encoded(scene(), progressive=True)
    last_scan = content[content.rindex(b"\xff\xda") : -2]
    assert look(content[:-2] + last_scan * 30 + b"\xff\xd9").width == 64
    started = time.perf_counter()
    with pytest.raises(UnusablePhoto, match="more than 50 scans"):
        look(content[:-2] + last_scan * 100_000 + b"\xff\xd9")
    assert time.perf_counter() - started < 1


def test_what_looks_like_scans_elsewhere_counts_for_nothing() -> None:
    assert look(photo() + b"\xff\xda" * 500).width == 64
    assert look(encoded(scene(), comment=b"\xff\xda" * 500)).width == 64


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_photo_is_shown_or_refused(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP"]))
    content = bytearray(photo(form, width=16, height=12))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(content) // 2, len(content)))
    try:
        picture = look(bytes(content[:cut]))
    except UnusablePhoto:
        return
    assert shown(picture).size == (picture.width, picture.height)


def test_a_photo_of_twenty_megapixels_is_ordinary() -> None:
    content = photo(width=5472, height=3648, orientation=6)
    started = time.perf_counter()
    picture = look(content)
    assert time.perf_counter() - started < 5
    assert (picture.width, picture.height) == (3648, 5472)
