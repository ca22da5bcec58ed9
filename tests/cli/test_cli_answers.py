"""What every other command answers, for people and for scripts."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from delivered import LIGHT, frame, load, place_near, places, rows_of, write_geojson
from running_cli import PROGRAM, Run, environment
from waiting import ending

from gis_registry.db.engine import Database
from gis_registry.settings import Settings

LON, LAT = places(1)[0]


@pytest.fixture(scope="module")
def codes(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the identifiers of three lights in the registry that this module's tests share."""
    path = tmp_path_factory.mktemp("answers") / "lights.gpkg"
    frame(places(3)).to_file(path)
    with Database(module_settings) as database, database.session() as session:
        return [row.code or "" for row in rows_of(session, load(session, path).survey)]


#: command and the keys of its answer, or of each entry of its answer
ANSWERS: list[tuple[tuple[object, ...], set[str]]] = [
    (("component", "show", "CODE"), {"code", "class", "state", "lon", "lat", "attributes"}),
    (("component", "nearest", LON, LAT), {"code", "class", "distance_m"}),
    (("component", "nearest", LON, LAT, "--class", LIGHT), {"code", "class", "distance_m"}),
    (("component", "history", "CODE"), {"version", "operation", "actor", "reason", "made_at"}),
    (("component", "list"), {"components", "next_after"}),
    (("component", "list", "--class", LIGHT, "--limit", 1), {"components", "next_after"}),
    (("report", "list"), {"reports", "next_before"}),
    (("case", "list", "--open"), {"cases", "next_before"}),
    (("dispatch", "nearest", LON, LAT), {"code", "distance_m", "unit"}),
    (("catalogue", "list"), {"code", "name_zh", "name_en", "geometry_type"}),
    (("catalogue", "list", "--matters"), {"code", "name_zh", "name_en"}),
    (("catalogue", "list", "--editions"), {"key", "name_zh", "class_digits"}),
    (("catalogue", "show", LIGHT), {"edition", "code", "counterparts", "matter_type"}),
    (("catalogue", "load", "--dry-run"), {"editions", "classes", "matter_types"}),
    (("places", "list"), {"code", "name_zh", "name_en", "parent_code"}),
    (("places", "locate", LON, LAT), {"division", "subdistrict", "cell_code"}),
    (("places", "locate", LON, LAT, "--on", "2020-01-01"), {"division", "subdistrict"}),
    (("units", "list"), {"code", "kind", "name_zh", "is_synthetic"}),
    (("units", "show", "QD-CC"), {"code", "parent", "responsibilities", "responders"}),
    (("units", "check"), {"on", "matter_count", "place_count", "gaps", "conflicts"}),
    (("units", "load", "--dry-run"), {"units", "responsibilities", "responders"}),
    (("user", "list"), set()),
    (("survey", "list"), {"survey", "file_name", "state"}),
    (("survey", "show", 1), {"survey", "rows", "accepted", "refused", "verdicts"}),
    (("survey", "rows", 1), {"row", "verdict", "code", "distance_m", "reason"}),
    (("settings",), {"setting", "value", "from", "meaning"}),
    (("db", "check"), {"check", "is_passed", "message"}),
]


@pytest.mark.parametrize(
    ("command", "keys"), ANSWERS, ids=[" ".join(map(str, command)) for command, _ in ANSWERS]
)
def test_every_answer_is_json_on_request(
    run: Run,
    module_settings: Settings,
    codes: list[str],
    command: tuple[object, ...],
    keys: set[str],
) -> None:
    arguments = [codes[0] if one == "CODE" else one for one in command]
    outcome = run(module_settings, *arguments, "--json")
    assert outcome.exit_code == 0, outcome.err
    answer: Any = outcome.json
    if isinstance(answer, list):
        assert answer or not keys
        answer = answer[0] if answer else {}
    assert keys <= set(answer)
    for_people = run(module_settings, *arguments)
    assert for_people.exit_code == 0
    assert for_people.out or for_people.err


