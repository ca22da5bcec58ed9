"""What a camera wrote into a photo: read where it can be true, left out where it cannot."""

import struct
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photographed import LAT, LON, encoded, exif, gps, photo, scene
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from gis_registry.photos.evidence import Evidence, read_evidence

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

ZONE = ZoneInfo("Asia/Shanghai")
RECEIVED_AT = datetime(2026, 7, 1, tzinfo=UTC)


def read(content: bytes) -> Evidence:
    with Image.open(BytesIO(content)) as image:
        return read_evidence(image, zone=ZONE, received_at=RECEIVED_AT)


@settings(max_examples=150, deadline=None)
@given(
    lon=st.floats(-180, 180).filter(lambda one: abs(one) > 1e-6),
    lat=st.floats(-90, 90).filter(lambda one: abs(one) > 1e-6),
    form=st.sampled_from(["JPEG", "PNG", "WEBP"]),
)
def test_a_position_is_read_in_every_hemisphere(lon: float, lat: float, form: str) -> None:
    found = read(photo(form, width=4, height=4, position=gps(lon, lat))).position
    assert found == (pytest.approx(lon, abs=1e-6), pytest.approx(lat, abs=1e-6))


def test_all_that_a_camera_writes_is_read() -> None:
    assert read(photo(orientation=6)) == Evidence(
        taken_at=datetime(2026, 6, 30, 2, tzinfo=UTC),
        position=(pytest.approx(LON, abs=1e-6), pytest.approx(LAT, abs=1e-6)),
        heading_deg=271.5,
        camera="Lichtbild AG Lichtbild X100",
        orientation=6,
    )


def test_a_photo_without_any_of_it_has_no_evidence() -> None:
    assert read(encoded(scene())) == Evidence()


@pytest.mark.parametrize(
    "position",
    [
        {},
        gps(GPSLatitudeRef=None),
        gps(GPSLongitudeRef="X"),
        gps(GPSLatitude=(36.0, 4.0)),
        gps(GPSLatitude=(136.0, 4.0, 1.0)),
        gps(GPSLongitude=(120.0, 75.0, 0.0)),
        gps(GPSLongitude=120.38),
        gps(lon=0.0, lat=0.0),
        gps(GPSStatus="V"),
        gps(GPSMapDatum="TOKYO"),
        gps(GPSMapDatum="GCJ-02"),
    ],
    ids=repr,
)
def test_a_position_that_cannot_be_true_is_left_out(position: dict[int, object]) -> None:
    found = read(photo(position=position))
    assert found.position is None
    assert found.taken_at is not None


@pytest.mark.parametrize("datum", ["WGS-84", "wgs 84", "WGS84", "CGCS2000"])
def test_datums_that_agree_with_the_registrys_are_taken(datum: str) -> None:
    assert read(photo(position=gps(GPSMapDatum=datum, GPSStatus="A"))).position is not None


@pytest.mark.parametrize("fraction", [(0, 0), (5, 0)])
def test_a_rational_over_zero_is_no_position(fraction: tuple[int, int]) -> None:
    odd = (123_457, 7919)
    written = exif(position=gps(GPSLatitude=(36, 4, IFDRational(*odd))))
    assert written.count(struct.pack(">LL", *odd)) == 1
    broken = written.replace(struct.pack(">LL", *odd), struct.pack(">LL", *fraction))
    found = read(encoded(scene(), exif=broken))
    assert found.position is None
    assert found.heading_deg == 271.5


@pytest.mark.parametrize(
    ("heading", "read_as"),
    [(IFDRational(0, 1), 0), (IFDRational(360, 1), 0), (IFDRational(400), None)],
)
def test_a_heading_is_below_360_degrees(heading: IFDRational, read_as: float | None) -> None:
    assert read(photo(position=gps(GPSImgDirection=heading))).heading_deg == read_as


@pytest.mark.parametrize(
    ("taken", "offset", "moment"),
    [
        ("2026:06:30 10:00:00", "+08:00", datetime(2026, 6, 30, 2, tzinfo=UTC)),
        ("2026:06:30 10:00:00", "-03:30", datetime(2026, 6, 30, 13, 30, tzinfo=UTC)),
        ("2026:06:30 10:00:00", "Z", datetime(2026, 6, 30, 10, tzinfo=UTC)),
        ("2026:06:30 10:00:00", "+99:00", datetime(2026, 6, 30, 2, tzinfo=UTC)),
        ("2026:06:30 10:00:00", "nonsense", datetime(2026, 6, 30, 2, tzinfo=UTC)),
        ("2026:06:30 10:00:00\0junk", None, datetime(2026, 6, 30, 2, tzinfo=UTC)),
        ("2026:07:01 08:09:00", None, RECEIVED_AT + timedelta(minutes=9)),
        ("2026:07:01 08:11:00", None, None),
        ("0000:00:00 00:00:00", None, None),
        ("0001:01:01 00:00:00", "+08:00", None),
        ("9999:12:31 23:59:59", "-12:00", None),
        ("1999:12:31 10:00:00", None, None),
        ("2026:13:45 10:00:00", None, None),
        ("    :  :     :  :  ", None, None),
        ("30 June 2026", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_time_is_taken_with_its_zone_or_the_citys(
    taken: str | None, offset: str | None, moment: datetime | None
) -> None:
    found = read(photo(taken=taken, offset=offset))
    assert found.taken_at == moment
    assert found.position is not None


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("HUAWEI", "HUAWEI P60", "HUAWEI P60"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("小米\0", " 14 ", "14"),
        ("", "", None),
        ("A\r\nB", "x" * 500, "A B " + "x" * 196),
    ],
)
def test_a_camera_is_its_make_and_model(make: str, model: str, camera: str | None) -> None:
    found = read(photo(make=make, model=model)).camera
    assert found == camera or (found is not None and camera is not None and found.endswith(camera))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_there_is_not_is_upright(orientation: int) -> None:
    assert read(photo(orientation=orientation)).orientation == 1


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_damaged_evidence_costs_no_photo(data: st.DataObject) -> None:
    written = bytearray(exif())
    for _ in range(data.draw(st.integers(1, 8))):
        written[data.draw(st.integers(6, len(written) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(6, len(written)))
    found = read(encoded(scene(4, 4), exif=bytes(written[:cut])))
    if found.position is not None:
        lon, lat = found.position
        assert abs(lon) <= 180
        assert abs(lat) <= 90
    assert found.heading_deg is None or 0 <= found.heading_deg < 360
    assert found.camera is None or found.camera.isprintable()
