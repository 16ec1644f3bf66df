"""Who may come in: keys of stores and programs, staff, sign-ins."""

import sqlite3

from sync.headoffice.keys import StoredKey
from sync.headoffice.storage import AlreadyThere, Staff


def find_key(connection: sqlite3.Connection, key_id: str) -> StoredKey | None:
    row = connection.execute(
        "SELECT * FROM keys WHERE key_id = :key_id AND revoked_at IS NULL", {"key_id": key_id}
    ).fetchone()
    if row is None:
        return None
    return StoredKey(
        key_id=row["key_id"],
        secret_sha256=row["secret_sha256"],
        kind=row["kind"],
        name=row["name"],
        venue_id=row["venue_id"],
        scopes=tuple(row["scopes"].split(",")) if row["scopes"] else (),
    )


def add_key(connection: sqlite3.Connection, key: StoredKey, now: str) -> None:
    """Raises AlreadyThere when a pull key of that name is in use."""
    if key.kind == "pull" and _name_is_used(connection, key.name):
        raise AlreadyThere(f"there is a key called {key.name!r} already: give this one another name")
    connection.execute(
        "INSERT INTO keys (key_id, secret_sha256, kind, name, venue_id, scopes, added_at)"
        " VALUES (:key_id, :secret_sha256, :kind, :name, :venue_id, :scopes, :now)",
        {
            "key_id": key.key_id,
            "secret_sha256": key.secret_sha256,
            "kind": key.kind,
            "name": key.name,
            "venue_id": key.venue_id,
            "scopes": ",".join(key.scopes),
            "now": now,
        },
    )


def _name_is_used(connection: sqlite3.Connection, name: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM keys WHERE kind = 'pull' AND name = :name AND revoked_at IS NULL", {"name": name}
    ).fetchone()
    return found is not None


def put_staff(connection: sqlite3.Connection, staff: Staff, now: str) -> None:
    """Adds somebody, or gives a new password and role; who was signed in with the old one no longer is."""
    names = {"login": staff.login, "hash": staff.password_hash, "role": staff.role, "now": now}
    connection.execute(
        "INSERT INTO staff (login, password_hash, role, changed_at) VALUES (:login, :hash, :role, :now)"
        " ON CONFLICT (login) DO UPDATE SET password_hash = excluded.password_hash, role = excluded.role,"
        " changed_at = excluded.changed_at",
        names,
    )
    connection.execute("DELETE FROM sign_ins WHERE login = :login", names)


def find_staff(connection: sqlite3.Connection, login: str) -> Staff | None:
    row = connection.execute("SELECT * FROM staff WHERE login = :login", {"login": login}).fetchone()
    return _staff(row)


def add_sign_in(connection: sqlite3.Connection, token_sha256: str, login: str, expires_at: str) -> None:
    connection.execute(
        "INSERT INTO sign_ins (token_sha256, login, expires_at) VALUES (:token, :login, :expires_at)",
        {"token": token_sha256, "login": login, "expires_at": expires_at},
    )


def find_sign_in(connection: sqlite3.Connection, token_sha256: str, now: str) -> Staff | None:
    row = connection.execute(
        "SELECT staff.* FROM sign_ins JOIN staff USING (login)"
        " WHERE token_sha256 = :token AND expires_at > :now",
        {"token": token_sha256, "now": now},
    ).fetchone()
    return _staff(row)


def end_sign_in(connection: sqlite3.Connection, token_sha256: str) -> None:
    connection.execute("DELETE FROM sign_ins WHERE token_sha256 = :token", {"token": token_sha256})


def _staff(row: sqlite3.Row | None) -> Staff | None:
    if row is None:
        return None
    return Staff(login=row["login"], password_hash=row["password_hash"], role=row["role"])