def test_the_nearest_component_is_told_with_its_metres(
    run: Run, module_settings: Settings, codes: list[str]
) -> None:
    lon, lat = place_near(places(3)[1], 3)
    answer = run(module_settings, "component", "nearest", lon, lat, "--json").json
    assert [one["code"] for one in answer] == [codes[1], codes[2], codes[0]]
    assert answer[0]["distance_m"] == pytest.approx(3, abs=0.01)
    assert answer[0]["class"] == LIGHT
    within = run(module_settings, "component", "nearest", lon, lat, "--radius-m", 2)
    assert (within.exit_code, within.sentence) == (0, "There are none.")


def test_negative_coordinates_are_arguments(run: Run, module_settings: Settings) -> None:
    assert run(module_settings, "component", "nearest", -71.1, 42.3, "--json").exit_code == 0
    assert run(module_settings, "dispatch", "nearest", -71.1, -42.3, "--json").exit_code == 0
    located = run(module_settings, "places", "locate", -71.1, 42.3)
    assert (located.exit_code, located.sentence) == (
        1,
        "-71.1, 42.3 is not in Qingdao. Check the position and its datum.",
    )
    submitted = run(
        module_settings, "report", "submit", "--lon", -71.1, "--lat", 42.3, "--matter", LIGHT
    )
    assert (submitted.exit_code, submitted.sentence) == (1, located.sentence)


def test_an_answer_is_explained_step_by_step(run: Run, own_settings: Settings) -> None:
    unknown = run(own_settings, "report", "explain", 987654)
    assert (unknown.exit_code, unknown.sentence) == (1, "There is no report 987654.")
    submitted = run(
        own_settings, "report", "submit", "--lon", LON, "--lat", LAT, "--matter", LIGHT, "--json"
    )
    explain = ("report", "explain", submitted.json["id"])
    both = run(own_settings, *explain)
    english = run(own_settings, *explain, "--lang", "en")
    chinese = run(own_settings, *explain, "--lang", "zh")
    assert {one.exit_code for one in (both, english, chinese)} == {0}
    assert "Step 4, the class in the area: " in both.out
    assert "第4级，该类部件在当地：" in both.out
    assert "Step 4" not in chinese.out
    assert "第4级" not in english.out
    assert english.out.splitlines()[-1].endswith("the answer is the same.")
    told = run(own_settings, *explain, "--json").json
    assert {"report_id", "answered_at", "steps", "replay"} <= set(told)
    assert told["replay"]["is_same"]
    assert run(own_settings, *explain, "--lang", "fr").exit_code == 2


def test_a_report_is_answered_kept_and_closed(
    run: Run, module_settings: Settings, codes: list[str]
) -> None:
    lon, lat = place_near(places(1)[0], 2)
    submit = ("report", "submit", "--lon", lon, "--lat", lat, "--matter", LIGHT, "--text", "灯不亮")
    dry = run(module_settings, *submit, "--dry-run", "--json")
    assert dry.json["answer"]["component_code"] == codes[0]
    assert dry.sentence == "This was a dry run: nothing was kept."
    assert run(module_settings, "report", "list", "--json").json["reports"] == []
    for_people = run(module_settings, *submit, "--key", "k1")
    assert codes[0] in for_people.out
    assert "why" in for_people.out
    again = run(module_settings, *submit, "--key", "k1", "--json").json
    shown = run(module_settings, "report", "show", again["id"], "--json").json
    assert shown["answer"] == again["answer"]
    assert len(run(module_settings, "report", "list", "--json").json["reports"]) == 1
    case = again["case_id"]
    assert run(module_settings, "case", "show", case).exit_code == 0
    closed = run(module_settings, "case", "close", case, "--reason", "换灯", "--json").json
    assert closed["state"] == "closed"
    assert run(module_settings, "case", "close", case, "--reason", "again").exit_code == 1


