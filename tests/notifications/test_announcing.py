"""Announcing: deliveries, jobs and notifications come with the commit, or not at all."""

import json
from datetime import UTC, datetime, timedelta
from importlib import resources

import psycopg
import pytest
from noticing import notice
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.clock import SimulatedClock
from gis_registry.db.engine import Database
from gis_registry.notifications import live
from gis_registry.notifications.announcing import announce
from gis_registry.notifications.queries import CHANNEL
from gis_registry.notifications.tables import Delivery, Webhook
from gis_registry.resources import bundled


def add(session: Session, **values: object) -> Webhook:
    webhook = Webhook(
        url="http://127.0.0.1:1/", description="", secret="whsec_AAAA", created_by="test", **values
    )
    session.add(webhook)
    session.flush()
    return webhook


def deliveries(session: Session) -> list[tuple[int, str]]:
    rows = session.query(Delivery).order_by(Delivery.id).all()
    return [(one.webhook_id, one.notice_id) for one in rows]


def test_each_webhook_gets_what_it_wants_once_and_each_delivery_has_a_job(
    session: Session,
) -> None:
    every = add(session)
    closed = add(session, kinds=["case.closed", "case.returned"])
    here = add(session, division_code="370202")
    add(session, is_active=False)
    notices = [notice(1), notice(2, "case.closed", "370203")]
    for _ in range(2):
        announce(session, notices)
    assert deliveries(session) == [
        (every.id, "370202-1-1"),
        (here.id, "370202-1-1"),
        (every.id, "370203-2-1"),
        (closed.id, "370203-2-1"),
    ]
    jobs = session.scalars(
        text(
            "SELECT args ->> 'delivery_id' FROM procrastinate_jobs WHERE task_name = 'deliver' "
            "ORDER BY id"
        )
    )
    assert list(jobs) == [str(one.id) for one in session.query(Delivery).order_by(Delivery.id)]
    assert session.query(Delivery).first().payload == {
        "id": "370202-1-1",
        "type": "case.filed",
        "timestamp": "2026-07-08T09:00:01Z",
        "data": {
            "state": "open",
            "note": {"reason": "路灯不亮"},
            "case_id": 1,
            "division_code": "370202",
        },
    }


def test_nothing_to_announce_is_nothing(session: Session) -> None:
    announce(session, [])
    announce(session, [notice()])
    assert deliveries(session) == []
    assert session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0


@pytest.mark.parametrize("is_committed", [True, False])
def test_who_listens_is_told_when_it_is_committed(
    own_database: Database, is_committed: bool
) -> None:
    url = own_database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        with Session(own_database.engine) as session:
            add(session)
            announce(session, [notice(n) for n in range(100)])
            if is_committed:
                session.commit()
        heard = [json.loads(one.payload) for one in listener.notifies(timeout=0.2)]
    assert [one["case_id"] for one in heard] == (list(range(100)) if is_committed else [])
    assert all(
        one.keys() == {"id", "kind", "case_id", "division_code", "happened_at"} for one in heard
    )
    with Session(own_database.engine) as session:
        assert len(deliveries(session)) == (100 if is_committed else 0)


def test_the_job_queues_schema_is_that_of_the_installed_library() -> None:
    """If this fails, a migration has to bring what the new version changes."""
    shipped = (resources.files("procrastinate.sql") / "schema.sql").read_text(encoding="utf-8")
    assert (bundled("migrations") / "job_queue.sql").read_text(encoding="utf-8") == shipped


def test_a_stream_begins_at_the_time_that_cases_have() -> None:
    when = datetime(2026, 6, 10, 9, tzinfo=UTC)
    with clock.simulated(SimulatedClock(when, datetime.now(UTC), 0.0)):
        assert live.since(live.position_now()) == when - timedelta(seconds=10)
