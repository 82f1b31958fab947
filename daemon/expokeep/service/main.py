"""`expokeepd`: the daemon's command line, its signals and its end."""

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

import expokeep
from expokeep import concealing, crash, journal, wiring
from expokeep import log as logs
from expokeep.control.server import ControlSocket
from expokeep.errors import BackendUnreachable, ConfigError, ExpokeepError
from expokeep.service import allocator, daemon, descriptors
from expokeep.service.banner import banner
from expokeep.service.handlers import serving
from expokeep.service.hooking import hooking
from expokeep.service.monitoring.serving import monitoring
from expokeep.service.notifying import notifying
from expokeep.service.parts import Parts
from expokeep.service.reloading import Reloading
from expokeep.service.shielding import shield
from expokeep.service.signals import Signals
from expokeep.service.systemd import Systemd
from expokeep.settings.load import Loaded, load
from expokeep.settings.places import find_config, state_dir
from expokeep.settings.secrets import secrets_in
from expokeep.settings.values import Settings

log = logs.get(__name__)

_LOOK_FOR_SIGNALS_S = 0.2
_NOTICE_S = 5.0
_SWITCH_S = 0.0005
"""So soon the thread that reads events gets its turn while another one computes; it is
a tenth of Python's default. See bench/README.md for what that is worth."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-c", "--config", type=click.Path(path_type=Path), help="The YAML file.")
@click.option("--check-config", is_flag=True, help="Check the configuration and exit.")
@click.option("--embedded", is_flag=True, help="Run Postgres and an S3 server as well.")
@click.option("--once", is_flag=True, help="Keep every session as it is now and exit.")
@click.option("--state-dir", type=click.Path(path_type=Path), help="What survives us.")
@click.option(
    "--watch-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    multiple=True,
    help="Where sessions are made, instead of /tmp. May be given several times.",
)
@click.option("--socket", type=click.Path(path_type=Path), help="The control socket.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default=None,
    help="How much is logged, whatever the file says.",
)
@click.version_option(expokeep.__version__, prog_name="expokeepd")
def main(*, check_config: bool, embedded: bool, once: bool, **options: object) -> None:
    """Keep every project in /tmp/expo-*: watch, snapshot, upload, record.

    Runs in the foreground until SIGTERM or Ctrl-C. With --embedded it needs no
    configuration: it brings its own Postgres and its own S3 server, on loopback.

    \b
    Examples:
      expokeepd --embedded
      expokeepd -c /etc/expokeep/expokeep.yaml
      expokeepd -c expokeep.yaml --check-config
    """
    try:
        sys.exit(_run(check_config, embedded, once, options))
    except ExpokeepError as error:
        words = f"expokeepd: error: {error}"
        if error.hint:
            words += f"\nhint: {error.hint}"
        click.echo(journal.for_stderr(words, "error"), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _run(
    check_config: bool,  # noqa: FBT001 - handed on from click by name
    embedded: bool,  # noqa: FBT001
    once: bool,  # noqa: FBT001
    options: Mapping[str, object],
) -> int:
    shield()
    # Until the parts run, SIGTERM ends us as Ctrl-C does: by unwinding what began.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        environ: Mapping[str, str] = os.environ
        if embedded and not check_config:
            environ = stack.enter_context(_embedded(options))
        settings = _loaded(options, environ).settings
        _begin_log(settings)
        if check_config:
            click.echo("the configuration is good")
            return 0
        if embedded:
            _prepare(settings)
        allocator.settle()
        descriptors.raise_limit()
        sys.setswitchinterval(_SWITCH_S)
        try:
            crash.arm(environ)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        signals = Signals()  # blocks them, before the first thread starts
        parts = stack.enter_context(daemon.running(settings))
        if once:
            return _once(parts, signals)
        reloading = Reloading(parts, lambda: _loaded(options, environ))
        control = stack.enter_context(serving(parts, reloading, embedded=embedded))
        stack.enter_context(hooking(parts))
        stack.enter_context(notifying(parts))
        stack.enter_context(monitoring(parts, lambda: control.is_alive))
        if embedded:
            click.echo(banner(settings, _client_command(settings)))
        _serve(reloading, control, Systemd(environ), signals)
        return 0


def _begin_log(settings: Settings) -> None:
    as_json = settings.logging.type == "json"
    logs.configure(level=settings.logging.level, as_json=as_json)
    logs.hear_all()


def _loaded(options: Mapping[str, object], environ: Mapping[str, str]) -> Loaded:
    config = options["config"]
    path = find_config(environ, config if isinstance(config, Path) else None)
    flags = {
        "state-dir": options["state_dir"],
        "watch.dir": options["watch_dir"] or None,
        "socket.path": options["socket"],
        "logging.level": options["log_level"],
    }
    loaded = load(path=path, environ=environ, flags=flags)
    concealing.conceal(secrets_in(loaded.settings, environ))
    return loaded


@contextlib.contextmanager
def _embedded(options: Mapping[str, object]) -> Iterator[Mapping[str, str]]:
    """Run the servers; yield an environment in which they are the configured ones."""
    from expokeep.embedded.servers import running_servers  # noqa: PLC0415 - an extra

    state = state_dir(os.environ, {"state-dir": options["state_dir"]})
    click.echo("starting Postgres and an S3 server ...", err=True)
    with running_servers(state) as servers:
        yield {
            **os.environ,
            "DATABASE_URL": servers.postgres.dsn,
            "R2_ENDPOINT": servers.seaweed.endpoint_url,
            "R2_ACCESS_KEY_ID": servers.seaweed.access_key_id,
            "R2_SECRET_ACCESS_KEY": servers.seaweed.secret_access_key,
            "R2_BUCKET_NAME": "expokeep",
        }


def _client_command(settings: Settings) -> str:
    """Return how `expokeep` is called here, also where the shell does not find it."""
    beside = Path(sys.executable).with_name("expokeep")
    program = "expokeep" if shutil.which("expokeep") else os.path.relpath(beside)
    usual = state_dir(os.environ, {}) == settings.state_dir
    return program if usual else f"{program} --state-dir {settings.state_dir}"


def _prepare(settings: Settings) -> None:
    """Make what others make elsewhere: the schema, the app's tables, the bucket."""
    with wiring.catalog(settings) as catalog:
        catalog.migrate()
    if settings.database.legacy_tables:
        wiring.make_app_tables(settings)
    wiring.create_bucket(settings)


