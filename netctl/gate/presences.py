"""Who is here: joins and leaves, decided from when each station was last heard. Pure.

A stay is measured by CLOCK_BOOTTIME; the wall clock only says where it lies, and is asked when it ends, since
it may have been wrong when it began.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from netctl.api import Mac
from netctl.gate.trace import Trace

# No vowels, so that no word appears, and nothing that sounds or looks like another when read out.
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A station that is here. `joined` and `seen` (last heard) are seconds of CLOCK_BOOTTIME."""

    visit_id: str
    mac: Mac
    station_code: str
    joined_at: datetime
    joined: float
    seen: float
    steps: Trace = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """A stay that is over."""

    stay: Stay
    joined_at: datetime
    left_at: datetime


def is_over(stay: Stay, boottime: float, absent_after_seconds: float) -> bool:
    return boottime - stay.seen >= absent_after_seconds


def leave(stay: Stay, boottime: float, now: datetime) -> Leave:
    """The stay ended when the station was last heard, not when we noticed."""
    left_at = now - timedelta(seconds=boottime - stay.seen)
    return Leave(stay=stay, joined_at=left_at - timedelta(seconds=stay.seen - stay.joined), left_at=left_at)


def leave_before_boot(stay: Stay, seen_at: datetime) -> Leave:
    """The box was switched off during the stay: it ended when the station was last known to be heard."""
    joined_at = seen_at - timedelta(seconds=max(0.0, stay.seen - stay.joined))
    return Leave(stay=stay, joined_at=joined_at, left_at=seen_at)


def new_station_code(taken: Container[str], choose: Callable[[Sequence[str]], str]) -> str:
    """Four letters that nobody else has just now."""
    while True:
        code = "".join(choose(_LETTERS) for _ in range(4))
        if code not in taken:
            return code
