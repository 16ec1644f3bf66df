"""Codes made ahead for each store: reserved first, then asked for at the platform, then told to the box."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sync.headoffice.follow.event import WhyNot
from sync.headoffice.follow.scene import new_code, new_ref
from sync.headoffice.follow.storage import Trouble, Unminted
from sync.headoffice.sqlite.venues import add_command
from sync.model import from_wire, to_wire

# An entry that ends this soon is not worth a place in the pool.
_LASTS = timedelta(days=1)
_HALF_EMPTY = """
    SELECT venues.venue_id, COUNT(codes.code) AS left_over
    FROM venues JOIN venue_health USING (venue_id)
    -- Named, since the planner would read all codes of the account for each store (measured 2026-11-23).
    LEFT JOIN follow_codes AS codes INDEXED BY follow_codes_in_stock
        ON codes.venue_id = venues.venue_id AND codes.account = :account
        AND kind = 'session' AND offered_at IS NULL AND used_by IS NULL
        AND (expires_at IS NULL OR expires_at > :lasts)
    WHERE brand_id IN (SELECT value FROM json_each(:brands)) AND deleted = 0 {these}
    GROUP BY venues.venue_id HAVING left_over < :half
"""
_NO_POSTER = """
    SELECT venues.venue_id, '' AS ref FROM venues JOIN venue_health USING (venue_id)
    WHERE brand_id IN (SELECT value FROM json_each(:brands)) AND deleted = 0 {these} AND NOT EXISTS (
        SELECT 1 FROM follow_codes AS codes WHERE codes.account = :account AND codes.ref = ''
        AND codes.venue_id = venues.venue_id AND kind = 'poster')
    UNION ALL
    SELECT venues.venue_id, staff_ref FROM follow_members AS members JOIN venues USING (venue_id)
    WHERE brand_id IN (SELECT value FROM json_each(:brands)) AND left_at IS NULL {these} AND NOT EXISTS (
        SELECT 1 FROM follow_codes AS codes WHERE codes.account = :account AND codes.ref = staff_ref
        AND codes.venue_id = members.venue_id AND kind = 'staff')
