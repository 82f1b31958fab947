"""The one screen that `expokeepd --embedded` shows when it is ready."""

from expokeep.settings.values import Settings

_BANNER = """
expokeepd is ready.

  watching     {watched}
  kept in      {state}   (Postgres, objects, spool; survives a restart)
  socket       {socket}

Try it in another terminal:

  mkdir {first}/expo-hello && echo 'hi' > {first}/expo-hello/App.js
  {command} log hello          after about {quiet:g} seconds
  rm -rf {first}/expo-hello
  {command} restore hello

Ctrl-C stops it and its servers."""


def banner(settings: Settings, command: str) -> str:
    """Return what to show: what is watched, where data is, what to try next.

    `command` is how `expokeep` has to be called to find this daemon.
    """
    watched = ", ".join(str(watch.dir / watch.pattern) for watch in settings.watch)
    return _BANNER.format(
        watched=watched,
        state=settings.state_dir,
        socket=settings.socket.path,
        first=settings.watch[0].dir,
        command=command,
        quiet=settings.debounce.quiet_s,
    )
