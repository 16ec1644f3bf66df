"""The rows that are pulled: merging changes into them, erasing, and reading them page by page."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from sync.headoffice.projection import Change, Value
from sync.headoffice.tables import TABLES


class Sequence:
    """Hands out seqs inside one writing transaction; `save` before it ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._last: int = connection.execute("SELECT last_seq FROM sequence").fetchone()[0]

    def next(self) -> int:
        self._last += 1
        return self._last

    def save(self) -> None:
        self._connection.execute("UPDATE sequence SET last_seq = :last", {"last": self._last})


def merge(
    connection: sqlite3.Connection, change: Change, venue_id: str, brand_id: str, seq: int, now: str
) -> bool:
    """What is known replaces, what is None stays. False if the row is a tombstone: it stays one."""
    row: dict[str, Value] = dict.fromkeys(column.name for column in TABLES[change.table].columns)
    row |= change.values
    row |= {"venue_id": venue_id, "id": change.row_id, "seq": seq, "brand_id": brand_id, "updated_at": now}
    return connection.execute(_MERGE[change.table], row).rowcount > 0


_LATER = "COALESCE(excluded.{0}, {0})"
# What has ended does not begin again because its beginning is told late.
_KEEP = {"state": "CASE {0} WHEN 'ended' THEN {0} ELSE " + _LATER + " END"}


def _merge_sql(table: str, columns: list[str]) -> str:
    base = ["venue_id", "id", "seq", "brand_id", "updated_at"]
    known = ", ".join(f"{name} = {_KEEP.get(name, _LATER).format(name)}" for name in columns)
    return (
        f"INSERT INTO {table} ({', '.join(base + columns)})"  # noqa: S608 - names from tables.py only
        f" VALUES ({', '.join(f':{name}' for name in base + columns)})"
        " ON CONFLICT (venue_id, id) DO UPDATE SET"
        f" seq = excluded.seq, updated_at = excluded.updated_at, {known} WHERE deleted = 0"
    )


def erase_lead(
    connection: sqlite3.Connection, lead_id: str, venue_id: str, brand_id: str, seq: int, now: str
) -> None:
    """Leaves a tombstone, also of a lead that is not there yet, and empties the events that told of it."""
    names: Mapping[str, Any] = {
        "lead_id": lead_id,
        "venue_id": venue_id,
        "brand_id": brand_id,
        "seq": seq,
        "now": now,
    }
    connection.execute(
        "INSERT INTO leads (venue_id, id, seq, brand_id, updated_at, deleted)"
        " VALUES (:venue_id, :lead_id, :seq, :brand_id, :now, 1)"
        " ON CONFLICT (venue_id, id) DO UPDATE SET seq = excluded.seq, updated_at = excluded.updated_at,"
        " deleted = 1, name = NULL, phone = NULL, email = NULL, locale = NULL, method = NULL,"
        " registered_at = NULL",
        names,
    )
    connection.execute(
        "UPDATE events SET body = '{}' WHERE venue_id = :venue_id AND subject_id = :lead_id", names
    )


def page(connection: sqlite3.Connection, table: str, after_seq: int, limit: int) -> list[dict[str, Any]]:
    """Rows behind `after_seq` in the order of seq, with their histograms read and `deleted` a truth value."""
    rows = connection.execute(_PAGE[table], {"after": after_seq, "limit": limit}).fetchall()
    histograms = [column.name for column in TABLES[table].columns if column.kind == "histogram"]
    return [_readable(dict(row), histograms) for row in rows]


def _readable(row: dict[str, Any], histograms: list[str]) -> dict[str, Any]:
    row["deleted"] = bool(row["deleted"])
    for name in histograms:
        row[name] = json.loads(row[name]) if row[name] is not None else None
    return row


def _page_sql(table: str, columns: list[str]) -> str:
    names = ", ".join(["id", "seq", "brand_id", "venue_id", "updated_at", "deleted", *columns])
    return f"SELECT {names} FROM {table} WHERE seq > :after ORDER BY seq LIMIT :limit"  # noqa: S608 - as above


_COLUMNS = {name: [column.name for column in table.columns] for name, table in TABLES.items()}
_MERGE = {name: _merge_sql(name, columns) for name, columns in _COLUMNS.items() if name != "venues"}
_PAGE = {name: _page_sql(name, columns) for name, columns in _COLUMNS.items()}