def test_a_case_is_returned_counted_and_assigned(run: Run, own_settings: Settings) -> None:
    nothing = run(own_settings, "units", "returns")
    assert (nothing.exit_code, nothing.out.strip()) == (0, "No unit returned a case.")
    submit = ("report", "submit", "--lon", LON, "--lat", LAT, "--matter", "06001", "--json")
    case = run(own_settings, *submit).json["case_id"]
    holder = run(own_settings, "case", "show", case, "--json").json["unit_code"]
    give_back = ("case", "return", case, "--unit", holder, "--reason", "不归我们")
    dry = run(own_settings, *give_back, "--dry-run", "--json")
    assert dry.json["unit_code"] != holder
    assert dry.sentence == "This was a dry run: nothing was kept."
    assert run(own_settings, "case", "show", case, "--json").json["unit_code"] == holder
    returned = run(own_settings, *give_back)
    assert "不归我们" in returned.out
    assert "退回了本案：“不归我们”。" in returned.out
    again = run(own_settings, *give_back)
    assert again.exit_code == 1
    assert f"Case {case} is with" in again.sentence
    assert "不归我们" in run(own_settings, "case", "show", case).out
    found = run(own_settings, "units", "returns", "--since", "2026-01-01", "--json").json
    assert [one["unit"]["code"] for one in found["units"]] == [holder]
    table = run(own_settings, "units", "returns")
    assert "responsibilities by which they went there" in table.out
    assert table.sentence == "Returned: 1; where the next decision stands: 1."
    give = ("case", "assign", case, "--unit", holder, "--reason", "现场核实")
    assert run(own_settings, *give, "--dry-run").exit_code == 0
    assigned = run(own_settings, *give, "--json").json
    assert (assigned["unit_code"], assigned["responsible"]["claim"]["basis"]) == (holder, "by_hand")
    assert run(own_settings, "case", "assign", case, "--unit", holder).exit_code == 2
    assert run(own_settings, *give).exit_code == 1


def test_a_detection_is_answered(run: Run, module_settings: Settings) -> None:
    detect = ("drone", "detect", "--lon", LON, "--lat", LAT, "--matter", "06001", "--image")
    arguments = (*detect, "a.jpg", "--taken-at", "2026-07-01T10:00:00+0800", "--json")
    answer = run(module_settings, *arguments).json
    assert answer["report"]["answer"]["responders"]
    assert run(module_settings, "drone", "show", answer["id"], "--json").json == answer
    assert run(module_settings, "drone", "show", answer["id"]).exit_code == 0


def test_a_component_is_edited_and_tells_its_history(
    run: Run, module_settings: Settings, codes: list[str]
) -> None:
    edit = ("component", "edit", codes[2], "--reason", "新灯", "--set", "lamp=LED")
    assert run(module_settings, *edit, "--dry-run", "--json").json["version"] == 2
    assert run(module_settings, *edit, "--json").json["version"] == 2
    moved = place_near(places(3)[2], 1)
    position = ("component", "edit", codes[2], "--reason", "moved", "--position", *moved)
    assert run(module_settings, *position).exit_code == 0
    history = run(module_settings, "component", "history", codes[2], "--json").json
    assert [one["reason"] for one in history][1:] == ["新灯", "moved"]


REFUSED = [
    (("component", "show", "99"), "'99' is no identifier: one has 16 or 17 digits, this has 2."),
    (("component", "show", "3702039999000001"), "3702039999000001 was never issued"),
    (("component", "nearest", LAT, LON), "(longitude and latitude may be swapped)"),
    (("component", "nearest", "nan", LAT), "the coordinates are not numbers"),
    (("component", "list", "--limit", 0), "The limit must be 1 to 1000."),
    (("component", "list", "--division", "999"), "'999' is no district or subdistrict"),
    (("component", "list", "--class", "9999"), "There is no class '9999'"),
    (("survey", "show", 999), "There is no survey 999"),
    (("survey", "rows", 999), "There is no survey 999"),
    (("report", "show", 999), "There is no report 999."),
    (("case", "show", 999), "There is no case 999"),
    (("drone", "show", 999), "There is no detection 999."),
    (("report", "submit", "--lon", LON, "--lat", LAT, "--matter", "zz"), "no matter type 'zz'"),
    (("catalogue", "list", "--edition", "zz"), "There is no edition 'zz'; there are cjt214"),
    (("catalogue", "show", "0137", "--edition", "zz"), "There is no edition 'zz'; there are"),
    (("catalogue", "show", "9999"), "There is no class '9999'"),
    (("catalogue", "load", "/nowhere.csv"), "/nowhere.csv"),
    (("places", "load", "/nowhere.geojson"), "There is no file /nowhere.geojson."),
    (("places", "list", "--parent", "999999"), "There is no division '999999'."),
    (("units", "show", "zz"), "There is no unit 'zz'"),
    (("units", "load", "/nowhere.csv"), "/nowhere.csv cannot be opened: No such file"),
    (("user", "revoke", "nobody"), "There is no user 'nobody'"),
    (("user", "add", "", "--role", "reader"), "A user's name has 1 to 100 characters"),
    (("map", "/nowhere/out.html"), "There is no folder /nowhere."),
    (("db", "status"), "GIS_REGISTRY_DATABASE_URL is set"),
]


