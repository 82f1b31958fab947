"""git as a program: a repository made of a stream."""

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from expokeep.errors import ExpokeepError, TargetExists
from expokeep.export.output import refusals_named
from expokeep.model.names import for_terminal
from expokeep.worktree import system


class GitFailed(ExpokeepError):
    """git is not installed, or did not do what was asked."""

    hint = "Is git installed? `git --version` tells."


def clean_environment(home: Path) -> dict[str, str]:
    """Return what git may know of its surroundings: no settings and no credentials."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.fspath(home),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ATTR_NOSYSTEM": "1",
    }


def made_repository(target: Path, chunks: Iterable[bytes]) -> None:
    """Make a bare repository of a stream, and show it when all of it is there.

    Raises:
        TargetExists: something is there.
        GitFailed: git did not take it.
    """
    with refusals_named(target), _staged(target) as staged:
        environment = clean_environment(staged)
        _run(["init", "--quiet", "--bare", "--template="], staged, environment)
        _run(["symbolic-ref", "HEAD", "refs/heads/main"], staged, environment)
        _import(staged, chunks, environment)
        parent = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            old, new = os.fsencode(staged.name), os.fsencode(target.name)
            system.rename_new(parent, old, new)
        except FileExistsError:
            raise _exists(target) from None
        finally:
            os.close(parent)


@contextlib.contextmanager
def _staged(target: Path) -> Iterator[Path]:
    if os.path.lexists(target):
        raise _exists(target)
    staged = target.with_name(f".expokeep-export-{secrets.token_hex(8)}")
    staged.mkdir(mode=0o700)
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _import(
    repository: Path, chunks: Iterable[bytes], environment: Mapping[str, str]
) -> None:
    with subprocess.Popen(  # noqa: S603 - words of ours, no shell
        [_git(), "fast-import", "--quiet"],
        cwd=repository,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as git:
        assert git.stdin is not None  # noqa: S101 - asked for above
        assert git.stderr is not None  # noqa: S101
        try:
            with contextlib.suppress(BrokenPipeError):
                git.stdin.writelines(chunks)
                git.stdin.close()
        except BaseException:
            git.kill()
            raise
        said = git.stderr.read(2000).decode(errors="replace").strip()
    if git.returncode != 0:
        raise GitFailed(f"git fast-import: {said or git.returncode}")


def _run(words: list[str], repository: Path, environment: Mapping[str, str]) -> None:
    ended = subprocess.run(  # noqa: S603 - words of ours, no shell
        [_git(), *words],
        cwd=repository,
        env=dict(environment),
        check=False,
        capture_output=True,
    )
    if ended.returncode != 0:
        said = ended.stderr.decode(errors="replace").strip()
        raise GitFailed(f"git {words[0]}: {said}")


def _git() -> str:
    found = shutil.which("git")
    if found is None:
        raise GitFailed("git is not installed")
    return found


def _exists(target: Path) -> TargetExists:
    error = TargetExists(f"{for_terminal(os.fsencode(target))} exists")
    error.hint = "Name another place with -o."
    return error
