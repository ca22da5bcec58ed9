"""Killing what serves a day, and listening to what webhooks are told of it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from day_city import Program, children_of
from sqlalchemy import text
from sqlalchemy.orm import Session
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from gis_registry.db.embedded import EmbeddedServer


class Receiver:
    """A program elsewhere that is told what happens: every message with a sound signature."""

    def __init__(self, port: int) -> None:
        self.messages: dict[str, list[str]] = defaultdict(list)
        self.unsigned = 0
        self._verifier: Webhook | None = None
        self._kept = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                is_sound = receiver.take(content, dict(self.headers.items()))
                self.send_response(204 if is_sound else 400)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 100
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def expect(self, secret: str) -> None:
        """Take only what is signed with a secret."""
        self._verifier = Webhook(secret)

    def take(self, content: bytes, headers: dict[str, str]) -> bool:
        """Keep a message; return whether its signature is sound."""
        try:
            assert self._verifier is not None  # noqa: S101  told before anything is sent
            said = self._verifier.verify(content, {k.lower(): v for k, v in headers.items()})
        except WebhookVerificationError:
            self.unsigned += 1
            return False
        said.pop("sequence", None)
        with self._kept:
            self.messages[headers["webhook-id"]].append(json.dumps(said, sort_keys=True))
        return True

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


class Killer:
    """Kills the API, the worker and the database in turn, and starts what nobody else would."""

    def __init__(self, api: Program, worker: Program, server: EmbeddedServer | None) -> None:
        self.kills: list[str] = []
        self._api = api
        self._worker = worker
        self._server = server
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, rounds: int, share: Callable[[], float]) -> None:
        """Kill each of them so many times, spread over the day, whose share that is done is told.

        From now on, what has ended is started again.
        """
        for work in (self._supervise, lambda: self._kill_all(rounds, share)):
            self._threads.append(threading.Thread(target=work, daemon=True))
            self._threads[-1].start()

    def end(self) -> None:
        """Kill and start no more."""
        self._ended.set()
        for one in self._threads:
            one.join()

    def _kill_all(self, rounds: int, share: Callable[[], float]) -> None:
        targets = list(self._targets()) * rounds
        for n, (name, kill) in enumerate(targets, start=1):
            while share() < n / (len(targets) + 1):
                if self._ended.wait(0.05):
                    return
            kill()
            self.kills.append(name)
            print(f"killed {name} at {share():.0%} of the day", flush=True)

    def _targets(self) -> Iterator[tuple[str, Callable[[], None]]]:
        if children_of(self._api.pid):
            yield "one process of the API", self._kill_one_process
        yield "the API", self._api.kill
        yield "the worker", self._worker.kill
        if self._server is not None:
            yield "the database", self._kill_database

    def _kill_one_process(self) -> None:
        """Kill the youngest: the first may be the tracker of the program's own resources."""
        for pid in children_of(self._api.pid)[-1:]:
            os.kill(pid, signal.SIGKILL)

    def _kill_database(self) -> None:
        assert self._server is not None  # noqa: S101  it is no target otherwise
        pid = self._server.status().pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def _supervise(self) -> None:
        """Start again what has ended, as the system would."""
        while not self._ended.wait(0.2):
            for one in (self._api, self._worker):
                if not one.is_running:
                    time.sleep(0.3)
                    one.start()


def faults_of_deliveries(session: Session, receiver: Receiver, tag: str) -> Iterator[str]:
    """Look whether every event of the day was delivered, under an id that always says the same."""
    expected = set(
        session.scalars(
            text(
                """
                SELECT concat_ws('-', e.division_code, e.case_id, e.sequence)
                FROM case_events e
                WHERE e.case_id IN (
                  SELECT o.case_id FROM case_events o JOIN reports r ON r.id = o.report_id
                  WHERE r.client_key LIKE :tag || ':%' AND o.kind = 'reported')
                """
            ),
            {"tag": tag},
        )
    )
    for notice_id in sorted(expected - receiver.messages.keys()):
        yield f"event {notice_id} was not delivered"
    for notice_id in sorted(receiver.messages.keys() - expected):
        yield f"{notice_id} was delivered, and is no event"
    for notice_id, said in receiver.messages.items():
        if len(set(said)) > 1:
            yield f"{notice_id} was delivered as different things"
    if receiver.unsigned:
        yield f"{receiver.unsigned} messages had no sound signature"


def undelivered(session: Session) -> int:
    """Return how many deliveries wait."""
    return int(
        session.scalar(text("SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'"))
        or 0
    )
