"""`expokeep completion`."""

import click
from click.shell_completion import get_completion_class

from expokeep.cli.options import verb


@verb("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    SHELL is bash, zsh or fish. It completes verbs, options, and sessions that the
    daemon knows.

    \b
    Examples:
      expokeep completion bash > /etc/bash_completion.d/expokeep
      eval "$(expokeep completion zsh)"                        (in ~/.zshrc)
      expokeep completion fish > ~/.config/fish/completions/expokeep.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    root = ctx.find_root().command
    click.echo(kind(root, {}, "expokeep", "_EXPOKEEP_COMPLETE").source())
