"""An empty machine: what debootstrap makes, with Python, git and make, and no more.

It has a root and processes of its own and shares the network. Where packages come from,
and what is trusted, is what this computer is told: read when a test runs.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from daemons import until

RELEASE = "bookworm"
INCLUDED = "python3,git,make"
SOURCE = "/srv/expokeep.git"
TOLD = "/srv/told"
"""Below it is what this computer's settings name: certificates, packages."""
WAIT_S = 1200.0
_TOLD = (
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    "GIT_SSL_CAINFO",
)
_ENTER = """\
set -e
root=$1
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
shift
while [ $# -gt 0 ]; do
  if [ -d "$1" ]; then mkdir -p "$root$2"
  else mkdir -p "$(dirname "$root$2")"; touch "$root$2"; fi
  mount --bind "$1" "$root$2"
  mount -o remount,bind,ro "$root$2"
  shift 2
done
echo ready
exec cat
"""


class Fresh:
    """One such machine. Made by `fresh`."""

    def __init__(self, root: Path, checkout: Path) -> None:
        told = {path: f"{TOLD}{path}" for path in _places()}
        binds = {checkout / ".git": SOURCE, **told}
        pairs = [str(path) for pair in binds.items() for path in pair]
        unshare = ["unshare", "--pid", "--mount", "--uts", "--ipc", "--fork"]
        self._first = subprocess.Popen(
            [*unshare, "--kill-child", "sh", "-c", _ENTER, "sh", str(root), *pairs],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._root = root
        self._begun: list[subprocess.Popen[str]] = []
        assert self._first.stdout is not None
        assert self._first.stdout.readline() == "ready\n"
        children = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children")
        self.pid = until(lambda: int((children.read_text().split() or ["0"])[0]), "sh")

    def close(self) -> None:
        """End all that runs in it."""
        self._first.communicate()
        for process in self._begun:
            process.communicate(timeout=WAIT_S)

    def begin(self, line: str, **options: int) -> "subprocess.Popen[str]":
        """Start a line of shell as root of the machine, and return at once."""
        enter = ["nsenter", f"--target={self.pid}", "--pid", "--mount", "--uts"]
        enter += ["--ipc", "chroot", str(self._root), "env", "-i"]
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            **{name: _moved(value) for name, value in _told().items()},
        }
        words = [f"{name}={value}" for name, value in environment.items()]
        begun = subprocess.Popen(
            [*enter, *words, "bash", "-c", f"cd; {line}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        self._begun.append(begun)
        return begun

    def do(self, line: str) -> str:
        """Run a line of shell to its end; it must succeed."""
        process = self.begin(line)
        said, _ = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0, f"{line}: {process.returncode}\n{said}"
        return said


@contextlib.contextmanager
def fresh(checkout: Path) -> Iterator[Fresh]:
    """Give an empty machine that can clone a checkout of ours from `SOURCE`."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.fail("an empty machine takes root and debootstrap: make tools")
    top = Path(tempfile.mkdtemp(prefix="keep-fresh-", dir="/var/tmp"))
    top.chmod(0o755)  # not all that runs in it is root
    try:
        _bootstrap(top)
        made = Fresh(top, checkout)
        try:
            yield made
        finally:
            made.close()
    finally:
        shutil.rmtree(top)


def _bootstrap(root: Path) -> None:
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    named = subprocess.check_output(
        [*command, "Created-By: Packages", f"Codename: {RELEASE}"], text=True
    )
    command = ["debootstrap", "--variant=minbase", f"--include={INCLUDED}", RELEASE]
    mirror = next(iter(named.splitlines()), "")  # debootstrap's own without one
    done = subprocess.run(
        [*command, str(root), *filter(None, [mirror])],
        check=False,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    for name in ("sources.list", "sources.list.d", "apt.conf.d", "preferences.d"):
        given, place = Path("/etc/apt", name), root / "etc/apt" / name
        if given.is_dir():
            shutil.copytree(given, place, dirs_exist_ok=True)
        elif given.exists():
            shutil.copy(given, place)
        elif place.is_file():
            place.unlink()
    for path in Path("/usr/share/keyrings").glob("*"):
        shutil.copy(path, root / "usr/share/keyrings")
    for name in ("resolv.conf", "hosts"):
        shutil.copy(Path("/etc", name), root / "etc" / name)


def _told() -> Mapping[str, str]:
    """Return what programs that fetch are told here, as they are told by variables."""
    found = {name: os.environ[name] for name in _TOLD if name in os.environ}
    listed = subprocess.check_output(["pip", "config", "list"], text=True)
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2].upper().replace("-", "_")
        found[f"PIP_{name}"] = value.strip("'\"")
    return found


def _places() -> list[Path]:
    """Return the paths of this computer that these settings name."""
    words = [word for value in _told().values() for word in value.split()]
    places = {Path(word.removeprefix("file://")) for word in words if _is_path(word)}
    # An index of packages names files beside it.
    places = {path.parent if path.name == "simple" else path for path in places}
    there = {path for path in places if path.exists()}
    return sorted(path for path in there if there.isdisjoint(path.parents))


def _moved(value: str) -> str:
    """Return a value with its paths where the machine has them."""
    return " ".join(
        word.replace("/", f"{TOLD}/", 1)
        if word.startswith("/")
        else word.replace("file:///", f"file://{TOLD}/")
        for word in value.split(" ")
    )


def _is_path(word: str) -> bool:
    return word.startswith(("/", "file:///"))
