"""What a station has had of the day: bytes of sessions that ended, and temporary passes. Pure.

A day is `2026-11-23` in the store's own zone, or empty while nobody knows what day it is: then the count goes
on, and belongs to the day that it turns out to be.
"""

from dataclasses import dataclass, replace

from netctl.api import Mac
from netctl.gate.sessions import LiveSession


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUse:
    """Of one station. The bytes of a session that goes on are not in it yet."""

    mac: Mac
    day: str
    bytes: int = 0
    passes: int = 0


def on_day(use: DayUse, day: str) -> DayUse:
    """The same on this day: as it was, or from the start."""
    if not day or use.day == day:
        return use
    return replace(use, day=day) if not use.day else DayUse(mac=use.mac, day=day)


def session_on_day(session: LiveSession, day: str) -> LiveSession:
    """The session on this day: what it used before no longer counts."""
    if not day or session.day == day:
        return session
    return replace(
        session, day=day, bytes_before_day=session.bytes_used if session.day else session.bytes_before_day
    )


def used(use: DayUse, session: LiveSession | None) -> int:
    """Bytes of the day, those of the session that goes on with them; both of the same day."""
    return use.bytes + (session.bytes_used - session.bytes_before_day if session else 0)


def after_session(use: DayUse, session: LiveSession) -> DayUse:
    """The session is over: its bytes of the day stay."""
    return replace(use, bytes=used(use, session))


def after_pass(use: DayUse) -> DayUse:
    """One more temporary pass was taken."""
    return replace(use, passes=use.passes + 1)
