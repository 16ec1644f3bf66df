"""Her wish that her session of another store holds here too, and what head office said of it."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from sync.model import Clock, from_wire, to_wire
from sync.records.admission import GOOD_FOR_SECONDS

UNREACHABLE = "unreachable"
"""The one refusal that is not head office's: it is asked again, and its word replaces this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoamingRequest:
    """`code_sha256` and `contact` (E.164 or an e-mail address, normalised) together show that it is her."""

    request_id: str
    ip: str
    code_sha256: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """`key` names the sentence she reads."""

    key: str
    refused_at: datetime


def ask(connection: sqlite3.Connection, request: RoamingRequest, clock: Clock) -> None:
    """The portal asks; the same form again asks for the same thing."""
    connection.execute(
        "INSERT OR IGNORE INTO roaming_requests"
        " (request_id, ip, code_sha256, contact, asked_at, boot_id, asked_boottime_ms)"
        " VALUES (:request_id, :ip, :code_sha256, :contact, :asked_at, :boot_id, :asked_boottime_ms)",
        {
            "request_id": request.request_id,
            "ip": request.ip,
            "code_sha256": request.code_sha256,
            "contact": request.contact,
            "asked_at": to_wire(clock.now()),
            "boot_id": clock.boot_id,
            "asked_boottime_ms": int(clock.boottime() * 1000),
        },
    )


def unanswered(connection: sqlite3.Connection, clock: Clock) -> list[RoamingRequest]:
    """Those head office has not decided yet, oldest first."""
    return [
        _request(row)
        for row in connection.execute(
            "SELECT * FROM roaming_requests WHERE boot_id = :boot_id AND asked_boottime_ms >= :since"
            " AND request_id NOT IN (SELECT request_id FROM grants)"
            " AND request_id NOT IN (SELECT request_id FROM roaming_refusals WHERE key <> :unreachable)"
            " ORDER BY asked_boottime_ms",
            _good(clock) | {"unreachable": UNREACHABLE},
        )
    ]


def latest_from(connection: sqlite3.Connection, ip: str, clock: Clock) -> RoamingRequest | None:
    """The last good wish of the station at this address."""
    row = connection.execute(
        "SELECT * FROM roaming_requests WHERE ip = :ip AND boot_id = :boot_id AND asked_boottime_ms >= :since"
        " ORDER BY asked_boottime_ms DESC, request_id DESC LIMIT 1",
        _good(clock) | {"ip": ip},
    ).fetchone()
    return _request(row) if row else None


def find(connection: sqlite3.Connection, request_id: str, clock: Clock) -> RoamingRequest | None:
    """The wish, while it is good: asked in this boot, not over five minutes ago."""
    row = connection.execute(
        "SELECT * FROM roaming_requests WHERE request_id = :request_id AND boot_id = :boot_id"
        " AND asked_boottime_ms >= :since",
        _good(clock) | {"request_id": request_id},
    ).fetchone()
    return _request(row) if row else None


def refuse(connection: sqlite3.Connection, request_id: str, key: str, at: datetime) -> None:
    """Head office said no, or could not be asked."""
    connection.execute(
        "INSERT INTO roaming_refusals (request_id, key, refused_at) VALUES (:request_id, :key, :at)"
        " ON CONFLICT (request_id) DO UPDATE SET key = excluded.key, refused_at = excluded.refused_at",
        {"request_id": request_id, "key": key, "at": to_wire(at)},
    )


def refusal_of(connection: sqlite3.Connection, request_id: str) -> Refusal | None:
    row = connection.execute(
        "SELECT key, refused_at FROM roaming_refusals WHERE request_id = :request_id",
        {"request_id": request_id},
    ).fetchone()
    return Refusal(key=row["key"], refused_at=from_wire(row["refused_at"])) if row else None


def _good(clock: Clock) -> dict[str, str | int]:
    since = int((clock.boottime() - GOOD_FOR_SECONDS) * 1000)
    return {"boot_id": clock.boot_id, "since": since}


def _request(row: sqlite3.Row) -> RoamingRequest:
    return RoamingRequest(
        request_id=row["request_id"],
        ip=row["ip"],
        code_sha256=row["code_sha256"],
        contact=row["contact"],
    )


def purge(connection: sqlite3.Connection, asked_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM roaming_requests WHERE asked_at < :before", {"before": to_wire(asked_before)}
    ).rowcount


def purge_refusals(connection: sqlite3.Connection, refused_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM roaming_refusals WHERE refused_at < :before", {"before": to_wire(refused_before)}
    ).rowcount
