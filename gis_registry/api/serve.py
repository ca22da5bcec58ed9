"""Serving: one process, our log lines, a clear refusal when the port is taken."""

import errno
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
import uvicorn
from fastapi import FastAPI

from gis_registry.api.app import create_app
from gis_registry.api.logs import configure_logging
from gis_registry.collecting import collect_seldom
from gis_registry.errors import Conflict, InvalidInput
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

#: How long answers that are under way may take when the server is told to stop.
_FINISH_S = 30


class Server(uvicorn.Server):
    """A server that ends live streams before it waits for answers to be finished."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        app = self.config.app
        assert isinstance(app, FastAPI)  # noqa: S101  what it is made with here
        app.state.live.close()
        await super().shutdown(sockets)


def serve(settings: Settings, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the application until it is told to stop (SIGINT, SIGTERM).

    Args:
        settings: every setting.
        host: name or address to listen on.
        port: port to listen on; 0: any that is free.

    Raises:
        Conflict: another program listens there.
        InvalidInput: this machine cannot listen there.
        DatabaseUnavailable: the database does not answer or is unsuitable.
    """
    with _listening(host, port) as listener:
        configure_logging(settings)
        with _ending_like_an_interrupt(), open_registry(settings) as database:
            structlog.get_logger("gis_registry.api").info(
                "listening", url=f"http://{host}:{listener.getsockname()[1]}"
            )
            app = create_app(settings, database=database)
            collect_seldom()
            Server(
                uvicorn.Config(
                    app,
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    timeout_graceful_shutdown=_FINISH_S,
                )
            ).run(sockets=[listener])


@contextmanager
def _ending_like_an_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGINT end what is in here, so that the database is closed in order.

    uvicorn ends its work on either and then raises it again, which would kill the process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens, so that a taken port is known before anything starts."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, OverflowError) as error:
        raise InvalidInput(f"{host}:{port} is no address to listen on ({error}).") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"Port {port} of {host} is taken by another program; stop it, or choose another "
                "port."
            ) from error
        raise InvalidInput(
            f"This machine cannot listen on {host}:{port} ({error.strerror})."
        ) from error
    return listener
