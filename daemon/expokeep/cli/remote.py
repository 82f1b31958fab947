"""Asks the daemon: documents as they are, and versions to restore."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from expokeep.control.blobs import decoded
from expokeep.control.client import Client, segment
from expokeep.errors import DaemonUnreachable
from expokeep.history.blame_documents import Blame
from expokeep.history.documents import (
    Difference,
    Finding,
    SessionList,
    Status,
    TreeListing,
    VersionShown,
)
from expokeep.history.version_log import LogWish, VersionLog
from expokeep.model.digest import Digest
from expokeep.model.names import to_text
from expokeep.restore.blob import Blob
from expokeep.restore.documents import offer_of
from expokeep.restore.run import Result
from expokeep.restore.source import Arrival, Offer, Source

_SHORT = {"abbreviated": True}
"""A person at a terminal may name a session by how it begins."""

Document = TypeVar("Document", bound=msgspec.Struct)


def decode(raw: bytes, kind: type[Document]) -> Document:
    """Return the document that the daemon sent.

    Raises:
        DaemonUnreachable: it is another kind of document.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise DaemonUnreachable(f"the daemon's answer is odd: {error}") from error


class Remote:
    """Implements `asking.Asked` and `restore.source.Source` on the control socket."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def sessions(
        self, *, user: str | None, prefix: str, limit: int, sort: str
    ) -> SessionList:
        """Return sessions."""
        raw = self._client.get(
            "/v1/sessions", user=user, prefix=prefix or None, limit=limit, sort=sort
        )
        return decode(raw, SessionList)

    def log(self, session: str, wish: LogWish) -> VersionLog:
        """Return the versions of a session, newest first."""
        path = f"/v1/sessions/{segment(session)}/versions"
        asked = {
            "labels": wish.only_marked,
            "counts": wish.with_counts,
            "epochs": wish.with_epochs,
        }
        switches = {name: "true" for name, is_on in asked.items() if is_on}
        raw = self._client.get(
            path, since=wish.since, limit=wish.limit, **switches, **_SHORT
        )
        return decode(raw, VersionLog)

    def show(self, ref: str) -> VersionShown:
        """Return one version in full."""
        return decode(self._client.get(_version(ref), **_SHORT), VersionShown)

    def ls(self, ref: str, path: bytes) -> TreeListing:
        """Return what a version has at a path and below."""
        raw = self._client.get(_version(ref, "/tree"), path=to_text(path), **_SHORT)
        return decode(raw, TreeListing)

    def cat(self, ref: str, path: bytes) -> Iterator[bytes]:
        """Return the contents of a file."""
        return self._client.stream(
            "GET", _version(ref, "/contents"), None, path=to_text(path), **_SHORT
        )

    def find(self, glob: bytes, sessions: Collection[str]) -> Finding:
        """Return every path that ever matched."""
        raw = self._client.get(
            "/v1/find", glob=to_text(glob), session=list(sessions), **_SHORT
        )
        return decode(raw, Finding)

    def holders(self, digest: str, sessions: Collection[str]) -> Finding:
        """Return every path that ever had some contents."""
        raw = self._client.get(
            "/v1/find", digest=digest, session=list(sessions), **_SHORT
        )
        return decode(raw, Finding)

    def blame(self, ref: str, path: bytes) -> Blame:
        """Return whose each line of a file is."""
        raw = self._client.get(_version(ref, "/blame"), path=to_text(path), **_SHORT)
        return decode(raw, Blame)

    def diff(
        self,
        old: str | None,
        new: str,
        paths: Collection[bytes],
        detail: Literal["names", "stat", "patch"],
    ) -> Difference:
        """Return what turns one version into another."""
        names = [to_text(path) for path in paths]
        raw = self._client.get(
            "/v1/diff", old=old, new=new, path=names, detail=detail, **_SHORT
        )
        return decode(raw, Difference)

    def source(self) -> Source:
        """Return what a restore is fed from."""
        return self

    def restored(self, result: Result | None) -> None:
        """Tell the daemon how a restore ended."""
        told: dict[str, object] = {"outcome": "failed"}
        if result is not None:
            told |= {
                "outcome": "restored",
                "took_s": result.took_s,
                "size_bytes": result.size_bytes,
            }
        self._client.patience_s = 0.0  # no session waits for that
        self._client.post("/v1/restores", told)

    def home(self, session: str) -> Path | None:
        """Return the directory in which a session lives on the daemon's host."""
        found = decode(self._client.get("/v1/status", session=session), Status)
        homes = [
            Path(one.directory) for one in found.sessions if one.session == session
        ]
        own = [home for home in homes if home.name == f"expo-{session}"]
        return next(iter(own or homes), None)

    def offer(self, version: str) -> Offer:
        """Return what a restore of a version has to make."""
        return offer_of(self._client.get(_version(version, "/offer"), **_SHORT))

    def blobs(self, offer: Offer, digests: Collection[Digest]) -> Iterator[Blob]:
        """Yield contents of a version."""
        version = offer.version
        # By its pack, if it has no number yet: it may get one at any moment.
        name = version.seq or f"pack:{version.pack}"
        ref = f"{version.session}@{name}"
        wanted = {"digests": [digest.hex() for digest in digests]}
        return decoded(self._client.stream("POST", _version(ref, "/blobs"), wanted))

    def arriving(self, arrival: Arrival) -> None:
        """Tell where a version is about to be."""
        self._client.post(
            "/v1/arrivals",
            {
                "session": arrival.session,
                "seq": arrival.seq,
                # The daemon compares it with where sessions live: that is always text.
                "target": os.fsencode(arrival.target).decode(errors="backslashreplace"),
                "device": arrival.device,
                "inode": arrival.inode,
                "birth_ns": arrival.birth_ns,
                "pack": str(arrival.pack) if arrival.pack else None,
                "force": arrival.force,
            },
        )


def _version(ref: str, rest: str = "") -> str:
    return f"/v1/versions/{segment(ref)}{rest}"
