"""`expokeep import`."""  # noqa: N999 - a verb's module is called like the verb

import os
from collections.abc import Mapping
from pathlib import Path

import click

from expokeep.cli.importing import ImportWish, import_archive, import_git
from expokeep.cli.kinds import SESSION, WORDS
from expokeep.cli.options import options_of, verb


@verb("import")
@click.option(
    "--from-archive",
    "archive",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="A tar, tar.gz, tar.zst or zip; - is stdin.",
)
@click.option(
    "--from-git",
    "place",
    type=WORDS,
    metavar="URL|DIR",
    help="A repository, by https, ssh, or here.",
)
@click.option("--ref", type=WORDS, metavar="NAME", help="With git: a branch or a tag.")
@click.option(
    "--session", type=SESSION, metavar="SID", help="Its id; a new UUID if not given."
)
@click.option("--user", type=WORDS, metavar="USER", help="Whose it is to be.")
@click.option("--name", type=WORDS, metavar="NAME", help="What the project is called.")
@click.option("-m", "--message", type=WORDS, metavar="TEXT", help="What it is, to you.")
@click.option(
    "--owner", metavar="UID:GID", help="To whom the files are given (root only)."
)
@click.pass_context
def command(ctx: click.Context, /, **said: object) -> None:
    """Begin a session with an archive or with a git repository.

    The project appears as the directory of a new session and is saved at once; a single
    directory around it is left away. What comes is trusted in nothing: it may hold as
    much as a build may, no path leaves the project, no device and no other file's
    contents come along, and set-user-id bits are dropped. Links that lead out of the
    project and submodules are left out, and named (exit 3).

    From git the newest commit is taken, without its history. git runs without your
    settings and credentials, as root under another user: what takes a password is
    cloned by you, and imported from its directory.

    \b
    Examples:
      expokeep import --from-archive shop.tar.gz
      expokeep import --from-git https://github.com/expo/examples --session shop-44
      expokeep import --from-git ./shop --ref main --user alice -m "from GitHub"
    """
    options = options_of(ctx)
    wish = _wish(said)
    archive, place, ref = said["archive"], said["place"], said["ref"]
    if (archive is None) == (place is None):
        raise click.UsageError("name one of --from-archive and --from-git")
    if isinstance(archive, Path):
        if ref is not None:
            raise click.UsageError("--ref goes together with --from-git")
        import_archive(options, wish, None if str(archive) == "-" else archive)
    else:
        import_git(options, wish, str(place), None if ref is None else str(ref))


def _wish(said: Mapping[str, object]) -> ImportWish:
    words = {
        name: None if said[name] is None else str(said[name])
        for name in ("session", "user", "message", "name")
    }
    return ImportWish(**words, owner=_owner(said["owner"]))


def _owner(given: object) -> tuple[int, int] | None:
    if given is None:
        return None
    uid, _, gid = str(given).partition(":")
    if not (uid.isdecimal() and gid.isdecimal()):
        raise click.UsageError("--owner is two numbers: 1000:1000")
    if os.geteuid() != 0:
        raise click.UsageError("only root can give files away")
    return int(uid), int(gid)
