"""Sessions are the wish, the kernel's sets the truth: what to do so that they agree. Pure.

Seconds are those of CLOCK_BOOTTIME, which never jumps: setting the wall clock ends nobody's session.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from math import ceil, inf
from typing import Any

from netctl.api import EndReason, Mac, Session
from sync.model import to_wire
from sync.records.grant_links import Followed

RESTORED_SECONDS = 30 * 60
"""Most that a session gets after a boot while nobody knows what time it is."""

_TOLERANCE_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """One admission that goes on. `expires`, `closes` (when the store does) and `active` (when its
    station last sent something) are seconds of CLOCK_BOOTTIME in this boot."""

    session_id: str
    mac: Mac
    lead_id: str | None
    method: str
    started_at: datetime
    seconds_granted: int
    expires: float
    bytes_up: int = 0
    bytes_down: int = 0
    # After a boot without a right clock: what it had left when last written, and when that was (None: the
    # clock was not right then either). Corrected once the clock is.
    owed_seconds: int | None = None
    owed_at: datetime | None = None
    closes: float = inf
    active: float = 0.0
    bytes_limit: int | None = None
    # The day its bytes are counted for (day_use.py), and those that were counted for earlier ones.
    day: str = ""
    bytes_before_day: int = 0
    # Decided, and not yet written down: a full disk keeps nobody admitted.
    over: EndReason | None = None

    @property
    def ends(self) -> float:
        return min(self.expires, self.closes)

    @property
    def bytes_used(self) -> int:
        """Both ways together."""
        return self.bytes_up + self.bytes_down

    def seconds_left(self, boottime: float) -> int:
        """Whole seconds, rounded up: a session is not over before it is over."""
        return 0 if self.over else max(0, ceil(self.ends - boottime))

    def own_seconds_left(self, boottime: float) -> int:
        """The same, however early the store closes today."""
        return max(0, ceil(self.expires - boottime))

    def seen_from_outside(self, boottime: float, bytes_left: int | None = None) -> Session:
        return Session(
            session_id=self.session_id,
            lead_id=self.lead_id,
            method=self.method,
            started_at=self.started_at,
            seconds_granted=self.seconds_granted,
            seconds_left=self.seconds_left(boottime),
            bytes_up=self.bytes_up,
            bytes_down=self.bytes_down,
            bytes_left=bytes_left,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedSession:
    """An admission that is over, and why."""

    session: LiveSession
    ended_at: datetime
    reason: EndReason
    duration_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A station in the kernel's sets. Seconds are None where it is missing in that direction."""

    mac: Mac
    seconds_up: int | None
    seconds_down: int | None
    bytes_up: int = 0
    bytes_down: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit:
    """Put the station into both sets with this time and these counts (again, if it is there). `addresses`:
    those it holds a lease for."""

    mac: Mac
    seconds: int
    bytes_up: int
    bytes_down: int
    addresses: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expel:
    """Take the station out of both sets."""

    mac: Mac


Step = Admit | Expel


def plan(
    wished: Mapping[Mac, LiveSession], members: Mapping[Mac, Member], boottime: float
) -> Iterator[Step | None]:
    """The steps after which the kernel admits exactly whom the sessions say, for as long as they say; None
    for each station that needs none, so that who goes through ten thousand can pause."""
    for mac, session in wished.items():
        yield step_for(session, members.get(mac), boottime)
    yield from (Expel(mac=mac) for mac in members if mac not in wished)


def step_for(session: LiveSession, member: Member | None, boottime: float) -> Step | None:
    """The step after which the kernel has this station as its session says; None: it has."""
    seconds = session.seconds_left(boottime)
    if seconds <= 0:
        return Expel(mac=session.mac) if member else None
    if member is not None and _agrees(member, seconds):
        return None
    return admitting(counted(session, member), boottime)


def _agrees(member: Member, seconds: int) -> bool:
    """Whether the station is in both sets, for as long as it should be."""
    up, down = member.seconds_up, member.seconds_down
    return (
        up is not None
        and down is not None
        and abs(up - seconds) <= _TOLERANCE_SECONDS
        and abs(down - seconds) <= _TOLERANCE_SECONDS
    )


def admitting(session: LiveSession, boottime: float, addresses: tuple[IPv4Address, ...] = ()) -> Admit:
    """The step that lets the session's station through, at these leased addresses."""
    return Admit(
        mac=session.mac,
        seconds=session.seconds_left(boottime),
        bytes_up=session.bytes_up,
        bytes_down=session.bytes_down,
        addresses=addresses,
    )


def counted(session: LiveSession, member: Member | None, boottime: float | None = None) -> LiveSession:
    """The session with the kernel's counters, which never go back. Who has sent more than last time was
    active at `boottime`."""
    if member is None or (member.bytes_up <= session.bytes_up and member.bytes_down <= session.bytes_down):
        return session
    up, down = max(session.bytes_up, member.bytes_up), max(session.bytes_down, member.bytes_down)
    active = boottime if boottime is not None and up > session.bytes_up else session.active
    return replace(session, bytes_up=up, bytes_down=down, active=active)


