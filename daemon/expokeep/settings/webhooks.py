"""Settings of who is told what happens."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from expokeep.settings.declare import secret, setting, setting_list
from expokeep.settings.kinds import SECRET, SWITCH, Kind, text
from expokeep.settings.urls import http_url


def _url(given: str) -> str:
    """Return a URL, which may have a query; `http_url` says what else."""
    base, question, query = given.partition("?")
    if not http_url(base) or not (query.isascii() and query.isprintable()):
        raise ValueError("not the URL of a webhook")
    return base + question + query.replace(" ", "%20")


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/***"


TARGET = Kind(
    "a URL such as https://host/path, without a user", _url, _place, is_private=True
)
EVENT = text(r"\*|[a-z]+\.(\*|[a-z_]+)", "a kind such as version.created, share.* or *")


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Who is told what happens, by requests that are signed. See docs/HOOKS.md."""

    url: str | None = setting(
        TARGET, None, "Where to: https, or http on this very host. Shown without path."
    )
    events: tuple[str, ...] = setting_list(
        EVENT,
        ("version.*", "share.*", "session.*", "hook.*"),
        "Of what. This list replaces the default.",
    )
    secret: str | None = secret(
        SECRET,
        "What requests are signed with. Must be there where url is.",
        env="EXPOKEEP_WEBHOOK_SECRET",
        credential="webhook-secret",
    )
    allow_private: bool = setting(
        SWITCH, "false", "Whether it may be in this host's own network."
    )
    with_plan: bool = setting(
        SWITCH,
        "false",
        "Whether version.created comes with a link by which anybody who has it fetches "
        "the version, for an hour.",
    )
