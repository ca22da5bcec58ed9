"""A receiver of webhooks: a real HTTP server in a thread, which answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass
class Receiver:
    """What arrived, and what is answered: ``answers`` in turn, then 200.

    While ``is_let_through`` is not set, answers are held back.
    """

    url: str = ""
    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = "收到 received".encode()
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    is_let_through: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.received]

    def verified(self, secret: str) -> list[Any]:
        """Return the bodies; each must be signed by the secret."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.received]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.is_let_through.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append((named, body))
            status = receiver.answers.pop(0) if receiver.answers else 200
            receiver.arrived.set()
            receiver.is_let_through.wait(30)
            try:
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(receiver.body)
            except OSError:
                pass  # the sender was killed

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks/cases?from=registry"
    try:
        yield receiver
    finally:
        receiver.is_let_through.set()
        server.shutdown()
        thread.join(30)
        assert not thread.is_alive(), "the receiver does not stop"
        server.server_close()
