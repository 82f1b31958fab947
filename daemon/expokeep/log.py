"""How the log looks: one event per line on stderr, the event first, then its fields.

Levels: `error` = somebody must act; `warning` = we coped, and somebody may wish to
know; `info` = one line per journey; `debug` = per file.

What others said stays on its line, and is harmless to a terminal. What is secret is
blanked out, wherever it comes from. In the journal each line has its priority, and no
time of its own: the journal has one.
"""

import faulthandler
import json
import logging
import os
import sys
import threading
from types import TracebackType
from typing import Any

import structlog

from expokeep import concealing, journal

_LINE_CHARACTERS = 40_000
"""Of JSON, which has no character of several bytes: the journal takes it whole."""
_EVENT_CHARACTERS = 1000
"""Of what is left of such a line where it is too long."""

_QUIET_LIBRARIES = ("boto3", "botocore", "urllib3", "s3transfer", "watchdog", "uvicorn")
"""Never below WARNING, whatever our own level: at DEBUG they print signed headers."""

_SILENT_LIBRARIES = ("psycopg", "psycopg.pool")
"""Only errors: whatever they warn of, they also raise, and it is told once by us."""


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure(*, level: str = "info", as_json: bool = False) -> None:
    """Send the process' log to stderr. Called once by each way in."""
    in_journal = journal.is_journal(os.environ)
    told: list[Any] = [structlog.stdlib.add_log_level]
    if not in_journal:
        told.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    told += [structlog.processors.format_exc_info, redacted]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *told,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Line(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _as_json if as_json else _Text(colors=_has_colors(in_journal)),
            ],
            foreign_pre_chain=told,
            in_journal=in_journal,
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for library in _QUIET_LIBRARIES:
        quiet = max(logging.getLevelNamesMapping()[level.upper()], logging.WARNING)
        logging.getLogger(library).setLevel(quiet)
    for library in _SILENT_LIBRARIES:
        logging.getLogger(library).setLevel(logging.ERROR)


def hear_all() -> None:
    """Have the log tell as well what nobody tells it: of a process that is all ours.

    That is what ends a thread or the process, warnings, and, where the process is
    killed by a fault or by systemd's watchdog, what each thread was doing.
    """
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    logging.captureWarnings(capture=True)
    stream = journal.stream("error") if journal.is_journal(os.environ) else None
    faulthandler.enable(file=sys.stderr if stream is None else stream)


def redacted(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Blank out what looks like a secret; a structlog processor.

    >>> redacted(None, "info", {"event": "x", "access_token": "abc"})
    {'event': 'x', 'access_token': '***'}
    >>> redacted(None, "info", {"event": "postgres://me:pw@host/db"})["event"]
    'postgres://me:***@host/db'
    >>> redacted(None, "info", {"event": "connect", "to": ["host=x password=pw"]})
    {'event': 'connect', 'to': ['host=x password=***']}
    """
    return {
        key: value if key.startswith("_") else concealing.value(key, value)
        for key, value in event.items()
    }


def printable(text: str) -> str:
    r"""Return text on one line, with nothing in it that a terminal would obey.

    >>> printable("a\nb \x1b[31m \udcff \u202e \u00fc")
    'a\\nb \\x1b[31m \\xff \\u202e ü'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(one: str) -> str:
    if "\udc80" <= one <= "\udcff":  # a byte of a name that is not UTF-8
        return f"\\x{ord(one) - 0xDC00:02x}"
    return one.encode("unicode_escape").decode()


def _has_colors(in_journal: bool) -> bool:  # noqa: FBT001 - one fact, said by its name
    return not in_journal and sys.stderr.isatty()


def _as_json(_logger: Any, _method: str, event: dict[str, Any]) -> str:
    line = json.dumps(event, default=repr)
    if len(line) <= _LINE_CHARACTERS:
        return line
    said = str(event.get("event"))[:_EVENT_CHARACTERS]
    kept = {"event": said, "level": event.get("level")}
    return json.dumps({**kept, "cut_characters": len(line)}, default=repr)


class _Verbatim(str):
    """Text that the look of a line takes as it is, without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


class _Text:
    """An event as people read it; what took several lines is set in below it."""

    def __init__(self, *, colors: bool) -> None:
        self._look = structlog.dev.ConsoleRenderer(
            colors=colors, pad_event_to=0, sort_keys=False
        )

    def __call__(self, logger: Any, method: str, event: dict[str, Any]) -> str:
        below = event.pop("exception", None)
        said = printable(str(event.pop("event", "")))
        safe = {key: _shown(value) for key, value in event.items()}
        line = self._look(logger, method, {**safe, "event": said})
        if below is None:
            return line
        lines = (f"    {printable(one)}" for one in str(below).split("\n"))
        return "\n".join((line, *lines))


def _shown(value: Any) -> Any:
    if isinstance(value, concealing.Shown):
        return _Verbatim(printable(value))
    if isinstance(value, str) and not value.isprintable():
        return _Verbatim(f"'{printable(value)}'")
    return value


class _Line(structlog.stdlib.ProcessorFormatter):
    """The last word on what is written: no known secret, and a priority if wanted."""

    def __init__(self, *, in_journal: bool, **structlogs: Any) -> None:
        super().__init__(**structlogs)
        self._in_journal = in_journal

    def format(self, record: logging.LogRecord) -> str:
        text = concealing.without_known(super().format(record))
        if not self._in_journal:
            return text
        return journal.prefixed(text, record.levelname.lower())


def _uncaught(
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType | None,
) -> None:
    get(__name__).critical("uncaught exception", exc_info=(kind, error, traceback))


def _uncaught_in_thread(died: threading.ExceptHookArgs) -> None:
    if died.exc_value is None or isinstance(died.exc_value, SystemExit):
        return
    get(__name__).error(
        "uncaught exception in a thread",
        thread=died.thread.name if died.thread else None,
        exc_info=(died.exc_type, died.exc_value, died.exc_traceback),
    )


def _unraisable(lost: Any) -> None:
    get(__name__).error(
        "exception that nobody could hear",
        where=repr(lost.object),
        exc_info=(lost.exc_type, lost.exc_value, lost.exc_traceback),
    )
