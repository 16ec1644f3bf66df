"""Keeping an upload: each event once, its row merged, what is refused kept aside."""

import hashlib
import sqlite3
from datetime import datetime

from sync.envelope import to_json, to_line
from sync.headoffice.sqlite.follow_events import note
from sync.headoffice.sqlite.follow_people import forget_lead
from sync.headoffice.sqlite.roaming import note_code
from sync.headoffice.sqlite.rows import Sequence, erase_lead, merge
from sync.headoffice.storage import Accepted, Batch, Health, Receipt, Refused
from sync.model import to_wire

_INSERT = """
    INSERT INTO events (
        venue_id, epoch, seq, event_id, type, at, clock, boot_id, monotonic_ms, body, subject_id, received_at
    ) VALUES (
        :venue_id, :epoch, :seq, :event_id, :type, :at, :clock, :boot_id, :monotonic_ms, :body, :subject_id,
        :received_at
    ) ON CONFLICT DO NOTHING
"""


def receive(connection: sqlite3.Connection, batch: Batch) -> Receipt:
    """Runs inside the writing transaction."""
    now = to_wire(batch.received_at)
    brand_id = connection.execute(
        "SELECT brand_id FROM venues WHERE venue_id = :venue_id", {"venue_id": batch.venue_id}
    ).fetchone()[0]
    sequence = Sequence(connection)
    refused = list(batch.refused)
    stored = 0
    for accepted in batch.accepted:
        row = _row(accepted, batch.venue_id, now)
        if connection.execute(_INSERT, row).rowcount:
            stored += 1
            _apply(connection, accepted, batch.venue_id, brand_id, sequence, now)
        elif _place_holds_another(connection, row):
            refused.append(_reused(accepted))
    sequence.save()
    for line in refused:
        _keep_aside(connection, batch.venue_id, line, now)
    note_health(connection, batch.venue_id, batch.health, batch.received_at)
    repeated = len(batch.accepted) - stored - (len(refused) - len(batch.refused))
    return Receipt(stored=stored, repeated=repeated, refused=refused)


def _row(accepted: Accepted, venue_id: str, now: str) -> dict[str, str | int | None]:
    event = accepted.line.event
    personal = event.type.startswith("lead.") and event.type != "lead.erased"
    lead_id = event.body.get("lead_id")
    return {
        "venue_id": venue_id,
        "epoch": accepted.line.epoch,
        "seq": accepted.line.seq,
        "event_id": event.event_id,
        "type": event.type,
        "at": to_wire(event.at),
        "clock": event.clock,
        "boot_id": event.boot_id,
        "monotonic_ms": event.monotonic_ms,
        "body": to_json(event.body),
        "subject_id": lead_id if personal and isinstance(lead_id, str) else None,
        "received_at": now,
    }


def _apply(
    connection: sqlite3.Connection,
    accepted: Accepted,
    venue_id: str,
    brand_id: str,
    sequence: Sequence,
    now: str,
) -> None:
    note(connection, accepted.line, venue_id, now)
    change = accepted.change
    if change is None:
        return
    alive = merge(connection, change, venue_id, brand_id, sequence.next(), now)
    if change.erases is not None:
        erase_lead(connection, change.erases, venue_id, brand_id, sequence.next(), now)
        forget_lead(connection, venue_id, change.erases, sequence, now)
    elif not alive and change.table == "leads":
        # Told late of a lead that is erased already: its words are not kept either.
        erase_lead(connection, change.row_id, venue_id, brand_id, sequence.next(), now)
    elif accepted.line.event.type == "session.started":
        note_code(connection, accepted.line, venue_id, now)


def _place_holds_another(connection: sqlite3.Connection, row: dict[str, str | int | None]) -> bool:
    """Same place, other event: a box that was restored or cloned. An event that moved is only a repeat."""
    found = connection.execute(
        "SELECT event_id FROM events WHERE venue_id = :venue_id AND epoch = :epoch AND seq = :seq", row
    ).fetchone()
    known = connection.execute(
        "SELECT 1 FROM events WHERE venue_id = :venue_id AND event_id = :event_id", row
    ).fetchone()
    return found is not None and known is None


def _reused(accepted: Accepted) -> Refused:
    return Refused(
        raw=to_line(accepted.line),
        key="seq_reused",
        message="another event came with this epoch and seq before",
        epoch=accepted.line.epoch,
        seq=accepted.line.seq,
    )


def _keep_aside(connection: sqlite3.Connection, venue_id: str, line: Refused, now: str) -> None:
    connection.execute(
        "INSERT INTO rejected_lines (venue_id, line_sha256, epoch, seq, key, message, line, received_at)"
        " VALUES (:venue_id, :sha256, :epoch, :seq, :key, :message, :line, :now) ON CONFLICT DO NOTHING",
        {
            "venue_id": venue_id,
            "sha256": hashlib.sha256(line.raw).hexdigest(),
            "epoch": line.epoch,
            "seq": line.seq,
            "key": line.key,
            "message": line.message,
            "line": line.raw,
            "now": now,
        },
    )


def note_health(connection: sqlite3.Connection, venue_id: str, health: Health, at: datetime) -> None:
    connection.execute(
        "INSERT INTO venue_health (venue_id, last_seen_at, version, clock, skew_seconds, backlog)"
        " VALUES (:venue_id, :at, :version, :clock, :skew_seconds, :backlog)"
        " ON CONFLICT (venue_id) DO UPDATE SET last_seen_at = excluded.last_seen_at,"
        " version = COALESCE(excluded.version, version), clock = COALESCE(excluded.clock, clock),"
        " skew_seconds = COALESCE(excluded.skew_seconds, skew_seconds),"
        " backlog = COALESCE(excluded.backlog, backlog)",
        {
            "venue_id": venue_id,
            "at": to_wire(at),
            "version": health.version,
            "clock": health.clock,
            "skew_seconds": health.skew_seconds,
            "backlog": health.backlog,
        },
    )


def purge(
    connection: sqlite3.Connection, events_before: str, rejected_before: str, codes_before: str, now: str
) -> int:
    """Takes out what has reached its age; returns how many rows died."""
    died = 0
    for statement in (
        "DELETE FROM events WHERE received_at < :events_before",
        "DELETE FROM rejected_lines WHERE received_at < :rejected_before",
        "DELETE FROM sign_ins WHERE expires_at < :now",
        "DELETE FROM commands WHERE expires_at < :now",
        "DELETE FROM roaming_codes WHERE received_at < :codes_before",
        "DELETE FROM roaming_grants WHERE ends_at < :now",
    ):
        names = {
            "events_before": events_before,
            "rejected_before": rejected_before,
            "codes_before": codes_before,
            "now": now,
        }
        died += connection.execute(statement, names).rowcount
    return died
