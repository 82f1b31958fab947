"""Settings of a process: flags beat the environment, that the file, that defaults."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from expokeep.errors import ConfigError
from expokeep.settings import places
from expokeep.settings.declare import keys
from expokeep.settings.document import Document, read
from expokeep.settings.gather import DEFAULT, FLAG, Gathering, Source
from expokeep.settings.values import Settings

MAX_ERRORS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and why they are what they are."""

    settings: Settings
    sources: Mapping[str, Source]
    """By dotted key: `debounce.quiet`, `watch[0].dir`, `state-dir`."""
    path: Path | None
    """The file that was read, if there was one."""
    overridden: Mapping[str, Source] = field(default_factory=dict)
    """Where the file says something else than a variable or a flag that beats it."""


def load(
    *, path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]
) -> Loaded:
    """Return the settings of a process.

    `flags` go by dotted key; None is as good as not given. `state-dir` is one of them.
    `watch.dir` takes a path or several, and replaces all that the file says of `watch`.

    Raises:
        ConfigError: with every error that was found, each with its key and its place.
        KeyError: a flag is no setting, which is a bug of the caller.
    """
    document = read(path) if path else Document("")
    flagged = _flagged(flags, document)
    state_dir = places.state_dir(environ, flags)
    derived = {
        "EXPOKEEP_STATE_DIR": str(state_dir),
        "EXPOKEEP_SOCKET": environ.get("EXPOKEEP_SOCKET")
        or str(places.daemon_socket(environ, state_dir)),
    }
    gathering = Gathering(flagged, environ, document, {**environ, **derived})
    values = gathering.section(Settings, "")
    _raise_if_any([*document.errors, *gathering.errors])
    settings = Settings(state_dir=state_dir, **values)
    _raise_if_any(list(_contradictions(settings, gathering.sources)))
    sources = {"state-dir": _source_of_state_dir(environ, flags), **gathering.sources}
    return Loaded(settings, sources, path, gathering.overridden)


def _flagged(
    flags: Mapping[str, object], document: Document
) -> dict[str, tuple[str, ...]]:
    """Return the flags as texts; `watch.dir` takes the place of the file's list."""
    known = {*keys(Settings), "watch.dir"}
    found: dict[str, tuple[str, ...]] = {}
    for key, value in flags.items():
        if value is None or key == "state-dir":
            continue
        if key not in known:
            raise KeyError(key)
        values = value if isinstance(value, list | tuple) else (value,)
        texts = tuple(_as_text(item) for item in values)
        if key != "watch.dir":
            found[key] = texts
        elif texts:
            document.counts["watch"] = len(texts)
            for given in [key for key in document.given if key.startswith("watch[")]:
                del document.given[given]
            found |= {f"watch[{at}].dir": (text,) for at, text in enumerate(texts)}
    return found


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.absolute() if isinstance(value, Path) else value)


def _contradictions(settings: Settings, sources: Mapping[str, Source]) -> Iterator[str]:
    """Yield what is right by itself and wrong together."""
    debounce, storage = settings.debounce, settings.storage
    if debounce.quiet_s > debounce.max_wait_s:
        place = sources["debounce.max-wait"]
        yield f"{place}: debounce.max-wait: less than debounce.quiet"
    for index, webhook in enumerate(settings.webhooks):
        if webhook.url is not None and webhook.secret is None:
            place = sources[f"webhooks[{index}].url"]
            yield f"{place}: webhooks[{index}].secret-file: what is sent is signed"
    endpoint = urlsplit(storage.endpoint or "")
    r2 = (endpoint.hostname or "").endswith(".r2.cloudflarestorage.com")
    if r2 and endpoint.path:
        # Cloudflare's own page shows the address with the bucket in it.
        yield (
            f"{sources['storage.endpoint']}: storage.endpoint: write it without "
            f"{endpoint.path!r}; the bucket is a setting of its own"
        )


def _raise_if_any(errors: list[str]) -> None:
    if len(errors) == 1:
        raise ConfigError(errors[0])
    if errors:
        more = len(errors) - MAX_ERRORS_SHOWN
        shown = [
            *errors[:MAX_ERRORS_SHOWN],
            *([f"and {more} more"] if more > 0 else []),
        ]
        head = f"{len(errors)} errors in the configuration:"
        raise ConfigError("\n  ".join([head, *shown]))


def _source_of_state_dir(
    environ: Mapping[str, str], flags: Mapping[str, object]
) -> Source:
    if flags.get("state-dir"):
        return FLAG
    if environ.get("EXPOKEEP_STATE_DIR"):
        return Source("env", "EXPOKEEP_STATE_DIR")
    return DEFAULT