def extended(
    session: LiveSession, seconds: int, lead_id: str | None, boottime: float, method: str = ""
) -> LiveSession:
    """The session after its station was admitted once more: the longer end holds, the first lead stays. A
    temporary pass becomes what it was asked for, without the pass's own limit."""
    expires = max(session.expires, boottime + seconds)
    longer = max(0, round(expires - session.expires))
    return replace(
        session,
        expires=expires,
        seconds_granted=session.seconds_granted + longer,
        lead_id=session.lead_id or lead_id,
        method=method if method and session.method == "temporary_pass" else session.method,
        bytes_limit=None,
        active=boottime,
        owed_seconds=None,
        owed_at=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A session as it lay in the store: `seconds_left` when `boottime` and the wall clock said so."""

    session: LiveSession
    seconds_left: int
    boot_id: str
    boottime: float
    written_at: datetime
    clock_synced: bool


def restored(written: Written, boot_id: str, boottime: float, now: datetime, synced: bool) -> LiveSession:
    """The session as it goes on now, maybe in another boot.

    In the same boot nothing is lost or won. After a boot the time the power was away counts when both
    clocks were right; else what was left, but at most half an hour until the clock is.
    """
    session = written.session
    if written.boot_id == boot_id:
        return replace(session, expires=written.boottime + written.seconds_left, active=boottime)
    owed_at = written.written_at if written.clock_synced else None
    if synced:
        return _settled(session, written.seconds_left, owed_at, boottime, now, since_boot=boottime)
    return replace(
        session,
        expires=boottime + min(written.seconds_left, RESTORED_SECONDS),
        active=boottime,
        owed_seconds=written.seconds_left,
        owed_at=owed_at,
    )


def corrected(session: LiveSession, boottime: float, now: datetime) -> LiveSession:
    """The session once the clock is right."""
    if session.owed_seconds is None:
        return session
    return _settled(session, session.owed_seconds, session.owed_at, boottime, now, since_boot=boottime)


def _settled(
    session: LiveSession,
    owed_seconds: int,
    owed_at: datetime | None,
    boottime: float,
    now: datetime,
    since_boot: float,
) -> LiveSession:
    gone = (now - owed_at).total_seconds() if owed_at else since_boot
    # A right clock that says "earlier than written" was wrong once: then count what surely passed.
    gone = max(gone, min(since_boot, owed_seconds))
    expires = boottime + owed_seconds - gone
    active = session.active or boottime
    return replace(session, expires=expires, active=active, owed_seconds=None, owed_at=None)


def ended(session: LiveSession, reason: EndReason, boottime: float, now: datetime) -> EndedSession:
    """The session is over. Its length is counted by the clock that does not jump."""
    over = max(0.0, boottime - session.ends)
    left = max(0.0, session.expires - min(boottime, session.ends))
    if session.owed_seconds is not None:
        # Only part of what it had left was restored: half an hour of this boot, so far.
        left = max(0.0, session.owed_seconds - boottime)
    lasted = max(0, round(session.seconds_granted - left))
    ended_at = now - timedelta(seconds=over)
    return EndedSession(session=session, ended_at=ended_at, reason=reason, duration_seconds=lasted)


def why_over(session: LiveSession) -> EndReason:
    """Why a session without time left is over."""
    if session.over or session.closes < session.expires:
        return session.over or "closed"
    owed = session.owed_seconds or 0
    return "lost_at_reboot" if owed > RESTORED_SECONDS else "expired"


def started_body(session: LiveSession) -> dict[str, Any]:
    """The body of `session.started`: no MAC is in it."""
    return {
        "session_id": session.session_id,
        "lead_id": session.lead_id,
        "method": session.method,
        "started_at": to_wire(session.started_at),
        "seconds_granted": session.seconds_granted,
    }


def verified_body(session: LiveSession, grant_id: str, followed: Followed) -> dict[str, Any]:
    """The body of `follow.verified`: a follow that the platform has confirmed opened the gate."""
    return {
        "grant_id": grant_id,
        "account": followed.account,
        "platform": followed.platform,
        "by": followed.by,
        "session_id": session.session_id,
    }


def ended_body(over: EndedSession) -> dict[str, Any]:
    """The body of `session.ended`: no MAC is in it."""
    session = over.session
    return {
        "session_id": session.session_id,
        "lead_id": session.lead_id,
        "method": session.method,
        "started_at": to_wire(session.started_at),
        "ended_at": to_wire(over.ended_at),
        "reason": over.reason,
        "duration_seconds": over.duration_seconds,
        "bytes_up": session.bytes_up,
        "bytes_down": session.bytes_down,
    }
