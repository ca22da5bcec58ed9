"""``gis-registry user``: users, their roles and keys."""

from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, transaction
from gis_registry.cli.output import print_json, print_sentence, print_table, tell
from gis_registry.roles import Role
from gis_registry.units import service as units
from gis_registry.users import service

app = typer.Typer(help="Users, their roles and API keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the user.")]


@app.command("add")
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the user may do.")],
    unit: Annotated[
        str | None,
        typer.Option(help="Code of the unit that the user is of; who handles cases needs one."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a user and print the API key, which is shown this once."""
    with transaction() as session:
        if unit is not None:
            units.show_unit(session, unit)
        key = service.add_user(session, name, role, unit_code=unit)
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


@app.command("unit")
def unit(
    name: Name,
    code: Annotated[
        str | None, typer.Argument(help="Code of the unit; without one the user is of none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say of which unit a user is: who only handles cases handles those of their unit."""
    with transaction() as session:
        if code is not None:
            units.show_unit(session, code)
        service.set_unit(session, name, code)
    if as_json:
        print_json({"user": name, "unit_code": code})
        return
    print_sentence(f"{name} is of {code or 'no unit'} now.")


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
                "unit_code": user.unit_code,
                "valid_keys": keys,
                "created_at": user.created_at.isoformat(timespec="seconds"),
            }
            for user, keys in service.users(session)
        ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ["name", "role", "unit", "valid keys", "created"], (row.values() for row in rows)
        )


def _print_key(name: str, key: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"user": name, "key": key})
        return
    print(key)  # noqa: T201  the result, and nothing else, on standard output
    tell(f"The key of {name}; keep it, it cannot be shown again.")
