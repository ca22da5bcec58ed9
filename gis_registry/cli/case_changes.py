"""``gis-registry case check``, ``file``, ``dispatch`` …: a command for each row of the life cycle.

The commands are made from the table (:mod:`gis_registry.cases.life_cycle`): it says what there is
and what each needs.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from gis_registry.cases import changing, listing
from gis_registry.cases.changing import AskedChange
from gis_registry.cases.life_cycle import TRANSITIONS, Action, Need, Transition
from gis_registry.cases.schemas import CaseChange, CaseFilter, CaseStatus, ScenePosition
from gis_registry.catalogue.tables import LimitUnit
from gis_registry.cli import case_filters, case_printing
from gis_registry.cli.context import (
    LARGEST_NUMBER,
    AsJson,
    administrator,
    checked_options,
    city_zone,
    keep_photo,
    registry,
    transaction,
)
from gis_registry.cli.output import print_json, print_sentence, print_table, progress_bar, tell
from gis_registry.db.engine import Database
from gis_registry.errors import InvalidInput, RegistryError
from gis_registry.places.datums import Datum

#: So many are changed in one transaction at most.
_AT_ONCE = 1000
_SHA256 = re.compile(r"[0-9a-f]{64}")

Numbers = Annotated[
    list[int] | None,
    typer.Argument(metavar="CASE...", help="Numbers of cases.", min=1, max=LARGEST_NUMBER),
]
Every = Annotated[
    bool, typer.Option("--all", help="All cases that --state, --division … mean, instead.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would come of it, change nothing.")
]
Reason = Annotated[str, typer.Option(help="Why, or what was done.")]
Photos = Annotated[
    list[str], typer.Option("--photo", help="A file, or the SHA-256 of one sent; again for more.")
]
Lon = Annotated[float | None, typer.Option(help="Where you were: longitude in degrees.")]
Lat = Annotated[float | None, typer.Option(help="Where you were: latitude in degrees.")]
Accuracy = Annotated[float, typer.Option(help="Radius in metres of the position's error.")]
InDatum = Annotated[Datum, typer.Option(help="What the position is in.")]
ToUnit = Annotated[str | None, typer.Option(help="Code of the unit that it goes to.")]
Condition = Annotated[
    str | None, typer.Option(help="What was found, by which its limit is chosen: its code.")
]
Amount = Annotated[float, typer.Option(help="How much more time.")]
AmountUnit = Annotated[LimitUnit, typer.Option(help="What the amount counts.")]
Upheld = Annotated[bool, typer.Option("--uphold/--reject", help="Whether it is upheld.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to those of cases."""
    for transition in TRANSITIONS.values():
        app.command(str(transition.action))(_command(transition))


def _command(transition: Transition) -> Callable[..., None]:
    """Return a command whose options are those of one row of the table."""

    def command(
        *,
        cases: list[int] | None,
        every: bool,
        dry_run: bool,
        as_json: bool,
        **said: Any,
    ) -> None:
        chosen = {name: said.pop(name) for name in case_filters.FOR_CHANGES if name in said}
        wanted = _Wanted(transition.action, said, is_dry_run=dry_run)
        if bool(cases) == every:
            raise typer.BadParameter("Give numbers of cases, or --all with what they have to be.")
        if cases and any(chosen.values()):
            raise typer.BadParameter("Give numbers of cases, or filters with --all; not both.")
        if cases and len(cases) == 1:
            _change_one(cases[0], wanted, as_json=as_json)
        else:
            where = None if cases else case_filters.read_filter(**chosen)
            _change_many(cases, where, wanted, as_json=as_json)

    options = list(_options(transition))
    command.__doc__ = f"{transition.name_zh} {transition.name_en}: {transition.hint}"
    command.__signature__ = Signature(options)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in options}
    return command


def _options(transition: Transition) -> Iterator[Parameter]:
    needs, asked = transition.needs, transition.needs | transition.takes
    yield _option("cases", Numbers, None)
    yield _option("reason", Reason, *([] if Need.REASON in needs else [""]))
    if Need.PHOTOS in asked:
        yield _option("photos", Photos, *([] if Need.PHOTOS in needs else [[]]))
    if Need.POSITION in asked:
        yield _option("lon", Lon, None)
        yield _option("lat", Lat, None)
        yield _option("accuracy_m", Accuracy, ScenePosition.model_fields["accuracy_m"].default)
        yield _option("datum", InDatum, Datum.CGCS2000)
    if Need.UNIT in asked:
        yield _option("unit", ToUnit, None)
    if Need.CONDITION in asked:
        yield _option("condition", Condition, None)
    if Need.LIMIT in needs:
        yield _option("amount", Amount)
        yield _option("amount_unit", AmountUnit)
    if Need.VERDICT in needs:
        yield _option("is_upheld", Upheld)
    yield _option("every", Every, False)
    for name, annotation in case_filters.FOR_CHANGES.items():
        yield _option(name, annotation, None)
    yield _option("dry_run", DryRun, False)
    yield _option("as_json", AsJson, False)


