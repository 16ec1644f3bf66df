"""What the gate does again and again."""

import asyncio
import logging

import pytest

from netctl.gate.chores import Chore, again_and_again
from netctl.gate.desk import Condition
from netctl.linux.nft import FilterFailed
from tests.clock import FakeClock


class Work:
    """Fails as often as it is told to, and says when it was done `times`."""

    def __init__(self, times: int, failures: int = 0) -> None:
        self.done = asyncio.Event()
        self._left = times
        self._failures = failures

    async def act(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.done.set()
        if self._failures:
            self._failures -= 1
            raise FilterFailed("nft is busy")


async def _until_done(work: Work, chore: Chore, condition: Condition) -> None:
    task = asyncio.create_task(again_and_again(chore, condition))
    async with asyncio.timeout(10):
        await work.done.wait()
    task.cancel()
    await asyncio.wait({task})


async def test_what_is_woken_does_not_wait_for_its_time() -> None:
    work = Work(times=2)
    chore = Chore(name="sessions", act=work.act, pause=lambda: 3600)
    task = asyncio.create_task(again_and_again(chore, Condition(FakeClock())))
    async with asyncio.timeout(10):
        while not work.done.is_set():
            await asyncio.sleep(0)
            chore.wake.set()
    task.cancel()
    await asyncio.wait({task})


async def test_what_failed_is_a_problem_named_once_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    condition = Condition(FakeClock())
    work = Work(times=3, failures=3)
    with caplog.at_level(logging.ERROR):
        await _until_done(work, Chore(name="sessions", act=work.act, pause=lambda: 0), condition)
    assert condition.sentences() == ("sessions: nft is busy",)
    assert len(caplog.records) == 1


async def test_what_goes_well_again_is_no_problem_any_more() -> None:
    condition = Condition(FakeClock())
    work = Work(times=3, failures=1)
    await _until_done(work, Chore(name="sessions", act=work.act, pause=lambda: 0), condition)
    assert condition.sentences() == ()
