"""What facts say in the end: of each row the last word. Pure.

Rows speak of each other by numbers, and numbers may be given twice: after an older
backup of Postgres came back, another version takes a number that one had already. So a
number is read as what it meant when it was said, and versions are known by their packs.
"""

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from expokeep.catalog.revival import Life, TemplateName
from expokeep.catalog.values import UNKNOWN_UID
from expokeep.model.digest import parse_digest
from expokeep.model.names import for_terminal, parse_session_id
from expokeep.pack.facts import (
    EpochBody,
    Fact,
    LabelBody,
    SessionBody,
    TemplateBody,
    VersionBody,
)


@dataclass(frozen=True, slots=True)
class EpochWord:
    """The last word on a life of a directory."""

    body: EpochBody
    base: uuid.UUID | None
    """The pack of the version that it goes out from."""


@dataclass(frozen=True, slots=True)
class VersionWord:
    """The last word on a version."""

    body: VersionBody
    life: Life | None
    parent: uuid.UUID | None
    gone: bool


@dataclass(frozen=True, slots=True)
class LabelWord:
    """The last word on a label, or on a template."""

    pack: uuid.UUID
    """Of the version that has it."""
    labelled_at: datetime.datetime


@dataclass(slots=True)
class Words:
    """All that facts say of one session."""

    session: SessionBody | None = None
    is_gone: bool = False
    """The session was purged."""
    epochs: dict[Life, EpochWord] = field(default_factory=dict)
    versions: dict[uuid.UUID, VersionWord] = field(default_factory=dict)
    labels: dict[str, LabelWord] = field(default_factory=dict)
    """By name."""
    templates: dict[TemplateName, LabelWord] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    """Facts that are not what we write, in words. The others count all the same."""
    lives: dict[int, Life] = field(default_factory=dict)
    """Which epoch a number means, as of the last fact."""
    packs: dict[int, uuid.UUID] = field(default_factory=dict)
    """Which version a number means, as of the last fact."""

    @property
    def head(self) -> uuid.UUID | None:
        """The pack of the version that is head."""
        # Resolved last: a session's row moves its head before the version is there.
        seq = self.session.head_seq if self.session else None
        return None if seq is None else self.packs.get(seq)


def words_of(facts: Iterable[Fact]) -> Words:
    """Return the last words on one session; `facts` in any order."""
    words = Words()
    for fact in sorted(facts, key=lambda fact: (fact.at, fact.id)):
        try:
            _HEARD[fact.kind](words, fact)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            said = for_terminal(str(error).encode())
            words.unreadable.append(f"fact {fact.id} of {fact.sid}: {said}")
    return words


def _session(words: Words, fact: Fact) -> None:
    body = msgspec.json.decode(fact.body, type=SessionBody)
    ids = (body.root_uid, body.root_gid)
    if not all(0 <= one <= UNKNOWN_UID for one in ids) or body.root_mode < 0:
        raise ValueError(f"nobody is {body.root_uid}:{body.root_gid}")
    words.session = body
    words.is_gone = fact.gone


def _epoch(words: Words, fact: Fact) -> None:
    body = msgspec.json.decode(fact.body, type=EpochBody)
    life = (body.host, body.device, body.inode, body.birth_ns)
    if fact.gone:
        words.epochs.pop(life, None)
        return
    base = None if body.base_seq is None else words.packs.get(body.base_seq)
    words.epochs[life] = EpochWord(body, base)
    words.lives[body.number] = life


def _version(words: Words, fact: Fact) -> None:
    body = msgspec.json.decode(fact.body, type=VersionBody)
    parse_digest(body.tree.removeprefix("\\x"))
    if body.origin_session is not None:
        parse_session_id(body.origin_session)
    parent = None if body.parent_seq is None else words.packs.get(body.parent_seq)
    known = words.versions.get(body.pack)
    if known is not None and known.body.parent_seq == body.parent_seq:
        parent = known.parent  # what it was called when the version was new
    life = known.life if known else words.lives.get(body.epoch)
    words.versions[body.pack] = VersionWord(body, life, parent, fact.gone)
    if not fact.gone:
        words.packs[body.seq] = body.pack


def _label(words: Words, fact: Fact) -> None:
    body = msgspec.json.decode(fact.body, type=LabelBody)
    pack = words.packs.get(body.seq)
    if fact.gone or pack is None:
        words.labels.pop(body.name, None)
    else:
        words.labels[body.name] = LabelWord(pack, body.labelled_at)


def _template(words: Words, fact: Fact) -> None:
    body = msgspec.json.decode(fact.body, type=TemplateBody)
    pack, name = words.packs.get(body.seq), (body.name, body.owner, body.uid)
    if fact.gone or pack is None:
        words.templates.pop(name, None)
    else:
        words.templates[name] = LabelWord(pack, body.created_at)


_HEARD = {
    "session": _session,
    "epoch": _epoch,
    "version": _version,
    "label": _label,
    "template": _template,
}
