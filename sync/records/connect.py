"""Opening records.db: who may write what, one write thread, and durable commits in groups."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

from sqlite_utils import Database

from sync.group_commit import GroupCommit, NotCommitted
from sync.records.migrations import migrations

Process = Literal["portal", "gate", "sensor", "sync", "legal"]
P = ParamSpec("P")
T = TypeVar("T")

# Each table has its writer; all append to the outbox, and any may raise or clear a notice.
_SHARED = frozenset({"outbox", "notices"})
WRITERS: dict[Process, frozenset[str]] = {
    "portal": _SHARED
    | {"leads", "consents", "consent_texts", "admission_requests", "owner_account", "roaming_requests"}
    | {"vouchers", "voucher_uses", "follow_offers", "follow_claims", "used_links", "forgotten_links"},
    "gate": _SHARED,
    "sensor": _SHARED | {"visits", "footfall", "sensor_cursor"},
    "sync": _SHARED
    | {
        "upload_state",
        "rejected_events",
        "grants",
        "roaming_refusals",
        "command_cursor",
        "commands_set_aside",
        "follow_accounts",
        "follow_codes",
        "grant_key",
        "follow_grants",
        "revoked_links",
        "follow_staff",
        "follow_board",
    },
    "legal": _SHARED,
}
# A power cut may take the last commits of the sensor, whose joins and leaves the gate replays, and the
# notices of the legal log, which are raised again. It takes no others'.
_SYNCHRONOUS: dict[Process, str] = {
    "portal": "FULL",
    "gate": "FULL",
    "sensor": "NORMAL",
    "sync": "FULL",
    "legal": "NORMAL",
}
_BUSY_SECONDS = 10.0


class RecordsUnavailable(Exception):
    """The records cannot be read or written; the text says why and what to do."""


def migrate(path: Path) -> list[str]:
    """Brings records.db up to date, making it if need be; returns the names of the steps taken.

    Runs once, before the other processes start: four of them migrating at boot lock each other out.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = Database(_connect(path))
        db.execute("PRAGMA journal_mode = WAL")
        path.chmod(0o660)
        steps = [step.name for step in migrations.pending(db)]
        migrations.apply(db)
        db.close()
    except (sqlite3.Error, OSError) as error:
        raise RecordsUnavailable(f"{path} cannot be migrated: {error}") from error
    return steps


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    # SQLite before 3.51.3 can lose data when several connections checkpoint
    # (sqlite.org/wal.html#walresetbug): only sync does, with `checkpoint`.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def open_connection(path: Path, process: Process) -> sqlite3.Connection:
    """One connection that writes only the tables of `process`. Raises RecordsUnavailable."""
    if not path.exists():
        raise RecordsUnavailable(f"{path} does not exist: run yingke-sync migrate")
    try:
        connection = _connect(path)
        connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[process]}")
        pending = migrations.pending(Database(connection))
    except sqlite3.Error as error:
        raise RecordsUnavailable(f"{path} cannot be opened: {error}") from error
    if pending:
        connection.close()
        raise RecordsUnavailable(f"{path} is of an older version: run yingke-sync migrate")
    connection.set_authorizer(_authorizer(process))
    return connection


def _authorizer(process: Process) -> Callable[..., int]:
    """Guards against our own mistakes; against attackers the file modes guard."""
    tables = WRITERS[process] | {"sqlite_sequence"}
    forbidden = {
        sqlite3.SQLITE_CREATE_TABLE,
        sqlite3.SQLITE_DROP_TABLE,
        sqlite3.SQLITE_ALTER_TABLE,
        sqlite3.SQLITE_ATTACH,
    }

    def authorize(action: int, first: str | None, *_: str | None) -> int:
        if action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE):
            if first == "outbox" and action != sqlite3.SQLITE_INSERT and process != "sync":
                return sqlite3.SQLITE_DENY
            return sqlite3.SQLITE_OK if first in tables else sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_DENY if action in forbidden else sqlite3.SQLITE_OK

    return authorize


class Records:
    """The records as one process sees them.

    `write` runs a function in the one write thread, inside BEGIN IMMEDIATE, together with whatever else is
    waiting (one fsync for all of them); it returns after the commit. `read` runs beside it.
    """

    def __init__(self, path: Path, process: Process) -> None:
        self._writer = GroupCommit(open_connection(path, process), "records-write")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="records-read")
        self._to_read = open_connection(path, process)
        self._to_read.execute("PRAGMA query_only = ON")

    async def write(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Raises RecordsUnavailable, or what `fn` raised: its own changes are undone, not its neighbours'."""
        try:
            return await self._writer.write(fn, *args, **kwargs)
        except NotCommitted as error:
            raise RecordsUnavailable(f"the records cannot be written: {error}") from error

    async def read(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `fn` on a connection that cannot write. Raises RecordsUnavailable."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._reader, lambda: fn(self._to_read, *args, **kwargs))
        except sqlite3.OperationalError as error:
            raise RecordsUnavailable(f"the records cannot be read: {error}") from error

    async def close(self) -> None:
        """Finishes what is being written, then lets go."""
        await self._writer.close()
        self._reader.shutdown()
        self._to_read.close()


async def open_records(path: Path, process: Process) -> Records:
    """The records for `process`. Raises RecordsUnavailable when missing, locked or of an older version."""
    return await asyncio.to_thread(Records, path, process)


def checkpoint(connection: sqlite3.Connection) -> tuple[int, int]:
    """Copies the log into the file, as far as no reader is in the way: (pages in the log, pages copied)."""
    _, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return pages, copied
