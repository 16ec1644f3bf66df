"""What boxes tell of follows, and what has reached its age."""

import sqlite3
from datetime import datetime, timedelta

from sync.envelope import Line
from sync.headoffice.follow.digest import digest
from sync.headoffice.follow.storage import SeenGrant, ToCheck
from sync.headoffice.sqlite.follow_pool import take_from_log
from sync.model import from_wire, new_id, to_wire

_AGES = {
    "DELETE FROM follow_codes WHERE expires_at < :before": timedelta(0),
    "DELETE FROM follow_codes WHERE kind = 'session' AND offered_at < :before": timedelta(days=1),
    "DELETE FROM follow_grants WHERE granted_at < :before": timedelta(days=31),
    "DELETE FROM follow_heard WHERE heard_at < :before": timedelta(days=3),
    "DELETE FROM follow_memory WHERE noted_at < :before": timedelta(days=400),
    "DELETE FROM follow_credits WHERE credited_at < :before": timedelta(days=400),
}


def note(connection: sqlite3.Connection, line: Line, venue_id: str, now: str) -> None:
    """Events whose news is not a row that is pulled. A box tells of its own store only."""
    body = line.event.body
    if line.event.type == "follow.offered":
        offered = connection.execute(
            "UPDATE follow_codes SET offered_at = :now, staff_ref = :staff_ref WHERE account = :account"
            " AND ref = :ref AND venue_id = :venue_id AND kind = 'session' AND offered_at IS NULL",
            {
                "account": _word(body, "account"),
                "ref": _word(body, "ref"),
                "staff_ref": _word(body, "staff_ref"),
                "venue_id": venue_id,
                "now": now,
            },
        )
        if offered.rowcount:
            take_from_log(connection, venue_id, body["ref"])
    elif line.event.type == "follow.verified":
        connection.execute(
            "UPDATE follow_grants SET opened_at = :now WHERE grant_id = :grant_id AND venue_id = :venue_id"
            " AND opened_at IS NULL",
            {"grant_id": _word(body, "grant_id"), "venue_id": venue_id, "now": now},
        )
    elif line.event.type == "lead.captured":
        _credit_registration(connection, line, venue_id, now)


def _credit_registration(connection: sqlite3.Connection, line: Line, venue_id: str, now: str) -> None:
    """By the badge she came with, and once a contact: a second form with the same phone earns nothing."""
    body = line.event.body
    contact = _word(body, "phone") or _word(body, "email")
    staff_ref = _word(body, "staff_ref")
    if not contact or not staff_ref:
        return
    secret: str = connection.execute("SELECT secret FROM follow_secret").fetchone()[0]
    connection.execute(
        "INSERT INTO follow_credits (venue_id, credit_id, staff_ref, kind, person, credited_at)"
        " SELECT venue_id, :credit_id, staff_ref, 'registration', :person, :now FROM follow_members"
        " WHERE venue_id = :venue_id AND staff_ref = :staff_ref AND left_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM follow_credits WHERE person = :person)",
        {
            "venue_id": venue_id,
            "credit_id": new_id(),
            "staff_ref": staff_ref,
            "person": digest(secret, "contact", contact),
            "now": now,
        },
    )


def _word(body: object, key: str) -> str | None:
    value = body.get(key) if isinstance(body, dict) else None
    return value if isinstance(value, str) else None


def is_known(connection: sqlite3.Connection, account: str, subject: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM follow_people WHERE account = :account AND subject = :subject",
        {"account": account, "subject": subject},
    ).fetchone()
    return found is not None


def to_check(connection: sqlite3.Connection, now: datetime, limit: int) -> list[ToCheck]:
    rows = connection.execute(
        "SELECT account, subject, COALESCE(again_at, followed_at) AS followed_at, check_at"
        " FROM follow_people WHERE check_at <= :now ORDER BY check_at LIMIT :limit",
        {"now": to_wire(now), "limit": limit},
    )
    return [
        ToCheck(
            account=row["account"],
            subject=row["subject"],
            followed_at=from_wire(row["followed_at"]),
            check_at=from_wire(row["check_at"]),
        )
        for row in rows
    ]


def checked(connection: sqlite3.Connection, person: ToCheck, next_at: datetime | None) -> None:
    connection.execute(
        "UPDATE follow_people SET check_at = :next_at WHERE account = :account AND subject = :subject",
        {
            "account": person.account,
            "subject": person.subject,
            "next_at": to_wire(next_at) if next_at else None,
        },
    )


def grant_key_of(connection: sqlite3.Connection, venue_number: int) -> str | None:
    row = connection.execute(
        "SELECT key FROM follow_keys JOIN venues USING (venue_id) WHERE venue_number = :number",
        {"number": venue_number},
    ).fetchone()
    return row["key"] if row else None


def seen_grant(connection: sqlite3.Connection, grant_id: str) -> SeenGrant | None:
    row = connection.execute(
        "SELECT code, venues.name, expires_at, opened_at FROM follow_grants JOIN venues USING (venue_id)"
        " WHERE grant_id = :grant_id",
        {"grant_id": grant_id},
    ).fetchone()
    if row is None:
        return None
    return SeenGrant(
        code=row["code"],
        venue_name=row["name"],
        expires_at=from_wire(row["expires_at"]),
        opened=row["opened_at"] is not None,
    )


def purge(connection: sqlite3.Connection, now: datetime) -> int:
    """Takes out what has reached its age; returns how many rows died."""
    return sum(
        connection.execute(statement, {"before": to_wire(now - age)}).rowcount
        for statement, age in _AGES.items()
    )
