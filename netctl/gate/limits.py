"""What a guest may have: how long, how much, how fast and when. Pure.

Nothing is closed and no new day begins on a clock that is not right: after a boot without one, guests have
what they had.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Final
from zoneinfo import ZoneInfo

from netctl.api import EndReason
from netctl.gate.sessions import LiveSession, why_over
from netctl.linux.rates import Rates
from sync.config import Config
from sync.opening_hours import Span, closes_at, opens_at, parse_opening_hours

MEGABYTE = 1_000_000
TEMPORARY_PASS: Final = "temporary_pass"  # noqa: S105 - a method, no secret
# Who works here comes before the doors open and stays on after they close.
_AT_ANY_HOUR = frozenset({"staff_code", "allowed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestLimits:
    """The settings of `[limits]`, as the gate reckons with them. No limit: infinite seconds, None bytes."""

    idle_seconds: float
    day_bytes: int | None
    pass_seconds: int
    passes_a_day: int
    pass_bytes: int | None
    rates: Rates
    pass_rates: Rates
    totals: Rates
    hours: tuple[Span, ...]
    zone: ZoneInfo

    @classmethod
    def of(cls, config: Config) -> "GuestLimits":
        limits = config.limits
        return cls(
            idle_seconds=limits.idle_minutes * 60 or inf,
            day_bytes=limits.day_megabytes * MEGABYTE or None,
            pass_seconds=limits.pass_minutes * 60,
            passes_a_day=limits.passes_a_day,
            pass_bytes=limits.pass_megabytes * MEGABYTE or None,
            rates=Rates(down_kbit=limits.down_kbit, up_kbit=limits.up_kbit),
            pass_rates=Rates(down_kbit=limits.pass_down_kbit, up_kbit=limits.pass_up_kbit),
            totals=Rates(down_kbit=limits.total_down_kbit, up_kbit=limits.total_up_kbit),
            hours=parse_opening_hours(limits.opening_hours),
            zone=ZoneInfo(config.venue.timezone),
        )

    def day(self, now: datetime, synced: bool) -> str:
        """The store's own day, `2026-11-23`; empty while nobody knows."""
        return now.astimezone(self.zone).date().isoformat() if synced else ""

    def seconds_open(self, now: datetime, synced: bool) -> float:
        """How long guests are still admitted; 0: the store is closed."""
        if not self.hours or not synced:
            return inf
        local = now.astimezone(self.zone)
        if opens_at(self.hours, local) is not None:
            return 0.0
        closing = closes_at(self.hours, local)
        # By way of UTC: times of one zone are subtracted as the wall shows them, an hour off twice a year.
        return (closing.astimezone(UTC) - now).total_seconds() if closing else inf

    def opens_at(self, now: datetime, synced: bool) -> datetime | None:
        """When guests are admitted again; None: they are."""
        return opens_at(self.hours, now.astimezone(self.zone)) if synced else None

    def is_for_guests(self, method: str) -> bool:
        """Whether who was admitted by this method has to leave when the store closes."""
        return method not in _AT_ANY_HOUR

    def rates_of(self, method: str) -> Rates:
        return self.pass_rates if method == TEMPORARY_PASS else self.rates


def bytes_left(session: LiveSession, used_today: int, limits: GuestLimits) -> int | None:
    """Of its own volume or of its station's day, whichever is less; None: no limit."""
    left = []
    if session.bytes_limit is not None:
        left.append(session.bytes_limit - session.bytes_used)
    if limits.day_bytes is not None:
        left.append(limits.day_bytes - used_today)
    return max(0, min(left)) if left else None


def why_ending(
    session: LiveSession, used_today: int, limits: GuestLimits, boottime: float
) -> EndReason | None:
    """Why the session is over now; None: it goes on."""
    if session.seconds_left(boottime) <= 0:
        return why_over(session)
    if bytes_left(session, used_today, limits) == 0:
        return "quota"
    return "idle" if boottime - session.active >= limits.idle_seconds else None
