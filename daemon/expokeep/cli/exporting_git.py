"""A whole history from the command line, as git has it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.asking import Asked, asking
from expokeep.cli.bar import bar
from expokeep.cli.exporting import fetch, secret_patterns, to_stdout
from expokeep.cli.options import Options
from expokeep.cli.printing import as_json, sent_version
from expokeep.errors import ExpokeepError, IntegrityError
from expokeep.export.gits import Contents, Left, Stream, dates_of
from expokeep.export.heap import heap
from expokeep.export.lineage import Milestone, Squash, ancestry, chosen, refs
from expokeep.export.making import Kept
from expokeep.export.redaction import Redactor
from expokeep.export.repository import made_repository
from expokeep.history.logged import LoggedVersion
from expokeep.history.version_log import LogWish
from expokeep.model.digest import Digest
from expokeep.model.names import to_text
from expokeep.model.tree import Tree, files_in
from expokeep.restore.source import Offer, Source

_MOST_VERSIONS = 100_000


@dataclass(frozen=True, slots=True)
class GitWish:
    """What the caller wants of a history."""

    version: str
    target: Path | None
    """Of a bare repository; None: the stream to stdout."""
    squash: Squash = "none"
    redact: bool = False


class GitExported(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="message_type",
    tag="git-exported",
):
    """What became of a history, as `--json` prints it."""

    session: str
    head: int | None
    commits: int
    target: str
    left_out: tuple[str, ...]
    """Paths that git refuses, and files that look like secrets with --redact."""
    empty_directories: tuple[str, ...]
    """Git has none."""


def export_git(options: Options, wish: GitWish) -> None:
    """Write the history of a session.

    Raises:
        TargetExists: something is there already.
        GitFailed: git is not there, or refused it.
    """
    patterns = secret_patterns(options) if wish.redact else None
    redactor = Redactor(patterns) if patterns is not None else None
    with asking(options) as asked:
        history, head = _history(asked, wish.version)
        session = asked.source().offer(sent_version(wish.version)).version.session
        commits = chosen(history, wish.squash, head)
        left = Left()
        with bar(options, "exporting", str) as advance:
            writing = _Writing(asked.source(), session, redactor, left, advance)
            chunks = writing.chunks(commits, head)
            if wish.target is None:
                to_stdout(chunks)
            else:
                made_repository(wish.target, chunks)
    _tell(options, wish, session, (head, len(commits)), left)


def _history(asked: Asked, version: str) -> tuple[Sequence[Milestone], int | None]:
    """Return what leads to a version, or all of a session; and which is `main`."""
    session, _, selector = version.partition("@")
    log = asked.log(session, LogWish(limit=_MOST_VERSIONS))
    if log.truncated:
        raise ExpokeepError(f"{session} has more than {_MOST_VERSIONS} versions")
    history = [_milestone(one) for one in reversed(log.versions)]
    if not selector:
        return history, log.head_seq
    seq = asked.show(sent_version(version)).version.seq
    return ancestry(history, seq), seq


@dataclass(slots=True)
class _Writing:
    """A stream under way."""

    source: Source
    session: str
    redactor: Redactor | None
    left: Left
    advance: Callable[[int, int], None]

    def chunks(self, commits: Sequence[Milestone], head: int | None) -> Iterator[bytes]:
        stream = Stream(self.left)
        yield stream.begin()
        for number, one in enumerate(commits, start=1):
            offer = self.source.offer(f"{self.session}@{one.seq}")
            kept = Kept(offer.version, offer.tree, offer.mode)
            yield from self._commit(stream, one, kept, offer)
            self.advance(number, len(commits))
        yield from stream.end(*refs(commits, head), dates_of(commits))

    def _commit(
        self, stream: Stream, one: Milestone, kept: Kept, offer: Offer
    ) -> Iterator[bytes]:
        bring = fetch(self.source, offer)
        sizes = {entry.digest: entry.size_bytes for _, entry in files_in(kept.tree)}
        with heap() as held:

            def contents(
                digests: Collection[Digest],
            ) -> Iterable[tuple[Digest, int, Iterable[bytes]]]:
                wanted = {digest for digest in digests if digest not in held}
                if wanted:
                    sum(held.take(bring(wanted)))
                for digest in digests:
                    if digest not in held:
                        raise IntegrityError("not all contents came back")
                    yield digest, sizes[digest], held.read(digest)

            tree = self._redacted(kept.tree, contents)
            yield from stream.commit(one, self.session, tree, contents)

    def _redacted(self, tree: Tree, contents: Contents) -> Tree:
        if self.redactor is None:
            return tree
        new = self.redactor.unseen(tree)
        for digest, _, chunks in contents(new) if new else ():
            self.redactor.look(digest, chunks)
        tree, found = self.redactor.split(tree)
        self.left.names.update(one.path for one in found)
        return tree


def _milestone(one: LoggedVersion) -> Milestone:
    return Milestone(
        seq=one.seq,
        parent=one.parent,
        epoch=one.epoch,
        taken_at=one.taken_at,
        trigger=one.trigger,
        message=one.message,
        author=one.author,
        parked=one.parked,
        labels=one.labels,
    )


def _tell(
    options: Options,
    wish: GitWish,
    session: str,
    came: tuple[int | None, int],
    left: Left,
) -> None:
    head, commits = came
    target = "-" if wish.target is None else str(wish.target)
    if options.as_json:
        as_json(
            GitExported(
                session=session,
                head=head,
                commits=commits,
                target=target,
                left_out=tuple(map(to_text, sorted(left.names))),
                empty_directories=tuple(map(to_text, sorted(left.empty_directories))),
            )
        )
        return
    if options.quiet:
        return
    where = "stdout" if wish.target is None else text.path(target)
    line = f"{session} written to {where} ({text.count(commits, 'commit')})"
    click.echo(line, err=wish.target is None)
    if left.names:
        first = text.path(to_text(min(left.names)))
        much = text.count(len(left.names), "path")
        click.echo(f"note: {much} left out, such as {first}", err=True)
    if left.empty_directories:
        much = text.count(
            len(left.empty_directories), "empty directory", "empty directories"
        )
        click.echo(f"note: git has no empty directories: {much} left out", err=True)
