"""Stays of stations on our WiFi."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from sync.model import Clock, LeadId, new_event, to_wire
from sync.records import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One stay; `visit_id` was born at the join, so that a replay makes no second one."""

    visit_id: str
    session_id: str | None
    lead_id: LeadId | None
    started_at: datetime
    ended_at: datetime

    @property
    def dwell_seconds(self) -> int:
        # A clock that was set back during the stay must not make it negative.
        return max(0, round((self.ended_at - self.started_at).total_seconds()))


def record(connection: sqlite3.Connection, visit: Visit, presences_seq: int, clock: Clock) -> bool:
    """A visit that ended, its event, and how far the gate's joins and leaves were heard; False if known."""
    row = {
        "visit_id": visit.visit_id,
        "session_id": visit.session_id,
        "lead_id": visit.lead_id,
        "started_at": to_wire(visit.started_at),
        "ended_at": to_wire(visit.ended_at),
        "dwell_seconds": visit.dwell_seconds,
    }
    new = connection.execute(
        "INSERT OR IGNORE INTO visits (visit_id, session_id, lead_id, started_at, ended_at, dwell_seconds)"
        " VALUES (:visit_id, :session_id, :lead_id, :started_at, :ended_at, :dwell_seconds)",
        row,
    ).rowcount
    if new:
        outbox.append(connection, new_event("visit.ended", row, clock))
    heard(connection, presences_seq)
    return bool(new)


def heard(connection: sqlite3.Connection, presences_seq: int) -> None:
    connection.execute(
        "INSERT INTO sensor_cursor (id, presences_seq) VALUES (1, :seq)"
        " ON CONFLICT (id) DO UPDATE SET presences_seq = MAX(presences_seq, excluded.presences_seq)",
        {"seq": presences_seq},
    )


def heard_up_to(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT presences_seq FROM sensor_cursor").fetchone()
    return int(row[0]) if row else 0


def purge(connection: sqlite3.Connection, ended_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM visits WHERE ended_at < :before", {"before": to_wire(ended_before)}
    ).rowcount