@pytest.mark.parametrize(
    ("command", "words"), REFUSED, ids=[" ".join(map(str, command)) for command, _ in REFUSED]
)
def test_what_is_refused_exits_1_with_one_sentence(
    run: Run, module_settings: Settings, command: tuple[object, ...], words: str
) -> None:
    outcome = run(module_settings, *command)
    assert (outcome.exit_code, outcome.out) == (1, "")
    assert words in outcome.sentence
    assert len(outcome.err.strip().splitlines()) == 1


@pytest.mark.parametrize("words", ["路灯[/x] 坏", "门牌[a3]", "灯:key: [bold]"])
def test_what_people_wrote_is_printed_as_they_wrote_it(
    run: Run, own_settings: Settings, words: str
) -> None:
    submitted = run(
        own_settings,
        *("report", "submit", "--lon", LON, "--lat", LAT, "--matter", LIGHT, "--text", words),
    )
    assert submitted.exit_code == 0, submitted.err
    assert words in submitted.out
    refused = run(own_settings, "units", "show", words)
    assert repr(words) in refused.sentence


def test_attributes_are_printed_as_they_were_written(
    run: Run, module_settings: Settings, codes: list[str]
) -> None:
    edit = ("component", "edit", codes[1], "--reason", "x", "--set", "门[/牌]=[a3]", "--dry-run")
    edited = run(module_settings, *edit)
    assert edited.exit_code == 0, edited.err
    assert "门[/牌]" in edited.out
    assert "[a3]" in edited.out


def test_an_edit_without_a_reason_is_wrong_usage(
    run: Run, module_settings: Settings, codes: list[str]
) -> None:
    edit = ("component", "edit", codes[1], "--reason", "", "--set", "lamp=LED")
    assert run(module_settings, *edit).exit_code == 2


def test_an_edition_means_the_same_whether_or_not_it_is_the_citys(
    run: Run, module_settings: Settings
) -> None:
    def count(*options: str) -> int:
        return len(run(module_settings, "catalogue", "list", *options, "--json").json)

    assert count() == count("--edition", "gbt30428-2013") < 120
    assert count("--edition", "gbt30428-2013", "--all") == count("--all") == 120
    assert count("--edition", "cjt214-2007", "--all") == 85
    none = run(module_settings, "catalogue", "list", "--edition", "cjt214-2007")
    assert (none.exit_code, none.sentence) == (
        0,
        "The city's profile has no class of the edition cjt214-2007; --all shows all of it.",
    )
    matters = run(module_settings, "catalogue", "list", "--matters")
    assert "06001" in matters.out
    assert "the code of a class stands for a fault" in matters.sentence


def test_divisions_below_another_are_listed_whatever_their_level(
    run: Run, module_settings: Settings
) -> None:
    below = run(module_settings, "places", "list", "--parent", "370202", "--json").json
    assert {(one["level"], one["parent_code"]) for one in below} == {("subdistrict", "370202")}
    districts = run(module_settings, "places", "list", "--json").json
    assert {one["level"] for one in districts} == {"district"}


def test_a_past_responsibility_is_marked(run: Run, own_settings: Settings, tmp_path: Path) -> None:
    facts = tmp_path / "facts.csv"
    facts.write_text(
        "unit_code,role,class_code,valid_from,valid_to\nQD-CC,owner,0137,2020-01-01,2021-01-01\n",
        encoding="utf-8",
    )
    assert run(own_settings, "units", "load", facts).exit_code == 0
    shown = run(own_settings, "units", "show", "QD-CC").out
    (line,) = [one for one in shown.splitlines() if "2021-01-01" in one]
    assert line.split() == [
        *("owner", "路灯", "street", "light", "(0137)", "2020-01-01", "2021-01-01", "past"),
    ]


