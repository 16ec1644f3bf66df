"""Admissions that wait at the same moment go into the kernel together.

libnftables reads the whole ruleset's outline with each call: one station takes 0.6 ms, ten in one call 0.8 ms
(measured 2026-11-23, 2-core x86 VM, 10,000 others admitted).
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from netctl.api import Mac
from netctl.gate.sessions import Admit

_Waiting = tuple[Sequence[Admit], "asyncio.Future[None]"]


class SharedAdmissions:
    """One call at a time; who comes meanwhile shares the next one."""

    def __init__(self, admit: Callable[[Sequence[Admit]], None], thread: ThreadPoolExecutor) -> None:
        """`admit` is called in `thread`."""
        self._admit = admit
        self._thread = thread
        self._waiting: list[_Waiting] = []
        self._working: asyncio.Task[None] | None = None

    async def admit(self, stations: Sequence[Admit]) -> None:
        """Returns when these stations are in the kernel. Raises what `admit` raises, for these stations."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((stations, mine))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        await asyncio.shield(mine)

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                if len(batch) == 1 or not await self._together(batch):
                    for each in batch:
                        await self._alone(each)
        finally:
            self._working = None

    async def _together(self, batch: Sequence[_Waiting]) -> bool:
        """False: something in the batch was not taken, and so nothing of it."""
        # The last word about a station counts.
        stations: dict[Mac, Admit] = {each.mac: each for some, _ in batch for each in some}
        try:
            await self._call(list(stations.values()))
        except Exception:
            return False
        for _, done in batch:
            done.set_result(None)
        return True

    async def _alone(self, each: _Waiting) -> None:
        stations, done = each
        try:
            await self._call(stations)
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    async def _call(self, stations: Sequence[Admit]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._admit, stations)
