"""Brands, stores, and the log of commands for each box."""

import json
import sqlite3
from difflib import get_close_matches
from typing import Any

from sync.headoffice.keys import new_key
from sync.headoffice.sqlite.access import add_key
from sync.headoffice.sqlite.rows import Sequence
from sync.headoffice.storage import AlreadyThere, Command, NewVenue, NotThere
from sync.model import new_id


def add_brand(connection: sqlite3.Connection, brand_id: str, name: str, now: str) -> None:
    """Raises AlreadyThere."""
    added = connection.execute(
        "INSERT INTO brands (brand_id, name, added_at) VALUES (:brand_id, :name, :now)"
        " ON CONFLICT DO NOTHING",
        {"brand_id": brand_id, "name": name, "now": now},
    )
    if not added.rowcount:
        raise AlreadyThere(f"there is a brand {brand_id!r} already")


def add_venue(connection: sqlite3.Connection, venue_id: str, name: str, brand_id: str, now: str) -> NewVenue:
    """The store with its number and its upload key. Raises AlreadyThere, NotThere (the brand)."""
    need_brand(connection, brand_id)
    if connection.execute(
        "SELECT 1 FROM venues WHERE venue_id = :venue_id", {"venue_id": venue_id}
    ).fetchone():
        raise AlreadyThere(f"there is a store {venue_id!r} already")
    number = connection.execute("SELECT COALESCE(MAX(venue_number), 0) + 1 FROM venues").fetchone()[0]
    sequence = Sequence(connection)
    connection.execute(
        "INSERT INTO venues (venue_id, id, seq, brand_id, updated_at, venue_number, name)"
        " VALUES (:venue_id, :venue_id, :seq, :brand_id, :now, :number, :name)",
        {
            "venue_id": venue_id,
            "seq": sequence.next(),
            "brand_id": brand_id,
            "now": now,
            "number": number,
            "name": name,
        },
    )
    sequence.save()
    shown, key = new_key("upload", venue_id, venue_id=venue_id)
    add_key(connection, key, now)
    return NewVenue(venue_id=venue_id, venue_number=number, brand_id=brand_id, name=name, upload_key=shown)


def need_brand(connection: sqlite3.Connection, brand_id: str) -> None:
    """Raises NotThere."""
    known = [row[0] for row in connection.execute("SELECT brand_id FROM brands ORDER BY brand_id")]
    if brand_id not in known:
        closest = get_close_matches(brand_id, known, n=1)
        guess = f": did you mean {closest[0]!r}?" if closest else f", only {', '.join(known)}."
        raise NotThere(f"there is no brand {brand_id!r}{guess} `brand add` adds one.")


def add_command(
    connection: sqlite3.Connection,
    venue_id: str,
    kind: str,
    body: dict[str, Any],
    expires_at: str | None,
    now: str,
) -> int:
    """Appends to a box's log; returns the seq."""
    sequence = Sequence(connection)
    seq = sequence.next()
    connection.execute(
        "INSERT INTO commands (venue_id, seq, command_id, kind, issued_at, expires_at, body)"
        " VALUES (:venue_id, :seq, :command_id, :kind, :now, :expires_at, :body)",
        {
            "venue_id": venue_id,
            "seq": seq,
            "command_id": new_id(),
            "kind": kind,
            "now": now,
            "expires_at": expires_at,
            "body": json.dumps(body, ensure_ascii=False),
        },
    )
    sequence.save()
    return seq


def commands(connection: sqlite3.Connection, venue_id: str, after_seq: int, limit: int) -> list[Command]:
    rows = connection.execute(
        "SELECT * FROM commands WHERE venue_id = :venue_id AND seq > :after ORDER BY seq LIMIT :limit",
        {"venue_id": venue_id, "after": after_seq, "limit": limit},
    )
    return [
        Command(
            seq=row["seq"],
            command_id=row["command_id"],
            kind=row["kind"],
            issued_at=row["issued_at"],
            expires_at=row["expires_at"],
            body=json.loads(row["body"]),
        )
        for row in rows
    ]


def venues_with_commands(connection: sqlite3.Connection, after_seq: int) -> dict[str, int]:
    rows = connection.execute(
        "SELECT venue_id, MAX(seq) FROM commands WHERE seq > :after GROUP BY venue_id", {"after": after_seq}
    )
    return dict(rows.fetchall())
