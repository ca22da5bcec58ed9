"""``report import``: a file's reports are kept once, and what is refused is listed."""

import csv
import json
from functools import partial
from pathlib import Path

import pytest
from delivered import LIGHT, places
from running_cli import Run

from gis_registry.settings import Settings

HEADER = "lon,lat,class,accuracy_m,text,sender_account,reported_at\n"


@pytest.fixture(name="run")
def run_here(run: Run, own_settings: Settings) -> Run:
    """Run commands on a database of the test's own."""
    return partial(run, own_settings)


def lines(count: int) -> str:
    return "".join(
        f"{lon},{lat},{LIGHT},5,路灯不亮{n},citizen-{n},2026-07-06T08:04:00+08:00\n"
        for n, (lon, lat) in enumerate(places(count))
    )


def test_a_file_is_kept_once_and_what_is_refused_is_listed(run: Run, tmp_path: Path) -> None:
    path, out = tmp_path / "day.csv", tmp_path / "out.csv"
    path.write_text(
        HEADER + lines(2) + f"abc,36,{LIGHT},5,,,\n120.38,36.07,99999,5,,,\n", encoding="utf-8"
    )
    first = run("report", "import", path, "--out", out, "--json")
    assert first.exit_code == 1
    assert (first.json["answered"], first.json["repeated"], first.json["refused"]) == (2, 0, 2)
    assert [one["line"] for one in first.json["refusals"]] == [4, 5]
    assert "lon: Input should be a valid number" in first.json["refusals"][0]["reason"]
    with out.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["line"] for row in rows] == ["2", "3", "4", "5"]
    assert [bool(row["refused"]) for row in rows] == [False, False, True, True]
    again = run("report", "import", path, "--json")
    assert (again.json["answered"], again.json["repeated"]) == (2, 2)
    assert len(run("report", "list", "--json").json["reports"]) == 2


def test_a_dry_run_answers_and_keeps_nothing(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(HEADER + lines(2), encoding="gb18030")
    done = run("report", "import", path, "--dry-run")
    assert done.exit_code == 0, done.err
    assert "answered    2" in done.out
    assert "nothing was kept" in done.err
    assert run("report", "list", "--json").json["reports"] == []


def test_a_column_that_no_report_has_is_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(f"id,lon,lat,class\n7,120.38,36.07,{LIGHT}\n", encoding="utf-8")
    refused = run("report", "import", path)
    assert refused.exit_code == 1
    assert "line 2: id: a report has no such field; leave it out or rename it." in refused.err


def test_json_lines_are_as_the_api_takes_them(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    (lon, lat), *_ = places(1)
    said = {"lon": lon, "lat": lat, "matter": LIGHT, "sender": {"account": "c1"}}
    path.write_text(json.dumps(said) + "\n\n" + json.dumps(said | {"text": "x" * 4001}) + "\n7\n")
    done = run("report", "import", path, "--json")
    assert (done.json["answered"], [one["line"] for one in done.json["refusals"]]) == (1, [3, 4])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("day.txt", b"lon,lat\n", "neither CSV"),
        ("day.csv", b"x,y\n1,2\n", "has no column lat, lon"),
        ("day.csv", b"lon,lat,lon\n1,2,3\n", "has more than one column lon"),
        ("day.jsonl", b"\xff\xff\xff\n", "neither UTF-8 nor GB18030"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    run: Run, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    done = run("report", "import", path)
    assert done.exit_code == 1
    assert sentence in done.sentence


def test_a_file_that_is_missing_is_refused(run: Run, tmp_path: Path) -> None:
    done = run("report", "import", tmp_path / "no.csv")
    assert (done.exit_code, "cannot be opened" in done.sentence) == (1, True)


def test_damaged_lines_are_refused_and_the_others_are_kept(run: Run, tmp_path: Path) -> None:
    (lon, lat), *_ = places(1)
    sound = json.dumps({"lon": lon, "lat": lat, "matter": LIGHT})
    nul = json.dumps({"lon": lon, "lat": lat, "matter": LIGHT, "text": "\0"})
    path = tmp_path / "day.jsonl"
    path.write_text("\n".join([sound, "{", nul, "[" * 100_000, "[" + "1" * 5000 + "]", sound]))
    done = run("report", "import", path, "--json")
    assert (done.exit_code, done.json["answered"]) == (1, 2)
    reasons = {one["line"]: one["reason"] for one in done.json["refusals"]}
    assert sorted(reasons) == [2, 3, 4, 5]
    assert "no JSON" in reasons[2]
    assert "NUL" in reasons[3]
    assert "nested too deeply" in reasons[4]
    table = tmp_path / "day.csv"
    here = f"{lon},{lat},{LIGHT}"
    table.write_text(f"lon,lat,class,text\n1,2,3,4,5\n{here},a\0b\n{here},\n")
    done = run("report", "import", table, "--json")
    assert (done.exit_code, done.json["answered"]) == (1, 1)
    assert [one["line"] for one in done.json["refusals"]] == [2, 3]


def test_nothing_is_kept_of_a_file_whose_end_cannot_be_read(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(HEADER + lines(1) * 1001 + '120.3,36,0137,5,"open,,\n', encoding="utf-8")
    done = run("report", "import", path)
    assert (done.exit_code, "quotation mark" in done.sentence) == (1, True)
    assert run("report", "list", "--json").json["reports"] == []


def test_the_outcome_is_not_written_over_the_reports(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(HEADER + lines(1), encoding="utf-8")
    done = run("report", "import", path, "--out", path)
    assert (done.exit_code, "name another one" in done.sentence) == (1, True)
    assert path.read_text(encoding="utf-8") == HEADER + lines(1)
