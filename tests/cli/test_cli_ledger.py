"""Aliases, lineage, past states and the change of edition on the command line."""

import csv
from pathlib import Path

import pytest
from delivered import frame, load, places
from running_cli import Run

from gis_registry.components import service
from gis_registry.db.engine import Database
from gis_registry.settings import Settings

WHY = ("--reason", "seen there")
GBT26 = "gbt47678-2026"


@pytest.fixture
def codes(own_settings: Settings, tmp_path: Path) -> list[str]:
    """Return the identifiers of four lights in a registry of the test's own."""
    path = tmp_path / "lights.gpkg"
    frame(places(4)).to_file(path)
    with Database(own_settings) as database, database.session() as session:
        load(session, path)
        return [one.code for one in service.page(session).components]


def test_a_tag_is_added_found_and_ended(run: Run, own_settings: Settings, codes: list[str]) -> None:
    alias = ("component", "alias")
    on = ("--on", "2026-03-01")
    dry = run(own_settings, *alias, "add", codes[0], "tag", "SN-1", *WHY, "--dry-run", "--json")
    assert [one["value"] for one in dry.json] == ["SN-1"]
    assert run(own_settings, *alias, "list", codes[0], "--json").json == []
    run(own_settings, *alias, "add", codes[0], "tag", "SN-1", *WHY, *on)
    found = run(own_settings, "component", "show", "sn 1")
    assert found.sentence == f"The tag SN-1 stands for {codes[0]}."
    assert "tag" in found.out
    ended = run(own_settings, *alias, "end", codes[0], "tag", "SN-1", *WHY, "--on", "2026-05-01")
    assert "2026-05-01" in ended.out
    found = run(own_settings, "component", "show", "SN-1")
    assert found.sentence == f"The tag SN-1 stood for {codes[0]} until 2026-05-01."


def test_what_stands_for_several_is_listed_and_refused(
    run: Run, own_settings: Settings, codes: list[str]
) -> None:
    for code in codes[:2]:
        run(own_settings, "component", "alias", "add", code, "contractor_key", "7", *WHY)
    shown = run(own_settings, "component", "show", "7", "--json")
    assert shown.exit_code == 1
    assert [one["code"] for one in shown.json["candidates"]] == codes[:2]
    assert shown.sentence == (
        f"'7' stands for several components: {codes[0]}, {codes[1]}. Name the one you mean."
    )
    for_people = run(own_settings, "component", "show", "7")
    assert (for_people.exit_code, codes[1] in for_people.out) == (1, True)


def test_components_are_replaced_split_and_merged(
    run: Run, own_settings: Settings, codes: list[str]
) -> None:
    first, second, third, fourth = codes
    dry = run(own_settings, "component", "replace", first, "--by", second, *WHY, "--dry-run")
    assert dry.sentence == "This was a dry run: nothing was changed."
    split = run(
        own_settings, "component", "split", first, "--into", second, "--into", third, *WHY,
        "--on", "2026-03-01",
    )  # fmt: skip
    assert split.out.strip() == f"{first} is retired since 2026-03-01; now: {second}, {third}."
    merged = run(
        own_settings, "component", "merge", second, third, "--into", fourth, *WHY, "--json"
    )
    assert [one["state"] for one in merged.json] == ["retired", "retired"]
    shown = run(own_settings, "component", "show", first)
    assert f"what stands there now  {fourth}, 路灯 street light (0137)" in shown.out
    assert f"split into {second} on 2026-03-01" in shown.out
    refused = run(own_settings, "component", "replace", first, "--by", fourth, *WHY)
    assert refused.exit_code == 1
    assert refused.sentence.startswith(f"{first} has given its place to {second}, {third} already")


