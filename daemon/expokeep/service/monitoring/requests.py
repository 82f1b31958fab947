"""Counts the answers of the control socket: by their status, and how long they took."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from expokeep import clock
from expokeep.control.failure import status_of
from expokeep.control.routes import Bytes, Call, Handler, Lines, Reply
from expokeep.errors import ExpokeepError
from expokeep.service.monitoring.counts import Counts

Item = TypeVar("Item")
Done = Callable[[Exception | None], None]


def counted(counts: Counts, handler: Handler) -> Handler:
    """Return a handler that answers in the same way, and is counted.

    What comes bit by bit counts with its first bit, as its status does.
    """

    def answer(call: Call) -> Reply:
        began_s = clock.monotonic_s()

        def done(error: Exception | None) -> None:
            counts.add("control_requests_total", _status(error))
            took_s = clock.monotonic_s() - began_s
            counts.took("control_request_duration_seconds", took_s)

        try:
            reply = handler(call)
        except Exception as error:
            done(error)
            raise
        if isinstance(reply, Lines):
            return Lines(_begun(reply.objects, done))
        if isinstance(reply, Bytes):
            return Bytes(_begun(reply.chunks, done))
        done(None)
        return reply

    return answer


def _begun(items: Iterator[Item], done: Done) -> Iterator[Item]:
    try:
        first = next(items)
    except StopIteration:
        done(None)
        return
    except Exception as error:
        done(error)
        raise
    done(None)
    yield first
    yield from items


def _status(error: Exception | None) -> str:
    if error is None:
        return "200"
    return str(status_of(error)) if isinstance(error, ExpokeepError) else "500"
