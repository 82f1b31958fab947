"""Holds what the documents say to what is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from expokeep import errors
from expokeep.cli.main import INTERRUPTED, cli
from expokeep.service.main import main as expokeepd

TOP = Path(__file__).parents[2]
README = (TOP / "README.md").read_text()
ARCHITECTURE = (TOP / "docs/ARCHITECTURE.md").read_text()
PAGES = sorted(
    [*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md"), *(TOP / "bench").glob("*.md")]
)

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
SYSTEMD_CODES = range(200, 244)


def verbs(group: click.Group, above: str) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from verbs(command, f"{above} {name}")
        else:
            yield f"{above} {name}"


def exit_codes() -> set[int]:
    def below(kind: type[errors.ExpokeepError]) -> Iterator[int]:
        yield kind.exit_code
        for more in kind.__subclasses__():
            yield from below(more)

    return {0, INTERRUPTED, *below(errors.ExpokeepError)}


def rows(heading: str) -> list[str]:
    """Return the first cells of the table below a heading."""
    section = README.split(heading, 1)[1].split("\n#", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [line.split("|")[1].strip() for line in lines[2:]]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def test_every_command_stands_in_the_table():
    table = [cell.strip("`") for cell in rows("\n## Commands\n")]

    missing = [
        verb
        for verb in verbs(cli, "expokeep")
        if not any(f"{cell} ".startswith(f"{verb} ") for cell in table)
    ]

    assert not missing


def test_the_table_names_no_command_that_is_not_there():
    known = set(verbs(cli, "expokeep"))

    strangers = [
        cell
        for cell in rows("\n## Commands\n")
        if not any(f"{cell.strip('`')} ".startswith(f"{verb} ") for verb in known)
    ]

    assert not strangers


def test_every_option_of_the_daemon_is_named():
    options = [name for option in expokeepd.params for name in option.opts]
    long = [name for name in options if name.startswith("--")]

    assert not [name for name in long if f"`{name}" not in README]


def test_every_exit_code_stands_in_the_table():
    assert {int(code) for code in rows("\n### Exit codes\n")} == exit_codes()


def test_no_exit_code_is_one_of_systemds():
    assert exit_codes().isdisjoint(SYSTEMD_CODES)


def test_every_variable_of_the_example_stands_in_the_readme():
    example = (TOP / "config/expokeep.example.yaml").read_text()
    named = set(re.findall(r"Environment:[\s#]+([A-Z0-9_]+)\.", example))

    assert len(named) > 5
    assert not [name for name in named if f"`{name}`" not in README]


@pytest.mark.parametrize("target", ["run", "check", "demo", "quick", "full", "bench"])
def test_the_targets_that_are_named_exist(target):
    makefile = (TOP / "Makefile").read_text()

    assert f"make {target}" in README
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_link_leads_somewhere(page):
    broken = []
    for found in LINK.finditer(page.read_text()):
        path, _, anchor = found["target"].replace("\\_", "_").partition("#")
        if ":" in path:
            continue  # elsewhere: what others keep is not ours to test
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(found["target"])

    assert not broken


def test_every_test_that_the_architecture_names_exists():
    there = {
        name
        for path in (TOP / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }

    named = set(re.findall(r"`(test_\w+)`", ARCHITECTURE))

    assert named
    assert not named - there


def test_every_path_that_the_architecture_names_exists():
    package = TOP / "daemon/expokeep"
    named = set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", ARCHITECTURE))

    assert named
    assert not [
        name
        for name in named - {"cache/"}  # of the state directory
        if not (package / name).exists() and not (TOP / name).exists()
    ]


def test_every_symbol_that_the_architecture_names_exists():
    package = TOP / "daemon/expokeep"
    sources: dict[str, str] = {}
    for path in package.rglob("*.py"):
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        for name in {module, path.stem}:  # in full, or as the table of rooms has it
            sources[name] = sources.get(name, "") + path.read_text()
    rooms = {path.name for path in package.iterdir() if path.is_dir()}

    named = set(re.findall(r"`([a-z_0-9]+(?:\.\w+)+)(?<!\.py)`", ARCHITECTURE))
    ours = {name for name in named if name.split(".")[0] in rooms | sources.keys()}
    missing = [
        name
        for name in ours
        if name not in sources
        and not any(
            re.search(rf"\b{name[len(module) + 1 :].split('.')[0]}\b", source)
            for module, source in sources.items()
            if name.startswith(f"{module}.")
        )
    ]

    assert len(ours) > 50
    assert not missing
