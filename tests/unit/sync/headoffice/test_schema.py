"""The page of the schema, the migrations and the list of tables say the same."""

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlite_utils import Database

from sync.headoffice.sqlite import migrations
from sync.headoffice.sqlite.connect import because, connect, migrate
from sync.headoffice.storage import StorageUnavailable
from sync.headoffice.tables import BASE, TABLES

SCHEMA = Path(migrations.__file__).with_name("schema.sql")


def _definitions(connection: sqlite3.Connection) -> dict[str, str]:
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name NOT LIKE '\\_%' ESCAPE '\\'"
    )
    return {name: "".join(re.sub(r"--[^\n]*", "", sql).split()) for name, sql in rows}


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    migrate(tmp_path / "headoffice.db")
    return connect(tmp_path / "headoffice.db")


def test_the_schema_page_is_what_the_migrations_make(database: sqlite3.Connection) -> None:
    page = sqlite3.connect(":memory:")
    page.executescript(SCHEMA.read_text(encoding="utf-8"))
    assert _definitions(page) == _definitions(database)


def test_every_pulled_table_has_the_columns_it_is_said_to_have(database: sqlite3.Connection) -> None:
    kinds = {"text": "TEXT", "time": "TEXT", "histogram": "TEXT", "count": "INTEGER", "integer": "INTEGER"}
    for table in TABLES.values():
        found = {row["name"]: row["type"] for row in database.execute(f"PRAGMA table_info({table.name})")}
        said = {column.name: kinds[column.kind] for column in (*BASE, *table.columns)} | {
            "deleted": "INTEGER"
        }
        assert found == said


def test_migrating_again_changes_nothing(tmp_path: Path, database: sqlite3.Connection) -> None:
    before = _definitions(database)
    migrate(tmp_path / "headoffice.db")
    assert _definitions(database) == before


def test_the_file_is_its_owners_alone(tmp_path: Path, database: sqlite3.Connection) -> None:
    assert (tmp_path / "headoffice.db").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="cannot be made"):
        migrate(tmp_path / "no" / "such" / "folder.db")
    (tmp_path / "letter.txt").write_text("Dear head office, " * 100)
    with pytest.raises(StorageUnavailable, match="no SQLite database"):
        migrate(tmp_path / "letter.txt")


def test_commands_that_start_together_do_not_lock_each_other_out(tmp_path: Path) -> None:
    paths = [tmp_path / f"{turn}.db" for turn in range(5)]
    with ThreadPoolExecutor(6) as together:
        for path in paths:
            assert list(together.map(migrate, [path] * 6)) == [None] * 6


def test_a_locked_database_is_told_with_its_remedy(tmp_path: Path) -> None:
    told = because(tmp_path / "headoffice.db", sqlite3.OperationalError("database is locked"))
    assert "locked by another program" in told
    assert "--database" in told


def test_a_head_office_of_the_first_version_becomes_todays_and_no_brand_roams(tmp_path: Path) -> None:
    first = Database(sqlite3.connect(tmp_path / "headoffice.db", isolation_level=None))
    migrations.migrations.apply(first, stop_before="roaming")
    first.execute("INSERT INTO brands (brand_id, name, added_at) VALUES ('tea', 'Tea', 'once')")
    first.close()
    migrate(tmp_path / "headoffice.db")
    migrate(tmp_path / "fresh.db")
    old, fresh = connect(tmp_path / "headoffice.db"), connect(tmp_path / "fresh.db")
    assert _definitions(old) == _definitions(fresh)
    roaming = old.execute("SELECT brand_id, roaming FROM brands ORDER BY brand_id").fetchall()
    assert [tuple(row) for row in roaming] == [("default", "off"), ("tea", "off")]


def test_a_head_office_from_before_the_follows_keeps_what_it_has_and_gets_a_secret_of_its_own(
    tmp_path: Path,
) -> None:
    before = Database(sqlite3.connect(tmp_path / "headoffice.db", isolation_level=None))
    migrations.migrations.apply(before, stop_before="follow")
    before.execute(
        "INSERT INTO follows (venue_id, id, seq, brand_id, updated_at, state)"
        " VALUES ('a', 'f', 1, 'b', 'c', 'd')"
    )
    before.close()
    migrate(tmp_path / "headoffice.db")
    migrate(tmp_path / "fresh.db")
    old, fresh = connect(tmp_path / "headoffice.db"), connect(tmp_path / "fresh.db")
    assert _definitions(old) == _definitions(fresh)
    assert [tuple(row) for row in old.execute("SELECT id, state, source FROM follows")] == [("f", "d", None)]
    secrets = [each.execute("SELECT secret FROM follow_secret").fetchone()[0] for each in (old, fresh)]
    assert secrets[0] != secrets[1]
    assert all(len(bytes.fromhex(secret)) == 32 for secret in secrets)
