"""``gis-registry webhook``: who is told what happens to cases, and what became of it."""

from typing import Annotated

import typer

from gis_registry.cli.context import (
    LARGEST_NUMBER,
    AsJson,
    actor,
    checked_options,
    read_settings,
    registry,
    transaction,
)
from gis_registry.cli.output import print_facts, print_json, print_sentence, print_table, tell
from gis_registry.notifications import service
from gis_registry.notifications.schemas import (
    DeliverySummary,
    NewWebhook,
    WebhookSummary,
    WebhookWithSecret,
)
from gis_registry.notifications.tables import DeliveryStatus

app = typer.Typer(help="Webhooks, and what was sent to them.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="Number of the webhook.", min=1, max=LARGEST_NUMBER)]


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(help="Where to POST to.")],
    kinds: Annotated[
        str | None, typer.Option(help="Only these kinds, such as case.filed,case.closed.")
    ] = None,
    division: Annotated[
        str | None, typer.Option(help="Only cases of the district of this code.")
    ] = None,
    description: Annotated[str, typer.Option(help="Whose it is, what it is for.")] = "",
    as_json: AsJson = False,
) -> None:
    """Add a webhook and print its secret, which is shown this once."""
    with checked_options():
        new = NewWebhook(
            url=url,
            kinds=[one.strip() for one in kinds.split(",")] if kinds is not None else None,
            division_code=division,
            description=description,
        )
    allow_private = read_settings().webhook_private_addresses
    with transaction() as session:
        made = service.add(session, new, created_by=actor(), allow_private=allow_private)
    _print_secret(made, as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List webhooks."""
    with transaction() as session:
        found = service.webhooks(session)
    if as_json:
        print_json(found)
        return
    print_table(
        ["number", "url", "kinds", "division", "pending", "dead", ""],
        (
            (
                one.id,
                one.url,
                _kinds(one),
                one.division_code or "all",
                one.pending,
                one.dead,
                "" if one.is_active else "not active",
            )
            for one in found
        ),
    )


@app.command("show")
def show(number: Number, as_json: AsJson = False) -> None:
    """Show a webhook."""
    with transaction() as session:
        found = service.show(session, number)
    _print(found, as_json=as_json)


@app.command("test")
def send_test(number: Number, as_json: AsJson = False) -> None:
    """Send a message of the kind webhook.test now; exit 1 if it was not taken."""
    import asyncio

    from gis_registry.notifications import sending

    settings = read_settings()
    with registry(settings) as database:
        with database.session() as session:
            made = service.send_test(session, number)

        async def send() -> None:
            async with sending.http_client() as client:
                await sending.deliver(database, settings, client, made.id)

        asyncio.run(send())
        with database.session() as session:
            done = service.show_delivery(session, made.id)
    if as_json:
        print_json(done)
    else:
        print_sentence(_sentence(done))
    if done.status is not DeliveryStatus.DELIVERED:
        raise typer.Exit(1)


@app.command("deliveries")
def deliveries(
    webhook: Annotated[
        int | None,
        typer.Option(help="Only those of this webhook.", min=1, max=LARGEST_NUMBER),
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up.")] = False,
    before: Annotated[
        int | None, typer.Option(help="Those before this number.", min=1, max=LARGEST_NUMBER)
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many, up to 1000.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List deliveries, the newest first."""
    with transaction() as session:
        page = service.deliveries(
            session,
            webhook_id=webhook,
            status=DeliveryStatus.DEAD if dead else None,
            before=before,
            limit=limit,
        )
    if as_json:
        print_json(page)
        return
    print_table(
        ["number", "webhook", "notice", "kind", "status", "tries", "last try", "why"],
        (
            (
                one.id,
                one.webhook_id,
                one.notice_id,
                one.payload["type"],
                one.status,
                one.attempts,
                one.last_attempt_at and one.last_attempt_at.isoformat(timespec="seconds"),
                one.last_error,
            )
            for one in page.deliveries
        ),
    )
    if page.next_before:
        tell(f"There are more: --before {page.next_before}")


@app.command("retry")
def retry(
    delivery: Annotated[
        int | None,
        typer.Argument(help="Number of the delivery.", min=1, max=LARGEST_NUMBER),
    ] = None,
    all_dead: Annotated[bool, typer.Option("--all-dead", help="All that were given up.")] = False,
    as_json: AsJson = False,
) -> None:
    """Try a delivery that was given up again, or all to active webhooks; the worker sends it."""
    if (delivery is None) is not all_dead:
        raise typer.BadParameter("Give either the number of a delivery, or --all-dead.")
    with transaction() as session:
        if delivery is None:
            count = service.retry_dead(session)
        else:
            service.retry(session, delivery)
            count = 1
    if as_json:
        print_json({"retried": count})
        return
    print_sentence(f"{count} {'delivery is' if count == 1 else 'deliveries are'} tried again.")


@app.command("rotate")
def rotate(number: Number, as_json: AsJson = False) -> None:
    """Make a new secret and print it; for a day the previous one signs as well."""
    with transaction() as session:
        made = service.rotate(session, number)
    _print_secret(made, as_json=as_json)


@app.command("activate")
def activate(number: Number, as_json: AsJson = False) -> None:
    """Tell a webhook what happens from now on."""
    with transaction() as session:
        found = service.set_active(session, number, is_active=True)
    _print(found, as_json=as_json)


@app.command("deactivate")
def deactivate(number: Number, as_json: AsJson = False) -> None:
    """Tell a webhook nothing more; what waits for it is kept as dead."""
    with transaction() as session:
        found = service.set_active(session, number, is_active=False)
    _print(found, as_json=as_json)


@app.command("remove")
def remove(number: Number, as_json: AsJson = False) -> None:
    """Remove a webhook with its deliveries, also those that wait."""
    with transaction() as session:
        lost = service.show(session, number)
        service.remove(session, number)
    if as_json:
        print_json({"removed": number, "pending": lost.pending, "dead": lost.dead})
        return
    print_sentence(
        f"Webhook {number} is removed, and with it {lost.pending} pending and {lost.dead} dead "
        "deliveries."
    )


def _print(webhook: WebhookSummary, *, as_json: bool) -> None:
    if as_json:
        print_json(webhook)
        return
    print_facts(
        [
            ("number", webhook.id),
            ("url", webhook.url),
            ("kinds", _kinds(webhook)),
            ("division", webhook.division_code or "all"),
            ("description", webhook.description),
            ("active", "yes" if webhook.is_active else "no"),
            ("added", f"{webhook.created_at:%Y-%m-%d %H:%M} UTC by {webhook.created_by}"),
            ("pending", webhook.pending),
            ("dead", webhook.dead),
        ]
    )


def _print_secret(made: WebhookWithSecret, *, as_json: bool) -> None:
    if made.warning:
        tell(made.warning)
    if as_json:
        print_json(made)
        return
    print(made.secret)  # noqa: T201  the result, and nothing else, on standard output
    tell(f"The secret of webhook {made.id}; keep it, it cannot be shown again.")


def _kinds(webhook: WebhookSummary) -> str:
    return ", ".join(webhook.kinds) if webhook.kinds else "all"


def _sentence(delivery: DeliverySummary) -> str:
    if delivery.status is DeliveryStatus.DELIVERED:
        return f"It was taken, with status {delivery.last_status_code}."
    return f"It was not taken: {delivery.last_error}"
