"""A box that was set up with an earlier version."""

import sqlite3
from pathlib import Path

from sqlite_utils import Database

from sync.records import migrate
from sync.records.migrations import migrations


def _shape(path: Path) -> set[tuple[str, str]]:
    rows = sqlite3.connect(path).execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(name, sql) for name, sql in rows}


def test_records_of_the_first_version_become_todays_and_lose_nothing(tmp_path: Path) -> None:
    old, fresh = tmp_path / "old.db", tmp_path / "fresh.db"
    first = Database(sqlite3.connect(old, isolation_level=None))
    migrations.apply(first, stop_before="roaming")
    assert "grants" not in first.table_names()
    epoch = first.execute("SELECT epoch FROM upload_state").fetchone()
    first.execute(
        "INSERT INTO leads (lead_id, phone, locale, registered_at, seen_at)"
        " VALUES ('lead-1', '+8613800138000', 'en', 'long ago', 'long ago')"
    )
    first.close()

    assert migrate(old)[0] == "roaming"
    migrate(fresh)
    assert _shape(old) == _shape(fresh)
    kept = sqlite3.connect(old)
    assert kept.execute("SELECT lead_id FROM leads").fetchall() == [("lead-1",)]
    assert kept.execute("SELECT epoch FROM upload_state").fetchone() == epoch
    assert kept.execute("SELECT after_seq FROM command_cursor").fetchall() == [(0,)]
