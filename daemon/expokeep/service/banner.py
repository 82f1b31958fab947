"""The one screen that `expokeepd --embedded` shows when it is ready."""

from expokeep.settings.values import Settings

_BANNER = """
expokeepd is ready.

  watching     {watched}
  kept in      {state}   (Postgres, objects, spool; survives a restart)
  socket       {socket}

Try it in another terminal:

  mkdir {first}/expo-hello && echo 'hi' > {first}/expo-hello/App.js
  expokeep{options} log hello          after about {quiet:g} seconds
  rm -rf {first}/expo-hello
  expokeep{options} restore hello

Ctrl-C stops it and its servers."""


def banner(settings: Settings, *, default_state: bool = False) -> str:
    """Return what to show: what is watched, where data is, what to try next."""
    watched = ", ".join(str(watch.dir / watch.pattern) for watch in settings.watch)
    return _BANNER.format(
        watched=watched,
        state=settings.state_dir,
        socket=settings.socket.path,
        first=settings.watch[0].dir,
        options="" if default_state else f" --state-dir {settings.state_dir}",
        quiet=settings.debounce.quiet_s,
    )
