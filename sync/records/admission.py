"""The portal's requests that a station be admitted, which the gate reads."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync.model import Clock, LeadId, to_wire

GOOD_FOR_SECONDS = 300
LONGEST_SESSION_SECONDS = 30 * 86400
"""The most that settings allow: who asks for more is not one of us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRequest:
    """An address is named, never a MAC: whose it is, the gate finds out itself."""

    request_id: str
    ip: str
    lead_id: LeadId | None
    method: str
    session_seconds: int


def ask(connection: sqlite3.Connection, request: AdmissionRequest, clock: Clock) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO admission_requests"
        " (request_id, ip, lead_id, method, session_seconds, asked_at, boot_id, asked_boottime_ms)"
        " VALUES (:request_id, :ip, :lead_id, :method, :session_seconds, :asked_at, :boot_id,"
        " :asked_boottime_ms)",
        {
            "request_id": request.request_id,
            "ip": request.ip,
            "lead_id": request.lead_id,
            "method": request.method,
            "session_seconds": request.session_seconds,
            "asked_at": to_wire(clock.now()),
            "boot_id": clock.boot_id,
            "asked_boottime_ms": int(clock.boottime() * 1000),
        },
    )


def lead_of(connection: sqlite3.Connection, request_id: str) -> LeadId | None:
    """Whose form that was, if it has been sent before."""
    row = connection.execute(
        "SELECT lead_id FROM admission_requests WHERE request_id = :request_id", {"request_id": request_id}
    ).fetchone()
    return LeadId(row[0]) if row and row[0] else None


def find(connection: sqlite3.Connection, request_id: str, clock: Clock) -> AdmissionRequest | None:
    """The request, while it is good: asked in this boot, not over five minutes ago."""
    row = connection.execute(
        "SELECT * FROM admission_requests WHERE request_id = :request_id"
        " AND boot_id = :boot_id AND asked_boottime_ms >= :since",
        _since(clock) | {"request_id": request_id},
    ).fetchone()
    return _request(row) if row else None


def pending(connection: sqlite3.Connection, clock: Clock, asked_since: float = 0.0) -> list[AdmissionRequest]:
    """All requests that are still good, oldest first; the gate knows which it has handled.

    `asked_since`: only those asked after this CLOCK_BOOTTIME; on a busy day thousands are good at once.
    """
    since = _since(clock)
    rows = connection.execute(
        "SELECT * FROM admission_requests WHERE boot_id = :boot_id AND asked_boottime_ms >= :since"
        " ORDER BY asked_boottime_ms",
        since | {"since": max(since["since"], int(asked_since * 1000))},
    )
    return [_request(row) for row in rows]


def latest_from(connection: sqlite3.Connection, ip: str, clock: Clock) -> AdmissionRequest | None:
    """The last good request for the station at this address."""
    row = connection.execute(
        "SELECT * FROM admission_requests WHERE ip = :ip AND boot_id = :boot_id"
        " AND asked_boottime_ms >= :since ORDER BY asked_boottime_ms DESC LIMIT 1",
        _since(clock) | {"ip": ip},
    ).fetchone()
    return _request(row) if row else None


def _since(clock: Clock) -> dict[str, Any]:
    return {"boot_id": clock.boot_id, "since": int((clock.boottime() - GOOD_FOR_SECONDS) * 1000)}


def _request(row: sqlite3.Row) -> AdmissionRequest:
    return AdmissionRequest(
        request_id=row["request_id"],
        ip=row["ip"],
        lead_id=row["lead_id"],
        method=row["method"],
        session_seconds=row["session_seconds"],
    )


def purge(connection: sqlite3.Connection, asked_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM admission_requests WHERE asked_at < :before", {"before": to_wire(asked_before)}
    ).rowcount
