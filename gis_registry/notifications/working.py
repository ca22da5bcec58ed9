"""The worker: runs the jobs of the queue until it is told to stop."""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog
from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from sqlalchemy.orm import Session

from gis_registry.db.engine import Database
from gis_registry.errors import DatabaseUnavailable
from gis_registry.notifications.periodic import PeriodicTask
from gis_registry.notifications.sending import Tried, deliver, http_client
from gis_registry.notifications.tables import DeliveryStatus
from gis_registry.settings import Settings

#: A worker that gave no sign for so long is dead; it gives one three times as often.
STALLED_AFTER_S = 30.0
_FINISH_S = 5.0
#: For what nobody foresaw; an answer that was not had is no such thing.
_RETRY = RetryStrategy(max_attempts=10, wait=5, exponential_wait=3)


async def work(
    database: Database,
    settings: Settings,
    tasks: Sequence[PeriodicTask],
    *,
    concurrency: int,
    is_once: bool = False,
    stalled_after_s: float = STALLED_AFTER_S,
) -> None:
    """Run jobs until SIGINT or SIGTERM; what is being sent then is finished.

    Args:
        database: an open registry.
        settings: every setting.
        tasks: what is done by the clock.
        concurrency: how many jobs at once.
        is_once: run what is due, and end.
        stalled_after_s: after how long without a sign another worker counts as dead, and its jobs
            are taken over.

    Raises:
        DatabaseUnavailable: the database no longer answers.
    """
    for noisy in ("procrastinate", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    app = App(connector=_connector(database))
    async with http_client() as client, app.open_async():

        @app.task(name="deliver", queue="webhooks", retry=_RETRY)
        async def deliver_one(delivery_id: int) -> None:
            tried = await deliver(database, settings, client, delivery_id)
            if tried is not None:
                _write_line(delivery_id, tried)

        @app.periodic(cron="* * * * *")
        @app.task(name="take_over", queue="periodic", queueing_lock="take_over")
        async def take_over(timestamp: int) -> None:  # noqa: ARG001  given by the queue
            await _take_over(app, stalled_after_s)

        for task in tasks:
            _add(app, database, task)
        await _take_over(app, stalled_after_s)
        running = asyncio.create_task(
            app.run_worker_async(
                concurrency=concurrency,
                wait=not is_once,
                install_signal_handlers=False,
                delete_jobs="successful",
                shutdown_graceful_timeout=settings.webhook_timeout_s + _FINISH_S,
                update_heartbeat_interval=stalled_after_s / 3,
                stalled_worker_timeout=stalled_after_s,
            )
        )
        await _until_told_to_stop(running, is_once=is_once)


def _write_line(delivery_id: int, tried: Tried) -> None:
    log = structlog.get_logger("gis_registry.worker")
    write = log.info if tried.status is DeliveryStatus.DELIVERED else log.warning
    write(
        "delivery",
        delivery=delivery_id,
        webhook=tried.webhook_id,
        notice=tried.notice_id,
        status=str(tried.status),
        attempts=tried.attempts,
        status_code=tried.sent.status_code,
        duration_ms=round(tried.duration_s * 1000, 1),
        **({"error": tried.sent.error} if tried.sent.error else {}),
    )


async def _until_told_to_stop(running: asyncio.Task[None], *, is_once: bool) -> None:
    """Let the worker run until a signal, or until a job's end could not be noted.

    Such a job would count as running for as long as this worker lives: it ends, and the next one
    takes the job over.
    """
    loop = asyncio.get_running_loop()
    is_told = is_faulty = False

    def stop() -> None:
        nonlocal is_told
        is_told = True
        running.cancel()

    def stop_at_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal is_faulty
        loop.default_exception_handler(context)
        if not is_faulty:
            running.cancel()
        is_faulty = True

    loop.set_exception_handler(stop_at_fault)
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop)
    try:
        with suppress(asyncio.CancelledError):
            await running
    finally:
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(one)
    if is_faulty or not (is_told or is_once):
        raise DatabaseUnavailable(
            "The job queue could not be kept up; the log says why. Start the worker again: what it "
            "had begun is taken over."
        )


def _connector(database: Database) -> PsycopgConnector:
    return PsycopgConnector(
        conninfo=database.url.set(drivername="postgresql").render_as_string(hide_password=False),
        kwargs={"connect_timeout": 10, "options": "-c timezone=UTC"},
        min_size=1,
        max_size=4,
    )


def _add(app: App, database: Database, task: PeriodicTask) -> None:
    """Register what is done by the clock; it never runs beside itself."""

    async def run(timestamp: int) -> None:  # noqa: ARG001  given by the queue
        await asyncio.to_thread(_in_transactions, database, task.run)
        structlog.get_logger("gis_registry.worker").debug("periodic", task=task.name)

    named = app.task(name=task.name, queue="periodic", lock=task.name, queueing_lock=task.name)
    app.periodic(cron=task.cron)(named(run))


def _in_transactions(database: Database, run: Callable[[Session], bool | None]) -> None:
    is_more: bool | None = True
    while is_more:
        with database.session() as session:
            is_more = run(session)


async def _take_over(app: App, stalled_after_s: float) -> None:
    """Give the jobs of workers that are dead back to the queue."""
    log = structlog.get_logger("gis_registry.worker")
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=stalled_after_s):
        log.warning("job taken over", job=job.id, task=job.task_name)
        try:
            await app.job_manager.retry_job(job)
        except ConnectorException:
            # Another job of the same thing waits already, or another worker was faster.
            with suppress(ConnectorException):
                await app.job_manager.finish_job(job, status=Status.ABORTED, delete_job=True)
