"""What the gate keeps in gate.db, one function a question. The schema is gate_schema.sql."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from netctl.api import Mac, Presence
from netctl.presences import Leave, Stay
from netctl.sessions import EndedSession, LiveSession, Written
from sync.model import Clock, ClockState, Event, from_wire, to_wire
from sync.records.outbox import from_row, to_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When a row is written, by both clocks."""

    at: datetime
    boottime: float
    boot_id: str
    clock: ClockState

    @classmethod
    def of(cls, clock: Clock) -> "Stamp":
        synced: ClockState = "synced" if clock.synced() else "unsynced"
        return cls(at=clock.now(), boottime=clock.boottime(), boot_id=clock.boot_id, clock=synced)


# --- sessions ---------------------------------------------------------------------------------------------


def begin_session(
    connection: sqlite3.Connection, session: LiveSession, request_id: str, started: Event, stamp: Stamp
) -> None:
    """A new session, the request it answers and its event. Raises sqlite3.IntegrityError when the station
    has a live one or the request is handled."""
    handle_request(connection, request_id, session.session_id, stamp)
    connection.execute(
        "INSERT INTO sessions (session_id, mac, lead_id, method, started_at, seconds_granted, seconds_left,"
        " written_at, clock, boot_id, boottime_ms, owed_seconds, owed_at, bytes_up, bytes_down)"
        " VALUES (:session_id, :mac, :lead_id, :method, :started_at, :seconds_granted, :seconds_left,"
        " :written_at, :clock, :boot_id, :boottime_ms, :owed_seconds, :owed_at, :bytes_up, :bytes_down)",
        _session_row(session, stamp) | {"method": session.method, "started_at": to_wire(session.started_at)},
    )
    await_copy(connection, started)


def handle_request(connection: sqlite3.Connection, request_id: str, session_id: str, stamp: Stamp) -> None:
    connection.execute(
        "INSERT INTO handled_requests (request_id, session_id, handled_at) VALUES (:request, :session, :at)",
        {"request": request_id, "session": session_id, "at": to_wire(stamp.at)},
    )


def session_of_request(connection: sqlite3.Connection, request_id: str) -> str | None:
    """The session that this request led to, live or ended."""
    row = connection.execute(
        "SELECT session_id FROM handled_requests WHERE request_id = :request", {"request": request_id}
    ).fetchone()
    return str(row[0]) if row else None


def handled_among(connection: sqlite3.Connection, request_ids: Iterable[str]) -> set[str]:
    """Those of the requests that have been handled."""
    rows = connection.execute(
        "SELECT request_id FROM handled_requests WHERE request_id IN (SELECT value FROM json_each(:ids))",
        {"ids": json.dumps(list(request_ids))},
    )
    return {row[0] for row in rows}


def save_sessions(connection: sqlite3.Connection, sessions: Iterable[LiveSession], stamp: Stamp) -> None:
    """How much is left of each, and what was counted: from here a reboot goes on."""
    connection.executemany(
        "UPDATE sessions SET lead_id = :lead_id, seconds_granted = :seconds_granted,"
        " seconds_left = :seconds_left, written_at = :written_at, clock = :clock, boot_id = :boot_id,"
        " boottime_ms = :boottime_ms, owed_seconds = :owed_seconds, owed_at = :owed_at,"
        " bytes_up = :bytes_up, bytes_down = :bytes_down"
        " WHERE session_id = :session_id AND mac = :mac AND ended_at IS NULL",
        [_session_row(session, stamp) for session in sessions],
    )


def extend_session(
    connection: sqlite3.Connection, session: LiveSession, request_id: str, stamp: Stamp
) -> None:
    """The live session goes on longer, because of one more request."""
    handle_request(connection, request_id, session.session_id, stamp)
    save_sessions(connection, [session], stamp)


def end_session(connection: sqlite3.Connection, ended: EndedSession, told: Event) -> None:
    """The session is over; the event tells of it, once."""
    changed = connection.execute(
        "UPDATE sessions SET ended_at = :ended_at, reason = :reason, seconds_left = 0, bytes_up = :bytes_up,"
        " bytes_down = :bytes_down WHERE session_id = :session_id AND ended_at IS NULL",
        {
            "ended_at": to_wire(ended.ended_at),
            "reason": ended.reason,
            "bytes_up": ended.session.bytes_up,
            "bytes_down": ended.session.bytes_down,
            "session_id": ended.session.session_id,
        },
    ).rowcount
    if changed:
        await_copy(connection, told)


def live_sessions(connection: sqlite3.Connection) -> list[Written]:
    """The sessions that go on, as they were last written."""
    rows = connection.execute("SELECT * FROM sessions WHERE ended_at IS NULL ORDER BY started_at")
    return [_written(row) for row in rows]


