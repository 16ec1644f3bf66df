"""gate.db: the gate's alone, durable, and never in the way of a store."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from netctl.gate.chores import EXPECTED
from netctl.gate.database import GateDatabase, open_connection
from netctl.gate.store import live_sessions
from sync.process import ProcessFailed

VERSION_1 = Path(__file__).with_name("gate_db_version_1.sql")


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    connection = open_connection(tmp_path / "gate" / "gate.db")
    assert (tmp_path / "gate").stat().st_mode & 0o777 == 0o700
    for file in (tmp_path / "gate").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file.name
    connection.close()


def test_a_commit_is_on_the_disk_before_anybody_hears_of_it(tmp_path: Path) -> None:
    connection = open_connection(tmp_path / "gate.db")
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    connection.close()


def test_every_table_is_strict(tmp_path: Path) -> None:
    connection = open_connection(tmp_path / "gate.db")
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite_%'")
    assert dict(tuple(row) for row in tables) == dict.fromkeys(
        [
            "sessions",
            "handled_requests",
            "stays",
            "day_uses",
            "devices",
            "presences",
            "journal",
            "waiting_events",
        ],
        1,
    )
    connection.close()


def columns(connection: sqlite3.Connection) -> set[tuple[object, ...]]:
    """Each column of each table, each index and trigger, as SQLite understood them."""
    rows = connection.execute(
        'SELECT t.name, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM pragma_table_list AS t'
        " JOIN pragma_table_info(t.name) AS c WHERE t.name NOT LIKE 'sqlite_%'"
    )
    indices = connection.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger')")
    # Upgraded ones are indented differently.
    return {tuple(row) for row in rows} | {(name, " ".join((sql or "").split())) for name, sql in indices}


def test_a_file_of_the_first_version_becomes_as_a_new_one_and_keeps_its_sessions(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "old.db")
    old.executescript(VERSION_1.read_text() + "PRAGMA user_version = 1;")
    old.execute(
        "INSERT INTO sessions VALUES ('s1', '02:00:5e:10:00:01', 'lead-1', 'form', :at, 3600, 3600, :at,"
        " 'synced', 'boot', 0, NULL, NULL, 1, 2, NULL, NULL)",
        {"at": "2026-11-23T08:00:00.000000Z"},
    )
    old.commit()
    old.close()
    upgraded, fresh = open_connection(tmp_path / "old.db"), open_connection(tmp_path / "fresh.db")
    assert columns(upgraded) == columns(fresh)
    (written,) = live_sessions(upgraded)
    assert (written.session.session_id, written.session.bytes_limit, written.session.day) == ("s1", None, "")
    for connection in (upgraded, fresh):
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 3
        connection.close()


def test_a_second_gate_is_told_that_one_is_running(tmp_path: Path) -> None:
    first = open_connection(tmp_path / "gate.db")
    with pytest.raises(ProcessFailed, match="one gate at a time"):
        open_connection(tmp_path / "gate.db")
    first.close()


def test_a_damaged_file_is_set_aside_and_the_gate_starts(tmp_path: Path) -> None:
    (tmp_path / "gate.db").write_bytes(b"not a database" * 1000)
    open_connection(tmp_path / "gate.db").close()
    assert (tmp_path / "gate.db.damaged").read_bytes().startswith(b"not a database")


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "gate.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ProcessFailed, match="newer version"):
        open_connection(tmp_path / "gate.db")


async def test_one_failing_change_takes_no_other_with_it(tmp_path: Path) -> None:
    database = GateDatabase(tmp_path / "gate.db")

    def insert(connection: sqlite3.Connection, request_id: str) -> None:
        connection.execute(
            "INSERT INTO handled_requests VALUES (:id, 's', '2026-01-01T00:00:00.000000Z')",
            {"id": request_id},
        )

    def insert_then_fail(connection: sqlite3.Connection) -> None:
        insert(connection, "b")
        raise LookupError("changed its mind")

    outcomes = await asyncio.gather(
        database.write(insert, "a"),
        database.write(insert_then_fail),
        database.write(insert, "c"),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), LookupError, type(None)]
    rows = await database.read(
        lambda c: [row[0] for row in c.execute("SELECT request_id FROM handled_requests")]
    )
    assert rows == ["a", "c"]
    await database.close()


async def test_on_a_full_disk_the_gate_is_told_what_it_expects(tmp_path: Path) -> None:
    database = GateDatabase(tmp_path / "gate.db")

    def too_much(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO handled_requests VALUES (:id, 's', 'now')", {"id": "x" * 500_000})

    await database.read(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
    with pytest.raises(EXPECTED, match="full"):
        await database.write(too_much)
    assert (
        await database.read(lambda c: c.execute("SELECT COUNT(*) FROM handled_requests").fetchone()[0]) == 0
    )
    await database.close()