def test_a_key_is_shown_once(run: Run, own_settings: Settings) -> None:
    added = run(own_settings, "user", "add", "app", "--role", "reader", "--json").json
    assert added["user"] == "app"
    other = run(own_settings, "user", "key", "app")
    assert other.out.strip() not in {"", added["key"]}
    listed = run(own_settings, "user", "list", "--json")
    assert listed.json[0]["valid_keys"] == 2
    assert added["key"] not in listed.out
    assert run(own_settings, "user", "revoke", "app", "--json").json["revoked"] == 2
    assert run(own_settings, "user", "add", "app", "--role", "reader").exit_code == 1


def test_own_files_are_loaded(run: Run, own_settings: Settings, tmp_path: Path) -> None:
    units = tmp_path / "units.csv"
    units.write_text(
        "code,parent_code,kind,name_zh,name_en\nX1,QD-CC,grassroots,新班组,New crew\n",
        encoding="utf-8",
    )
    responders = write_geojson(
        tmp_path / "responders.geojson",
        [
            (
                {"type": "Point", "coordinates": [LON, LAT]},
                {"code": "R1", "unit_code": "X1", "name_zh": "新", "name_en": "n", "kind": "crew"},
            )
        ],
    )
    loaded = run(own_settings, "units", "load", responders, units, "--json")
    assert loaded.exit_code == 0, loaded.err
    assert loaded.json == {"units": 1, "responsibilities": 0, "responders": 1}
    nearest = run(own_settings, "dispatch", "nearest", LON, LAT, "--limit", 1, "--json").json
    assert nearest[0]["code"] == "R1"
    units.write_text("code,parent_code,kind,name_zh\nX2,NOBODY,grassroots,新\n", encoding="utf-8")
    refused = run(own_settings, "units", "load", units)
    assert (refused.exit_code, refused.sentence) == (
        1,
        "units.csv, line 2: the parent 'NOBODY' is not a unit.",
    )


def test_the_map_is_written(
    run: Run, module_settings: Settings, codes: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.html"
    answer = run(module_settings, "map", out, "--json")
    assert answer.exit_code == 0, answer.err
    assert answer.json == {"file": str(out)}
    assert codes[0] in out.read_text(encoding="utf-8")


def test_output_that_nobody_reads_to_its_end_is_no_error(module_settings: Settings) -> None:
    started = subprocess.Popen(
        [*PROGRAM, "catalogue", "list", "--all", "--json"],
        env=environment(module_settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with ending(started) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        assert program.stderr.read() == ""


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("--version",), 0),
        (("survey", "list"), 0),
        (("catalogue", "list", "--json"), 0),
        (("survey", "show", "999"), 1),
        (("survey", "show", "one"), 2),
    ],
)
def test_closed_output_is_no_fault(
    module_settings: Settings, closing: str, arguments: tuple[str, ...], exit_code: int
) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {closing}', "sh", *PROGRAM, *arguments],
        env=environment(module_settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (exit_code, False)
    assert (done.stderr != "") == (exit_code > 0 and "2>&-" not in closing)


def test_times_are_shown_in_the_citys_zone_and_read_with_any(
    run: Run, own_settings: Settings
) -> None:
    report = ("report", "submit", "--lon", 120.3826, "--lat", 36.0671, "--matter", "06001")
    submitted = run(own_settings, *report, "--at", "2026-06-30T23:30:00Z", "--json")
    assert submitted.json["reported_at"] == "2026-06-30T23:30:00Z"
    assert "2026-07-01 07:30" in run(own_settings, "report", "list").out
    for moment, message in (("2026-06-30T23:30:00", "has no time zone"), ("noon", "is no time")):
        refused = run(own_settings, *report, "--at", moment)
        assert refused.exit_code == 2
        assert message in " ".join(refused.err.split())


def test_a_division_is_ended(run: Run, own_settings: Settings) -> None:
    ended = run(own_settings, "places", "end", "370202001", "--on", "2026-01-01", "--dry-run")
    assert ended.out.split() == ["would", "end", "370202001", "on", "2026-01-01"]
    ended = run(own_settings, "places", "end", "370202001", "--on", "2026-01-01", "--json")
    assert ended.json["code"] == "370202001"
    again = run(own_settings, "places", "end", "370202001", "--on", "2026-02-01")
    assert again.exit_code == 1
    assert again.sentence.startswith("370202001 has no area that began before 2026-02-01")