def test_a_component_is_reclassified_and_shown_as_it_was(
    run: Run, own_settings: Settings, codes: list[str]
) -> None:
    before = run(own_settings, "component", "show", codes[0], "--json").json
    edited = run(own_settings, "component", "edit", codes[0], "--class", "0138", *WHY, "--json")
    assert (edited.json["code"], edited.json["class"]["code"]) == (codes[0], "0138")
    was = run(
        own_settings, "component", "show", codes[0], "--as-of", before["changed_at"], "--json"
    )
    assert was.json["class"]["code"] == "0137"
    listed = run(
        own_settings, "component", "list", "--class", "0137", "--as-of", before["changed_at"],
        "--json",
    )  # fmt: skip
    assert [one["code"] for one in listed.json["components"]] == codes
    now = run(own_settings, "component", "list", "--class", "0137", "--json")
    assert len(now.json["components"]) == 3
    history = run(own_settings, "component", "history", codes[0]).out
    assert "reclassified" in history
    assert "0138" in history
    early = run(own_settings, "component", "show", codes[0], "--as-of", "2020-01-01")
    assert (early.exit_code, "it was not in the registry yet" in early.sentence) == (1, True)
    late = ("--as-of", "2999-01-01")
    for command in (("component", "show", codes[0]), ("component", "list"), ("export", "o.csv")):
        told = run(own_settings, *command, *late)
        assert (told.exit_code, told.sentence) == (
            1,
            "2999-01-01 is still to come; the registry is known until today.",
        )
    wrong = run(own_settings, "component", "show", codes[0], "--as-of", "yesterday")
    assert (wrong.exit_code, wrong.sentence.startswith("'yesterday' is no date")) == (1, True)


def test_the_registry_is_moved_to_another_edition_and_back(
    run: Run, own_settings: Settings, codes: list[str], tmp_path: Path
) -> None:
    migrate = ("catalogue", "migrate", "--to", GBT26)
    out = tmp_path / "plan.csv"
    planned = run(own_settings, *migrate, "--dry-run", "--out", out, "--json")
    assert (planned.json["moving"], planned.json["undecided"]) == (4, 0)
    rows = list(csv.DictReader(out.read_text("utf-8-sig").splitlines()))
    (light,) = [one for one in rows if one["class_code"] == "0137"]
    assert (light["decision"], light["target_class"], light["components"]) == ("map", "01037", "4")
    assert run(own_settings, "component", "show", codes[0], "--json").json["version"] == 1

    done = run(own_settings, *migrate, "--decide", out, "--primary")
    assert done.out.strip().endswith(
        "From gbt30428-2013 to gbt47678-2026: 4 components have moved, 0 stay in their classes, "
        "0 wait for a decision."
    )
    new = f"{codes[0][:6]}01037{codes[0][10:]}"
    shown = run(own_settings, "component", "show", codes[0])
    assert shown.out.splitlines()[0].split() == ["identifier", new, f"({GBT26})"]
    assert new in run(own_settings, "component", "list").out
    assert "migrated" in run(own_settings, "component", "history", new).out
    loaded = run(own_settings, "catalogue", "load", "--json")
    assert loaded.json["profile_classes"] == 115
    assert len(run(own_settings, "catalogue", "list", "--json").json) == 115

    back = run(own_settings, "catalogue", "migrate", "--revert")
    assert back.out.startswith("4 components have their classes of gbt30428-2013 again; 0 that")
    again = run(own_settings, "catalogue", "migrate", "--revert")
    assert (again.exit_code, again.sentence) == (1, "There is no change of edition to take back.")
    unsaid = run(own_settings, "catalogue", "migrate")
    assert (unsaid.exit_code, "Say either --to EDITION or --revert" in unsaid.err) == (2, True)


def test_a_component_is_registered_and_says_whose_it_is(run: Run, own_settings: Settings) -> None:
    register = ("component", "register", "120.3826", "36.0671", "--class", "0137", *WHY)
    said = ("--unit", "owner=QD-E-31", "--set", "lamp=LED", "--accuracy-m", "0.2", "--json")
    tried = run(own_settings, *register, *said, "--dry-run").json
    made = run(own_settings, *register, *said).json
    assert (made["version"], made["owner"]["code"]) == (1, "QD-E-31")
    assert (made["attributes"], made["accuracy_m"]) == ({"lamp": "LED"}, 0.2)
    assert tried["code"] == made["code"]
    changed = ("--unit", "owner=", "--unit", "maintainer=QD-G-370202-T07")
    edited = run(own_settings, "component", "edit", made["code"], *changed, *WHY, "--json").json
    assert (edited["owner"], edited["maintainer"]["code"]) == (None, "QD-G-370202-T07")
    refused = run(own_settings, *register, "--unit", "owner=nobody")
    assert (refused.exit_code, "There is no unit 'nobody'" in refused.err) == (1, True)
    assert run(own_settings, *register, "--unit", "father=x").exit_code == 2
    assert run(own_settings, *register[:2], "0", "0", *register[4:]).exit_code == 1
