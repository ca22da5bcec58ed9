"""``report match``: a line for every row of a CSV file, and nothing kept."""

import csv
import io
from pathlib import Path

import pytest
from making import CORNER, moved, register
from running_cli import Outcome, Run
from sqlalchemy import func, select

from gis_registry.db.engine import Database
from gis_registry.reports.tables import Report
from gis_registry.settings import Settings


@pytest.fixture(scope="module")
def codes(module_settings: Settings) -> list[str]:
    """Register three lamps: one alone, and two beside each other."""
    with Database(module_settings) as database, database.session() as session:
        return [
            register(session, *moved(*CORNER, azimuth=azimuth, metres=metres))
            for azimuth, metres in ((0, 3), (90, 500), (90, 506))
        ]


def rows_of(outcome: Outcome) -> list[dict[str, str]]:
    assert outcome.exit_code == 0, outcome.err
    return list(csv.DictReader(io.StringIO(outcome.out)))


def write(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


LON, LAT = CORNER
BETWEEN = moved(*CORNER, azimuth=90, metres=503)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_every_row_gets_its_line(
    run: Run, module_settings: Settings, codes: list[str], tmp_path: Path, encoding: str
) -> None:
    file = write(
        tmp_path / "reports.csv",
        "id,lon,lat,accuracy_m,class,text",
        f"a,{LON},{LAT},5,0137,路灯不亮",
        f"b,{BETWEEN[0]},{BETWEEN[1]},8,137,",
        f"c,{LON},{LAT + 0.01},8,0137,",
        f"d,{LON},{LAT},8,06001,",
        f"e,{LON},north,8,0137,",
        f"f,{LON},{LAT},8,9999,",
        f"g,{LAT},{LON},8,0137,",
        f"h,{LON},{LAT},-3,0137,",
        f"i,{BETWEEN[0]},{BETWEEN[1]},,0137,编号{codes[2]}",
        f"j,{LON},{LAT},8,0137,a\0b",
        encoding=encoding,
    )
    outcome = run(module_settings, "report", "match", file, "--format", "csv")
    rows = {row["id"]: row for row in rows_of(outcome)}
    assert list(rows) == list("abcdefghij")
    assert [row["outcome"] for row in rows.values()] == [
        "unique", "ambiguous", "none", "place", "refused", "refused", "refused", "refused",
        "unique", "refused",
    ]  # fmt: skip
    assert (rows["a"]["code"], rows["c"]["code"], rows["d"]["code"]) == (codes[0], "", "")
    assert rows["i"]["code"] == codes[2]
    assert float(rows["a"]["probability"]) > 0.97
    pairs = [one.split(":") for one in rows["b"]["candidates"].split(";")]
    assert sorted(code for code, _ in pairs) == sorted(codes[1:])
    assert rows["b"]["code"] == pairs[0][0]
    assert float(rows["b"]["probability"]) == float(pairs[0][1])
    assert sum(float(probability) for _, probability in pairs) <= 1
    assert "lat: Input should be a valid number" in rows["e"]["reason"]
    assert "There is no matter type '9999'" in rows["f"]["reason"]
    assert rows["g"]["reason"]
    assert rows["h"]["reason"].startswith("accuracy_m: ")
    assert "Refused rows: 5;" in outcome.err
    with Database(module_settings) as database, database.session() as session:
        assert session.scalar(select(func.count()).select_from(Report)) == 0


def test_other_columns_and_formats(
    run: Run, module_settings: Settings, codes: list[str], tmp_path: Path
) -> None:
    file = write(
        tmp_path / "reports.csv",
        "LON,Lat,matter,scanned,datum,reported_at",
        f"{LON},{LAT},01037,{codes[0]},wgs84,2026-07-06T08:04:00",
        f"{LON},{LAT},01037,,mars,",
        f"{LON},{LAT},01037,,,yesterday",
    )
    (first, second, third) = run(module_settings, "report", "match", file, "--json").json
    assert (first["id"], first["outcome"], first["code"]) == ("1", "unique", codes[0])
    assert first["candidates"][0]["code"] == codes[0]
    assert second["reason"].startswith("datum: ")
    assert third["reason"] == "reported_at: 'yesterday' is not a time in ISO 8601."
    table = run(module_settings, "report", "match", file).out
    assert codes[0] in table
    assert run(module_settings, "report", "match", file, "--json", "--format", "csv").exit_code == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no column lat, lon"),
        (b"id,lon,lat\n1,2,3\n", "has no column matter (or class)"),
        (b"lon,class\n", "has no column lat"),
        (b"lon,Lat,lat,class\n", "has more than one column lat"),
        (b'lon,lat,class,text\n120,36,0137,"open\n120,36,0137,\n', "quotation mark"),
        (b"\xff\xff\xff", "neither UTF-8 nor GB18030"),
        (None, "cannot be opened"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    run: Run, module_settings: Settings, tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "reports.csv"
    if content is not None:
        file.write_bytes(content)
    outcome = run(module_settings, "report", "match", file, "--format", "csv")
    assert outcome.exit_code == 1
    assert message in outcome.err


def test_a_file_without_rows_has_no_lines(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    file = write(tmp_path / "reports.csv", "id,lon,lat,matter")
    outcome = run(module_settings, "report", "match", file, "--format", "csv")
    assert outcome.exit_code == 0
    assert outcome.out == "id,outcome,code,probability,candidates,reason\n"


def test_rows_of_the_wrong_length_are_not_lost(
    run: Run, module_settings: Settings, codes: list[str], tmp_path: Path
) -> None:
    file = write(
        tmp_path / "reports.csv", "lon,lat,matter,text", f"{LON},{LAT}", f"{LON},{LAT},0137,a,b"
    )
    rows = rows_of(run(module_settings, "report", "match", file, "--format", "csv"))
    assert [row["outcome"] for row in rows] == ["refused", "unique"]
    assert rows[1]["code"] == codes[0]


def test_the_id_of_a_row_comes_back_as_it_was(
    run: Run, module_settings: Settings, codes: list[str], tmp_path: Path
) -> None:
    file = write(
        tmp_path / "reports.csv",
        "id,lon,lat,class",
        f"-12.5,{LON},{LAT},0137",
        f"=1+1,{LON},{LAT},0137",
    )
    rows = rows_of(run(module_settings, "report", "match", file, "--format", "csv"))
    assert [row["id"] for row in rows] == ["-12.5", "=1+1"]
