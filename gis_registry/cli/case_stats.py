"""``gis-registry case stats``: the indicators, and whether their totals are exact."""

from datetime import date, datetime
from typing import Annotated

import typer

from gis_registry.cases import indicator_answers as answers
from gis_registry.cases import indicator_upkeep as upkeep
from gis_registry.cases.indicator_answers import Asked
from gis_registry.cases.indicator_schemas import Formula, IndicatorAnswer, IndicatorValue
from gis_registry.cases.indicator_views import Grouping, days_of_month
from gis_registry.cli.context import AsJson, transaction
from gis_registry.cli.output import print_csv, print_json, print_sentence, print_table, tell
from gis_registry.errors import InvalidInput

#: What is shown of each unit, class and so on, where nothing else is asked for.
_SHOWN = (
    "reported_count",
    "filing_on_time_rate",
    "filing_accuracy",
    "dispatch_accuracy",
    "handling_rate",
    "handling_on_time_rate",
    "closing_rate",
    "rework_rate",
    "report_to_close_p50",
)


def add_to(app: typer.Typer) -> None:
    """Add this command to those of cases."""
    app.command("stats")(stats)


def month_of(text: str) -> tuple[date, date]:
    """Return the first and last day of a month such as 2026-06; anything else is wrong usage."""
    try:
        return days_of_month(text)
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from error


def stats(
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day; of this month if left out."),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Last day; today if left out."),
    ] = None,
    month: Annotated[str | None, typer.Option(help="A month instead, such as 2026-06.")] = None,
    by: Annotated[Grouping | None, typer.Option(help="Also for each of these.")] = None,
    unit: Annotated[str | None, typer.Option(help="Only of this unit, by its code.")] = None,
    class_: Annotated[str | None, typer.Option("--class", help="Only about this class.")] = None,
    matter: Annotated[str | None, typer.Option(help="Only of this matter.")] = None,
    division: Annotated[
        str | None, typer.Option(help="Only in this district or subdistrict.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="Only this indicator; may be repeated.")
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Answer as CSV, exact values.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Count all cases again and compare every total.")
    ] = False,
    events: Annotated[
        bool, typer.Option("--events", help="With --check: also make each case anew of its events.")
    ] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make every total anew from the cases.")
    ] = False,
) -> None:
    """Show the indicators of some days with numerators and denominators."""
    if check or events or rebuild:
        _keep(check=check, events=events, rebuild=rebuild, as_json=as_json)
        return
    if month is not None and (first or last):
        raise typer.BadParameter("Give --month, or --from and --to.")
    days = month_of(month) if month else (first and first.date(), last and last.date())
    asked = Asked(
        first=days[0],
        last=days[1],
        by=by,
        unit=unit,
        class_code=class_,
        matter=matter,
        division=division,
    )
    is_table = by is not None and not (as_json or as_csv)
    with transaction() as session:
        found = answers.answer(session, asked, keys=key or (_SHOWN if is_table else ()))
    if as_json:
        print_json(found)
    elif as_csv:
        _print_csv(found)
    elif by is not None:
        _print_groups(found)
    else:
        _print_total(found)


def _keep(*, check: bool, events: bool, rebuild: bool, as_json: bool) -> None:
    with transaction() as session:
        if rebuild:
            upkeep.rebuild(session)
            tell("Every total is made anew from the cases.")
        unlike = upkeep.unlike_events(session) if events else []
        differences = upkeep.differences(session) if check or events else []
    if as_json:
        print_json(
            {
                "is_exact": not (unlike or differences),
                "differences": [one._asdict() for one in differences],
                "unlike_events": unlike,
            }
        )
    else:
        for one in differences:
            tell(
                f"The {one.period} from {one.begins_on} of {one.scope} {one.item or '–'} in "
                f"{one.division_code} is not what its cases give."
            )
        for case_id in unlike:
            tell(f"Case {case_id} does not stand where its events take it.")
        if check or events:
            print_sentence(
                "Something differs: gis-registry case stats --rebuild makes the totals anew."
                if unlike or differences
                else "Every total equals a recount."
            )
    if unlike or differences:
        raise typer.Exit(1)


def shown(value: IndicatorValue, formula: Formula) -> str:
    """Return a value as people read it."""
    if value.value is None:
        return "–"
    match formula.unit:
        case "share":
            return f"{value.value:.2%}"
        case "minutes":
            return f"{value.value:,.1f} min"
    return f"{value.value:,.0f}"


def _print_total(found: IndicatorAnswer) -> None:
    tell(f"From {found.from_} to {found.to}")
    print_table(
        ["key", "指标", "indicator", "value", "of", "denominator"],
        (
            (
                formula.key,
                formula.name_zh,
                formula.name_en,
                shown(value, formula),
                _fraction(value, formula),
                formula.denominator_en,
            )
            for value, formula in zip(found.total, found.formulas, strict=True)
        ),
    )


def _fraction(value: IndicatorValue, formula: Formula) -> str:
    if formula.unit == "share":
        return f"{value.numerator:,} / {value.denominator:,}"
    return f"{value.denominator:,}" if value.denominator is not None else ""


def _print_groups(found: IndicatorAnswer) -> None:
    tell(f"From {found.from_} to {found.to}")
    groups = [("", "全部", "all", found.total)]
    groups += [(one.code, one.name_zh, one.name_en, one.values) for one in found.groups]
    print_table(
        [str(found.by), "名称", "name", *(one.name_en for one in found.formulas)],
        (
            (code, name_zh, name_en, *map(shown, values, found.formulas))
            for code, name_zh, name_en, values in groups
        ),
    )


def _print_csv(found: IndicatorAnswer) -> None:
    groups = [("", "全部", "all", found.total)]
    groups += [(one.code, one.name_zh, one.name_en, one.values) for one in found.groups]
    print_csv(
        ["group", "code", "name_zh", "name_en", "key", "value", "numerator", "denominator"],
        (
            (found.by if n else "all", code, name_zh, name_en, one.key, one.value, one.numerator,
             one.denominator)
            for n, (code, name_zh, name_en, values) in enumerate(groups)
            for one in values
        ),
        words={"name_zh", "name_en"},
    )  # fmt: skip
