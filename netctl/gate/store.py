"""The sessions in gate.db, their events on the way out, and the ages of all its rows. See schema.sql."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from netctl.api import EndReason, Mac
from netctl.gate.day_use import DayUse
from netctl.gate.sessions import EndedSession, LiveSession, Written
from sync.model import Clock, ClockState, Event, from_wire, to_wire
from sync.records.outbox import from_row, to_row

MOST_PRESENCES = 300_000
"""35 MB. Two thousand visits a day make 28,000 a week; those of made-up stations would fill the disk."""


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


def begin_session(
    connection: sqlite3.Connection,
    session: LiveSession,
    request_id: str,
    told: Iterable[Event],
    stamp: Stamp,
) -> None:
    """A new session, the request it answers and what is told of it. Raises sqlite3.IntegrityError when the
    station has a live one or the request is handled."""
    handle_request(connection, request_id, session.session_id, stamp)
    _begin(connection, session, told, stamp)


def begin_pass(
    connection: sqlite3.Connection, session: LiveSession, use: DayUse, started: Event, stamp: Stamp
) -> None:
    """A temporary pass, counted."""
    save_day_use(connection, use, stamp)
    _begin(connection, session, [started], stamp)


def _begin(connection: sqlite3.Connection, session: LiveSession, told: Iterable[Event], stamp: Stamp) -> None:
    connection.execute(
        "INSERT INTO sessions (session_id, mac, lead_id, method, started_at, seconds_granted, seconds_left,"
        " written_at, clock, boot_id, boottime_ms, owed_seconds, owed_at, bytes_up, bytes_down, bytes_limit,"
        " day, bytes_before_day)"
        " VALUES (:session_id, :mac, :lead_id, :method, :started_at, :seconds_granted, :seconds_left,"
        " :written_at, :clock, :boot_id, :boottime_ms, :owed_seconds, :owed_at, :bytes_up, :bytes_down,"
        " :bytes_limit, :day, :bytes_before_day)",
        _session_row(session, stamp) | {"started_at": to_wire(session.started_at)},
    )
    for event in told:
        await_copy(connection, event)


def save_day_use(connection: sqlite3.Connection, use: DayUse, stamp: Stamp) -> None:
    """What the station has had of the day."""
    connection.execute(
        "INSERT INTO day_uses (mac, day, bytes, passes, written_at)"
        " VALUES (:mac, :day, :bytes, :passes, :written_at)"
        " ON CONFLICT (mac) DO UPDATE SET day = :day, bytes = :bytes, passes = :passes,"
        " written_at = :written_at",
        {
            "mac": use.mac,
            "day": use.day,
            "bytes": use.bytes,
            "passes": use.passes,
            "written_at": to_wire(stamp.at),
        },
    )


def day_uses(connection: sqlite3.Connection) -> dict[Mac, DayUse]:
    rows = connection.execute("SELECT * FROM day_uses")
    return {
        row["mac"]: DayUse(mac=Mac(row["mac"]), day=row["day"], bytes=row["bytes"], passes=row["passes"])
        for row in rows
    }


def last_ends(connection: sqlite3.Connection) -> dict[Mac, tuple[str, EndReason]]:
    """How each station was admitted last, and why that ended, as long as it is kept."""
    rows = connection.execute(
        "SELECT mac, method, reason, MAX(ended_at) FROM sessions WHERE ended_at IS NOT NULL GROUP BY mac"
    )
    return {Mac(row["mac"]): (row["method"], row["reason"]) for row in rows}


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


def sessions_of_requests(connection: sqlite3.Connection, request_ids: Iterable[str]) -> set[str]:
    """The sessions that these requests led to."""
    rows = connection.execute(
        "SELECT session_id FROM handled_requests WHERE request_id IN (SELECT value FROM json_each(:ids))",
        {"ids": json.dumps(list(request_ids))},
    )
    return {row[0] for row in rows}


def requests_of_session(connection: sqlite3.Connection, session_id: str) -> set[str]:
    """The requests that led to this session."""
    rows = connection.execute(
        "SELECT request_id FROM handled_requests WHERE session_id = :session", {"session": session_id}
    )
    return {row[0] for row in rows}


def save_sessions(connection: sqlite3.Connection, sessions: Iterable[LiveSession], stamp: Stamp) -> None:
    """How much is left of each, and what was counted: from here a reboot goes on."""
    connection.executemany(
        "UPDATE sessions SET lead_id = :lead_id, seconds_granted = :seconds_granted,"
        " seconds_left = :seconds_left, written_at = :written_at, clock = :clock, boot_id = :boot_id,"
        " boottime_ms = :boottime_ms, owed_seconds = :owed_seconds, owed_at = :owed_at,"
        " bytes_up = :bytes_up, bytes_down = :bytes_down, method = :method, bytes_limit = :bytes_limit,"
        " day = :day, bytes_before_day = :bytes_before_day"
        " WHERE session_id = :session_id AND mac = :mac AND ended_at IS NULL",
        [_session_row(session, stamp) for session in sessions],
    )


def extend_session(
    connection: sqlite3.Connection,
    session: LiveSession,
    request_id: str,
    told: Iterable[Event],
    stamp: Stamp,
) -> None:
    """The live session goes on longer, because of one more request; events tell what is new about it."""
    handle_request(connection, request_id, session.session_id, stamp)
    save_sessions(connection, [session], stamp)
    for event in told:
        await_copy(connection, event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A session that is over, the event that tells of it, and what its station has now had of the day."""

    over: EndedSession
    told: Event
    use: DayUse


