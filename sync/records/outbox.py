"""The queue of events to head office."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sync.model import ClockState, Event, EventId, from_wire, to_wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """An event with its place in the queue."""

    seq: int
    event: Event


def append(connection: sqlite3.Connection, event: Event) -> None:
    """Queues an event in the transaction of what happened; the same event_id again changes nothing."""
    connection.execute(
        "INSERT OR IGNORE INTO outbox (event_id, type, at, clock, boot_id, monotonic_ms, body)"
        " VALUES (:event_id, :type, :at, :clock, :boot_id, :monotonic_ms, :body)",
        to_row(event),
    )


def pending(connection: sqlite3.Connection, after_seq: int, limit: int) -> list[Queued]:
    """The next events behind `after_seq`, in order."""
    rows = connection.execute(
        "SELECT * FROM outbox WHERE seq > :after ORDER BY seq LIMIT :limit",
        {"after": after_seq, "limit": limit},
    )
    return [Queued(seq=row["seq"], event=from_row(row)) for row in rows]


def to_row(event: Event) -> dict[str, str | int]:
    """An event as columns: of the outbox, and of the gate's events on their way there."""
    return {
        "event_id": event.event_id,
        "type": event.type,
        "at": to_wire(event.at),
        "clock": event.clock,
        "boot_id": event.boot_id,
        "monotonic_ms": event.monotonic_ms,
        "body": json.dumps(event.body, ensure_ascii=False, separators=(",", ":")),
    }


def from_row(row: sqlite3.Row) -> Event:
    """The reverse of `to_row`."""
    return Event(
        event_id=EventId(row["event_id"]),
        type=row["type"],
        at=from_wire(row["at"]),
        clock=cast("ClockState", row["clock"]),
        boot_id=row["boot_id"],
        monotonic_ms=row["monotonic_ms"],
        body=json.loads(row["body"]),
    )


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT COUNT(*) FROM outbox").fetchone()[0])


def acknowledge(connection: sqlite3.Connection, up_to_seq: int) -> None:
    """Head office holds everything up to here."""
    connection.execute("DELETE FROM outbox WHERE seq <= :seq", {"seq": up_to_seq})


def set_aside(
    connection: sqlite3.Connection, refused: Iterable[Queued], key: str, message: str, at: datetime
) -> None:
    """Takes refused events out of the queue and keeps them for a person to look at."""
    for queued in refused:
        connection.execute(
            "INSERT OR REPLACE INTO rejected_events (seq, event_id, type, body, key, message, rejected_at)"
            " SELECT seq, event_id, type, body, :key, :message, :at FROM outbox WHERE seq = :seq",
            {"key": key, "message": message, "at": to_wire(at), "seq": queued.seq},
        )
        connection.execute("DELETE FROM outbox WHERE seq = :seq", {"seq": queued.seq})


def purge_set_aside(connection: sqlite3.Connection, rejected_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM rejected_events WHERE rejected_at < :before", {"before": to_wire(rejected_before)}
    ).rowcount
