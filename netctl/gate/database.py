"""Opening gate.db: one connection, one thread, durable commits in groups."""

import logging
import os
import sqlite3
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sync.group_commit import GroupCommit
from sync.process import ProcessFailed

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
# What turns a file of version n into one of n + 1; schema.sql is their sum. A step that has shipped stays.
_STEPS = {
    1: """
        ALTER TABLE sessions ADD COLUMN bytes_limit INTEGER;
        ALTER TABLE sessions ADD COLUMN day TEXT NOT NULL DEFAULT '';
        ALTER TABLE sessions ADD COLUMN bytes_before_day INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE stays ADD COLUMN steps TEXT NOT NULL DEFAULT '[]';
        CREATE TABLE day_uses (
            mac TEXT PRIMARY KEY,
            day TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            passes INTEGER NOT NULL,
            written_at TEXT NOT NULL
        ) STRICT;
        CREATE TABLE devices (
            device_id TEXT PRIMARY KEY,
            mac TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            added_at TEXT NOT NULL
        ) STRICT;
    """,
    2: """
        CREATE TABLE journal (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            what TEXT NOT NULL,
            at TEXT NOT NULL,
            clock TEXT NOT NULL,
            session_id TEXT NOT NULL,
            mac TEXT NOT NULL,
            lead_id TEXT,
            method TEXT NOT NULL,
            reason TEXT,
            bytes_up INTEGER NOT NULL,
            bytes_down INTEGER NOT NULL
        ) STRICT;
        CREATE TRIGGER session_started AFTER INSERT ON sessions BEGIN
            INSERT INTO journal (what, at, clock, session_id, mac, lead_id, method, bytes_up, bytes_down)
            VALUES
                ('started', NEW.started_at, NEW.clock, NEW.session_id, NEW.mac, NEW.lead_id, NEW.method,
                 NEW.bytes_up, NEW.bytes_down);
        END;
        CREATE TRIGGER session_extended AFTER UPDATE OF seconds_granted, lead_id ON sessions
            WHEN NEW.seconds_granted <> OLD.seconds_granted OR NEW.lead_id IS NOT OLD.lead_id BEGIN
            INSERT INTO journal (what, at, clock, session_id, mac, lead_id, method, bytes_up, bytes_down)
            VALUES
                ('extended', NEW.written_at, NEW.clock, NEW.session_id, NEW.mac, NEW.lead_id, NEW.method,
                 NEW.bytes_up, NEW.bytes_down);
        END;
        CREATE TRIGGER session_ended AFTER UPDATE OF ended_at ON sessions
            WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL BEGIN
            INSERT INTO journal (what, at, clock, session_id, mac, lead_id, method, reason, bytes_up,
                bytes_down)
            VALUES
                ('ended', NEW.ended_at, NEW.clock, NEW.session_id, NEW.mac, NEW.lead_id, NEW.method,
                 NEW.reason, NEW.bytes_up, NEW.bytes_down);
        END;
    """,
}
_VERSION = 3
_OWN_DIRECTORY, _OWN_FILE = 0o700, 0o600


def open_connection(path: Path) -> sqlite3.Connection:
    """gate.db, made when it is not there. Raises ProcessFailed.

    A damaged file is set aside: a store whose guests must sign in again is better than one without a gate.
    """
    try:
        path.parent.mkdir(mode=_OWN_DIRECTORY, parents=True, exist_ok=True)
        try:
            return _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            aside = path.with_suffix(".db.damaged")
            log.error("%s is damaged (%s): set aside as %s, sessions are lost", path, error, aside.name)
            path.replace(aside)
            for rest in ("-wal", "-shm"):
                path.with_name(path.name + rest).unlink(missing_ok=True)
            return _open(path)
    except (OSError, sqlite3.Error) as error:
        remedy = "one gate at a time, and its user must own that directory"
        raise ProcessFailed(f"{path} cannot be opened ({error}): {remedy}") from error


def _open(path: Path) -> sqlite3.Connection:
    # Made with its mode, not given it afterwards: SQLite copies the mode to -wal and -shm.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _OWN_FILE))
    connection = sqlite3.connect(path, isolation_level=None, timeout=1, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        # Exclusive: a second gate finds out here, and no shared memory is needed.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # A deleted MAC is overwritten, not only unlinked.
        connection.execute("PRAGMA secure_delete = ON")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise ProcessFailed(f"{path} was written by a newer version: install that one again")
        if version == 0:
            schema = files("netctl.gate").joinpath("schema.sql").read_text()
            _take_step(connection, schema, _VERSION)
        else:
            for step in range(version, _VERSION):
                _take_step(connection, _STEPS[step], step + 1)
    except BaseException:
        connection.close()
        raise
    return connection


def _take_step(connection: sqlite3.Connection, script: str, to_version: int) -> None:
    connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {to_version};\nCOMMIT;")


class GateDatabase(GroupCommit):
    """gate.db as the gate sees it. `write` raises what its function raised, or sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        """Raises ProcessFailed."""
        super().__init__(open_connection(path), "gate-db")

    async def read(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """On the same connection, which locks the file: a second one would be kept out too."""
        return await self.outside(fn, *args, **kwargs)
