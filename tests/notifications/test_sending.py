"""Sending: signed, tried again, given up, taken up by hand; nothing is lost."""

import asyncio
import base64
import hashlib
import hmac
import os
import signal
from datetime import UTC, datetime

import pytest
from noticing import notice
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager
from receiving import Receiver
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.db.engine import Database
from gis_registry.errors import Conflict, DatabaseUnavailable
from gis_registry.notifications import queries, sending, service
from gis_registry.notifications.announcing import announce
from gis_registry.notifications.periodic import periodic
from gis_registry.notifications.schemas import DeliverySummary, NewWebhook, WebhookWithSecret
from gis_registry.notifications.tables import Delivery, DeliveryStatus
from gis_registry.notifications.tasks import TASKS
from gis_registry.notifications.working import work
from gis_registry.settings import Settings

NOW = text("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending'")
JOBS_NOW = text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")


def add(database: Database, url: str, **values: object) -> WebhookWithSecret:
    with database.session() as session:
        new = NewWebhook(url=url, **values)
        return service.add(session, new, created_by="test", allow_private=True)


def announced(database: Database, *numbers: int) -> None:
    with database.session() as session:
        announce(session, [notice(n) for n in numbers])


def work_once(database: Database, settings: Settings, *, is_time_over: bool = False) -> None:
    if is_time_over:
        with database.session() as session:
            session.execute(NOW)
            session.execute(JOBS_NOW)
    asyncio.run(work(database, settings, TASKS, concurrency=5, is_once=True))


def deliveries(database: Database) -> list[DeliverySummary]:
    with database.session() as session:
        return service.deliveries(session).deliveries


def test_a_notice_arrives_signed_with_its_sequence(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    webhook = add(database, receiver.url)
    announced(database, 1, 2, 3)
    work_once(database, private_settings)
    bodies = receiver.verified(webhook.secret)
    assert sorted(receiver.ids) == ["370202-1-1", "370202-2-1", "370202-3-1"]
    assert {one["type"] for one in bodies} == {"case.filed"}
    done = deliveries(database)
    assert {one["id"]: one["sequence"] for one in bodies} == {one.notice_id: one.id for one in done}
    assert {(one.status, one.attempts, one.last_status_code) for one in done} == {
        (DeliveryStatus.DELIVERED, 1, 200)
    }
    headers = receiver.received[0][0]
    assert headers["content-type"] == "application/json"
    assert receiver.url.split("/")[2] == headers["host"]
    with database.session() as session:
        left = session.scalar(
            text("SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'webhooks'")
        )
    assert left == 0


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of https://www.standardwebhooks.com, and the sum written out."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    sent_at = datetime.fromtimestamp(1614265330, tz=UTC)
    headers = sending.signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', secrets=[secret], sent_at=sent_at
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    signed = f'{headers["webhook-id"]}.{headers["webhook-timestamp"]}.{{"test": 2432232314}}'
    key = base64.b64decode(secret.removeprefix("whsec_"))
    summed = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(summed).decode()}"


