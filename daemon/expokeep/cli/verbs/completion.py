"""`expokeep completion`."""

import click
from click.shell_completion import FishComplete, ShellComplete, ZshComplete

from expokeep.cli.completing import Bash
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json

KINDS: dict[str, type[ShellComplete]] = {
    "bash": Bash,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@verb("completion")
@click.argument("shell", type=click.Choice([*KINDS]), metavar="SHELL")
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    SHELL is bash, zsh or fish. It completes verbs, options, and what the daemon knows:
    sessions, versions and labels behind an `@`, shares, templates.

    \b
    Examples:
      expokeep completion bash > /etc/bash_completion.d/expokeep
      eval "$(expokeep completion zsh)"                        (in ~/.zshrc)
      expokeep completion fish > ~/.config/fish/completions/expokeep.fish
    """
    root = ctx.find_root().command
    script = KINDS[shell](root, {}, "expokeep", "_EXPOKEEP_COMPLETE").source()
    if options_of(ctx).as_json:
        as_json({"message_type": "completion", "shell": shell, "script": script})
    else:
        click.echo(script)