"""
_THESE = "AND venues.venue_id IN (SELECT value FROM json_each(:venues))"
_INSERT = (
    "INSERT INTO follow_codes (account, code, venue_id, kind, ref)"
    " VALUES (:account, :code, :venue_id, :kind, :ref)"
)


def missing(
    connection: sqlite3.Connection,
    accounts: Sequence[tuple[str, str]],
    each: int,
    now: datetime,
    venues: Collection[str] | None,
) -> list[tuple[str, str, str, str]]:
    """Account, venue_id, kind and ref of every wanted code; accounts come with their brands as JSON."""
    found: list[tuple[str, str, str, str]] = []
    these = "" if venues is None else _THESE
    for account, brands in accounts:
        names = {
            "account": account,
            "brands": brands,
            "lasts": to_wire(now + _LASTS),
            "half": (each + 1) // 2,
            "venues": json.dumps(list(venues or ())),
        }
        for row in connection.execute(_NO_POSTER.format(these=these), names):
            found.append((account, row["venue_id"], "staff" if row["ref"] else "poster", row["ref"]))
        for row in connection.execute(_HALF_EMPTY.format(these=these), names):
            found += [
                (account, row["venue_id"], "session", new_ref()) for _ in range(each - row["left_over"])
            ]
    return found


def reserve(connection: sqlite3.Connection, wanted: Sequence[tuple[str, str, str, str]]) -> int:
    """Gives each its digits. What is there already by now, and what finds no free digits, is left out."""
    done = 0
    for account, venue_id, kind, ref in wanted:
        code = new_code(lambda digits, account=account: _is_taken(connection, account, digits))  # type: ignore[misc]
        if code is None:
            break
        names = {"account": account, "code": code, "venue_id": venue_id, "kind": kind, "ref": ref}
        done += connection.execute(_INSERT + " ON CONFLICT DO NOTHING", names).rowcount
    return done


def _is_taken(connection: sqlite3.Connection, account: str, code: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM follow_codes WHERE account = :account AND code = :code",
        {"account": account, "code": code},
    ).fetchone()
    return found is not None


def unminted(connection: sqlite3.Connection, account: str, limit: int) -> list[Unminted]:
    """Posters and badges first: people wait for them with paper in the printer."""
    rows = connection.execute(
        "SELECT codes.*, venue_number FROM follow_codes AS codes JOIN venues USING (venue_id)"
        " WHERE account = :account AND minted_at IS NULL ORDER BY kind = 'session' LIMIT :limit",
        {"account": account, "limit": limit},
    )
    return [
        Unminted(
            account=row["account"],
            code=row["code"],
            venue_id=row["venue_id"],
            venue_number=row["venue_number"],
            kind=row["kind"],
            ref=row["ref"],
        )
        for row in rows
    ]


def minted(
    connection: sqlite3.Connection,
    codes: Sequence[tuple[Unminted, str | None]],
    expires_at: datetime,
    now: datetime,
) -> set[str]:
    """Those of sessions go to the boxes at once; posters and badges with the next full state."""
    entries: dict[tuple[str, str], list[dict[str, str | None]]] = defaultdict(list)
    for code, url in codes:
        until = to_wire(expires_at) if code.kind == "session" else None
        names = {
            "account": code.account,
            "code": code.code,
            "url": url,
            "now": to_wire(now),
            "expires_at": until,
        }
        written = connection.execute(
            "UPDATE follow_codes SET url = :url, minted_at = :now, expires_at = :expires_at"
            " WHERE account = :account AND code = :code AND minted_at IS NULL",
            names,
        )
        if written.rowcount and code.kind == "session":
            entry = {"ref": code.ref, "code": code.code, "url": url, "expires_at": until}
            entries[code.venue_id, code.account].append(entry)
    for (venue_id, account), told in entries.items():
        body = {"account": account, "entries": told}
        add_command(connection, venue_id, "follow_codes", body, to_wire(expires_at), to_wire(now))
    return {venue_id for venue_id, _ in entries}


def take_from_log(connection: sqlite3.Connection, venue_id: str, ref: str) -> None:
    """A box that is set up anew reads its log from the start: what has been in somebody's hands is not there
    any more, or it would be given out again."""
    rows = connection.execute(
        "SELECT seq, body FROM commands WHERE venue_id = :venue_id AND kind = 'follow_codes'",
        {"venue_id": venue_id},
    ).fetchall()
    for row in rows:
        body = json.loads(row["body"])
        left = [entry for entry in body["entries"] if entry["ref"] != ref]
        if len(left) == len(body["entries"]):
            continue
        names = {"venue_id": venue_id, "seq": row["seq"]}
        if left:
            text = json.dumps(body | {"entries": left}, ensure_ascii=False)
            statement = "UPDATE commands SET body = :body WHERE venue_id = :venue_id AND seq = :seq"
            connection.execute(statement, {**names, "body": text})
        else:
            connection.execute("DELETE FROM commands WHERE venue_id = :venue_id AND seq = :seq", names)


def trouble(connection: sqlite3.Connection, account: str, why: WhyNot | None, now: datetime) -> None:
    names = {"account": account, "why": why, "now": to_wire(now)}
    if why is not None:
        connection.execute(
            "INSERT INTO follow_troubles (account, why, since) VALUES (:account, :why, :now)"
            " ON CONFLICT (account) DO UPDATE SET why = excluded.why, since = excluded.since"
            " WHERE why <> excluded.why",
            names,
        )
        return
    if connection.execute("DELETE FROM follow_troubles WHERE account = :account", names).rowcount:
        connection.execute(
            "UPDATE follow_codes SET minted_at = NULL WHERE account = :account AND kind <> 'session'"
            " AND url IS NULL",
            names,
        )


def troubles(connection: sqlite3.Connection) -> list[Trouble]:
    return [
        Trouble(account=row["account"], why=row["why"], since=from_wire(row["since"]))
        for row in connection.execute("SELECT * FROM follow_troubles ORDER BY account")
    ]
