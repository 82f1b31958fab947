"""Imports what a token stands for: a session of one's own, with the same contents.

Counted first, then done, then settled: killed anywhere in between, the use is settled
or given back later by what became of it (`shares.settle_found`, `give_back_lost`).
Whoever is turned away learns nothing from the answer, nor from how long it took.
"""

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from expokeep import clock
from expokeep.catalog.shares import Door, NewUse, Use
from expokeep.catalog.values import RootOwner
from expokeep.crash import point
from expokeep.errors import (
    AccessDenied,
    ExpokeepError,
    IntegrityError,
    NotFound,
    ShareUnusable,
)
from expokeep.log import get
from expokeep.model.names import SessionId, new_session_id
from expokeep.model.version import Version
from expokeep.share import plan
from expokeep.share.ports import Begin, Beginning, MayStillCome, Shares
from expokeep.share.token import Pepper, Token, is_password
from expokeep.share.turns import Turns

log = get(__name__)

REFUSED_AFTER_S = 0.2
"""So long whoever is turned away waits at least, whatever the reason is."""
_TRIES = 3
"""The head may move between looking and counting."""


@dataclass(frozen=True, slots=True)
class Importer:
    """Who imports."""

    user: str | None
    """Whose the new session is to be; None: the operators'."""
    uid: int
    gid: int | None
    """None: the new session's root is owned as that of the source."""
    is_trusted: bool = False
    """An operator on nobody's behalf, whom nobody counts."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants who says that they have a token."""

    token: Token | None
    """None: what they have is none at all."""
    importer: Importer
    password: str | None = field(default=None, repr=False)
    session: SessionId | None = None
    """What the new session is to be called; None: nobody cares."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it."""

    version: Version
    share: str
    source: SessionId
    source_seq: int