def end_sessions(connection: sqlite3.Connection, endings: Iterable[Ending], stamp: Stamp) -> None:
    """They are over; each event tells of one, once."""
    for ending in endings:
        session = ending.over.session
        changed = connection.execute(
            "UPDATE sessions SET ended_at = :ended_at, reason = :reason, seconds_left = 0,"
            " bytes_up = :bytes_up, bytes_down = :bytes_down"
            " WHERE session_id = :session_id AND ended_at IS NULL",
            {
                "ended_at": to_wire(ending.over.ended_at),
                "reason": ending.over.reason,
                "bytes_up": session.bytes_up,
                "bytes_down": session.bytes_down,
                "session_id": session.session_id,
            },
        ).rowcount
        if changed:
            save_day_use(connection, ending.use, stamp)
            await_copy(connection, ending.told)


def live_sessions(connection: sqlite3.Connection) -> list[Written]:
    """The sessions that go on, as they were last written."""
    rows = connection.execute("SELECT * FROM sessions WHERE ended_at IS NULL ORDER BY started_at")
    return [_written(row) for row in rows]


def _session_row(session: LiveSession, stamp: Stamp) -> dict[str, object]:
    return {
        "session_id": session.session_id,
        "mac": session.mac,
        "lead_id": session.lead_id,
        "method": session.method,
        "seconds_granted": session.seconds_granted,
        "seconds_left": session.own_seconds_left(stamp.boottime),
        "written_at": to_wire(stamp.at),
        "clock": stamp.clock,
        "boot_id": stamp.boot_id,
        "boottime_ms": int(stamp.boottime * 1000),
        "owed_seconds": session.owed_seconds,
        "owed_at": to_wire(session.owed_at) if session.owed_at else None,
        "bytes_up": session.bytes_up,
        "bytes_down": session.bytes_down,
        "bytes_limit": session.bytes_limit,
        "day": session.day,
        "bytes_before_day": session.bytes_before_day,
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
        bytes_limit=row["bytes_limit"],
        day=row["day"],
        bytes_before_day=row["bytes_before_day"],
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


def purge(connection: sqlite3.Connection, before: datetime, most_presences: int = MOST_PRESENCES) -> None:
    """Rows die at their age: no MAC outlives it."""
    limit = {"before": to_wire(before)}
    connection.execute("DELETE FROM sessions WHERE ended_at < :before", limit)
    connection.execute("DELETE FROM presences WHERE COALESCE(left_at, joined_at) < :before", limit)
    connection.execute(
        "DELETE FROM presences WHERE seq <= (SELECT MAX(seq) FROM presences) - :most",
        {"most": most_presences},
    )
    connection.execute("DELETE FROM journal WHERE at < :before", limit)
    connection.execute("DELETE FROM day_uses WHERE written_at < :before", limit)


def forget_requests(connection: sqlite3.Connection, before: datetime) -> None:
    """Only while the clock is right: a request that is forgotten could be granted once more, as the link of a
    follow is that the gate never heard of.

    Those of a session that is kept stay: head office may take its grant back, and a request handled before
    the clock was right looks older than it is.
    """
    connection.execute(
        "DELETE FROM handled_requests WHERE handled_at < :before"
        " AND session_id NOT IN (SELECT session_id FROM sessions)",
        {"before": to_wire(before)},
    )
