"""Waiting for something to become true, never for time to pass."""

import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")

# An emulated machine is many times slower: it asks for more of it.
PATIENCE = float(os.environ.get("YINGKE_PATIENCE", "1"))


class DidNotHappen(AssertionError):
    """What was waited for did not come in time."""


def until(look: Callable[[], Seen], what: str, within_seconds: float = 20.0) -> Seen:
    """Looks until what it sees is truthy and returns that; raises DidNotHappen with the last thing seen."""
    deadline = time.monotonic() + within_seconds * PATIENCE
    pause = threading.Event()
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise DidNotHappen(f"{what}: not within {within_seconds * PATIENCE:g} s; last seen: {seen!r}")
        pause.wait(0.03)
