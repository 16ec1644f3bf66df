"""The stays in gate.db, and the book of joins and leaves that the sensor reads. See schema.sql."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta

from netctl.api import Mac, Presence
from netctl.gate.presences import Leave, Stay
from netctl.gate.store import Stamp
from netctl.gate.trace import from_text, to_text
from sync.model import from_wire, to_wire


def join(connection: sqlite3.Connection, stay: Stay, stamp: Stamp) -> Presence:
    """A station came. Returns the line for the sensor."""
    connection.execute(
        "INSERT INTO stays (visit_id, mac, station_code, joined_at, joined_boottime_ms, seen_at,"
        " seen_boottime_ms, boot_id, steps) VALUES (:visit_id, :mac, :station_code, :joined_at, :joined,"
        " :seen_at, :seen, :boot_id, :steps)",
        {
            "visit_id": stay.visit_id,
            "mac": stay.mac,
            "station_code": stay.station_code,
            "joined_at": to_wire(stay.joined_at),
            "joined": int(stay.joined * 1000),
            "seen_at": _heard_at(stay, stamp),
            "seen": int(stay.seen * 1000),
            "boot_id": stamp.boot_id,
            "steps": to_text(stay.steps),
        },
    )
    return _append(connection, "joined", stay, stay.joined_at, None)


def join_all(connection: sqlite3.Connection, stays: Iterable[Stay], stamp: Stamp) -> None:
    """Stations came: all of them are written, or none."""
    for stay in stays:
        join(connection, stay, stamp)


def part(connection: sqlite3.Connection, leave: Leave) -> Presence:
    """A station left. Returns the line for the sensor."""
    stay = leave.stay
    connection.execute("DELETE FROM stays WHERE visit_id = :visit_id", {"visit_id": stay.visit_id})
    return _append(connection, "left", stay, leave.joined_at, leave.left_at)


def save_stays(connection: sqlite3.Connection, stays: Iterable[Stay], stamp: Stamp) -> None:
    """When each was last heard: after a crash or a power cut the stay ended no earlier. And what it did."""
    connection.executemany(
        "UPDATE stays SET seen_at = :seen_at, seen_boottime_ms = :seen, steps = :steps"
        " WHERE visit_id = :visit_id",
        [
            {
                "seen_at": _heard_at(stay, stamp),
                "seen": int(stay.seen * 1000),
                "steps": to_text(stay.steps),
                "visit_id": stay.visit_id,
            }
            for stay in stays
        ],
    )


def open_stays(connection: sqlite3.Connection) -> list[tuple[Stay, str, datetime]]:
    """The stays that were going on, each with the boot it was written in and when it was last heard."""
    return [
        (
            Stay(
                visit_id=row["visit_id"],
                mac=Mac(row["mac"]),
                station_code=row["station_code"],
                joined_at=from_wire(row["joined_at"]),
                joined=row["joined_boottime_ms"] / 1000,
                seen=row["seen_boottime_ms"] / 1000,
                steps=from_text(row["steps"]),
            ),
            row["boot_id"],
            from_wire(row["seen_at"]),
        )
        for row in connection.execute("SELECT * FROM stays")
    ]


def presences_after(connection: sqlite3.Connection, seq: int, limit: int) -> list[Presence]:
    """Joins and leaves behind `seq`, in order."""
    rows = connection.execute(
        "SELECT * FROM presences WHERE seq > :seq ORDER BY seq LIMIT :limit", {"seq": seq, "limit": limit}
    )
    return [_presence(row) for row in rows]


def _heard_at(stay: Stay, stamp: Stamp) -> str:
    return to_wire(stamp.at - timedelta(seconds=stamp.boottime - stay.seen))


def _append(
    connection: sqlite3.Connection, kind: str, stay: Stay, joined_at: datetime, left_at: datetime | None
) -> Presence:
    session_id, lead_id = _last_session_since(connection, stay.mac, stay.joined_at)
    row = connection.execute(
        "INSERT INTO presences (kind, visit_id, mac, joined_at, left_at, session_id, lead_id)"
        " VALUES (:kind, :visit_id, :mac, :joined_at, :left_at, :session_id, :lead_id) RETURNING *",
        {
            "kind": kind,
            "visit_id": stay.visit_id,
            "mac": stay.mac,
            "joined_at": to_wire(joined_at),
            "left_at": to_wire(left_at) if left_at else None,
            "session_id": session_id,
            "lead_id": lead_id,
        },
    ).fetchone()
    return _presence(row)


def _last_session_since(
    connection: sqlite3.Connection, mac: Mac, since: datetime
) -> tuple[str | None, str | None]:
    row = connection.execute(
        "SELECT session_id, lead_id FROM sessions WHERE mac = :mac"
        " AND (ended_at IS NULL OR ended_at >= :since) ORDER BY started_at DESC LIMIT 1",
        {"mac": mac, "since": to_wire(since)},
    ).fetchone()
    return (row["session_id"], row["lead_id"]) if row else (None, None)


def _presence(row: sqlite3.Row) -> Presence:
    return Presence(
        seq=row["seq"],
        kind=row["kind"],
        visit_id=row["visit_id"],
        mac=Mac(row["mac"]),
        joined_at=from_wire(row["joined_at"]),
        left_at=from_wire(row["left_at"]) if row["left_at"] else None,
        session_id=row["session_id"],
        lead_id=row["lead_id"],
    )
