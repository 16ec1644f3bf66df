"""When the addresses run out: whose lease goes back. Pure.

DHCP gives an address to whoever asks, so who makes up stations takes them all (RFC 2131 section 7). What one
cannot make up without effort is a sign of life: a made-up station answers nobody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from netctl.linux.elements import Pair

SHORT_ABOVE, ENOUGH_BELOW = 0.75, 0.5
"""The parts of the pool in use at which it gets short, and at which it is so no longer."""

GRACE_SECONDS: Final = 8.0
"""So long a phone has to answer at a fresh address: Windows looks for others there first (RFC 5227)."""

ASKED_SECONDS: Final = 5.0
"""So long after the question a silence counts: the kernel has asked three times (neigh/*/ucast_solicit)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A lease and what is known of its station, in seconds since boot. `answered`: the last sign of life at
    that address; None: none since it was leased. `asked`: since when it is asked in vain; None: it is not.
    `needed`: it is admitted, by a session or by the owner's word."""

    lease: Pair
    since: float
    answered: float | None
    asked: float | None
    needed: bool


def is_short(used: int, capacity: int, was_short: bool) -> bool:
    """Whether addresses must be given back; a pool that was short is so until there is plenty."""
    return used > capacity * (ENOUGH_BELOW if was_short else SHORT_ABOVE)


def to_give_back(
    holders: Iterable[Holder], used: int, capacity: int, boottime: float, absent_after_seconds: float
) -> list[Pair]:
    """Of a short pool: the leases of the silent, the oldest first, as many as there must be."""
    silent = [holder for holder in holders if _is_silent(holder, boottime, absent_after_seconds)]
    silent.sort(key=lambda holder: holder.since)
    too_many = max(0, used - int(capacity * ENOUGH_BELOW))
    return [holder.lease for holder in silent[:too_many]]


def _is_silent(holder: Holder, boottime: float, absent_after_seconds: float) -> bool:
    if holder.needed or holder.asked is None or boottime - holder.asked < ASKED_SECONDS:
        return False
    if holder.answered is None:
        return boottime - holder.since >= GRACE_SECONDS
    return boottime - holder.answered >= absent_after_seconds
