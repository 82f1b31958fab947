"""What an error of Postgres means to us: whether to ask again, and what to call it.

No error of the driver leaves the catalog; what is raised instead says what to do.
"""

import re

import psycopg
from psycopg_pool import PoolTimeout

from expokeep.errors import (
    AccessDenied,
    BackendUnreachable,
    Busy,
    ConfigError,
    ExpokeepError,
)

MIGRATE_HINT = (
    "Run `expokeep db migrate`, as a role that may create tables; with the credentials "
    "of the service: `sudo env CREDENTIALS_DIRECTORY=/etc/expokeep/credentials "
    "expokeep db migrate`."
)


class AnswerLate(psycopg.OperationalError):
    """Postgres did not answer in the time that we give it."""


class CatalogRefused(ExpokeepError):
    """Postgres refused what we asked: a rule of the schema held, or we have a bug."""

    hint = "`expokeep db status` shows whether the schema is ours; the log says more."


_REPEAT = ("40001", "40P01", "57P01", "57P02", "57P03", "53300")
"""Serialization, deadlock, the server going down or coming up, too many clients."""

_DENIED = re.compile(
    r"authentication failed|no pg_hba\.conf entry|no password supplied"
    r'|role ".*" does not exist|not permitted to log in|permission denied for',
)
_NO_DATABASE = re.compile(r'database ".*" does not exist')
# An error while connecting comes without a sqlstate: only its words tell.

_CLASSES: tuple[tuple[str, type[ExpokeepError]], ...] = (
    ("28", AccessDenied),
    ("42501", AccessDenied),
    ("40", Busy),  # still a conflict after all retries
    ("55P03", Busy),
    ("3D000", ConfigError),
    ("3F000", ConfigError),
    ("42P01", ConfigError),  # a table or a column that is not there:
    ("42703", ConfigError),  # the schema is not the one that we know
    ("08", BackendUnreachable),
    ("25006", BackendUnreachable),  # a standby that was not promoted yet
    ("53", BackendUnreachable),
    ("57", BackendUnreachable),
    ("58", BackendUnreachable),
)


def is_worth_repeating(error: psycopg.Error) -> bool:
    """Return whether the same transaction may well succeed a moment later.

    Everything that the catalog does is safe to repeat, so a lost answer counts too.
    What took all of its time is not asked again: whoever waits has waited enough.

    >>> is_worth_repeating(psycopg.errors.DeadlockDetected())
    True
    >>> is_worth_repeating(psycopg.OperationalError("the connection is lost"))
    True
    >>> is_worth_repeating(psycopg.errors.UniqueViolation())
    False
    """
    if isinstance(error, PoolTimeout | AnswerLate | psycopg.errors.ConnectionTimeout):
        return False
    if error.sqlstate is None:
        lost = isinstance(error, psycopg.OperationalError)
        return lost and _of_words(error) is BackendUnreachable
    return error.sqlstate in _REPEAT or error.sqlstate.startswith("08")


def translated(error: psycopg.Error) -> ExpokeepError:
    """Return what to raise instead of an error of the driver.

    >>> type(translated(psycopg.OperationalError("connection refused"))).__name__
    'BackendUnreachable'
    >>> type(translated(psycopg.errors.InsufficientPrivilege())).__name__
    'AccessDenied'
    """
    wanted = _class_of(error)
    raised = wanted(f"Postgres: {_in_one_line(error)}")
    if wanted is ConfigError and error.sqlstate is not None:
        raised.hint = MIGRATE_HINT
    return raised


def _class_of(error: psycopg.Error) -> type[ExpokeepError]:
    if error.sqlstate is None:
        operational = isinstance(error, psycopg.OperationalError)
        return _of_words(error) if operational else CatalogRefused
    for prefix, wanted in _CLASSES:
        if error.sqlstate.startswith(prefix):
            return wanted
    return CatalogRefused


def _of_words(error: psycopg.Error) -> type[ExpokeepError]:
    if _DENIED.search(str(error)):
        return AccessDenied
    return ConfigError if _NO_DATABASE.search(str(error)) else BackendUnreachable


def _in_one_line(error: psycopg.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__
