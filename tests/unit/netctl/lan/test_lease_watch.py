"""The gate hears of a lease as it is written."""

import asyncio
from pathlib import Path

import pytest

from netctl.lan.lease_watch import watched


async def test_each_writing_of_the_file_is_told(tmp_path: Path) -> None:
    told = asyncio.Event()
    file = tmp_path / "dnsmasq.leases"
    with watched(tmp_path, told.set), file.open("w") as written:
        for _ in range(3):
            told.clear()
            written.write("1795426988 02:00:5e:10:00:01 10.77.170.111 * *\n")
            written.flush()
            async with asyncio.timeout(10):
                await told.wait()


async def test_a_burst_of_writings_is_told_in_few_words(tmp_path: Path) -> None:
    told: list[None] = []
    last = asyncio.Event()

    def tell() -> None:
        told.append(None)
        last.set()

    with watched(tmp_path, tell), (tmp_path / "leases").open("w") as written:
        for _ in range(1000):
            written.write("1795426988 02:00:5e:10:00:01 10.77.170.111 * *\n")
            written.flush()
            await asyncio.sleep(0)
        last.clear()
        written.write("the last\n")
        written.flush()
        async with asyncio.timeout(10):
            await last.wait()
    assert len(told) < 100


async def test_after_the_watch_nothing_is_told(tmp_path: Path) -> None:
    told: list[None] = []
    with watched(tmp_path, lambda: told.append(None)):
        pass
    (tmp_path / "dnsmasq.leases").write_text("late\n")
    await asyncio.sleep(0)
    assert told == []


async def test_a_folder_that_cannot_be_watched_is_said_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with watched(tmp_path / "nowhere", lambda: None):
        pass
    assert "cannot be watched (No such file or directory)" in caplog.text
