"""``gis-registry user``: users, their roles and keys."""

from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, transaction
from gis_registry.cli.output import print_json, print_sentence, print_table, tell
from gis_registry.roles import Role
from gis_registry.users import service

app = typer.Typer(help="Users, their roles and API keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the user.")]


@app.command("add")
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the user may do.")],
    as_json: AsJson = False,
) -> None:
    """Add a user and print the API key, which is shown this once."""
    with transaction() as session:
        key = service.add_user(session, name, role)
    _print_key(name, key, as_json=as_json)


@app.command("key")
def key(
    name: Name,
    revoke_others: Annotated[
        bool, typer.Option("--revoke-others", help="Make the user's earlier keys useless.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make another API key for a user."""
    with transaction() as session:
        made = service.add_key(session, name, revoke_others=revoke_others)
    _print_key(name, made, as_json=as_json)


@app.command("revoke")
def revoke(name: Name, as_json: AsJson = False) -> None:
    """Make all of a user's keys useless."""
    with transaction() as session:
        count = service.revoke_keys(session, name)
    if as_json:
        print_json({"user": name, "revoked": count})
        return
    print_sentence(f"{count} key{'' if count == 1 else 's'} of {name} revoked.")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List users."""
    with transaction() as session:
        rows = [
            {
                "name": user.name,
                "role": user.role,
                "valid_keys": keys,
                "created_at": user.created_at.isoformat(timespec="seconds"),
            }
            for user, keys in service.users(session)
        ]
    if as_json:
        print_json(rows)
    else:
        print_table(["name", "role", "valid keys", "created"], (row.values() for row in rows))


def _print_key(name: str, key: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"user": name, "key": key})
        return
    print(key)  # noqa: T201  the result, and nothing else, on standard output
    tell(f"The key of {name}; keep it, it cannot be shown again.")
