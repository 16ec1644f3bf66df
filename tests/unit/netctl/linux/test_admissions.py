import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from netctl.api import Mac
from netctl.gate.sessions import Admit
from netctl.linux.admissions import SharedAdmissions


class Filter:
    """Takes what it is given, once the test lets it; `calls` are the stations of each call."""

    def __init__(self) -> None:
        self.calls: list[list[Mac]] = []
        self.asked, self.open = threading.Event(), threading.Event()
        self.refused: set[Mac] = set()

    def admit(self, stations: Sequence[Admit]) -> None:
        self.calls.append([station.mac for station in stations])
        self.asked.set()
        self.open.wait(10)
        if self.refused & {station.mac for station in stations}:
            raise ValueError("not taken")


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as thread:
        yield thread


def _station(number: int, seconds: int = 60) -> Admit:
    return Admit(mac=Mac(f"02:00:5e:10:00:{number:02x}"), seconds=seconds, bytes_up=0, bytes_down=0)


async def _all_at_once(shared: SharedAdmissions, filtering: Filter, *stations: Admit) -> list[object]:
    """The first is being put in while the others come."""
    tasks = [asyncio.create_task(shared.admit([station])) for station in stations]
    await asyncio.sleep(0)
    filtering.open.set()
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def test_stations_that_wait_for_the_kernel_go_in_together(thread: ThreadPoolExecutor) -> None:
    filtering = Filter()
    shared = SharedAdmissions(filtering.admit, thread)
    first = asyncio.create_task(shared.admit([_station(0)]))
    assert await asyncio.to_thread(filtering.asked.wait, 10)
    others = [_station(number) for number in range(1, 51)]
    assert await _all_at_once(shared, filtering, *others) == [None] * 50
    await first
    assert [len(call) for call in filtering.calls] == [1, 50]


async def test_one_that_the_kernel_refuses_keeps_nobody_else_out(thread: ThreadPoolExecutor) -> None:
    filtering = Filter()
    filtering.refused = {_station(1).mac}
    shared = SharedAdmissions(filtering.admit, thread)
    outcomes = await _all_at_once(shared, filtering, _station(0), _station(1), _station(2))
    assert [type(outcome) for outcome in outcomes] == [type(None), ValueError, type(None)]
    assert [_station(2).mac] in filtering.calls


async def test_the_last_word_about_a_station_counts(thread: ThreadPoolExecutor) -> None:
    taken: list[Sequence[Admit]] = []
    shared = SharedAdmissions(taken.append, thread)
    await asyncio.gather(shared.admit([_station(1, seconds=60)]), shared.admit([_station(1, seconds=90)]))
    assert [station.seconds for station in taken[-1]] == [90]
