"""One walk through the connections serves all who wait for it."""

import asyncio
import threading
from collections.abc import Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from netctl.linux.conntrack import SharedWalks


class Table:
    """Its walks last until they are let go."""

    def __init__(self) -> None:
        self.walks: list[set[bytes]] = []
        self.begun = threading.Event()
        self.go_on = threading.Semaphore(0)
        self.breaks = False

    def forget(self, addresses: Set[bytes]) -> int:
        self.walks.append(set(addresses))
        self.begun.set()
        self.go_on.acquire()
        if self.breaks:
            raise OSError("no conntrack here")
        return len(addresses)

    def close(self) -> None:
        for _ in range(10):
            self.go_on.release()


async def test_who_comes_during_a_walk_shares_the_next_one() -> None:
    with closing(Table()) as table, ThreadPoolExecutor(1) as thread:
        shared = SharedWalks(table.forget, thread)
        first = asyncio.create_task(shared.forget({b"a"}))
        await asyncio.to_thread(table.begun.wait)
        others = [asyncio.create_task(shared.forget({bytes([n])})) for n in range(100)]
        await asyncio.sleep(0)
        assert not first.done()
        table.go_on.release()
        assert await first == 1
        table.go_on.release()
        assert await asyncio.gather(*others) == [100] * 100
        assert table.walks == [{b"a"}, {bytes([n]) for n in range(100)}]


async def test_a_walk_that_fails_fails_for_those_who_shared_it_only() -> None:
    with closing(Table()) as table, ThreadPoolExecutor(1) as thread:
        shared = SharedWalks(table.forget, thread)
        table.breaks = True
        table.go_on.release()
        with pytest.raises(OSError, match="no conntrack"):
            await shared.forget({b"a"})
        table.breaks = False
        table.go_on.release()
        assert await shared.forget({b"b"}) == 1


async def test_who_gives_up_waiting_takes_nobody_along() -> None:
    with closing(Table()) as table, ThreadPoolExecutor(1) as thread:
        shared = SharedWalks(table.forget, thread)
        leaving, staying = (asyncio.create_task(shared.forget({each})) for each in (b"a", b"b"))
        await asyncio.to_thread(table.begun.wait)
        leaving.cancel()
        table.go_on.release()
        assert await staying == 2