@dataclass(frozen=True, slots=True)
class Importing:
    """Imports. Safe from any thread."""

    shares: Shares
    pepper: Pepper
    host: uuid.UUID
    turns: Turns
    begin: Begin
    may_still_come: MayStillCome
    may_lend: Callable[[SessionId, int], bool]
    """Looks for secrets in a version that nobody has looked at yet."""

    def run(self, wish: Wish) -> Imported:
        """Import what a token stands for.

        Raises:
            ShareUnusable: it cannot be used, and nobody is told why.
            AccessDenied: it has a password, and this is none or another; or there were
                too many tries.
            SessionExists, QuotaExceeded: of the new session; nothing was counted.
            BackendUnreachable, ...: it is given back, or comes true later.
        """
        with self._patience(wish):
            door = self._opened(wish)
            for _ in range(_TRIES):
                use = self._reserved(wish, door)
                if use is not None:
                    break
                door = self._opened(wish)
            else:
                self._turn_away(door, "gone", wish)
        return self._done(wish, *use)

    def door(self, wish: Wish) -> Door:
        """Return what is behind a token, without using it.

        Raises:
            ShareUnusable: as for an import.
        """
        with self._patience(wish):
            return self._looked_at(wish)

    def _patience(self, wish: Wish) -> "_Patience":
        who = wish.importer
        caller = None if who.is_trusted else (who.uid, who.user)
        return _Patience(self.turns, caller)

    def _looked_at(self, wish: Wish) -> Door:
        if wish.token is None:
            raise _unusable()
        door = self.shares.door(self.pepper.hashed(wish.token), wish.importer.user)
        if door is None:
            raise _unusable()
        if (reason := plan.refusal(door)) is not None:
            self._turn_away(door, reason, wish)
        return door

    def _opened(self, wish: Wish) -> Door:
        """Return a door that stands open, the password said."""
        door = self._looked_at(wish)
        if door.password is not None:
            with self.turns.passwords:
                self._require_password(door, wish)
        return door

    def _require_password(self, door: Door, wish: Wish) -> None:
        user, kept = wish.importer.user, door.password or ""
        if wish.password is None:
            self.shares.refuse(door.name, "password_missing", user)
            error = AccessDenied("this share has a password")
            error.hint = "Say it on the standard input: --password-stdin."
            raise error
        now = self.shares.door(self.pepper.hashed(_token(wish)), user)
        if now is not None and now.is_locked:
            self.shares.refuse(door.name, "locked", user)
            error = AccessDenied("too many wrong passwords were said for this share")
            error.hint = "Wait ten minutes."
            raise error
        if not is_password(wish.password, kept):
            self.shares.count_wrong(door.name)
            self.shares.refuse(door.name, "password_wrong", user)
            raise AccessDenied("this is not the password of the share")

    def _reserved(self, wish: Wish, door: Door) -> tuple[Use, Beginning] | None:
        seq, who = door.seq, wish.importer
        if seq is None:
            return None
        if door.must_look:
            self._look(wish, door, seq)
        new = NewUse(
            token=self.pepper.hashed(_token(wish)),
            user=who.user,
            uid=who.uid,
            host=self.host,
            session=wish.session or new_session_id(),
            pack=clock.uuid7(),
        )
        use = self.shares.reserve(new, seq)
        if use is None:
            return None
        root = None if who.gid is None else RootOwner(who.uid, who.gid, use.root_mode)
        beginning = Beginning(
            new.session, use.session, use.seq, who.user, root, new.pack
        )
        return use, beginning

    def _look(self, wish: Wish, door: Door, seq: int) -> None:
        """See that nothing is lent that its owner would not have lent."""
        with self.turns.looking:
            now = self._looked_at(wish)
            if now.seq != seq or not now.must_look:
                return  # somebody else has looked, or it is another one by now
            if self.turns.is_withheld((door.name, seq)):
                self._turn_away(door, "secrets", wish)
            with _veiled():
                is_clean = self.may_lend(door.session, seq)
            if not is_clean:
                self.turns.withhold((door.name, seq))
                log.warning("share held back", share=door.name, version=seq)
                self._turn_away(door, "secrets", wish)
            self.shares.note_look(door.name, seq)

    def _done(self, wish: Wish, use: Use, beginning: Beginning) -> Imported:
        point("after-share-reserve")
        try:
            with _veiled():
                version = self.begin(beginning)
        except BaseException:
            # What is sealed comes true; the rest never will.
            if not self.may_still_come(beginning):
                with suppress(ExpokeepError):
                    self.shares.give_back(use.id)
            raise
        point("after-share-begin")
        with suppress(ExpokeepError):  # then it is settled later
            self.shares.settle(use.id)
        who = wish.importer
        log.info("share imported", share=use.share, user=who.user, uid=who.uid)
        return Imported(version, use.share, use.session, use.seq)

    def _turn_away(self, door: Door, reason: plan.Reason, wish: Wish) -> NoReturn:
        self.shares.refuse(door.name, reason, wish.importer.user)
        raise _unusable()


class _Patience:
    """Lets nobody guess quickly, nor learn from how long an answer takes."""

    def __init__(self, turns: Turns, caller: tuple[int, str | None] | None) -> None:
        self._turns = turns
        self._caller = caller
        self._began_s = clock.monotonic_s()

    def __enter__(self) -> None:
        if self._caller is not None:
            self._turns.require_patience(self._caller)

    def __exit__(self, _kind: object, error: object, _trace: object) -> None:
        if isinstance(error, ShareUnusable | AccessDenied):
            if self._caller is not None:
                self._turns.note(self._caller)
            spent_s = clock.monotonic_s() - self._began_s
            clock.wait(threading.Event(), max(0.0, REFUSED_AFTER_S - spent_s))


@contextlib.contextmanager
def _veiled() -> Iterator[None]:
    """Let no error say whose it is that is imported: it names the other's session."""
    try:
        yield
    except NotFound as error:
        log.warning("share led nowhere", error=str(error))
        raise _unusable() from error
    except IntegrityError as error:
        log.warning("share not whole", error=str(error))
        raise IntegrityError("what is shared is damaged") from error


def _token(wish: Wish) -> Token:
    if wish.token is None:
        raise _unusable()
    return wish.token


def _unusable() -> ShareUnusable:
    return ShareUnusable("this share cannot be used")
