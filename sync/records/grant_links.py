"""Grants of a follow, whichever way they came: the key their links are signed with, and which are used.

A link is used once. For how long that must be remembered, the clock says while it is right; what was
forgotten then is known by its end, so that a clock that is wrong later lets no old link in again.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sync.grant_token import PLATFORMS, GrantToken
from sync.model import Clock, LeadId, from_wire, to_wire
from sync.records import admission, grants
from sync.records.admission import AdmissionRequest
from sync.records.grants import Grant

METHOD: Final = "follow"
UseOf = Literal["used_now", "used_before", "used_by_another", "taken_back"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantKey:
    """`venue_number` is this store's in its links."""

    key: bytes
    venue_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowGrant:
    """Head office's word by the command log. `ip`: the station that was offered what she has sent."""

    grant_id: str
    account: str
    platform: str
    ip: str
    lead_id: LeadId | None
    session_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Behind which follow a grant stands, and which way it came first."""

    account: str | None
    platform: str
    by: Literal["log", "link"]


def set_key(connection: sqlite3.Connection, key: GrantKey, clock: Clock) -> None:
    """Head office gives a store one key; a new one makes all links of the old one worthless."""
    connection.execute(
        "INSERT INTO grant_key (id, key, venue_number, received_at) VALUES (1, :key, :number, :at)"
        " ON CONFLICT (id) DO UPDATE SET key = excluded.key, venue_number = excluded.venue_number,"
        " received_at = excluded.received_at",
        {"key": key.key.hex(), "number": key.venue_number, "at": to_wire(clock.now())},
    )


def key_of_store(connection: sqlite3.Connection) -> GrantKey | None:
    """None: head office has not given one yet."""
    row = connection.execute("SELECT key, venue_number FROM grant_key").fetchone()
    return GrantKey(key=bytes.fromhex(row["key"]), venue_number=row["venue_number"]) if row else None


def surely_past(connection: sqlite3.Connection, clock: Clock) -> datetime | None:
    """The latest moment that surely lies behind us: now, or with a wrong clock the end of the links that
    have been forgotten; None: nothing is known."""
    if clock.synced():
        return clock.now()
    row = connection.execute("SELECT expired_before FROM forgotten_links").fetchone()
    return from_wire(row[0]) if row else None


# --- by the command log: written by sync -------------------------------------------------------------------


def give(connection: sqlite3.Connection, grant: FollowGrant, clock: Clock) -> None:
    """The grant's own id is its request's: with it the gate admits once, by log and by link together."""
    connection.execute(
        "INSERT OR IGNORE INTO follow_grants (grant_id, account, platform, granted_at)"
        " VALUES (:grant_id, :account, :platform, :now)",
        {
            "grant_id": grant.grant_id,
            "account": grant.account,
            "platform": grant.platform,
            "now": to_wire(clock.now()),
        },
    )
    word = Grant(
        grant_id=grant.grant_id,
        request_id=grant.grant_id,
        ip=grant.ip,
        lead_id=grant.lead_id,
        method=METHOD,
        session_seconds=grant.session_seconds,
    )
    grants.give(connection, word, clock)


# --- by the link: written by the portal --------------------------------------------------------------------


def use(
    connection: sqlite3.Connection,
    token: GrantToken,
    account: str | None,
    ip: str,
    session_seconds: int,
    clock: Clock,
) -> UseOf:
    """A checked link is used by the station at this address: remembered together with the admission request
    it pays for. `used_before`: by this station, or it was let in by the log; it may have been admitted."""
    grant_id = token.grant_id
    if _is_taken_back(connection, grant_id):
        return "taken_back"
    by_log = connection.execute(
        "SELECT ip FROM grants WHERE grant_id = :grant_id", {"grant_id": grant_id}
    ).fetchone()
    before = by_log or _used_at(connection, grant_id)
    if before is not None:
        return "used_before" if before["ip"] == ip else "used_by_another"
    connection.execute(
        "INSERT INTO used_links (grant_id, platform, account, ip, used_at, expires_at)"
        " VALUES (:grant_id, :platform, :account, :ip, :now, :expires_at)",
        {
            "grant_id": grant_id,
            "platform": PLATFORMS.get(token.channel, str(token.channel)),
            "account": account,
            "ip": ip,
            "now": to_wire(clock.now()),
            "expires_at": to_wire(token.expires_at),
        },
    )
    admission.ask(connection, _request(grant_id, ip, session_seconds), clock)
    return "used_now"


def use_again(
    connection: sqlite3.Connection, grant_id: str, ip: str, session_seconds: int, clock: Clock
) -> None:
    """The gate never granted what this link paid for: it was down until the request was too old."""
    connection.execute("UPDATE used_links SET ip = :ip WHERE grant_id = :id", {"ip": ip, "id": grant_id})
    connection.execute("DELETE FROM admission_requests WHERE request_id = :id", {"id": grant_id})
    admission.ask(connection, _request(grant_id, ip, session_seconds), clock)


def _request(grant_id: str, ip: str, session_seconds: int) -> AdmissionRequest:
    return AdmissionRequest(
        request_id=grant_id, ip=ip, lead_id=None, method=METHOD, session_seconds=session_seconds
    )


def _used_at(connection: sqlite3.Connection, grant_id: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT ip FROM used_links WHERE grant_id = :grant_id", {"grant_id": grant_id}
    ).fetchone()
    return row


def _is_taken_back(connection: sqlite3.Connection, grant_id: str) -> bool:
    return grant_id in grants.revoked(connection, grant_id)


# --- what the gate tells of it -----------------------------------------------------------------------------


def followed(connection: sqlite3.Connection, grant_id: str) -> Followed | None:
    row = connection.execute(
        "SELECT account, platform, 'log' AS by FROM follow_grants WHERE grant_id = :id"
        " UNION ALL SELECT account, platform, 'link' FROM used_links WHERE grant_id = :id LIMIT 1",
        {"id": grant_id},
    ).fetchone()
    return Followed(account=row["account"], platform=row["platform"], by=row["by"]) if row else None


# --- ages --------------------------------------------------------------------------------------------------


def forget_links(connection: sqlite3.Connection, expired_before: datetime) -> int:
    """Used links that ended so long ago; that all of these are over is what stays known of them. Runs only
    while the clock is right, so a moment that was noted by a mistaken one is put right here."""
    before = {"before": to_wire(expired_before)}
    connection.execute(
        "INSERT INTO forgotten_links (id, expired_before) VALUES (1, :before)"
        " ON CONFLICT (id) DO UPDATE SET expired_before = excluded.expired_before",
        before,
    )
    return connection.execute("DELETE FROM used_links WHERE expires_at < :before", before).rowcount


def purge_grants(connection: sqlite3.Connection, granted_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM follow_grants WHERE granted_at < :before", {"before": to_wire(granted_before)}
    ).rowcount
