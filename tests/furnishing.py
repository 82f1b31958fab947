"""What makes this computer's files those of an empty machine that has expokeep."""

import shutil
import subprocess
import sys
import sysconfig
import uuid
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
SYSTEM_PYTHON = Path("/usr/bin/python3")
PROGRAM = Path("/usr/local/lib/expokeep")
"""Where `make install` puts the program as well."""

_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_VENV = "home = /usr/bin\ninclude-system-site-packages = false\n"
_JOURNALD = "[Journal]\nStorage=persistent\nRateLimitBurst=0\nSystemMaxUse=64M\n"
_NOT_HERE = (
    *("systemd-udevd.service", "systemd-udevd-control.socket"),
    *("systemd-udevd-kernel.socket", "systemd-udev-trigger.service"),
    *("systemd-logind.service", "getty.target", "getty-static.service"),
    *("systemd-networkd.service", "systemd-resolved.service"),
    *("systemd-sysctl.service", "systemd-modules-load.service"),
    *("systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount"),
    *("systemd-update-utmp.service", "systemd-update-utmp-runlevel.service"),
    *("dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-config.mount"),
    *("sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
    *("sys-fs-fuse-connections.mount", "systemd-firstboot.service"),
    *("systemd-random-seed.service", "systemd-tmpfiles-clean.timer"),
)
"""What would reach past the machine, or only takes time."""


def write(disk: Path, inside: str | Path, text: str, mode: int = 0o644) -> Path:
    """Write a file of a machine; its directories are made."""
    path = disk / str(inside).lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def furnish(disk: Path) -> None:
    """Leave nothing on a disk that would start but systemd itself; add expokeep."""
    units = disk / "etc/systemd/system"
    shutil.rmtree(units, ignore_errors=True)
    units.mkdir(parents=True)
    for name in _NOT_HERE:
        (units / name).symlink_to("/dev/null")
    generators = disk / "etc/systemd/system-generators"
    generators.mkdir(parents=True, exist_ok=True)
    for given in Path("/lib/systemd/system-generators").iterdir():
        _link(generators / given.name, Path("/dev/null"))
    write(disk, "/etc/machine-id", uuid.uuid4().hex + "\n", 0o444)
    write(disk, "/etc/fstab", "")
    write(disk, "/etc/systemd/journald.conf.d/keep.conf", _JOURNALD)
    journal = disk / "var/log/journal"
    shutil.rmtree(journal, ignore_errors=True)
    journal.mkdir(parents=True)
    _furnish_program(disk)


def program_binds() -> dict[Path, Path]:
    """Return what makes the program of this checkout visible to every user.

    Raises:
        LookupError: the system's Python cannot run the packages of the tests.
    """
    ours = _VERSION.removeprefix("python")
    say = "import sys; print('%d.%d' % sys.version_info[:2])"
    if not SYSTEM_PYTHON.exists():
        raise LookupError(f"{SYSTEM_PYTHON} is missing")
    command = [SYSTEM_PYTHON, "-c", say]
    theirs = subprocess.check_output(command, text=True).strip()
    if ours != theirs:
        raise LookupError(
            f"the tests run in Python {ours} and {SYSTEM_PYTHON} is {theirs}:"
            f" make clean, then make PYTHON={SYSTEM_PYTHON} ..."
        )
    return {
        Path(sysconfig.get_path("purelib")): PROGRAM / "packages",
        CHECKOUT / "daemon": PROGRAM / "checkout",
    }


def cgroups() -> Path:
    """Return where cgroup v2 is mounted, also beside v1.

    Raises:
        LookupError: nowhere.
    """
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    raise LookupError("no cgroup v2 is mounted")


def _furnish_program(disk: Path) -> None:
    """Make a virtual environment of the system's Python, as `make install` does.

    Its packages are those of the tests, in place: nothing is installed, so it takes no
    time.
    """
    write(disk, PROGRAM / "pyvenv.cfg", _VENV)
    packages = PROGRAM / "lib" / _VERSION / "site-packages"
    write(disk, packages / "keep.pth", f"{PROGRAM}/checkout\n{PROGRAM}/packages\n")
    scripts = {"expokeep": "expokeep.cli.main", "expokeepd": "expokeep.service.main"}
    for name, module in scripts.items():
        start = f"#!{PROGRAM}/bin/python3 -P\nfrom {module} import main\nmain()\n"
        write(disk, PROGRAM / "bin" / name, start, 0o755)
        _link(disk / "usr/local/bin" / name, PROGRAM / "bin" / name)
    _link(disk / str(PROGRAM / "bin/python3").lstrip("/"), SYSTEM_PYTHON)


def _link(path: Path, to: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(to)