def test_after_a_rotation_both_secrets_verify(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    before = add(database, receiver.url)
    with database.session() as session:
        after = service.rotate(session, before.id)
    announced(database, 1)
    work_once(database, private_settings)
    assert before.secret != after.secret
    assert receiver.verified(before.secret) == receiver.verified(after.secret)


def test_what_fails_is_tried_again_and_is_dead_in_the_end_and_can_be_retried(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    webhook = add(database, receiver.url)
    announced(database, 1)
    tries = len(sending.RETRY_AFTER_S) + 1
    receiver.answers = [500, 302, 429] + [503] * (tries - 3)
    for number in range(1, tries + 1):
        work_once(database, private_settings, is_time_over=True)
        (one,) = deliveries(database)
        assert one.attempts == number == len(receiver.received)
        if number < tries:
            assert one.status is DeliveryStatus.PENDING
            assert one.next_attempt_at is not None
            wait_s = (one.next_attempt_at - datetime.now(UTC)).total_seconds()
            planned_s = sending.RETRY_AFTER_S[number - 1]
            assert 0.7 * planned_s < wait_s < 1.3 * planned_s
        if number == 1:
            work_once(database, private_settings)  # before its time nothing is sent
    assert (one.status, one.last_status_code) == (DeliveryStatus.DEAD, 503)
    assert one.last_error == "503 Service Unavailable: 收到 received"
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1

    work_once(database, private_settings)
    with database.session() as session:
        assert service.show(session, webhook.id).dead == 1
        again = service.retry(session, one.id)
    assert (again.status, again.attempts) == (DeliveryStatus.PENDING, 0)
    work_once(database, private_settings)
    assert len(receiver.received) == tries + 1
    assert deliveries(database)[0].status is DeliveryStatus.DELIVERED
    with database.session() as session, pytest.raises(Conflict, match="is delivered"):
        service.retry(session, one.id)


def test_gone_ends_a_webhook_and_all_its_dead_can_be_retried(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    webhook = add(database, receiver.url)
    announced(database, 1)
    receiver.answers = [410]
    work_once(database, private_settings)
    (one,) = deliveries(database)
    assert (one.status, one.attempts, one.last_status_code) == (DeliveryStatus.DEAD, 1, 410)
    announced(database, 2)
    assert len(deliveries(database)) == 1
    with database.session() as session:
        assert not service.show(session, webhook.id).is_active
        with pytest.raises(Conflict, match="not active"):
            service.send_test(session, webhook.id)
        service.set_active(session, webhook.id, is_active=True)
        assert service.retry_dead(session, webhook_id=webhook.id) == 1
    work_once(database, private_settings)
    assert receiver.ids == ["370202-1-1"] * 2


def test_what_waits_for_a_webhook_that_was_deactivated_is_kept_as_dead(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    webhook = add(database, receiver.url)
    announced(database, 1, 2)
    receiver.answers = [500, 500]
    work_once(database, private_settings)  # tried again in a while: each has a job for then
    with database.session() as session:
        found = service.set_active(session, webhook.id, is_active=False)
        assert (found.pending, found.dead) == (0, 2)
    work_once(database, private_settings, is_time_over=True)
    assert len(receiver.received) == 2
    assert {one.status for one in deliveries(database)} == {DeliveryStatus.DEAD}
    assert {one.last_error for one in deliveries(database)} == {"The webhook is not active."}
    with database.session() as session, pytest.raises(Conflict, match="activate it first"):
        service.retry_dead(session, webhook_id=webhook.id)
    with database.session() as session:
        service.set_active(session, webhook.id, is_active=True)
        assert service.retry_dead(session) == 2
    work_once(database, private_settings)  # at once, not when they would have been tried
    assert {one.status for one in deliveries(database)} == {DeliveryStatus.DELIVERED}


def test_what_is_announced_while_a_webhook_is_deactivated_is_dead_when_its_time_comes(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    webhook = add(database, receiver.url)
    announced(database, 1)
    with database.session() as session:
        queries.set_active(session, webhook.id, is_active=False)
    work_once(database, private_settings)
    assert receiver.received == []
    (one,) = deliveries(database)
    assert (one.status, one.last_error) == (DeliveryStatus.DEAD, "The webhook is not active.")


@pytest.mark.parametrize("url", ["http://localhost:9/", "http://127.0.0.1:9/", "http://[::1]:9/"])
def test_private_addresses_are_not_sent_to(
    database: Database, own_settings: Settings, url: str
) -> None:
    add(database, url)
    announced(database, 1)
    work_once(database, own_settings)
    (one,) = deliveries(database)
    assert one.status is DeliveryStatus.PENDING
    assert one.last_error is not None
    assert "a private address; GIS_REGISTRY_WEBHOOK_PRIVATE_ADDRESSES" in one.last_error


def test_no_answer_in_time_is_a_failure(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    add(database, receiver.url)
    announced(database, 1)
    receiver.is_let_through.clear()
    work_once(database, private_settings.model_copy(update={"webhook_timeout_s": 0.2}))
    (one,) = deliveries(database)
    assert (one.attempts, one.last_error) == (1, "No answer within 0.2 s.")


def test_what_is_answered_is_neither_unpacked_nor_kept_with_control_characters(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    """A few packed bytes could be gigabytes, for which all other receivers would wait."""
    add(database, receiver.url)
    announced(database, 1)
    receiver.answers = [500]
    receiver.headers = {"Content-Encoding": "gzip"}
    receiver.body = "收到\x1b[2J\x00".encode()
    work_once(database, private_settings)
    (one,) = deliveries(database)
    assert one.last_error == "500 Internal Server Error: 收到\ufffd[2J\ufffd"
    assert receiver.received[0][0]["accept-encoding"] == "identity"


def test_nobody_there_is_a_failure(database: Database, private_settings: Settings) -> None:
    add(database, "http://127.0.0.1:9/")
    announced(database, 1)
    work_once(database, private_settings)
    (one,) = deliveries(database)
    assert one.last_error is not None
    assert one.last_error.startswith("ConnectError")


def test_a_delivery_whose_job_was_lost_is_taken_up(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    add(database, receiver.url)
    announced(database, 1)
    with database.session() as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))
        session.execute(
            text("UPDATE webhook_deliveries SET next_attempt_at = now() - interval '2 minutes'")
        )
        TASKS[0].run(session)
        TASKS[0].run(session)
    work_once(database, private_settings)
    assert receiver.ids == ["370202-1-1"]


def test_jobs_of_dead_workers_are_taken_over_once(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    add(database, receiver.url)
    announced(database, 1, 2)
    with database.session() as session:
        session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
        one = session.scalars(text("SELECT id FROM webhook_deliveries ORDER BY id")).first()
        queries.queue(session, [one])  # as the sweep does: now it has two jobs
    work_once(database, private_settings)
    assert sorted(receiver.ids) == ["370202-1-1", "370202-2-1"]
    with database.session() as session:
        left = session.scalar(
            text("SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'webhooks'")
        )
    assert left == 0


def test_a_job_whose_end_cannot_be_noted_ends_the_worker_and_is_taken_over(
    database: Database,
    private_settings: Settings,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(database, receiver.url)
    announced(database, 1)
    with monkeypatch.context() as broken:

        async def refuse(*_: object, **__: object) -> None:
            raise ConnectorException("the database was restarted")

        broken.setattr(JobManager, "finish_job", refuse)
        with pytest.raises(DatabaseUnavailable, match="is taken over"):
            asyncio.run(work(database, private_settings, (), concurrency=1))
    with database.session() as session:
        doing = text(
            "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing' "
            "AND task_name = 'deliver'"
        )
        assert session.scalar(doing) == 1
    work_once(database, private_settings)
    with database.session() as session:
        assert session.scalar(doing) == 0
    assert receiver.ids == ["370202-1-1"]


def test_what_is_due_by_the_clock_is_done_in_a_transaction(
    database: Database, private_settings: Settings
) -> None:
    @periodic("* * * * *")
    def note(session: Session) -> None:
        session.execute(text("INSERT INTO users (name, role) VALUES ('by the clock', 'reader')"))
        os.kill(os.getpid(), signal.SIGTERM)

    asyncio.run(work(database, private_settings, [note], concurrency=1))
    with database.session() as session:
        assert session.scalar(text("SELECT count(*) FROM users WHERE name = 'by the clock'")) == 1


def test_what_was_delivered_is_forgotten_after_a_month_and_what_is_dead_is_not(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    add(database, receiver.url)
    announced(database, 1, 2, 3)
    with database.session() as session:
        session.execute(
            text(
                "UPDATE webhook_deliveries SET status = 'delivered', "
                "delivered_at = now() - interval '31 days' WHERE notice_id = '370202-1-1'"
            )
        )
        session.execute(
            text("UPDATE webhook_deliveries SET status = 'dead' WHERE notice_id = '370202-2-1'")
        )
        TASKS[1].run(session)
        assert session.query(Delivery).count() == 2
