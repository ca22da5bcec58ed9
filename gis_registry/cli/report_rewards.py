"""Commands of ``gis-registry report`` about rewards: a report's own, and all of them.

They are registered in :mod:`gis_registry.cli.report`.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gis_registry.cli.context import (
    LARGEST_NUMBER,
    AsJson,
    DryRun,
    actor,
    checked_options,
    city_profile,
    city_zone,
    transaction,
)
from gis_registry.cli.output import (
    print_facts,
    print_json,
    print_sentence,
    print_table,
    results,
    tell,
)
from gis_registry.cli.report_options import ReportNumber
from gis_registry.cli.report_output import print_why
from gis_registry.places.service import the_city
from gis_registry.reports import rewards
from gis_registry.reports.reward_schemas import NewRewardDecision, ReportReward, RewardDecision
from gis_registry.reports.reward_tables import RewardState

app = typer.Typer(help="Rewards for citizens' reports, and their rules.", no_args_is_help=True)


def reward(
    report: ReportNumber,
    accept: Annotated[
        bool, typer.Option("--accept", help="The incident is accepted: the reward is due.")
    ] = False,
    refuse: Annotated[
        str | None, typer.Option(help="Refuse it, or reclaim what was paid; why.")
    ] = None,
    paid: Annotated[
        str | None, typer.Option(help="It was paid; the reference of the payment.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what reward a report gets and why, or decide about it."""
    chosen = [accept, refuse is not None, paid is not None]
    if sum(chosen) > 1:
        raise typer.BadParameter("Give one of --accept, --refuse and --paid.")
    decision = next((one for one, is_it in zip(RewardDecision, chosen, strict=True) if is_it), None)
    with checked_options():
        new = (
            NewRewardDecision(decision=decision, reason=refuse, reference=paid)
            if decision is not None
            else None
        )
    with transaction() as session:
        found = (
            rewards.show(session, report)
            if new is None
            else rewards.decide(session, report, new, actor=actor())
        )
        zone = city_zone(session)
    if as_json:
        print_json(found)
        return
    _print(found)
    if found.events:
        results.print("\ndecided", style="bold")
        print_table(
            ["when", "what", "case", "yuan", "who", "reason", "reference"],
            (
                (
                    f"{one.decided_at.astimezone(zone):%Y-%m-%d %H:%M}",
                    one.state,
                    one.case_id,
                    _yuan(one.amount_yuan),
                    one.actor,
                    one.reason,
                    one.reference,
                )
                for one in found.events
            ),
        )


def _print(found: ReportReward) -> None:
    can = "can be accepted" if found.can_be_accepted else "cannot be accepted"
    print_facts(
        [
            ("report", f"{found.report_id} (case {found.case_id})"),
            ("account", found.account and f"{found.account} of {found.reported_by}"),
            ("reward", found.state or can),
            ("yuan", _yuan(found.amount_yuan)),
        ]
    )
    print_why(found.grounds)


@app.command("list")
def list_(
    state: Annotated[RewardState | None, typer.Option(help="Only those in this state.")] = None,
    account: Annotated[str | None, typer.Option(help="Only those of this account.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Decided on this day or later.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Decided on this day or earlier.")
    ] = None,
    before: Annotated[
        int | None,
        typer.Option(help="Those of reports before this number.", min=1, max=LARGEST_NUMBER),
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many, up to 1000.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List rewards, those of the newest reports first, with totals."""
    with transaction() as session:
        page = rewards.page(
            session,
            state=state,
            account=account,
            since=since.date() if since else None,
            until=until.date() if until else None,
            before=before,
            limit=limit,
        )
    if as_json:
        print_json(page)
        return
    print_table(
        ["report", "case", "state", "yuan", "account", "reported on", "reason", "reference"],
        (
            (
                one.report_id,
                one.case_id,
                one.state,
                _yuan(one.amount_yuan),
                one.account,
                one.reported_on,
                one.reason,
                one.reference,
            )
            for one in page.rewards
        ),
    )
    for total in page.totals:
        tell(f"{total.state}: {total.count:,}, {total.amount_yuan:,.2f} yuan")
    if page.next_before:
        tell(f"There are more: --before {page.next_before}")


@app.command("rules")
def rules(as_json: AsJson = False) -> None:
    """List the rules, the most specific first."""
    from gis_registry.reports import reward_rules

    with transaction() as session:
        found = reward_rules.list_rules(session)
    if as_json:
        print_json(found)
        return
    print_table(
        [
            "rule",
            "matter",
            "class",
            "major",
            "yuan",
            "a day",
            "photo",
            "from",
            "until before",
            "note",
        ],
        (
            (
                one.id,
                one.matter_code,
                one.class_code,
                one.major_code,
                _yuan(one.amount_yuan),
                one.daily_limit,
                "needed" if one.needs_photo else "",
                one.valid_from,
                one.valid_to,
                one.note,
            )
            for one in found
        ),
    )


@app.command("load")
def load(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="CSV files of rules; left out: those of the city profile."),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Load rules; of one that is there its end and note are brought up to date."""
    from gis_registry.reports import reward_rules

    with transaction() as session:
        if not files:
            profile = city_profile(session)
            files = profile.paths(profile.files.reward_rules)
        count = reward_rules.load_rules(session, files, city=the_city(session))
        if dry_run:
            session.rollback()
    if as_json:
        print_json({"reward_rules": count})
        return
    print_sentence(f"{'Would load' if dry_run else 'Loaded'} {count} reward rules.")


def _yuan(amount: float | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"
