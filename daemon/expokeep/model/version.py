"""Versions: the things kept. And the words by which a person names one."""

import datetime
import re
import uuid
from dataclasses import dataclass, field
from typing import Literal

from expokeep.model.digest import Digest
from expokeep.model.names import SessionId, parse_session_id

Trigger = Literal[
    "auto",
    "save",
    "flush",
    "final",
    "adopted",
    "fork",
    "import",
    "revert",
    "template",
]
"""Who asked for a version: the settler, a person, an operator, a teardown, a repair; or
a person who made it of what is kept already: as the beginning of a session (`fork`, of
what another user shares `import`, `template`), or to go back (`revert`)."""

BEGINNINGS: tuple[Trigger, ...] = ("fork", "import", "template")
"""Of versions that begin a session with what is kept already."""
MADE: tuple[Trigger, ...] = (*BEGINNINGS, "revert")
"""Of versions that were made of no directory, and that a person waits for."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The version that the contents of another one are of."""

    session: SessionId
    seq: int


@dataclass(frozen=True, slots=True)
class Version:
    """One kept state of a session, as the catalog knows it."""

    session: SessionId
    seq: int
    """Counts every version of a session from 1, in all its epochs, parked or not. 0 of
    what a host holds and could not record yet: the catalog gives numbers."""
    epoch: int
    parent: int | None
    """The seq of the version before it in its epoch's chain; of the first in an epoch,
    the version that its directory was restored from, if any."""
    taken_at: datetime.datetime
    trigger: Trigger
    tree: Digest
    file_count: int
    size_bytes: int
    message: str | None
    author: str | None
    parked: str | None
    """Why it did not become head by itself, in words; None if nothing was wrong."""
    pack: uuid.UUID
    origin_session: SessionId | None = None
    """With `origin_seq`: where what it has came from, if not from a directory. That may
    be another user's session: who may not see it must not be told its name."""
    origin_seq: int | None = None

    @property
    def origin(self) -> Origin | None:
        """Where what it has came from, if not from a directory."""
        if self.origin_session is None or self.origin_seq is None:
            return None
        return Origin(self.origin_session, self.origin_seq)


@dataclass(frozen=True, slots=True)
class Selector:
    """Which version of a session is meant: one field at most; none means head."""

    seq: int | None = None
    back: int | None = None
    """So many before head, along the chain of parents."""
    at: datetime.datetime | None = None
    """The newest one that was taken at or before this moment."""
    age: datetime.timedelta | None = None
    """The same, for the moment so long ago by the clock that all hosts share."""
    is_good: bool = False
    """Head, unless that was parked since: then the newest one that is not parked."""
    label: str | None = None
    """The one that a person gave this name."""
    pack: uuid.UUID | None = None
    """The one that this pack was sealed for: what programs know it by for ever."""


@dataclass(frozen=True, slots=True)
class VersionRef:
    """A session, by its id or a unique prefix of it, and one of its versions."""

    session: SessionId
    selector: Selector = Selector()
    is_asked: bool = field(default=False, compare=False)
    """These are a person's words: sessions that were deleted do not exist for them."""


_LABEL_NAME = r"[^\x00-\x1f\x7f-\x9f@/]{1,100}"
_LABEL = re.compile(rf"label:(?P<name>{_LABEL_NAME})")
_PACK = re.compile(r"pack:(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_AGE = re.compile(r"(?P<number>\d+)(?P<unit>[smhdw])")
_AGE_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

SYNTAX = (
    "SID (the newest), SID@17 (number 17), SID@-1 (one before the newest), "
    "SID@good (the newest that is not parked), SID@label:NAME, "
    "SID@2026-11-24T10:00 (as it was then), SID@15m (as it was 15 minutes ago)"
)


def is_label(name: str) -> bool:
    """Return whether a version can be labelled so.

    >>> is_label("before the demo"), is_label("a@b"), is_label("")
    (True, False, False)
    """
    return re.fullmatch(_LABEL_NAME, name) is not None


def parse_version_ref(text: str, *, now: datetime.datetime) -> VersionRef:
    """Return the version that `text` names; `now` is aware, in the caller's zone.

    >>> now = datetime.datetime(2026, 11, 24, 10, 30, tzinfo=datetime.UTC)
    >>> parse_version_ref("shop@17", now=now).selector.seq
    17
    >>> str(parse_version_ref("shop@15m", now=now).selector.age)
    '0:15:00'
    >>> parse_version_ref("shop@label:before the demo", now=now).selector.label
    'before the demo'

    Raises:
        ValueError: `text` is not one of the forms in `SYNTAX`.
    """
    sid, separator, rest = text.partition("@")
    session = parse_session_id(sid)
    if not separator:
        return VersionRef(session, is_asked=True)
    try:
        return VersionRef(session, _parse_selector(rest, now), is_asked=True)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{rest!r} names no version; write {SYNTAX}") from error


def _parse_selector(text: str, now: datetime.datetime) -> Selector:
    if re.fullmatch(r"[1-9]\d{0,8}", text):
        return Selector(seq=int(text))
    if re.fullmatch(r"-\d{1,8}", text):
        return Selector(back=-int(text))
    if text == "good":
        return Selector(is_good=True)
    if label := _LABEL.fullmatch(text):
        return Selector(label=label["name"])
    if pack := _PACK.fullmatch(text):
        return Selector(pack=uuid.UUID(pack["id"]))
    return _parse_time(text, now)


def _parse_time(text: str, now: datetime.datetime) -> Selector:
    moment = parse_moment(text, now=now)
    if _AGE.fullmatch(text):
        # An age and no moment: hosts differ in what they take the time to be.
        return Selector(age=now - moment)
    return Selector(at=moment)


def parse_moment(text: str, *, now: datetime.datetime) -> datetime.datetime:
    """Return the moment that `text` names: an age, or a time.

    >>> now = datetime.datetime(2026, 11, 24, 10, 30, tzinfo=datetime.UTC)
    >>> parse_moment("2h", now=now).hour, parse_moment("2026-11-24T09:15", now=now).hour
    (8, 9)

    Raises:
        ValueError: `text` is neither.
        OverflowError: it is beyond all calendars.
    """
    if age := _AGE.fullmatch(text):
        seconds = int(age["number"]) * _AGE_S[age["unit"]]
        return now - datetime.timedelta(seconds=seconds)
    moment = datetime.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
