"""Sharing that is called off."""

from types import SimpleNamespace

import pytest

from expokeep.control.peer import Peer
from expokeep.control.routes import Call
from expokeep.errors import UsageError
from expokeep.service.rights import Rights
from expokeep.service.sharing import SharingRoutes
from expokeep.settings.load import load

ROOT = Peer(uid=0, gid=0, pid=1, groups=frozenset({0}))


@pytest.mark.parametrize("word", ["false", "0", "no", "off"])
def test_nothing_is_lent_where_sharing_is_off(word):
    settings = load(
        path=None,
        environ={"EXPOKEEP_STATE_DIR": "/nowhere", "ENABLE_BUILD_SHARING": word},
        flags={},
    ).settings
    parts = SimpleNamespace(settings=settings, engine=None)
    rights = Rights("nobody", *([lambda _session: 0] * 2), lambda _session: None)
    routes = SharingRoutes(parts, rights, None)
    path = {"ref": "shop@1", "share": "shr-abcdefghijkl"}

    for _method, pattern, handler in routes.routes():
        with pytest.raises(UsageError, match="sharing is off"):
            handler(Call(ROOT, path, {}, b'{"token":"shr-abcdefghijkl"}'))
        assert pattern
