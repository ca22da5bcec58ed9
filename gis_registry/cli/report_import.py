"""``gis-registry report import``: reports from a file."""

import csv
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, actor, registry
from gis_registry.cli.output import no_formula, print_facts, print_json, progress_bar, tell
from gis_registry.errors import InvalidInput
from gis_registry.reports.importing import Imported, import_reports, read_reports
from gis_registry.reports.schemas import AnsweredReport

_AT_ONCE = 1_000
_COLUMNS = (
    "line",
    "report",
    "case",
    "outcome",
    "component",
    "is_duplicate",
    "is_repeat",
    "refused",
)
_REFUSALS_SHOWN = 20


def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV with the fields of a report as columns, or JSON lines.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write what became of each line to this CSV file.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Answer, but keep nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Submit the reports of a file; what is refused is listed, the rest is kept.

    Columns: lon, lat, matter (or class), accuracy_m, datum, text, channel, reported_at, scanned,
    address, media_url, client_key (or key), sender_account, sender_name, sender_phone,
    sender_email. The same file again makes no report twice. Exit 1 if any line was refused.
    """
    outcomes: Counter[str] = Counter()
    counts = Counter(lines=0, answered=0, repeated=0, duplicates=0, refused=0)
    refusals: list[dict[str, object]] = []
    with ExitStack() as stack:
        table = _table(stack, out, file)
        database = stack.enter_context(registry())
        progress = stack.enter_context(progress_bar())
        reports = read_reports(file)
        while True:
            with database.session() as session:
                batch = import_reports(session, reports, reported_by=actor(), count=_AT_ONCE)
                if dry_run:
                    session.rollback()
            for one in batch:
                counts["lines"] += 1
                if isinstance(one.result, AnsweredReport):
                    counts["answered"] += 1
                    counts["repeated"] += one.result.is_repeat
                    counts["duplicates"] += one.result.is_duplicate
                    outcomes[one.result.answer.outcome] += 1
                else:
                    counts["refused"] += 1
                    refusals.append({"line": one.line, "reason": str(one.result)})
            if table is not None:
                table.writerows(map(_row, batch))
            progress("Answering reports", counts["lines"], None)
            if len(batch) < _AT_ONCE:
                break
    if as_json:
        print_json({**counts, "outcomes": outcomes, "refusals": refusals})
    else:
        told = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
        print_facts([*counts.items(), ("outcomes", told)])
        for refusal in refusals[:_REFUSALS_SHOWN]:
            tell(f"line {refusal['line']}: {refusal['reason']}")
        if len(refusals) > _REFUSALS_SHOWN:
            tell(f"and {len(refusals) - _REFUSALS_SHOWN} more: --out FILE lists every line.")
        if refusals and not dry_run:
            tell("Put these lines, corrected, into a file of their own: the others are kept.")
    if dry_run:
        tell("This was a dry run: nothing was kept.")
    if refusals:
        raise typer.Exit(1)


def _table(stack: ExitStack, out: Path | None, file: Path) -> "csv.DictWriter[str] | None":
    if out is None:
        return None
    if out.exists() and file.exists() and out.samefile(file):
        raise InvalidInput(f"--out {out} is the file with the reports: name another one.")
    try:
        stream = stack.enter_context(out.open("w", encoding="utf-8", newline=""))
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written: {error.strerror}.") from error
    table = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
    table.writeheader()
    return table


def _row(one: Imported) -> dict[str, object]:
    report = one.result
    if not isinstance(report, AnsweredReport):
        return {"line": one.line, "refused": no_formula(str(report))}
    return {
        "line": one.line,
        "report": report.id,
        "case": report.case_id,
        "outcome": report.answer.outcome,
        "component": report.answer.component_code,
        "is_duplicate": report.is_duplicate,
        "is_repeat": report.is_repeat,
    }
