"""`expokeep config`."""

import os
from pathlib import Path

import click

from expokeep.cli.options import CONTEXT, Options, global_options, options_of
from expokeep.cli.printing import as_json
from expokeep.model.names import to_text
from expokeep.settings.load import load
from expokeep.settings.places import find_config
from expokeep.settings.show import show as shown


@click.group("config", context_settings=CONTEXT)
@global_options
def command() -> None:
    """Show and check the configuration.

    \b
    Examples:
      expokeep config show --sources
      expokeep config validate expokeep.yaml
    """


@command.command("show", context_settings=CONTEXT)
@global_options
@click.option("--sources", is_flag=True, help="Say where each value comes from.")
@click.pass_context
def show(ctx: click.Context, *, sources: bool) -> None:
    """Print every setting as a daemon started here would have it.

    Secrets are masked.

    \b
    Examples:
      expokeep config show --sources
      expokeep config show -c expokeep.yaml
    """
    options = options_of(ctx)
    loaded = load(
        path=find_config(os.environ, options.config),
        environ=os.environ,
        flags=_flags(options),
    )
    if options.as_json:
        told = {key: str(source) for key, source in loaded.sources.items()}
        document = {"message_type": "config", "yaml": shown(loaded, sources=False)}
        as_json({**document, "sources": told})
        return
    click.echo(shown(loaded, sources=sources), nl=False)


@command.command("validate", context_settings=CONTEXT)
@global_options
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def validate(ctx: click.Context, file: Path) -> None:
    """Check a configuration file; exit 78 names each key, line and what is allowed.

    \b
    Example:
      expokeep config validate /etc/expokeep/expokeep.yaml
    """
    options = options_of(ctx)
    loaded = load(path=file.absolute(), environ=os.environ, flags=_flags(options))
    if options.as_json:
        as_json({"message_type": "valid", "file": to_text(os.fsencode(file))})
    elif not options.quiet:
        click.echo(f"{file} is good")
        # Not a mistake: what is captured waits in the spool. But hardly what is meant.
        storage = loaded.settings.storage
        missing = [key for key in storage.missing if "secret" not in key]
        if missing:
            words = f"no bucket is named: {', '.join(missing)} not set"
            click.echo(f"note: {words}", err=True)


@command.command("path", context_settings=CONTEXT)
@global_options
@click.pass_context
def path(ctx: click.Context) -> None:
    """Print which configuration file is read, if there is one.

    \b
    Example:
      expokeep config path
    """
    options = options_of(ctx)
    found = find_config(os.environ, options.config)
    if options.as_json:
        file = to_text(os.fsencode(found)) if found else None
        as_json({"message_type": "config-path", "file": file})
        return
    click.echo(found or "no file: defaults and environment", err=found is None)


def _flags(options: Options) -> dict[str, object]:
    return {"state-dir": options.state_dir, "socket.path": options.socket}
