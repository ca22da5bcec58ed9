"""Changes of cases taken in: those that arrive together are made in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

import anyio
from sqlalchemy.orm import Session

from gis_registry.api.combining import Combining
from gis_registry.cases import changing
from gis_registry.cases.changing import AskedChange
from gis_registry.cases.life_cycle import TRANSITIONS, Action
from gis_registry.cases.schemas import CaseChange, CaseStatus
from gis_registry.db.engine import Database
from gis_registry.errors import RegistryError
from gis_registry.roles import Permission
from gis_registry.settings import Settings
from gis_registry.users.service import Actor

#: Whoever changes a case in any way has one of these.
ANY_CHANGE = [
    one
    for one in Permission
    if any(one in transition.permissions for transition in TRANSITIONS.values())
]


@dataclass(frozen=True)
class NewChange:
    """Something to be done with a case, as it was asked; whose key it was is found out later."""

    case_id: int
    action: Action
    change: CaseChange
    expected_versions: frozenset[int] | None


Changes = Combining[NewChange, CaseStatus]


def take_changes(database: Database, settings: Settings, turns: anyio.Semaphore) -> Changes:
    """Begin with nobody waiting; arguments as for :class:`Combining`."""
    return Changes(database, settings, turns, permissions=ANY_CHANGE, answer=_change_each)


def _change_each(
    session: Session, asked: Sequence[tuple[Actor, NewChange]]
) -> list[CaseStatus | RegistryError]:
    refused = [actor.refusal(*TRANSITIONS[new.action].permissions) for actor, new in asked]
    changed = iter(
        changing.change_all(
            session,
            [
                AskedChange(new.case_id, new.action, actor, new.change, new.expected_versions)
                for (actor, new), why in zip(asked, refused, strict=True)
                if why is None
            ],
        )
    )
    return [next(changed) if why is None else why for why in refused]
