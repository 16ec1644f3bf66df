"""Codes of sessions, which store each session goes on in, and for which brands that is allowed."""

import sqlite3
from datetime import datetime

from sync.envelope import Line
from sync.headoffice.roaming import Honoured, Origin, RefusalKey, Told, Wish, decide
from sync.headoffice.sqlite.venues import add_command, need_brand
from sync.model import from_wire, new_id, to_wire

# A boot's clock is set soon after it, so an event told with a right one stands near in the box's queue.
_NEAR_EVENTS = 5000
_ORIGIN = """
    SELECT codes.venue_id, codes.session_id, codes.epoch, codes.seq, venues.brand_id,
        sessions.lead_id, sessions.seconds_granted, sessions.ended_at, sessions.reason,
        leads.phone, leads.email,
        sessions.started_at, events.clock, events.boot_id, events.monotonic_ms, codes.received_at
    FROM roaming_codes AS codes
    JOIN venues ON venues.venue_id = codes.venue_id AND venues.id = codes.venue_id
    JOIN sessions ON sessions.venue_id = codes.venue_id AND sessions.id = codes.session_id
    JOIN events ON events.venue_id = codes.venue_id AND events.epoch = codes.epoch AND events.seq = codes.seq
    LEFT JOIN leads ON leads.venue_id = codes.venue_id AND leads.id = sessions.lead_id AND leads.deleted = 0
    WHERE codes.code_sha256 = :code_sha256
"""


def note_code(connection: sqlite3.Connection, line: Line, venue_id: str, now: str) -> None:
    """The code of a session that began, if its store gives codes."""
    body = line.event.body
    code = body.get("roaming_sha256")
    if not isinstance(code, str) or len(code) != 64:
        return
    connection.execute(
        "INSERT INTO roaming_codes (code_sha256, venue_id, session_id, epoch, seq, received_at)"
        " VALUES (:code, :venue_id, :session_id, :epoch, :seq, :now) ON CONFLICT DO NOTHING",
        {
            "code": code,
            "venue_id": venue_id,
            "session_id": body["session_id"],
            "epoch": line.epoch,
            "seq": line.seq,
            "now": now,
        },
    )


def set_roaming(connection: sqlite3.Connection, brand_id: str, on: bool) -> None:
    """Raises NotThere."""
    need_brand(connection, brand_id)
    connection.execute(
        "UPDATE brands SET roaming = :roaming WHERE brand_id = :brand_id",
        {"roaming": "on" if on else "off", "brand_id": brand_id},
    )


def honoured_before(
    connection: sqlite3.Connection, wish: Wish, now: datetime
) -> Honoured | RefusalKey | None:
    """What this wish was answered before; None when it is new. A refused wish is new each time."""
    row = connection.execute(
        "SELECT * FROM roaming_grants WHERE venue_id = :venue_id AND request_id = :request_id",
        {"venue_id": wish.venue_id, "request_id": wish.request_id},
    ).fetchone()
    if row is None:
        return None
    if row["code_sha256"] != wish.code_sha256:
        return "unknown"
    if row["revoked_at"]:
        return "moved"
    ends_at = from_wire(row["ends_at"])
    if ends_at <= now:
        return "over"
    return Honoured(
        grant_id=row["grant_id"],
        origin_session_id=row["origin_session_id"],
        lead_id=row["lead_id"],
        ends_at=ends_at,
    )


def honour(connection: sqlite3.Connection, wish: Wish, now: datetime) -> Honoured | RefusalKey:
    """Decides, keeps the grant, and takes the session's older ones back. Inside the writing transaction."""
    before = honoured_before(connection, wish, now)
    if before is not None:
        return before
    brand = connection.execute(
        "SELECT brand_id, roaming FROM venues JOIN brands USING (brand_id) WHERE venue_id = :venue_id",
        {"venue_id": wish.venue_id},
    ).fetchone()
    origin = _origin(connection, wish.code_sha256)
    outcome = decide(wish, brand["brand_id"], brand["roaming"] == "on", origin, now, new_id())
    if isinstance(outcome, Honoured) and origin is not None:
        _take_back_older(connection, origin, now)
        _keep(connection, wish, origin, outcome, now)
    return outcome


def _origin(connection: sqlite3.Connection, code_sha256: str) -> Origin | None:
    row = connection.execute(_ORIGIN, {"code_sha256": code_sha256}).fetchone()
    if row is None:
        return None
    started = Told(
        at=from_wire(row["started_at"]), synced=row["clock"] == "synced", monotonic_ms=row["monotonic_ms"]
    )
    return Origin(
        venue_id=row["venue_id"],
        brand_id=row["brand_id"],
        session_id=row["session_id"],
        lead_id=row["lead_id"],
        phone=row["phone"],
        email=row["email"],
        seconds_granted=row["seconds_granted"] or 0,
        ended_because=(row["reason"] or "ended") if row["ended_at"] else None,
        started=started,
        received_at=from_wire(row["received_at"]),
        later=None if started.synced else _later(connection, row),
    )


def _later(connection: sqlite3.Connection, started: sqlite3.Row) -> Told | None:
    row = connection.execute(
        "SELECT at, monotonic_ms FROM events WHERE venue_id = :venue_id AND epoch = :epoch AND seq > :seq"
        " AND seq <= :seq + :near AND boot_id = :boot_id AND clock = 'synced' ORDER BY seq LIMIT 1",
        {name: started[name] for name in ("venue_id", "epoch", "seq", "boot_id")} | {"near": _NEAR_EVENTS},
    ).fetchone()
    return Told(at=from_wire(row["at"]), synced=True, monotonic_ms=row["monotonic_ms"]) if row else None


def _take_back_older(connection: sqlite3.Connection, origin: Origin, now: datetime) -> None:
    """A session goes on in one other store at a time: the newest."""
    older = connection.execute(
        "UPDATE roaming_grants SET revoked_at = :now WHERE origin_venue_id = :venue_id"
        " AND origin_session_id = :session_id AND revoked_at IS NULL AND ends_at > :now"
        " RETURNING venue_id, grant_id, ends_at",
        {"now": to_wire(now), "venue_id": origin.venue_id, "session_id": origin.session_id},
    ).fetchall()
    for row in older:
        add_command(
            connection,
            row["venue_id"],
            "revoke",
            {"grant_id": row["grant_id"]},
            row["ends_at"],
            to_wire(now),
        )


def _keep(
    connection: sqlite3.Connection, wish: Wish, origin: Origin, honoured: Honoured, now: datetime
) -> None:
    connection.execute(
        "INSERT INTO roaming_grants (venue_id, request_id, grant_id, code_sha256, origin_venue_id,"
        " origin_session_id, lead_id, granted_at, ends_at)"
        " VALUES (:venue_id, :request_id, :grant_id, :code_sha256, :origin_venue_id, :origin_session_id,"
        " :lead_id, :granted_at, :ends_at)",
        {
            "venue_id": wish.venue_id,
            "request_id": wish.request_id,
            "grant_id": honoured.grant_id,
            "code_sha256": wish.code_sha256,
            "origin_venue_id": origin.venue_id,
            "origin_session_id": origin.session_id,
            "lead_id": honoured.lead_id,
            "granted_at": to_wire(now),
            "ends_at": to_wire(honoured.ends_at),
        },
    )
