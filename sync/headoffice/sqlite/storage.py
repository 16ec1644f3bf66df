"""The head office's storage on one SQLite file: one writer with group commit, readers beside it."""

import asyncio
import queue
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sync.group_commit import GroupCommit, NotCommitted
from sync.headoffice.keys import StoredKey
from sync.headoffice.roaming import Honoured, RefusalKey, Wish
from sync.headoffice.sqlite import access, events, overview, roaming, rows, venues
from sync.headoffice.sqlite.connect import because, connect, migrate
from sync.headoffice.sqlite.follow_storage import SqliteFollow
from sync.headoffice.storage import (
    Batch,
    Command,
    LatestLead,
    NewVenue,
    Receipt,
    Staff,
    StorageUnavailable,
    VenueToday,
)
from sync.model import to_wire

P = ParamSpec("P")
T = TypeVar("T")
_READERS = 2
# The longest session a box may give (registration.session_minutes) and a day.
_CODE_DAYS = 31


class SqliteStorage:
    """See `Storage` for what each question means."""

    def __init__(self, path: Path) -> None:
        """Migrates first. Raises StorageUnavailable."""
        migrate(path)
        self._path = path
        self._commits = GroupCommit(connect(path), "headoffice-write")
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="headoffice-read")
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        for _ in range(_READERS):
            reader = connect(path)
            reader.execute("PRAGMA query_only = ON")
            self._readers.put(reader)
        self.follow = SqliteFollow(self._read, self._write)

    async def close(self) -> None:
        await self._commits.close()
        self._pool.shutdown()
        while not self._readers.empty():
            self._readers.get().close()

    async def _write(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            return await self._commits.write(fn, *args, **kwargs)
        except NotCommitted as error:
            cause = error.__cause__
            assert isinstance(cause, sqlite3.Error)
            raise StorageUnavailable(because(self._path, cause)) from error

    async def _read(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def with_a_reader() -> T:
            reader = self._readers.get()
            try:
                return fn(reader, *args, **kwargs)
            finally:
                self._readers.put(reader)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, with_a_reader)
        except sqlite3.OperationalError as error:
            raise StorageUnavailable(because(self._path, error)) from error

    async def ready(self) -> None:
        await self._read(lambda connection: connection.execute("SELECT last_seq FROM sequence").fetchone())

    async def checkpoint(self) -> None:
        """Copies the log into the file. On the writer's own connection, and never inside its transaction."""
        await self._commits.outside(
            lambda connection: connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        )

    async def receive(self, batch: Batch) -> Receipt:
        return await self._write(events.receive, batch)

    async def page(self, table: str, after_seq: int, limit: int) -> list[dict[str, Any]]:
        return await self._read(rows.page, table, after_seq, limit)

    async def add_command(
        self, venue_id: str, kind: str, body: dict[str, Any], expires_at: datetime | None, now: datetime
    ) -> int:
        until = to_wire(expires_at) if expires_at else None
        return await self._write(venues.add_command, venue_id, kind, body, until, to_wire(now))

    async def commands(self, venue_id: str, after_seq: int, limit: int) -> list[Command]:
        return await self._read(venues.commands, venue_id, after_seq, limit)

    async def venues_with_commands(self, after_seq: int) -> dict[str, int]:
        return await self._read(venues.venues_with_commands, after_seq)

    async def find_key(self, key_id: str) -> StoredKey | None:
        return await self._read(access.find_key, key_id)

    async def add_key(self, key: StoredKey, now: datetime) -> None:
        await self._write(access.add_key, key, to_wire(now))

    async def add_brand(self, brand_id: str, name: str, now: datetime) -> None:
        await self._write(venues.add_brand, brand_id, name, to_wire(now))

    async def add_venue(self, venue_id: str, name: str, brand_id: str, now: datetime) -> NewVenue:
        return await self._write(venues.add_venue, venue_id, name, brand_id, to_wire(now))

    async def set_roaming(self, brand_id: str, on: bool) -> None:
        await self._write(roaming.set_roaming, brand_id, on)

    async def honoured_before(self, wish: Wish, now: datetime) -> Honoured | RefusalKey | None:
        return await self._read(roaming.honoured_before, wish, now)

    async def honour(self, wish: Wish, now: datetime) -> Honoured | RefusalKey:
        return await self._write(roaming.honour, wish, now)

    async def put_staff(self, staff: Staff, now: datetime) -> None:
        await self._write(access.put_staff, staff, to_wire(now))

    async def find_staff(self, login: str) -> Staff | None:
        return await self._read(access.find_staff, login)

    async def add_sign_in(self, token_sha256: str, login: str, expires_at: datetime) -> None:
        await self._write(access.add_sign_in, token_sha256, login, to_wire(expires_at))

    async def find_sign_in(self, token_sha256: str, now: datetime) -> Staff | None:
        return await self._read(access.find_sign_in, token_sha256, to_wire(now))

    async def end_sign_in(self, token_sha256: str) -> None:
        await self._write(access.end_sign_in, token_sha256)

    async def venues_since(self, day_start: datetime) -> list[VenueToday]:
        return await self._read(overview.venues_since, to_wire(day_start))

    async def latest_leads(self, limit: int) -> list[LatestLead]:
        return await self._read(overview.latest_leads, limit)

    async def purge(self, events_before: datetime, rejected_before: datetime, now: datetime) -> int:
        codes_before = now - timedelta(days=_CODE_DAYS)
        ages = [to_wire(each) for each in (events_before, rejected_before, codes_before, now)]
        return await self._write(events.purge, *ages)
