"""One connection to Postgres that does not wait for ever.

A statement that is lost in a black hole is ended by us, whatever the kernel and the
other side believe.
"""

from collections.abc import Callable
from typing import Any, Self, TypeVar

import psycopg
from psycopg import Connection
from psycopg.abc import PQGen
from psycopg.rows import TupleRow

from expokeep import clock
from expokeep.catalog.faults import AnswerLate

T = TypeVar("T")


class Bounded(Connection[TupleRow]):
    """A connection that gives up on an answer after `answer_s`."""

    answer_s: float = 15.0

    # What the driver's own method takes beyond this, nobody here passes.
    @classmethod
    def connect(  # type: ignore[override]
        cls,
        conninfo: str = "",
        *,
        answer_s: float,
        report: Callable[[psycopg.Error], None] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Connect; `report` is told of a failure, which the pool keeps to itself."""
        try:
            connection = super().connect(conninfo, **kwargs)
        except psycopg.Error as error:
            if report is not None:
                report(error)
            raise
        connection.answer_s = answer_s
        return connection

    def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        """Wait for an answer, as long as we are willing to."""
        until_s = clock.monotonic_s() + self.answer_s
        try:
            return super().wait(_until(gen, until_s), *args, **kwargs)
        except AnswerLate:
            # The answer may still come, and would be taken for the next one.
            self.close()
            raise


def _until(gen: PQGen[T], until_s: float) -> PQGen[T]:
    """Drive the driver's generator, and give up when the time is over."""
    try:
        wish = next(gen)
        while True:
            ready = yield wish
            if not ready and clock.monotonic_s() > until_s:
                raise AnswerLate("no answer in time")
            wish = gen.send(ready)
    except StopIteration as stop:
        answer: T = stop.value
        return answer
