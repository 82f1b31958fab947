"""How the log looks: one event per line on stderr, the event first, then its fields.

Levels: `error` = somebody must act; `warning` = we coped, and somebody may wish to
know; `info` = one line per journey; `debug` = per file.
"""

import logging
import re
import sys
from typing import Any

import structlog

_SECRET_KEY = re.compile(
    r"secret|password|passwd|token|credential|authorization", re.IGNORECASE
)
_URL_PASSWORD = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://[^:/@\s]*):[^@/\s]+@", re.IGNORECASE
)

_QUIET_LIBRARIES = ("boto3", "botocore", "urllib3", "s3transfer", "watchdog", "uvicorn")
"""Never below INFO, whatever our own level: at DEBUG they print signed headers."""

_SILENT_LIBRARIES = ("psycopg", "psycopg.pool")
"""Only errors: whatever they warn of, they also raise, and it is told once by us."""


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure(*, level: str = "info", as_json: bool = False) -> None:
    """Send the process' log to stderr. Called once by each way in."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redacted,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), pad_event_to=0, sort_keys=False
        )
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, renderer],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for library in _QUIET_LIBRARIES:
        quiet = max(logging.getLevelNamesMapping()[level.upper()], logging.WARNING)
        logging.getLogger(library).setLevel(quiet)
    for library in _SILENT_LIBRARIES:
        logging.getLogger(library).setLevel(logging.ERROR)


def redacted(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Blank out what looks like a secret; a structlog processor.

    >>> redacted(None, "info", {"event": "x", "access_token": "abc"})
    {'event': 'x', 'access_token': '***'}
    >>> redacted(None, "info", {"event": "postgres://me:pw@host/db"})["event"]
    'postgres://me:***@host/db'
    """
    return {key: _redacted_value(key, value) for key, value in event.items()}


def _redacted_value(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key):
        return "***"
    if isinstance(value, str):
        return _URL_PASSWORD.sub(r"\g<scheme>:***@", value)
    return value
