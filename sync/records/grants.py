"""Head office's words that a station may be admitted: sync writes them, the gate reads them as requests."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from sync.model import Clock, LeadId, to_wire
from sync.records.admission import GOOD_FOR_SECONDS, AdmissionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """`request_id` is the shopper's request it answers; `session_seconds` are counted from now."""

    grant_id: str
    request_id: str
    ip: str
    lead_id: LeadId | None
    method: str
    session_seconds: int


def give(connection: sqlite3.Connection, grant: Grant, clock: Clock) -> None:
    """A grant that is there already, or one for a request that has one, changes nothing."""
    connection.execute(
        "INSERT OR IGNORE INTO grants (grant_id, request_id, ip, lead_id, method, session_seconds,"
        " granted_at, boot_id, granted_boottime_ms)"
        " VALUES (:grant_id, :request_id, :ip, :lead_id, :method, :session_seconds, :granted_at, :boot_id,"
        " :granted_boottime_ms)",
        {
            "grant_id": grant.grant_id,
            "request_id": grant.request_id,
            "ip": grant.ip,
            "lead_id": grant.lead_id,
            "method": grant.method,
            "session_seconds": grant.session_seconds,
            "granted_at": to_wire(clock.now()),
            "boot_id": clock.boot_id,
            "granted_boottime_ms": int(clock.boottime() * 1000),
        },
    )


def revoke(connection: sqlite3.Connection, grant_id: str, at: datetime) -> None:
    """Head office takes its word back; once is enough. One that never came here may yet come by its link."""
    taken_back = {"at": to_wire(at), "grant_id": grant_id}
    known = connection.execute(
        "UPDATE grants SET revoked_at = COALESCE(revoked_at, :at) WHERE grant_id = :grant_id", taken_back
    ).rowcount
    if not known:
        connection.execute(
            "INSERT OR IGNORE INTO revoked_links (grant_id, revoked_at) VALUES (:grant_id, :at)", taken_back
        )


def find(connection: sqlite3.Connection, request_id: str, clock: Clock) -> AdmissionRequest | None:
    """The grant for this request, while it is good: given in this boot, not over five minutes ago."""
    found = _good(connection, request_id, clock)
    return found[0] if found else None


def pending(connection: sqlite3.Connection, clock: Clock) -> list[AdmissionRequest]:
    """All grants that are still good, oldest first; the gate knows which it has handled."""
    return _good(connection, None, clock)


def revoked(connection: sqlite3.Connection, request_id: str | None = None) -> set[str]:
    """The requests (or whether this one is among them) whose grant was taken back. A link's is its grant."""
    rows = connection.execute(
        "SELECT request_id FROM grants WHERE revoked_at IS NOT NULL"
        " AND (:id IS NULL OR request_id = :id)"
        " UNION SELECT grant_id FROM revoked_links WHERE :id IS NULL OR grant_id = :id",
        {"id": request_id},
    )
    return {row[0] for row in rows}


def _good(connection: sqlite3.Connection, request_id: str | None, clock: Clock) -> list[AdmissionRequest]:
    now_ms = int(clock.boottime() * 1000)
    rows = connection.execute(
        "SELECT * FROM grants WHERE boot_id = :boot_id AND granted_boottime_ms >= :since"
        " AND revoked_at IS NULL AND (:request_id IS NULL OR request_id = :request_id)"
        " ORDER BY granted_boottime_ms",
        {"boot_id": clock.boot_id, "since": now_ms - GOOD_FOR_SECONDS * 1000, "request_id": request_id},
    )
    wishes = [(row, row["session_seconds"] - (now_ms - row["granted_boottime_ms"]) // 1000) for row in rows]
    return [
        AdmissionRequest(
            request_id=row["request_id"],
            ip=row["ip"],
            lead_id=row["lead_id"],
            method=row["method"],
            session_seconds=seconds_left,
        )
        for row, seconds_left in wishes
        if seconds_left > 0
    ]


def purge(connection: sqlite3.Connection, granted_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM grants WHERE granted_at < :before", {"before": to_wire(granted_before)}
    ).rowcount


def purge_revoked_links(connection: sqlite3.Connection, revoked_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM revoked_links WHERE revoked_at < :before", {"before": to_wire(revoked_before)}
    ).rowcount