def _option(name: str, annotation: Any, *default: Any) -> Parameter:
    """Return an option; without a default it must be given."""
    given = {"default": default[0]} if default else {}
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, **given)


@dataclass(frozen=True)
class _Wanted:
    """What is to be done with cases, as the options have it."""

    action: Action
    said: Mapping[str, Any]
    is_dry_run: bool

    def change(self, session: Session) -> CaseChange:
        """Return what goes with it; files of photos are kept."""
        said = dict(self.said)
        lon, lat = said.pop("lon", None), said.pop("lat", None)
        accuracy_m, datum = said.pop("accuracy_m", None), said.pop("datum", None)
        if (lon is None) != (lat is None):
            raise typer.BadParameter("Give --lon and --lat together.")
        with checked_options():
            if lon is not None:
                said["position"] = ScenePosition(
                    lon=lon, lat=lat, accuracy_m=accuracy_m, datum=datum
                )
            return CaseChange(
                reason=said.pop("reason"),
                photos=[_photo(session, one) for one in said.pop("photos", [])],
                unit_code=said.pop("unit", None),
                unit=said.pop("amount_unit", None),
                **said,
            )

    def do(self, session: Session, numbers: Sequence[int]) -> list[CaseStatus | RegistryError]:
        """Do it with some cases; in a dry run nothing is kept."""
        change = self.change(session)
        found = changing.change_all(
            session, [AskedChange(one, self.action, administrator(), change) for one in numbers]
        )
        if self.is_dry_run:
            session.rollback()
        return found


def _photo(session: Session, said: str) -> str:
    return said if _SHA256.fullmatch(said) else keep_photo(session, Path(said))


def _change_one(case: int, wanted: _Wanted, *, as_json: bool) -> None:
    with transaction() as session:
        zone = city_zone(session)
        (found,) = wanted.do(session, [case])
        if isinstance(found, RegistryError):
            raise found
    if as_json:
        print_json(found)
    else:
        case_printing.print_status(found, zone)
    _tell_dry_run(wanted)


def _change_many(
    cases: Sequence[int] | None, where: CaseFilter | None, wanted: _Wanted, *, as_json: bool
) -> None:
    """Change many cases, a thousand in one transaction; what is refused does not stop the rest."""
    found: list[tuple[int, CaseStatus | RegistryError]] = []
    with registry() as database, progress_bar() as progress:
        numbers = _numbers(database, where) if where is not None else cases or []
        for first in range(0, len(numbers), _AT_ONCE):
            some = numbers[first : first + _AT_ONCE]
            with database.session() as session:
                found += zip(some, wanted.do(session, some), strict=True)
            progress(str(wanted.action), len(found), len(numbers))
    refused = [(number, one) for number, one in found if isinstance(one, RegistryError)]
    if as_json:
        print_json(
            {
                "done": len(found) - len(refused),
                "refused": len(refused),
                "results": [_told(number, one) for number, one in found],
            }
        )
    else:
        if refused:
            print_table(["case", "refused because"], refused)
        print_sentence(f"Done: {len(found) - len(refused)}; refused: {len(refused)}.")
    _tell_dry_run(wanted)
    if refused:
        raise typer.Exit(1)


def _numbers(database: Database, where: CaseFilter) -> list[int]:
    """Return the numbers of all cases that are meant."""
    if where == CaseFilter():
        raise InvalidInput("Say which with --all: --state, --division, --matter …")
    found: list[int] = []
    with database.session() as session:
        while some := listing.numbers(session, where, after=found[-1] if found else None):
            found += some
    return found


def _told(number: int, found: CaseStatus | RegistryError) -> dict[str, object]:
    if isinstance(found, RegistryError):
        return {"case": number, "problem": {"code": found.code, "detail": str(found)}}
    return {"case": number, "status": found.model_dump(mode="json")}


def _tell_dry_run(wanted: _Wanted) -> None:
    if wanted.is_dry_run:
        tell("This was a dry run: nothing was kept.")
