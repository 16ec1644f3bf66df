"""The members of staff whose QRs win follows, and the week's board, as head office tells them."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sync.model import Clock, to_wire

WEEKS_KEPT: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """`poster_url`: what her own QR says."""

    staff_ref: str
    name: str
    poster_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A line of the board."""

    name: str
    follows: int
    registrations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One ISO week, such as `2026-W47`."""

    week: str
    rows: tuple[Credit, ...]


def set_members(connection: sqlite3.Connection, members: Sequence[Member]) -> None:
    """All who work here; those not named have left."""
    connection.execute("DELETE FROM follow_staff")
    connection.executemany(
        "INSERT INTO follow_staff (staff_ref, name, poster_url) VALUES (:staff_ref, :name, :poster_url)",
        [{"staff_ref": each.staff_ref, "name": each.name, "poster_url": each.poster_url} for each in members],
    )


def members(connection: sqlite3.Connection) -> list[Member]:
    rows = connection.execute("SELECT * FROM follow_staff ORDER BY name, staff_ref")
    return [
        Member(staff_ref=row["staff_ref"], name=row["name"], poster_url=row["poster_url"]) for row in rows
    ]


def is_member(connection: sqlite3.Connection, staff_ref: str) -> bool:
    """Whether that is somebody who works here."""
    found = connection.execute(
        "SELECT 1 FROM follow_staff WHERE staff_ref = :staff_ref", {"staff_ref": staff_ref}
    ).fetchone()
    return found is not None


def set_board(connection: sqlite3.Connection, board: Board, clock: Clock) -> None:
    """A week as it stands now, in place of how it stood."""
    connection.execute("DELETE FROM follow_board WHERE week = :week", {"week": board.week})
    connection.executemany(
        "INSERT INTO follow_board (week, place, name, follows, registrations, told_at)"
        " VALUES (:week, :place, :name, :follows, :registrations, :told_at)",
        [
            {
                "week": board.week,
                "place": place,
                "name": row.name,
                "follows": row.follows,
                "registrations": row.registrations,
                "told_at": to_wire(clock.now()),
            }
            for place, row in enumerate(board.rows)
        ],
    )


def boards(connection: sqlite3.Connection) -> list[Board]:
    """The latest weeks, the newest first, each in head office's order."""
    rows = connection.execute("SELECT * FROM follow_board ORDER BY week DESC, place").fetchall()
    weeks = list(dict.fromkeys(row["week"] for row in rows))
    return [
        Board(
            week=week,
            rows=tuple(
                Credit(name=row["name"], follows=row["follows"], registrations=row["registrations"])
                for row in rows
                if row["week"] == week
            ),
        )
        for week in weeks[:WEEKS_KEPT]
    ]


def purge_board(connection: sqlite3.Connection, told_before: datetime) -> int:
    return connection.execute(
        "DELETE FROM follow_board WHERE told_at < :before", {"before": to_wire(told_before)}
    ).rowcount
