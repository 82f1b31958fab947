"""The bucket: whether it answers, lets us do our work, and lets nobody else see it.

By doing it, with an object of a few bytes below `probe/` that is gone again at the end.
What a wrong key would destroy is not tried.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from expokeep import clock, wiring
from expokeep.doctor.servers import hint_of, skew
from expokeep.doctor.values import Check
from expokeep.errors import AccessDenied, ConfigError, ExpokeepError
from expokeep.model.digest import Digest
from expokeep.settings.values import Settings
from expokeep.store.s3 import stranger
from expokeep.store.s3.looking import LookingStore

_RIGHTS_HINT = (
    "On R2, make a token with *Object Read & Write* on this bucket; elsewhere allow "
    "s3:PutObject, s3:GetObject, s3:DeleteObject and s3:ListBucket. Then put it where "
    "`expokeep config show --sources` says."
)
_CLOCK_ROUNDS_S = 1.0
_SHOWN = 5
_TIME_DIGITS = 12
"""Of the name of a probe: its time in ms, as in every UUID of version 7."""
_OLD_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class _Probe:
    """An object that only a look needs."""

    key: str
    contents: bytes


def bucket(settings: Settings) -> Iterator[Check]:
    """Look at the bucket; of one that does not answer, say only that."""
    try:
        with wiring.looking_store(settings) as store:
            refused = _listing_refused(store, settings.storage.prefix)
            yield Check("bucket", "ok", f"{settings.storage.bucket} answers")
            if refused:
                yield from _rights({"list": refused})
            else:
                yield from _looked_into(settings, store)
    except ConfigError as error:
        yield Check("bucket", "error", str(error), wiring.UNCONFIGURED_HINT)
    except ExpokeepError as error:
        yield Check("bucket", "error", str(error), hint_of(error))


def _listing_refused(store: LookingStore, prefix: str) -> str:
    """Return why this key may not list, if it may something else.

    Raises:
        ExpokeepError: it may nothing, or nobody answers.
    """
    try:
        store.check()
    except AccessDenied as error:
        try:
            store.head(f"{prefix}probe/none")
        except ExpokeepError:
            raise error from None
        return str(error)
    return ""


def _looked_into(settings: Settings, store: LookingStore) -> Iterator[Check]:
    prefix = settings.storage.prefix
    name = clock.uuid7().hex
    probe = _Probe(f"{prefix}probe/{name}", f"a look of expokeep, {name}".encode())
    try:
        missing = dict(_missing_rights(store, probe))
        yield from _rights(missing)
        yield from _strangers(settings, probe)
    finally:
        with contextlib.suppress(ExpokeepError):
            store.delete([probe.key, *_left_behind(store, f"{prefix}probe/", name)])
    others = store.other_buckets()
    if others:
        detail = f"the key sees {len(others)} other buckets, such as {others[0]}"
        hint = "Make a token that is for this bucket only, and put it in its place."
        yield Check("bucket scope", "warning", detail, hint)
    else:
        yield Check("bucket scope", "ok", "the key sees no other bucket")
    yield _rules(store.deleting_rules(prefix))


def _left_behind(store: LookingStore, place: str, name: str) -> Iterator[str]:
    """Yield what looks that were killed have left, by the time in their names."""
    now_ms = int(name[:_TIME_DIGITS], 16)
    for one in store.list(place):
        with contextlib.suppress(ValueError):
            began_ms = int(one.key.removeprefix(place)[:_TIME_DIGITS], 16)
            if began_ms < now_ms - _OLD_MS:
                yield one.key


def _rights(missing: dict[str, str]) -> Iterator[Check]:
    if not missing:
        told = "put, put once, get, list and delete"
        yield Check("bucket rights", "ok", told)
    for right, why in missing.items():
        hint = _RIGHTS_HINT
        if right == "put once":
            hint = (
                "The server heeds no If-None-Match: two hosts could take each other's "
                "place. Use R2, or another server that does."
            )
        yield Check("bucket rights", "error", f"no {right}: {why}", hint)


def _missing_rights(store: LookingStore, probe: _Probe) -> Iterator[tuple[str, str]]:
    """Yield what the key may not do, with the server's words."""
    size = len(probe.contents)
    refused = _refusal(lambda: _put(store, probe.key, probe.contents))
    if refused:
        yield "put", refused
    elif not _refusal(lambda: _put(store, probe.key, probe.contents[::-1])):
        yield "put once", "a second object took the place of the first"
    if not refused and (why := _refusal(lambda: store.get(probe.key, 0, size))):
        yield "get", why
    if why := _refusal(lambda: list(store.list(probe.key))):
        yield "list", why
    if refused:
        return  # there is nothing to delete
    told: dict[str, str] = {}
    why = _refusal(lambda: told.update(store.delete([f"{probe.key}.none"])))
    if why or told:
        yield "delete", why or next(iter(told.values()))


