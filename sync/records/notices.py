"""What the owner should know."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sync.model import Clock, from_wire, new_event, new_id, to_wire
from sync.records import outbox

Severity = Literal["info", "warning", "trouble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`key` names the sentence the owner reads; `detail` is for the person who mends it."""

    notice_id: str
    key: str
    severity: str
    detail: str
    raised_at: datetime


def raise_notice(
    connection: sqlite3.Connection, key: str, severity: Severity, detail: str, clock: Clock
) -> None:
    """Opens a notice, unless it is open already: then only its detail is renewed."""
    again = connection.execute(
        "UPDATE notices SET detail = :detail WHERE key = :key AND cleared_at IS NULL",
        {"detail": detail, "key": key},
    ).rowcount
    if again:
        return
    notice = {"notice_id": new_id(), "key": key, "severity": severity, "detail": detail}
    connection.execute(
        "INSERT INTO notices (notice_id, key, severity, detail, raised_at)"
        " VALUES (:notice_id, :key, :severity, :detail, :raised_at)",
        notice | {"raised_at": to_wire(clock.now())},
    )
    body = {"notice_id": notice["notice_id"], "key": key, "severity": severity, "text": detail}
    outbox.append(connection, new_event("notice.raised", body, clock))


def clear(connection: sqlite3.Connection, key: str, clock: Clock) -> None:
    """The matter is mended."""
    connection.execute(
        "UPDATE notices SET cleared_at = :now WHERE key = :key AND cleared_at IS NULL",
        {"now": to_wire(clock.now()), "key": key},
    )


def open_notices(connection: sqlite3.Connection) -> list[Notice]:
    rows = connection.execute("SELECT * FROM notices WHERE cleared_at IS NULL ORDER BY raised_at DESC")
    return [
        Notice(
            notice_id=row["notice_id"],
            key=row["key"],
            severity=row["severity"],
            detail=row["detail"],
            raised_at=from_wire(row["raised_at"]),
        )
        for row in rows
    ]


def purge(connection: sqlite3.Connection, cleared_before: datetime) -> int:
    """Mended matters die; what is still open stays."""
    return connection.execute(
        "DELETE FROM notices WHERE cleared_at < :before", {"before": to_wire(cleared_before)}
    ).rowcount
