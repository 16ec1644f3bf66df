import asyncio
import sqlite3
from pathlib import Path

import pytest

from sync.model import new_event
from sync.records import Records, RecordsUnavailable, migrate, open_records, outbox
from sync.records.connect import WRITERS, Process, open_connection
from tests.clock import FakeClock


def _schema(connection: sqlite3.Connection) -> dict[str, str]:
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '%sqlite%'"
    )
    return {
        name: "".join(line.partition("--")[0] for line in sql.splitlines()).replace(" ", "")
        for name, sql in rows
    }


def test_the_commented_schema_is_what_the_migrations_make(path: Path) -> None:
    documented = sqlite3.connect(":memory:")
    documented.executescript((Path(outbox.__file__).parent / "schema.sql").read_text())
    migrated = sqlite3.connect(path)
    assert _schema(migrated) == _schema(documented)
    assert "leads" in _schema(migrated)


def test_migrating_again_takes_no_step(path: Path) -> None:
    assert migrate(path) == []


def test_every_table_has_a_writer_and_every_writer_a_table(path: Path) -> None:
    rows = sqlite3.connect(path).execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite%'"
    )
    assert {name for (name,) in rows} == frozenset().union(*WRITERS.values())


def _may_write(connection: sqlite3.Connection, table: str) -> bool:
    statement = f"UPDATE {table} SET rowid = rowid"
    if table == "outbox":
        statement = "INSERT INTO outbox DEFAULT VALUES"
    try:
        connection.execute(statement)
    except sqlite3.IntegrityError:
        return True  # it got as far as the table's own rules
    except sqlite3.DatabaseError as error:
        return "not authorized" not in str(error)
    return True


@pytest.mark.parametrize("process", list(WRITERS))
def test_a_process_writes_its_own_tables_only(path: Path, process: Process) -> None:
    connection = open_connection(path, process)
    tables = frozenset().union(*WRITERS.values())
    assert {table for table in tables if _may_write(connection, table)} == WRITERS[process]


def test_only_sync_takes_events_out_of_the_outbox(path: Path) -> None:
    with pytest.raises(sqlite3.DatabaseError):
        open_connection(path, "portal").execute("DELETE FROM outbox")
    open_connection(path, "sync").execute("DELETE FROM outbox")


def test_a_mistyped_table_is_an_error_and_no_new_table(path: Path) -> None:
    with pytest.raises(sqlite3.DatabaseError):
        open_connection(path, "portal").execute("CREATE TABLE laeds (name TEXT)")


async def test_records_that_were_never_migrated_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordsUnavailable, match="yingke-sync migrate"):
        await open_records(tmp_path / "records.db", "portal")
    sqlite3.connect(tmp_path / "records.db").close()
    with pytest.raises(RecordsUnavailable, match="yingke-sync migrate"):
        await open_records(tmp_path / "records.db", "portal")


async def test_one_failing_write_takes_none_of_its_neighbours_with_it(
    portal_records: Records, clock: FakeClock
) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        outbox.append(connection, new_event("venue.started", {"bad": True}, clock))
        raise ValueError("after it wrote")

    writes = [
        portal_records.write(outbox.append, new_event("venue.started", {"n": 1}, clock)),
        portal_records.write(fail),
        portal_records.write(outbox.append, new_event("venue.started", {"n": 2}, clock)),
    ]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), ValueError, type(None)]
    queued = await portal_records.read(outbox.pending, 0, 10)
    assert [entry.event.body for entry in queued] == [{"n": 1}, {"n": 2}]


async def test_a_full_disk_is_said_and_nothing_half_written_stays(
    portal_records: Records, clock: FakeClock
) -> None:
    def limit(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    await portal_records.write(limit)
    event = new_event("venue.started", {"text": "x" * 500_000}, clock)
    with pytest.raises(RecordsUnavailable, match="full"):
        await portal_records.write(outbox.append, event)
    await portal_records.write(
        lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchone()
    )
    await portal_records.write(outbox.append, event)
    assert await portal_records.read(outbox.count) == 1


async def test_a_reader_cannot_write(portal_records: Records) -> None:
    with pytest.raises(RecordsUnavailable):
        await portal_records.read(lambda connection: connection.execute("DELETE FROM leads"))


async def test_a_written_row_is_there_for_other_processes(
    path: Path, portal_records: Records, clock: FakeClock
) -> None:
    await portal_records.write(outbox.append, new_event("venue.started", {}, clock))
    sync_records = await open_records(path, "sync")
    assert await sync_records.read(outbox.count) == 1
    await sync_records.close()
