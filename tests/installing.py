"""`make install` and `make uninstall`, as somebody types them."""

import os
import subprocess
from pathlib import Path

TOP = Path(__file__).parents[1]
INSTALL_S = 600.0
"""Packages come from wherever pip is told to look."""


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """Run make in this checkout; it must succeed."""
    command = ["make", "--no-print-directory", *words]
    done = subprocess.run(
        command,
        cwd=TOP,
        env={**os.environ, "MAKEFLAGS": ""},
        check=False,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def seen(top: Path) -> dict[str, int]:
    """Return all that is below a directory but directories, and its modes."""
    return {
        f"/{path.relative_to(top)}": path.lstat().st_mode & 0o7777
        for path in sorted(top.rglob("*"))
        if path.is_symlink() or not path.is_dir()
    }
