"""Man pages, made of the commands and the settings themselves.

`python -m expokeep.cli.manual DIRECTORY [DATE]` writes them: `expokeep.1`, a page for
each verb and for each verb below it, `expokeepd.8`, and `expokeep.yaml.5`.
"""

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path

import click

import expokeep
from expokeep import errors
from expokeep.cli import roff
from expokeep.cli.main import INTERRUPTED, VERBS, cli
from expokeep.cli.manual_settings import environment, settings

NAME = "expokeep"


def pages(date: str, daemon: click.Command) -> Mapping[str, str]:
    """Return every page by the name of its file."""
    made = {f"{NAME}.1": _main(date)}
    for words, command in commands():
        made[f"{words.replace(' ', '-')}.1"] = _verb(words, command, date)
    made[f"{NAME}d.8"] = _daemon(daemon, date)
    made[f"{NAME}.yaml.5"] = _settings(date)
    return made


def commands(
    group: click.Group = cli, above: str = NAME
) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its words, groups before what is in them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None  # noqa: S101 - it was listed
        yield f"{above} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{above} {name}")


def _main(date: str) -> str:
    listed = "".join(
        roff.term(f"{NAME}-{name}(1)", line) for name, line in VERBS.items()
    )
    return roff.joined(
        [
            _head(NAME, 1, date, _first(cli)),
            roff.heading("Synopsis"),
            roff.usage(NAME, "[OPTIONS] COMMAND [ARGS]..."),
            _description(cli),
            roff.heading("Commands"),
            listed,
            _options(cli, "Options of all commands"),
            _exit_status(),
            roff.heading("Environment"),
            environment(),
            _see_also(f"{NAME}d(8)", f"{NAME}.yaml(5)"),
        ]
    )


def _verb(words: str, command: click.Command, date: str) -> str:
    name = words.replace(" ", "-")
    parent = words.rpartition(" ")[0].replace(" ", "-")
    below = ""
    if isinstance(command, click.Group):
        below = roff.heading("Commands") + "".join(
            roff.term(f"{name}-{one}(1)", _first(inner))
            for one, inner in sorted(command.commands.items())
        )
    return roff.joined(
        [
            _head(name, 1, date, _first(command)),
            roff.heading("Synopsis"),
            roff.usage(words, _usage(command)),
            _description(command),
            below,
            _options(command, "Options", but=_common()),
            roff.paragraph("The options of all commands are in expokeep(1)."),
            _see_also(*dict.fromkeys((f"{parent}(1)", f"{NAME}(1)"))),
        ]
    )


def _daemon(daemon: click.Command, date: str) -> str:
    signals = roff.term("SIGTERM, SIGINT", "Keep and upload what is unsaved, and end.")
    signals += roff.term(
        "SIGHUP", "Read the configuration again, as `expokeep reload` does."
    )
    return roff.joined(
        [
            _head(f"{NAME}d", 8, date, _first(daemon)),
            roff.heading("Synopsis"),
            roff.usage(f"{NAME}d", _usage(daemon)),
            _description(daemon),
            _options(daemon, "Options"),
            roff.heading("Signals"),
            signals,
            _exit_status(),
            roff.heading("Environment"),
            environment(),
            _see_also(f"{NAME}(1)", f"{NAME}.yaml(5)"),
        ]
    )


def _settings(date: str) -> str:
    return roff.joined(
        [
            _head(f"{NAME}.yaml", 5, date, "The settings of expokeepd."),
            roff.heading("Description"),
            roff.paragraph(
                "A YAML file, read from /etc/expokeep/expokeep.yaml, or from where "
                "EXPOKEEP_CONFIG or --config says. A flag beats the environment, the "
                "environment the file, and the file the default. An unknown key is an "
                "error. ${NAME} and ${NAME:-default} stand for the environment's."
            ),
            roff.heading("Settings"),
            settings(),
            _see_also(f"{NAME}(1)", f"{NAME}d(8)"),
        ]
    )


def _head(name: str, section: int, date: str, line: str) -> str:
    source = f"{NAME} {expokeep.__version__}"
    words = f"{roff.text(name)} \\- {roff.text(line.rstrip('.'))}\n"
    return roff.title(name, section, date, source) + roff.heading("Name") + words


def _first(command: click.Command) -> str:
    return (command.help or "").partition("\n")[0]


def _usage(command: click.Command) -> str:
    return " ".join(command.collect_usage_pieces(click.Context(command)))


def _description(command: click.Command) -> str:
    """Return what a help says; its examples in a section of their own."""
    told, examples = [roff.heading("Description")], ""
    for part in inspect.cleandoc(command.help or "").split("\n\n"):
        lines = part.strip("\n").splitlines()
        if lines and lines[0] != "\b":
            told.append(roff.paragraph(part))
        elif lines[1:2] and lines[1].startswith("Example"):
            shown = [line.removeprefix("  ") for line in lines[2:]]
            examples = roff.heading("Examples") + roff.literal(shown)
        elif lines:
            told.append(roff.literal(lines[1:]))
    return "".join(told) + examples


def _common() -> frozenset[str]:
    return frozenset(name for option in cli.params for name in option.opts)


def _options(
    command: click.Command, head: str, but: frozenset[str] = frozenset()
) -> str:
    context = click.Context(command)
    own = [
        record
        for option in command.params
        if isinstance(option, click.Option)
        and but.isdisjoint(option.opts)
        and (record := option.get_help_record(context)) is not None
    ]
    terms = "".join(roff.term(*record) for record in own)
    return roff.heading(head) + terms if terms else ""


def exit_codes() -> Mapping[int, str]:
    """Return every exit code, and what it says."""
    found: dict[int, str] = {0: "Done.", INTERRUPTED: "Interrupted."}
    waiting: list[type[errors.ExpokeepError]] = [errors.ExpokeepError]
    while waiting:
        kind = waiting.pop(0)
        line = (kind.__doc__ or "").partition("\n")[0]
        found.setdefault(kind.exit_code, line)
        waiting += kind.__subclasses__()
    found[1] = "It failed, and no other code says how."
    return dict(sorted(found.items()))


def _exit_status() -> str:
    terms = (roff.term(str(code), line) for code, line in exit_codes().items())
    return roff.heading("Exit status") + "".join(terms)


def _see_also(*names: str) -> str:
    return roff.heading("See also") + f"{roff.text(', '.join(names))}\n"


def write(directory: Path, date: str, daemon: click.Command) -> None:
    """Write every page, and nothing else, into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob(f"{NAME}*.[158]"):
        old.unlink()
    for name, page in pages(date, daemon).items():
        (directory / name).write_text(page, encoding="utf-8")


def main(words: Sequence[str]) -> None:
    """Write them where the first word says, dated as the second says."""
    directory, date = (*words, "", "")[:2]
    (found,) = entry_points(group="console_scripts", name=f"{NAME}d")
    write(Path(directory), date, found.load())


if __name__ == "__main__":
    main(sys.argv[1:])
