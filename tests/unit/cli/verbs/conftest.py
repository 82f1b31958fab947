"""A daemon whose every answer a test decides."""

import pytest

from answering import answering


@pytest.fixture
def asked(monkeypatch):
    """A daemon that `expokeep` finds, without answers yet."""
    with answering() as here:
        monkeypatch.setenv("EXPOKEEP_SOCKET", str(here.socket))
        yield here
