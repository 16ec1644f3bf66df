"""The journal of sessions in gate.db, which the legal log reads; triggers in schema.sql write it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator

from netctl.api import JournalLine, Mac
from netctl.gate.database import GateDatabase
from sync.model import from_wire

_LINES_AT_ONCE = 500
_LOOK_SECONDS = 1.0


async def watch(database: GateDatabase, after: int) -> AsyncIterator[JournalLine]:
    """The lines behind `after`, first those kept, then as they are written. Never ends.

    `after` beyond the last is from an earlier gate.db, which was damaged and set aside: all lines are new.
    """
    newest = await database.read(last_seq)
    after = after if after <= newest else 0
    while True:
        lines = await database.read(lines_after, after, _LINES_AT_ONCE)
        for line in lines:
            yield line
            after = line.seq
        if not lines:
            await asyncio.sleep(_LOOK_SECONDS)


def last_seq(connection: sqlite3.Connection) -> int:
    """The number of the last line ever written; 0: none was."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
    return int(row[0]) if row else 0


def lines_after(connection: sqlite3.Connection, seq: int, limit: int) -> list[JournalLine]:
    """Behind `seq`, in order."""
    rows = connection.execute(
        "SELECT * FROM journal WHERE seq > :seq ORDER BY seq LIMIT :limit", {"seq": seq, "limit": limit}
    )
    return [
        JournalLine(
            seq=row["seq"],
            what=row["what"],
            at=from_wire(row["at"]),
            clock=row["clock"],
            session_id=row["session_id"],
            mac=Mac(row["mac"]),
            lead_id=row["lead_id"],
            method=row["method"],
            reason=row["reason"],
            bytes_up=row["bytes_up"],
            bytes_down=row["bytes_down"],
        )
        for row in rows
    ]
