"""Opening the head office's database file."""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

from sync.headoffice.sqlite.migrations import migrations
from sync.headoffice.storage import StorageUnavailable

_BUSY_SECONDS = 5.0


def migrate(path: Path) -> None:
    """Brings the file up to date, making it if need be. Raises StorageUnavailable."""
    try:
        with _alone_in(path.parent):
            # The file holds personal data: nobody but its owner reads it, whatever the umask.
            path.touch(mode=0o600)
            db = Database(connect(path))
            db.execute("PRAGMA journal_mode = WAL")
            migrations.apply(db)
            db.close()
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be made: {error.strerror}") from error
    except sqlite3.Error as error:
        raise StorageUnavailable(because(path, error)) from error


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two of our commands that migrate at once would find each other's half-made file locked.

    The folder is locked, not the file: closing any handle of a file drops SQLite's locks on it (fcntl(2)).
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    # SQLite before 3.51.3 can lose data when several connections checkpoint
    # (sqlite.org/wal.html#walresetbug): only the server's writer does.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def because(path: Path, error: sqlite3.Error) -> str:
    """One sentence with the cause, and the remedy where there is one."""
    if "locked" in str(error):
        return f"{path} is locked by another program: end that program, or give --database another file"
    if "not a database" in str(error):
        return f"{path} is no SQLite database: give --database another file"
    return f"{path} cannot be used: {error}"
