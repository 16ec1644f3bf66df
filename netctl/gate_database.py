"""Opening gate.db: one connection, one thread, durable commits in groups."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sync.process import ProcessFailed

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
_Waiting = tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]
_VERSION = 1
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
        if version == 0:
            schema = files("netctl").joinpath("gate_schema.sql").read_text()
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{schema}\nPRAGMA user_version = {_VERSION};\nCOMMIT;"
            )
        elif version > _VERSION:
            raise ProcessFailed(f"{path} was written by a newer version: install that one again")
    except BaseException:
        connection.close()
        raise
    return connection


class GateDatabase:
    """gate.db as the gate sees it. `write` runs a function inside a transaction, together with whatever else
    waits (one fsync for all of them), and returns after the commit.
    """

    def __init__(self, path: Path) -> None:
        self._connection = open_connection(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gate-db")
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Raises what `fn` raised (its own changes are undone, not its neighbours'), or sqlite3.Error."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((lambda connection: fn(connection, *args, **kwargs), done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting())
        return await done

    async def read(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `fn` between the transactions."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: fn(self._connection, *args, **kwargs))

    async def close(self) -> None:
        """Finishes what is being written, then lets go."""
        while self._writing is not None:
            await asyncio.wait({self._writing})
        self._thread.shutdown()
        self._connection.close()

    async def _write_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                outcomes = await loop.run_in_executor(self._thread, _commit_group, self._connection, group)
                for (_, done), (value, error) in zip(group, outcomes, strict=True):
                    if done.done():
                        continue
                    if error is None:
                        done.set_result(value)
                    else:
                        done.set_exception(error)
        finally:
            self._writing = None


def _commit_group(
    connection: sqlite3.Connection, group: list[_Waiting]
) -> list[tuple[Any, Exception | None]]:
    """Each function in a savepoint of its own, all in one transaction: either all are durable or none."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_in_savepoint(connection, fn) for fn, _ in group]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return [(None, error) for _ in group]
    return outcomes


def _in_savepoint(
    connection: sqlite3.Connection, fn: Callable[[sqlite3.Connection], Any]
) -> tuple[Any, Exception | None]:
    connection.execute("SAVEPOINT one")
    try:
        value = fn(connection)
    except sqlite3.OperationalError:
        raise  # a full disk or a broken file is the whole group's trouble
    except Exception as error:
        connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        return None, error
    connection.execute("RELEASE one")
    return value, None
