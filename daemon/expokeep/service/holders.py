"""Says once that a session is another host's, and once that it is ours again."""

from dataclasses import dataclass, field

from expokeep.catalog.values import Opened
from expokeep.log import get
from expokeep.model.names import SessionId

log = get(__name__)


@dataclass(frozen=True, slots=True)
class Holders:
    """Sessions that another host held when something of them was last recorded."""

    _others: dict[SessionId, str] = field(default_factory=dict)

    def learn(self, opened: Opened) -> None:
        """Take what the catalog said of a session."""
        session, before = opened.session, self._others.pop(opened.session, None)
        if opened.holder is None or opened.is_ours:
            if before is not None:
                log.info("session held here again", session=session)
            return
        other = self._others[session] = opened.holder.name
        if other != before:
            log.warning("session held by another host", session=session, host=other)
