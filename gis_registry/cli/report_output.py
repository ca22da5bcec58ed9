"""How commands print a report and the reasons of an answer."""

from collections.abc import Iterable

from gis_registry.cli.output import print_facts, print_json, print_table, results
from gis_registry.dispatch.schemas import Sentence
from gis_registry.reports.schemas import AnsweredReport
from gis_registry.reports.tables import Outcome


def print_report(report: AnsweredReport, *, as_json: bool) -> None:
    """Print a report with its answer."""
    if as_json:
        print_json(report)
        return
    answer = report.answer
    unit = answer.responsible.claim.unit if answer.responsible.claim else None
    print_facts(
        [
            ("report", f"{report.id} (case {report.case_id})"),
            ("matter", f"{report.matter.name_zh} {report.matter.name_en}"),
            ("text", report.text),
            ("outcome", answer.outcome),
            ("component", answer.component_code),
            ("responsible", f"{unit.name_zh} {unit.name_en}" if unit else "nobody"),
        ]
    )
    if answer.outcome == Outcome.AMBIGUOUS:
        results.print("\ncandidates", style="bold")
        print_table(
            ["code", "class", "metres", "probability"],
            (
                (
                    one.code,
                    one.component_class.name_en,
                    f"{one.distance_m:.1f}",
                    f"{one.probability:.0%}",
                )
                for one in answer.candidates
            ),
        )
    if answer.responders:
        results.print("\nnearest who can go", style="bold")
        print_table(
            ["metres", "name", "of the responsible unit"],
            (
                (
                    f"{one.distance_m:.0f}",
                    f"{one.name_zh} {one.name_en}",
                    "yes" if one.is_of_responsible_unit else "no",
                )
                for one in answer.responders
            ),
        )
    print_why(answer.grounds)


def print_why(grounds: Iterable[Sentence]) -> None:
    """Print reasons, each in both languages."""
    results.print("\nwhy", style="bold")
    for sentence in grounds:
        results.print(f"· {sentence.zh}\n  {sentence.en}")
