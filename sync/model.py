"""The shared words: what an event is, what time it is, and how ids are made.

Times are timezone-aware datetimes inside and ISO 8601 text in UTC with six digits and a Z outside
(in SQL and on the wire), so that text order is time order.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NewType, Protocol

VenueId = NewType("VenueId", str)
LeadId = NewType("LeadId", str)
EventId = NewType("EventId", str)

EventType = Literal[
    "lead.captured",
    "lead.verified",
    "consent.given",
    "consent.withdrawn",
    "session.started",
    "session.ended",
    "visit.ended",
    "follow.offered",
    "follow.claimed",
    "follow.verified",
    "follow.ended",
    "footfall.counted",
    "lead.erased",
    "notice.raised",
    "venue.started",
]
Purpose = Literal["access_terms", "marketing"]
ClockState = Literal["synced", "unsynced"]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(now_ms: int | None = None, entropy: Callable[[int], bytes] = os.urandom) -> str:
    """A ULID (github.com/ulid/spec): 48 bits of milliseconds and 80 of chance as 26 characters.

    It is made when a thing is born and never again: every queue and every retry knows the thing by it.
    A wrong clock only spoils the order, not the uniqueness.
    """
    stamp = int(time.time() * 1000) if now_ms is None else now_ms
    number = (stamp & (1 << 48) - 1) << 80 | int.from_bytes(entropy(10), "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def to_wire(at: datetime) -> str:
    """An aware datetime as `2026-11-23T08:00:00.000000Z`. Raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    # Not strftime: glibc writes the year 970 with three digits, and text order would no longer be time order.
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_wire(text: str) -> datetime:
    """The reverse of `to_wire`; accepts any ISO 8601 time that names its zone. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {text!r}")
    return at.astimezone(UTC)


class Clock(Protocol):
    """What a process may ask about time; tests pass their own."""

    @property
    def boot_id(self) -> str: ...
    def now(self) -> datetime: ...
    def boottime(self) -> float: ...
    def synced(self) -> bool: ...


_SYNCED_FOR_SECONDS = 1.0


class SystemClock:
    """The machine's clock. A Pi has none of its own: until NTP has spoken, `synced()` is False."""

    def __init__(self, synchronized_file: Path = Path("/run/systemd/timesync/synchronized")) -> None:
        self._synchronized_file = synchronized_file
        self._synced, self._ask_again_at = False, 0.0
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    @property
    def boot_id(self) -> str:
        return self._boot_id

    def now(self) -> datetime:
        return datetime.now(UTC)

    def boottime(self) -> float:
        """Seconds since boot, suspend included (CLOCK_BOOTTIME): it never jumps."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def synced(self) -> bool:
        """Whether the kernel says its clock is disciplined, or systemd-timesyncd has set it; asked once a
        second at most, since an admission wants to know it five times.
        """
        now = self.boottime()
        if now >= self._ask_again_at:
            self._synced = self._synchronized_file.exists() or _kernel_clock_is_synchronised()
            self._ask_again_at = now + _SYNCED_FOR_SECONDS
        return self._synced


def _kernel_clock_is_synchronised() -> bool:
    """adjtimex(2): the state is TIME_ERROR (5) while no daemon disciplines the clock."""
    import ctypes

    # struct timex is 208 bytes on every 64-bit Linux; a zeroed one only reads.
    libc = ctypes.CDLL(None, use_errno=True)
    state = int(libc.adjtimex(ctypes.create_string_buffer(512)))
    return 0 <= state < 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the outbox: something happened, told once.

    `at` is the wall clock's word for it, with `clock` saying whether that clock was right; `boot_id` and
    `monotonic_ms` (CLOCK_BOOTTIME, milliseconds) let it be corrected later.
    """

    event_id: EventId
    type: str
    at: datetime
    clock: ClockState
    boot_id: str
    monotonic_ms: int
    body: Mapping[str, Any] = field(default_factory=dict)


def new_event(kind: EventType, body: Mapping[str, Any], clock: Clock) -> Event:
    """An event that happens now."""
    return Event(
        event_id=EventId(new_id()),
        type=kind,
        at=clock.now(),
        clock="synced" if clock.synced() else "unsynced",
        boot_id=clock.boot_id,
        monotonic_ms=int(clock.boottime() * 1000),
        body=body,
    )
