"""One write thread for one SQLite connection: whoever waits at the same time shares one fsync."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_Waiting = tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]
Outcome = tuple[Any, BaseException | None]


class NotCommitted(sqlite3.Error):
    """Nothing of the group is durable; the text says why (a full disk, a locked or broken file)."""


class GroupCommit:
    """Runs functions in the one write thread, inside BEGIN IMMEDIATE, together with whatever else waits.

    `write` returns after the commit. It raises NotCommitted, or what the function raised: then its own
    changes are undone, not its neighbours'.
    """

    def __init__(self, connection: sqlite3.Connection, thread_name: str) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=thread_name)
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((lambda connection: fn(connection, *args, **kwargs), done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting())
        return await done

    async def outside(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `fn` in the write thread between two transactions, for what cannot run in one."""
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
                functions = [fn for fn, _ in group]
                outcomes = await loop.run_in_executor(self._thread, commit_group, self._connection, functions)
                for (_, done), (value, error) in zip(group, outcomes, strict=True):
                    if done.cancelled():
                        continue
                    if error is None:
                        done.set_result(value)
                    else:
                        done.set_exception(error)
        finally:
            self._writing = None


def commit_group(
    connection: sqlite3.Connection, functions: list[Callable[[sqlite3.Connection], Any]]
) -> list[Outcome]:
    """Each function in a savepoint of its own, all in one transaction: either all are durable or none."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_in_savepoint(connection, fn) for fn in functions]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        not_committed = NotCommitted(str(error))
        not_committed.__cause__ = error
        return [(None, not_committed) for _ in functions]
    return outcomes


def _in_savepoint(connection: sqlite3.Connection, fn: Callable[[sqlite3.Connection], Any]) -> Outcome:
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
