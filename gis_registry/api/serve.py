"""Serving: one process or several, our log lines, a clear refusal when the port is taken."""

import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from gis_registry.api.app import create_app
from gis_registry.api.logs import configure_logging
from gis_registry.collecting import collect_seldom
from gis_registry.db.engine import Database
from gis_registry.errors import Conflict, InvalidInput
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

#: A process that has not answered for so long is replaced; one that starts imports for seconds.
_SLOWEST_START_S = 60
#: How long answers that are under way may take when the server is told to stop.
_FINISH_S = 30


class _Protocol(HttpToolsProtocol):
    """HTTP that ends live streams before the server waits for answers to be finished."""

    def shutdown(self) -> None:
        """End what can be ended, since the server stops."""
        assert isinstance(self.config, Configuration)  # noqa: S101  what it is used with
        self.config.application.state.live.close()
        super().shutdown()


class Configuration(uvicorn.Config):
    """How the application is served: our log lines, and nothing said of the server."""

    def __init__(self, application: Callable[[], FastAPI], *, processes: int = 1) -> None:
        """Serve what a function makes in each process.

        Args:
            application: makes the application; it is called in the process that serves it.
            processes: how many share the work.
        """
        super().__init__(
            application,
            factory=True,
            http=_Protocol,
            port=0,
            log_config=None,
            access_log=False,
            server_header=False,
            workers=processes,
            timeout_worker_healthcheck=_SLOWEST_START_S,
            timeout_graceful_shutdown=_FINISH_S,
        )

    def load(self) -> None:
        """Make the application."""
        super().load()
        loaded = self.loaded_app
        while not isinstance(loaded, FastAPI):
            loaded = loaded.app
        self.application = loaded


def serve(
    settings: Settings, host: str = "127.0.0.1", port: int = 8000, *, processes: int = 1
) -> None:
    """Serve the application until it is told to stop (SIGINT, SIGTERM).

    Args:
        settings: every setting.
        host: name or address to listen on.
        port: port to listen on; 0: any that is free.
        processes: how many share the work; one that dies is replaced.

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
            config = Configuration(
                partial(_application, settings, database if processes == 1 else None),
                processes=processes,
            )
            if processes == 1:
                uvicorn.Server(config).run(sockets=[listener])
            else:
                Multiprocess(config, sockets=[listener]).run()


def _application(settings: Settings, database: Database | None) -> FastAPI:
    """Make the application in the process that serves it."""
    configure_logging(settings)
    app = create_app(settings, database=database)
    collect_seldom()
    return app


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
