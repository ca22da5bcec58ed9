"""Log lines: for people on a terminal, or one JSON object each for programs."""

import logging
import sys
from contextvars import ContextVar

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from gis_registry.settings import LogFormat, Settings

#: The id of the request that is being answered; empty: none is.
request_ids: ContextVar[str] = ContextVar("request_id", default="")


def configure_logging(settings: Settings) -> None:
    """Let this process write all its log lines to standard error, in one form."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
    ]
    ending: list[Processor] = (
        [
            # Without local variables, which can hold keys.
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
        if settings.log_format is LogFormat.JSON
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    least = logging.getLevelNamesMapping()[settings.log_level.upper()]
    # Our own lines do not pass the standard library, which would take half of their time.
    structlog.configure(
        processors=[*shared, *ending],
        logger_factory=_NamedLogger,
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(least)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], name != "uvicorn.access"  # we write that line
    # "Started server process" and the like say nothing that the first request line does not.
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, least))


class _NamedLogger(structlog.WriteLogger):
    """Writes lines to standard error."""

    def __init__(self, name: str) -> None:
        """Write the lines of a part of the program."""
        super().__init__(sys.stderr)
        self.name = name


def _add_request_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    request_id = request_ids.get()
    if request_id:
        event["request_id"] = request_id
    return event
