"""The owner's way in: one password hash."""

import sqlite3
from datetime import datetime

from sync.model import to_wire


def password_hash(connection: sqlite3.Connection) -> str | None:
    row = connection.execute("SELECT password_hash FROM owner_account").fetchone()
    return str(row[0]) if row else None


def set_password_hash(connection: sqlite3.Connection, argon2id: str, at: datetime) -> None:
    connection.execute(
        "INSERT INTO owner_account (id, password_hash, changed_at) VALUES (1, :hash, :at)"
        " ON CONFLICT (id) DO UPDATE SET password_hash = excluded.password_hash,"
        " changed_at = excluded.changed_at",
        {"hash": argon2id, "at": to_wire(at)},
    )
