"""What all tests share: whether they have a network of their own to play with."""

import pytest

from tests.lab import private


@pytest.fixture(scope="session")
def private_network() -> None:
    """For each test that makes links, packet filters or daemons: never on the network of the machine."""
    if not private.inside():
        pytest.skip("needs a network of its own: run it with `python -m tests`")
