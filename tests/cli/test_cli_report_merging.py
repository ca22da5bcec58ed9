"""``report similar``, ``merge`` and ``separate`` on the command line."""

from running_cli import Outcome, Run

from gis_registry.settings import Settings

PLACE = ("--lon", 120.3826, "--lat", 36.0671, "--matter", "06010")
FAR = ("--lon", 120.3926, "--lat", 36.0671, "--matter", "06010")


def number(outcome: Outcome, key: str) -> int:
    assert outcome.exit_code == 0, outcome.err
    return int(outcome.json[key])


def test_a_report_is_suggested_separated_and_merged(own_settings: Settings, run: Run) -> None:
    def ask(*command: object) -> Outcome:
        return run(own_settings, "report", *command)

    none = ask("similar", *PLACE)
    assert (none.exit_code, "a case of its own" in none.out) == (0, True)
    first = number(ask("submit", *PLACE, "--text", "垃圾没人收", "--json"), "case_id")
    found = ask("similar", *PLACE)
    assert f"It would join case {first}." in found.out
    assert ask("similar", *PLACE, "--json").json["similar"][0]["text"] == "垃圾没人收"
    again = ask("submit", *PLACE, "--json").json
    assert (again["case_id"], again["is_duplicate"]) == (first, True)

    tried = ask("separate", again["id"], "--reason", "另一堆", "--dry-run", "--json")
    assert number(tried, "case_id") != first
    assert tried.sentence == "This was a dry run: nothing was changed."
    assert number(ask("show", again["id"], "--json"), "case_id") == first
    alone = number(ask("separate", again["id"], "--reason", "另一堆", "--json"), "case_id")
    assert number(ask("show", again["id"], "--json"), "case_id") == alone != first

    tried = ask("merge", again["id"], first, "--reason", "同一堆", "--dry-run", "--json")
    assert number(tried, "case_id") == first
    assert number(ask("show", again["id"], "--json"), "case_id") == alone
    tried = ask("merge", again["id"], first, "--reason", "同一堆", "--dry-run")
    assert tried.out == f"Report {again['id']} would be in case {first}.\n"
    merged = ask("merge", again["id"], first, "--reason", "同一堆")
    assert merged.out == f"Report {again['id']} is now in case {first}.\n"
    closed = run(own_settings, "case", "show", alone, "--json").json
    note = closed["events"][-1]["note"]
    assert (closed["state"], note["reason"], note["merged_into"]) == ("merged", "同一堆", first)


def test_refusals_are_one_sentence(own_settings: Settings, run: Run) -> None:
    far = run(own_settings, "report", "submit", *FAR, "--json").json
    refused = run(own_settings, "report", "separate", far["id"], "--reason", "x")
    assert refused.exit_code == 1
    assert refused.sentence.startswith(f"Report {far['id']} is the only one of case")
    refused = run(own_settings, "report", "merge", far["id"], 4711, "--reason", "x")
    assert (refused.exit_code, refused.sentence) == (1, "There is no case 4711.")
    refused = run(own_settings, "report", "merge", far["id"], 4711, "--reason", " ")
    assert (refused.exit_code, "needs a reason" in refused.sentence) == (1, True)
    assert run(own_settings, "report", "merge", far["id"], 0, "--reason", "x").exit_code == 2
    assert run(own_settings, "report", "similar", *FAR, "--accuracy-m", 0).exit_code == 2
