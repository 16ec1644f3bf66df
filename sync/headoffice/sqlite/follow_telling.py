"""What stores are told in full: their key, the accounts they offer, their staff, their board."""

import json
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sync.headoffice.follow.accounts import Account
from sync.headoffice.sqlite.follow_staff import boards
from sync.headoffice.sqlite.venues import add_command
from sync.model import to_wire

Bodies = dict[tuple[str, str], dict[str, Any]]
"""By venue_id and kind."""
_TOLD = "SELECT venue_id, kind, body FROM follow_told WHERE {these}"
_FIXED = (
    "SELECT venue_id, account, ref, code, url FROM follow_codes INDEXED BY follow_codes_for_good"
    " WHERE {these} AND kind <> 'session' AND minted_at IS NOT NULL"
)
_MEMBERS = (
    "SELECT venue_id, staff_ref, name FROM follow_members WHERE {these} AND left_at IS NULL"
    " ORDER BY added_at, staff_ref"
)
_VENUES = (
    "SELECT venue_id, brand_id FROM venues JOIN venue_health USING (venue_id) WHERE {these} AND deleted = 0"
)


def grant_key(connection: sqlite3.Connection, venue_id: str, venue_number: int, now: datetime) -> str:
    """The store's key, made and told when there is none: the box must have it before the first link."""
    row = connection.execute(
        "SELECT key FROM follow_keys WHERE venue_id = :venue_id", {"venue_id": venue_id}
    ).fetchone()
    if row is not None:
        found: str = row[0]
        return found
    key = secrets.token_hex(32)
    connection.execute(
        "INSERT INTO follow_keys (venue_id, key) VALUES (:venue_id, :key)", {"venue_id": venue_id, "key": key}
    )
    say_if_new(connection, venue_id, "grant_key", {"key": key, "venue_number": venue_number}, now)
    return key


def say_if_new(
    connection: sqlite3.Connection, venue_id: str, kind: str, body: dict[str, Any], now: datetime
) -> bool:
    """A full state replaces the one before, in the log too: only the newest is of use to anybody."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    names = {"venue_id": venue_id, "kind": kind, "body": text, "now": to_wire(now)}
    told = connection.execute(
        "INSERT INTO follow_told (venue_id, kind, body, told_at) VALUES (:venue_id, :kind, :body, :now)"
        " ON CONFLICT (venue_id, kind) DO UPDATE SET body = excluded.body, told_at = excluded.told_at"
        " WHERE body <> excluded.body",
        names,
    )
    if not told.rowcount:
        return False
    connection.execute("DELETE FROM commands WHERE venue_id = :venue_id AND kind = :kind", names)
    add_command(connection, venue_id, kind, body, None, to_wire(now))
    return True


def due(
    connection: sqlite3.Connection,
    accounts: Sequence[Account],
    week: str,
    since: str,
    venues: Collection[str] | None,
) -> Bodies:
    """What stores have not been told yet. Reads only: with nothing new nobody writes."""
    told = {(row["venue_id"], row["kind"]): row["body"] for row in _of(connection, _TOLD, venues)}
    wanted = _wanted(connection, accounts, week, since, venues)
    return {
        key: body
        for key, body in wanted.items()
        if told.get(key) != json.dumps(body, ensure_ascii=False, sort_keys=True)
        # What was never told and is empty need not be.
        and (key in told or any(body[name] for name in ("accounts", "members", "rows") if name in body))
    }


def _of(connection: sqlite3.Connection, question: str, venues: Collection[str] | None) -> list[sqlite3.Row]:
    """All stores' rows, or these stores': by the index then, there are ten thousand."""
    these = "1" if venues is None else "venue_id IN (SELECT value FROM json_each(:venues))"
    return connection.execute(
        question.format(these=these), {"venues": json.dumps(list(venues or ()))}
    ).fetchall()


def tell(
    connection: sqlite3.Connection,
    bodies: Sequence[tuple[tuple[str, str], dict[str, Any]]],
    now: datetime,
) -> set[str]:
    """Returns the stores that were told something."""
    told = {key for key, body in bodies if say_if_new(connection, *key, body, now)}
    return {venue_id for venue_id, _ in told}


def give_keys(connection: sqlite3.Connection, venues: Sequence[tuple[str, int]], now: datetime) -> set[str]:
    for venue_id, number in venues:
        grant_key(connection, venue_id, number, now)
    return {venue_id for venue_id, _ in venues}


def without_keys(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    """Stores that have been heard from and have no key yet."""
    return [
        (row["venue_id"], row["venue_number"])
        for row in connection.execute(
            "SELECT venue_id, venue_number FROM venues JOIN venue_health USING (venue_id)"
            " WHERE deleted = 0 AND venue_id NOT IN (SELECT venue_id FROM follow_keys)"
        )
    ]


def _wanted(
    connection: sqlite3.Connection,
    accounts: Sequence[Account],
    week: str,
    since: str,
    venues: Collection[str] | None,
) -> Bodies:
    fixed: dict[tuple[str, str], dict[str, sqlite3.Row]] = defaultdict(dict)
    for row in _of(connection, _FIXED, venues):
        fixed[row["venue_id"], row["ref"]][row["account"]] = row
    members: dict[str, list[sqlite3.Row]] = defaultdict(list)
    for row in _of(connection, _MEMBERS, venues):
        members[row["venue_id"]].append(row)
    rows = boards(connection, since, "9999", None if venues is None else json.dumps(list(venues)))
    wanted: Bodies = {}
    for venue in _of(connection, _VENUES, venues):
        venue_id = venue["venue_id"]
        offered = [account for account in accounts if venue["brand_id"] in account.brands]
        wanted[venue_id, "follow_accounts"] = {
            "accounts": [_offer(account, fixed[venue_id, ""].get(account.name)) for account in offered]
        }
        wanted[venue_id, "follow_staff"] = {
            "members": [
                {
                    "staff_ref": member["staff_ref"],
                    "name": member["name"],
                    "poster_url": badge_url(fixed[venue_id, member["staff_ref"]], offered),
                }
                for member in members[venue_id]
            ]
        }
        wanted[venue_id, "follow_board"] = {
            "week": week,
            "rows": [
                {"name": row.name, "follows": row.follows, "registrations": row.registrations}
                for row in rows.get(venue_id, [])
            ],
        }
    return wanted


def _offer(account: Account, poster: sqlite3.Row | None) -> dict[str, Any]:
    return {
        "account": account.name,
        "platform": account.platform,
        "title": account.title,
        "proof": account.proof,
        "poster_url": poster["url"] if poster else None,
        "poster_code": poster["code"] if poster else None,
        "link": account.options.get("link"),
    }


def badge_url(minted: dict[str, sqlite3.Row], offered: Sequence[Account]) -> str | None:
    """Of the first account, in the order of the settings, that gives a QR: a badge has one."""
    urls = (minted[account.name]["url"] for account in offered if account.name in minted)
    return next((url for url in urls if url), None)