def _strangers(settings: Settings, probe: _Probe) -> Iterator[Check]:
    """Look at what somebody without a key gets, there and by the public URL."""
    place = stranger.place_of(wiring.bucket(settings))
    before = clock.now()
    answer = stranger.ask(f"{place}/{probe.key}")
    if answer.at is not None:
        off_s = (answer.at - before).total_seconds()
        yield skew("bucket clock", off_s, "the bucket's", at_least_s=_CLOCK_ROUNDS_S)
    name = "public bucket"
    if answer.status == 200:
        detail = "everybody can read every object: an unsigned GET was answered"
        hint = "Take the public right away from the bucket: nothing in it is public."
        yield Check(name, "error", detail, hint)
    listing = stranger.ask(f"{place}?list-type=2&max-keys=1")
    if listing.status == 200:
        detail = "everybody can list its keys: an unsigned LIST was answered"
        hint = "Take the right to list away from everybody."
        yield Check(name, "error", detail, hint)
    if 200 not in (answer.status, listing.status):
        yield Check(name, "ok", "who has no key can neither read nor list it")
    if settings.storage.public_url:
        yield _public_url(settings.storage.public_url.rstrip("/"), probe)


def _public_url(url: str, probe: _Probe) -> Check:
    name = "public-url"
    hint = (
        "On its domain, block every path that does not begin with `/public/`: see "
        "RUNBOOK, `Something is to be public`."
    )
    try:
        # A site may answer 200 to everything: only what we put there proves it.
        is_open = stranger.ask(f"{url}/{probe.key}").body == probe.contents
        listing = stranger.ask(f"{url}/?list-type=2&max-keys=1")
    except ExpokeepError as error:
        return Check(name, "warning", str(error), error.hint)
    if is_open:
        return Check(name, "error", f"{url} gives out what is private", hint)
    if b"<ListBucketResult" in listing.body:
        return Check(name, "error", f"{url} lists every key", hint)
    return Check(name, "ok", f"{url} gives out nothing private")


def _rules(rules: list[str] | None) -> Check:
    if rules:
        detail = f"the server deletes by itself: {', '.join(rules[:_SHOWN])}"
        hint = (
            "Remove that lifecycle rule: expokeep alone knows what is needed no more. "
            "Rules that end unfinished uploads may stay."
        )
        return Check("bucket rules", "error", detail, hint)
    told = "the key may not see them" if rules is None else "none deletes objects"
    return Check("bucket rules", "ok", told)


def _put(store: LookingStore, key: str, contents: bytes) -> None:
    # In memory: a look must not need room on a disk that is full.
    descriptor = os.memfd_create("probe")
    try:
        os.write(descriptor, contents)
        digest = Digest(hashlib.sha256(contents).digest())
        store.put_file(key, Path(f"/proc/self/fd/{descriptor}"), sha256=digest)
    finally:
        os.close(descriptor)


def _refusal(ask: Callable[[], object]) -> str:
    """Return why something was refused; nothing if it was not."""
    try:
        ask()
    except ExpokeepError as error:
        return str(error)
    return ""
