"""The stores' staff: badges, credits, and the board of a week."""

import json
import sqlite3
from collections import defaultdict
from datetime import datetime

from sync.headoffice.follow.scene import new_ref
from sync.headoffice.follow.storage import Best, BoardRow, Member, StoreFollows
from sync.headoffice.storage import NotThere
from sync.model import from_wire, to_wire

_MEMBERS = """
    SELECT members.*,
        (SELECT url FROM follow_codes AS codes WHERE codes.venue_id = members.venue_id AND kind <> 'session'
            AND ref = staff_ref AND url IS NOT NULL ORDER BY account LIMIT 1) AS url,
        (SELECT code FROM follow_codes AS codes WHERE codes.venue_id = members.venue_id AND kind <> 'session'
            AND ref = staff_ref ORDER BY account LIMIT 1) AS code
    FROM follow_members AS members WHERE venue_id = :venue_id ORDER BY added_at, staff_ref
"""
_BOARDS = """
    SELECT members.venue_id, members.staff_ref, name,
        COALESCE(SUM(kind = 'follow'), 0) AS follows, COALESCE(SUM(kind = 'registration'), 0) AS registrations
    FROM follow_members AS members LEFT JOIN follow_credits AS credits
        ON credits.venue_id = members.venue_id AND credits.staff_ref = members.staff_ref
        AND taken_back_at IS NULL AND credited_at >= :since AND credited_at < :until
    WHERE (:venues IS NULL OR members.venue_id IN (SELECT value FROM json_each(:venues)))
    GROUP BY members.venue_id, members.staff_ref
    -- Who has left stays on the board of the week in which she won something.
    HAVING left_at IS NULL OR COUNT(credit_id) > 0
    ORDER BY members.venue_id, follows DESC, registrations DESC, name
"""
_BEST = """
    SELECT venues.name AS venue_name, members.staff_ref, members.name, SUM(kind = 'follow') AS follows,
        SUM(kind = 'registration') AS registrations
    FROM follow_credits JOIN follow_members AS members USING (venue_id, staff_ref)
        JOIN venues USING (venue_id)
    WHERE taken_back_at IS NULL AND credited_at >= :since
    GROUP BY members.venue_id, members.staff_ref
    ORDER BY follows DESC, registrations DESC, members.name LIMIT :limit
"""
_FOLLOWS = """
    SELECT venue_id, venues.name, state, source, SUM(won) AS won, SUM(ended) AS ended
    -- Two searches: without rowids the planner reads all follows for an OR of them.
    FROM (
        SELECT venue_id, state, source, 1 AS won, 0 AS ended FROM follows
        WHERE followed_at >= :since AND deleted = 0 AND source <> 'known'
        UNION ALL
        SELECT venue_id, state, source, 0, 1 FROM follows WHERE ended_at >= :since AND deleted = 0
    ) JOIN venues USING (venue_id)
    GROUP BY venue_id, state, source ORDER BY venues.name, venue_id
"""


def enlist(connection: sqlite3.Connection, venue_id: str, name: str, now: datetime) -> Member:
    """Raises NotThere (the store)."""
    found = connection.execute(
        "SELECT 1 FROM venues WHERE venue_id = :venue_id AND deleted = 0", {"venue_id": venue_id}
    ).fetchone()
    if found is None:
        raise NotThere(f"there is no store {venue_id!r}. `venue add` adds one.")
    staff_ref = new_ref()
    connection.execute(
        "INSERT INTO follow_members (venue_id, staff_ref, name, added_at)"
        " VALUES (:venue_id, :staff_ref, :name, :now)",
        {"venue_id": venue_id, "staff_ref": staff_ref, "name": name, "now": to_wire(now)},
    )
    return Member(venue_id=venue_id, staff_ref=staff_ref, name=name, poster_url=None, code=None, left_at=None)


def dismiss(connection: sqlite3.Connection, venue_id: str, staff_ref: str, now: datetime) -> None:
    """The badge lets people in as a poster does, but brings nobody credit. Raises NotThere."""
    left = connection.execute(
        "UPDATE follow_members SET left_at = :now WHERE venue_id = :venue_id AND staff_ref = :staff_ref"
        " AND left_at IS NULL",
        {"venue_id": venue_id, "staff_ref": staff_ref, "now": to_wire(now)},
    )
    if not left.rowcount:
        raise NotThere(f"nobody with the badge {staff_ref!r} works at {venue_id!r}. `staff list` shows who.")


def members(connection: sqlite3.Connection, venue_id: str) -> list[Member]:
    return [
        Member(
            venue_id=row["venue_id"],
            staff_ref=row["staff_ref"],
            name=row["name"],
            poster_url=row["url"],
            code=row["code"],
            left_at=from_wire(row["left_at"]) if row["left_at"] else None,
        )
        for row in connection.execute(_MEMBERS, {"venue_id": venue_id})
    ]


def boards(
    connection: sqlite3.Connection, since: str, until: str, venues: str | None
) -> dict[str, list[BoardRow]]:
    """By store; of all stores, or of these (a JSON list)."""
    found: dict[str, list[BoardRow]] = defaultdict(list)
    for row in connection.execute(_BOARDS, {"since": since, "until": until, "venues": venues}):
        found[row["venue_id"]].append(
            BoardRow(
                staff_ref=row["staff_ref"],
                name=row["name"],
                follows=row["follows"],
                registrations=row["registrations"],
            )
        )
    return found


def board(connection: sqlite3.Connection, venue_id: str, since: str, until: str) -> list[BoardRow]:
    return boards(connection, since, until, json.dumps([venue_id])).get(venue_id, [])


def best_since(connection: sqlite3.Connection, since: str, limit: int) -> list[Best]:
    """Who has won something since then, the best first."""
    rows = connection.execute(_BEST, {"since": since, "limit": limit})
    return [
        Best(
            venue_name=row["venue_name"],
            row=BoardRow(
                staff_ref=row["staff_ref"],
                name=row["name"],
                follows=row["follows"],
                registrations=row["registrations"],
            ),
        )
        for row in rows
    ]


def follows_since(connection: sqlite3.Connection, since: str) -> list[StoreFollows]:
    """Stores where somebody followed or left since then, whenever it was that she came; who followed before
    and only scanned is not counted again."""
    stores: dict[str, StoreFollows] = {}
    for row in connection.execute(_FOLLOWS, {"since": since}):
        store = stores.get(row["venue_id"]) or StoreFollows(
            venue_id=row["venue_id"], name=row["name"], by_source={}, claimed=0, ended=0
        )
        is_claimed = row["state"] == "claimed"
        by_source = dict(store.by_source)
        if not is_claimed and row["won"]:
            by_source[row["source"]] = by_source.get(row["source"], 0) + row["won"]
        stores[row["venue_id"]] = StoreFollows(
            venue_id=store.venue_id,
            name=store.name,
            by_source=by_source,
            claimed=store.claimed + (row["won"] if is_claimed else 0),
            ended=store.ended + row["ended"],
        )
    return list(stores.values())
