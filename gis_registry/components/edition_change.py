"""Moving a registry from one edition of the standard to another, and back.

Every component gets the class of the new edition and an identifier of it beside its own, which
stays its key. Counterparts come from the catalogue; where there is none, or more than one, the city
decides. One transaction does all of it, set-based, while others go on reading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue
from gis_registry.catalogue.tables import ComponentClass
from gis_registry.components import edition_queries as queries
from gis_registry.components import identifiers
from gis_registry.components.queries import lock_applying, lock_components, new_change
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.places import service as places
from gis_registry.places.tables import City, EditionChange
from gis_registry.tabular import read_csv


class Action(StrEnum):
    """What happens to the components of a class."""

    MAP = "map"
    KEEP = "keep"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Decision:
    """What the city decided of a class: keep it in its edition, or map it to a class of the new."""

    action: Action
    target_code: str | None = None


class PlannedClass(BaseModel):
    """What happens to a class: its components go into the target, stay, or wait for a decision."""

    edition: str
    code: str
    name_zh: str
    name_en: str
    components: int = Field(description="Active components of it")
    action: Action
    target: str | None = Field(description="Code of the class that they get")
    candidates: list[str] = Field(description="Codes of its counterparts in the new edition")


class EditionPlan(BaseModel):
    """What a change of edition does, or did."""

    from_edition: str
    to_edition: str
    primary_edition: str | None = Field(description="Edition whose identifiers are told first")
    moving: int = Field(description="Components that get a class of the new edition")
    kept: int = Field(description="Components that stay in a class of another edition")
    undecided: int = Field(description="Components of classes that wait for a decision")
    classes: list[PlannedClass]


class EditionReverted(BaseModel):
    """What taking a change of edition back did."""

    from_edition: str
    to_edition: str
    returned: int = Field(description="Components that have their former class again")
    left: int = Field(description="Components registered or changed since, left as they are")


def read_decisions(path: Path) -> dict[tuple[str | None, str], Decision]:
    """Read decisions from a CSV file with ``class_code, decision, target_class``.

    A column ``edition`` may say whose code it is. Rows whose decision is empty or ``undecided``
    decide nothing.

    Raises:
        UnreadableFile: it cannot be read.
        InvalidInput: a row is no decision; the message says where.
    """
    decisions: dict[tuple[str | None, str], Decision] = {}
    for row in read_csv(path, {"class_code", "decision"}):
        said = row.optional("decision")
        if said in (None, Action.UNDECIDED):
            continue
        if said not in (Action.KEEP, Action.MAP):
            raise row.fault(f"decision is {said!r}; write keep or map.")
        target = row.required("target_class") if said == Action.MAP else None
        decisions[row.optional("edition"), row.required("class_code")] = Decision(
            Action(said), target
        )
    return decisions


def plan(
    session: Session,
    *,
    to_edition: str,
    decisions: Mapping[tuple[str | None, str], Decision] | None = None,
    make_primary: bool = False,
) -> EditionPlan:
    """Return what a change of edition would do; nothing is changed.

    Args:
        session: open transaction.
        to_edition: key of the new edition.
        decisions: by edition (None: any) and class code; they come before the catalogue's
            counterparts.
        make_primary: whether identifiers of the new edition are to be told first.

    Raises:
        NotFound: there is no such edition.
        InvalidInput: a decision names a class that does not move, or a target that cannot be.
    """
    return _plan(session, to_edition, decisions or {}, make_primary=make_primary)[0]


def apply(
    session: Session,
    *,
    to_edition: str,
    actor: str,
    decisions: Mapping[tuple[str | None, str], Decision] | None = None,
    make_primary: bool = False,
) -> EditionPlan:
    """Move the registry to another edition; see :func:`plan` for arguments and what it raises.

    Raises:
        Conflict: components are of classes that wait for a decision, or there is nothing to do.
        SerialsExhausted: a class has not enough serials left in a division.
    """
    lock_applying(session)
    lock_components(session)
    planned, targets = _plan(session, to_edition, decisions or {}, make_primary=make_primary)
    _refuse_undecided(planned)
    city = places.the_city(session)
    if (
        planned.moving == 0
        and city.edition_key == to_edition
        and city.primary_edition_key == planned.primary_edition
    ):
        raise Conflict(f"The registry is in the edition {to_edition} already.")
    change = new_change(
        session, actor=actor, reason=f"Edition change from {city.edition_key} to {to_edition}"
    )
    _move(session, targets, change.id, city)
    pairs = queries.pair_counterparts(session, targets.items())
    profile = queries.profile_class_ids(session)
    session.add(
        EditionChange(
            change_id=change.id,
            from_edition_key=city.edition_key,
            to_edition_key=to_edition,
            before={
                "primary_edition": city.primary_edition_key,
                "profile_class_ids": sorted(profile),
                "classes": list(targets.items()),
                "counterparts": pairs,
                "matters": queries.pair_matters(session, pairs),
            },
        )
    )
    queries.set_profile(session, (profile - set(targets)) | set(targets.values()))
    city.edition_key = to_edition
    city.primary_edition_key = planned.primary_edition
    session.flush()
    return planned


def revert(session: Session, *, actor: str) -> EditionReverted:
    """Take the latest change of edition back; the identifiers that it issued still resolve.

    Components that were registered or changed since stay as they are.

    Raises:
        Conflict: there is none to take back.
    """
    lock_applying(session)
    lock_components(session)
    last = queries.last_change(session)
    if last is None:
        raise Conflict("There is no change of edition to take back.")
    city = places.the_city(session)
    change = new_change(
        session,
        actor=actor,
        reason=f"Edition change from {last.from_edition_key} to {last.to_edition_key} reverted",
    )
    today = datetime.now(ZoneInfo(city.time_zone)).date()
    queries.collect_returning(session, last.change_id)
    queries.move(session, change.id)
    # Of classes that became one, the first takes the rows of surveys that wait.
    former = {to: one for one, to in reversed(last.before["classes"])}
    queries.move_staged(session, former.items())
    queries.end_names(session, last.change_id, today)
    queries.unpair(session, last.before["counterparts"], last.before["matters"])
    queries.set_profile(session, last.before["profile_class_ids"])
    city.edition_key = last.from_edition_key
    city.primary_edition_key = last.before["primary_edition"]
    last.reverted_by = change.id
    session.flush()
    return EditionReverted(
        from_edition=last.to_edition_key,
        to_edition=last.from_edition_key,
        returned=queries.count_moving(session),
        left=queries.count_of_edition(session, last.to_edition_key),
    )


def carry_profile(session: Session) -> None:
    """Let a profile of classes that names an edition the city had before stand for the present one.

    Classes without exactly one counterpart stay as they are.
    """
    present, *former = places.class_editions(session)
    profile = queries.profile_class_ids(session)
    for row in queries.classes_to_move(session, present):
        counterparts = row["counterpart_ids"]
        if row["is_in_profile"] and row["edition_key"] in former and len(counterparts) == 1:
            profile = (profile - {row["class_id"]}) | set(counterparts)
    queries.set_profile(session, profile)


def _move(session: Session, targets: Mapping[int, int], change_id: int, city: City) -> None:
    """Move components into the classes that theirs become, each with an identifier of it."""
    today = datetime.now(ZoneInfo(city.time_zone)).date()
    queries.collect_moving(session, targets)
    queries.carry_counters(session, targets, change_id)
    wanted = queries.wanted_identifiers(session)
    first_serials = identifiers.issue(session, change_id=change_id, wanted=wanted)
    queries.issue_identifiers(session, first_serials)
    queries.move(session, change_id)
    queries.move_staged(session, targets.items())
    queries.name_moving(session, change_id, today)


def _plan(
    session: Session,
    to_edition: str,
    decisions: Mapping[tuple[str | None, str], Decision],
    *,
    make_primary: bool,
) -> tuple[EditionPlan, dict[int, int]]:
    """Return the plan, and the id of each class that moves with that of its target."""
    keys = [one.key for one in catalogue.editions(session)]
    if to_edition not in keys:
        raise NotFound(f"There is no edition {to_edition!r}; there are {', '.join(keys)}.")
    city = places.the_city(session)
    new = catalogue.classes(session, edition_key=to_edition)
    by_id = {one.id: one for one in new}
    by_code = {one.code: one for one in new}
    rows = queries.classes_to_move(session, to_edition)
    _refuse_unknown(session, decisions, to_edition)
    classes: list[PlannedClass] = []
    targets: dict[int, int] = {}
    for row in rows:
        decision = decisions.get((row["edition_key"], row["code"])) or decisions.get(
            (None, row["code"])
        )
        candidates = [by_id[one] for one in row["counterpart_ids"]]
        target = None
        if decision is not None and decision.action is Action.MAP:
            target = _target(row["code"], row["geometry_type"], decision, by_code, to_edition)
        elif decision is None and len(candidates) == 1:
            (target,) = candidates
        if target is not None:
            targets[row["class_id"]] = target.id
        classes.append(_planned(row, target, candidates, is_decided=decision is not None))
    counts = {
        action: sum(one.components for one in classes if one.action is action) for action in Action
    }
    planned = EditionPlan(
        from_edition=city.edition_key,
        to_edition=to_edition,
        primary_edition=to_edition if make_primary else city.primary_edition_key,
        moving=counts[Action.MAP],
        kept=counts[Action.KEEP],
        undecided=counts[Action.UNDECIDED],
        classes=classes,
    )
    return planned, targets


def _refuse_unknown(
    session: Session, decisions: Mapping[tuple[str | None, str], Decision], to_edition: str
) -> None:
    known: set[tuple[str | None, str]] = {
        (one.edition_key, one.code)
        for one in catalogue.classes(session)
        if one.edition_key != to_edition
    }
    known |= {(None, code) for _, code in known}
    for edition_key, code in decisions:
        if (edition_key, code) not in known:
            raise InvalidInput(f"There is a decision on {code}, which is no class that could move.")


def _planned(
    row: RowMapping,
    target: ComponentClass | None,
    candidates: Sequence[ComponentClass],
    *,
    is_decided: bool,
) -> PlannedClass:
    action = Action.KEEP if is_decided else Action.UNDECIDED
    return PlannedClass(
        edition=row["edition_key"],
        code=row["code"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        components=row["components"],
        action=action if target is None else Action.MAP,
        target=None if target is None else target.code,
        candidates=[one.code for one in candidates],
    )


def _target(
    code: str,
    geometry_type: str,
    decision: Decision,
    by_code: Mapping[str, ComponentClass],
    to_edition: str,
) -> ComponentClass:
    target = by_code.get(decision.target_code or "")
    if target is None:
        raise InvalidInput(
            f"{code} cannot be mapped: {to_edition} has no class {decision.target_code!r}."
        )
    if target.geometry_type != geometry_type:
        raise InvalidInput(
            f"{code} cannot be mapped to {target.code}: its components are {geometry_type}s, those "
            f"of {target.code} ({target.name_zh} {target.name_en}) {target.geometry_type}s."
        )
    return target


def _refuse_undecided(planned: EditionPlan) -> None:
    waiting: Sequence[PlannedClass] = [
        one for one in planned.classes if one.action is Action.UNDECIDED and one.components
    ]
    if waiting:
        named = "; ".join(
            f"{one.code} {one.name_zh} {one.name_en}: {one.components:,} components, "
            + (f"counterparts {', '.join(one.candidates)}" if one.candidates else "no counterpart")
            for one in waiting[:10]
        )
        raise Conflict(
            f"{len(waiting)} classes with components wait for a decision ({named}). Write them to "
            "a file with --dry-run --out FILE, fill in keep or map, and give it with --decide FILE."
        )