def _once(parts: Parts, signals: Signals) -> int:
    """Keep everything as it is, and say whether all of it got away."""
    if _drained(parts, signals):
        return 0
    errors = parts.shipping.errors()
    reason = str(errors[0]) if errors else "time ran out"
    raise BackendUnreachable(f"not everything is recorded yet: {reason}")


def _serve(
    reloading: Reloading, control: ControlSocket, systemd: Systemd, signals: Signals
) -> None:
    """Tell that we are well until somebody wants us to stop; then drain."""
    parts = reloading.parts
    systemd.ready(parts.summary())
    log.info("ready", sessions=len(parts.board.lines()))
    while (wish := signals.awaited(systemd.ping_every_s)) != "stop":
        if wish == "reload":
            try:
                reloading.reload()
            except ConfigError as error:
                log.error("configuration not reloaded", error=str(error))  # noqa: TRY400 - what is wrong is in the file, not here
        is_well = control.is_alive and parts.is_well()
        parts.pulse.beat(is_well=is_well, every_s=systemd.ping_every_s)
        if is_well:
            systemd.alive(parts.summary())
        else:
            log.error("a part hangs", summary=parts.summary())
            systemd.ailing("a part hangs")
    parts.pulse.is_stopping = True
    systemd.stopping()
    log.info("stopping", summary=parts.summary())
    _drained(parts, signals)
    parts.say_goodbye()
    log.info("stopped", in_spool=parts.engine.spool.backlog().entries)


def _drained(parts: Parts, signals: Signals) -> bool:
    """Keep what is unsaved; return whether all of it got away.

    A signal ends the wait, and so does the time limit, and so does a failure that no
    waiting mends: what is left is in the spool.
    """
    limit_s = parts.settings.shutdown.flush_timeout_s
    parts.observer.barrier(_NOTICE_S)  # what was written a moment ago counts as well
    waited_s = 0.0
    while waited_s < limit_s and not parts.is_stuck():
        if parts.drain(_LOOK_FOR_SIGNALS_S):
            return True
        if signals.awaited(0) == "stop":
            return False
        waited_s += _LOOK_FOR_SIGNALS_S
    return False