def _session_row(session: LiveSession, stamp: Stamp) -> dict[str, object]:
    return {
        "session_id": session.session_id,
        "mac": session.mac,
        "lead_id": session.lead_id,
        "seconds_granted": session.seconds_granted,
        "seconds_left": session.seconds_left(stamp.boottime),
        "written_at": to_wire(stamp.at),
        "clock": stamp.clock,
        "boot_id": stamp.boot_id,
        "boottime_ms": int(stamp.boottime * 1000),
        "owed_seconds": session.owed_seconds,
        "owed_at": to_wire(session.owed_at) if session.owed_at else None,
        "bytes_up": session.bytes_up,
        "bytes_down": session.bytes_down,
    }


def _written(row: sqlite3.Row) -> Written:
    session = LiveSession(
        session_id=row["session_id"],
        mac=Mac(row["mac"]),
        lead_id=row["lead_id"],
        method=row["method"],
        started_at=from_wire(row["started_at"]),
        seconds_granted=row["seconds_granted"],
        expires=row["boottime_ms"] / 1000 + row["seconds_left"],
        bytes_up=row["bytes_up"],
        bytes_down=row["bytes_down"],
        owed_seconds=row["owed_seconds"],
        owed_at=from_wire(row["owed_at"]) if row["owed_at"] else None,
    )
    return Written(
        session=session,
        seconds_left=row["seconds_left"],
        boot_id=row["boot_id"],
        boottime=row["boottime_ms"] / 1000,
        written_at=from_wire(row["written_at"]),
        clock_synced=row["clock"] == "synced",
    )


# --- presences --------------------------------------------------------------------------------------------


def join(connection: sqlite3.Connection, stay: Stay, stamp: Stamp) -> Presence:
    """A station came. Returns the line for the sensor."""
    connection.execute(
        "INSERT INTO stays (visit_id, mac, station_code, joined_at, joined_boottime_ms, seen_at,"
        " seen_boottime_ms, boot_id) VALUES (:visit_id, :mac, :station_code, :joined_at, :joined, :seen_at,"
        " :seen, :boot_id)",
        {
            "visit_id": stay.visit_id,
            "mac": stay.mac,
            "station_code": stay.station_code,
            "joined_at": to_wire(stay.joined_at),
            "joined": int(stay.joined * 1000),
            "seen_at": _heard_at(stay, stamp),
            "seen": int(stay.seen * 1000),
            "boot_id": stamp.boot_id,
        },
    )
    return _append(connection, "joined", stay, stay.joined_at, None)


def part(connection: sqlite3.Connection, leave: Leave) -> Presence:
    """A station left. Returns the line for the sensor."""
    stay = leave.stay
    connection.execute("DELETE FROM stays WHERE visit_id = :visit_id", {"visit_id": stay.visit_id})
    return _append(connection, "left", stay, leave.joined_at, leave.left_at)


def save_stays(connection: sqlite3.Connection, stays: Iterable[Stay], stamp: Stamp) -> None:
    """When each was last heard: after a crash or a power cut the stay ended no earlier."""
    connection.executemany(
        "UPDATE stays SET seen_at = :seen_at, seen_boottime_ms = :seen WHERE visit_id = :visit_id",
        [
            {"seen_at": _heard_at(stay, stamp), "seen": int(stay.seen * 1000), "visit_id": stay.visit_id}
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


# --- events and ages --------------------------------------------------------------------------------------


def await_copy(connection: sqlite3.Connection, event: Event) -> None:
    """The event stands here until it stands in the records' outbox."""
    connection.execute(
        "INSERT INTO waiting_events (event_id, type, at, clock, boot_id, monotonic_ms, body)"
        " VALUES (:event_id, :type, :at, :clock, :boot_id, :monotonic_ms, :body)",
        to_row(event),
    )


def waiting_events(connection: sqlite3.Connection, limit: int) -> list[Event]:
    """The events not known to stand in the outbox, oldest first."""
    rows = connection.execute("SELECT * FROM waiting_events ORDER BY rowid LIMIT :limit", {"limit": limit})
    return [from_row(row) for row in rows]


def forget_events(connection: sqlite3.Connection, event_ids: Iterable[str]) -> None:
    """They stand in the outbox."""
    connection.executemany("DELETE FROM waiting_events WHERE event_id = ?", [(each,) for each in event_ids])


def purge(connection: sqlite3.Connection, before: datetime) -> None:
    """Rows die at their age: no MAC outlives it."""
    limit = {"before": to_wire(before)}
    connection.execute("DELETE FROM sessions WHERE ended_at < :before", limit)
    connection.execute("DELETE FROM presences WHERE COALESCE(left_at, joined_at) < :before", limit)
    connection.execute("DELETE FROM handled_requests WHERE handled_at < :before", limit)
