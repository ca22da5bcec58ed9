"""Announcing what happened, inside the transaction in which it happens.

Whether somebody is told is settled by the same commit: nothing is sent of what was undone, and
nothing that was committed is left unsent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy.orm import Session

from gis_registry.notifications import queries


@dataclass(frozen=True)
class Notice:
    """Something that happened to a case.

    ``id`` is the same whenever the same thing is told: division, case and place of the event, such
    as ``370202-15-3``. ``data`` is what webhooks are told beside the fields here; live events carry
    the other fields alone.
    """

    id: str
    kind: str
    case_id: int
    division_code: str
    happened_at: datetime
    data: Mapping[str, JsonValue]


def announce(session: Session, notices: Sequence[Notice]) -> None:
    """Have webhooks and live streams told, as soon as the transaction is committed.

    One statement: it adds a delivery and its job for each webhook that wants a notice, and notifies
    the processes that hold live streams. A notice that was announced before is not delivered again.
    """
    if not notices:
        return
    queries.announce(
        session,
        [
            {
                "id": one.id,
                "division_code": one.division_code,
                "payload": {
                    "id": one.id,
                    "type": one.kind,
                    "timestamp": one.happened_at,
                    "data": {
                        **one.data,
                        "case_id": one.case_id,
                        "division_code": one.division_code,
                    },
                },
                "live": {
                    "id": one.id,
                    "kind": one.kind,
                    "case_id": one.case_id,
                    "division_code": one.division_code,
                    "happened_at": one.happened_at,
                },
            }
            for one in notices
        ],
    )
