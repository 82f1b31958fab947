"""Those who are compared, in the order of the tables."""

from bench.peers.base import Peer
from bench.peers.expokeep import Expokeep
from bench.peers.juicefs import JuicefsSync
from bench.peers.rclone import Rclone, RcloneTuned
from bench.peers.restic import Restic, ResticSid
from bench.peers.tarball import Tarball, TarballZstd

EVERYONE: tuple[type[Peer], ...] = (
    Expokeep,
    Restic,
    ResticSid,
    Rclone,
    RcloneTuned,
    JuicefsSync,
    Tarball,
    TarballZstd,
)
