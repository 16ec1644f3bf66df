import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from sync.config import Config
from sync.process import ProcessFailed, main, notify_ready

CONFIG = Config.parse({})


def test_a_process_stops_cleanly_when_told_to() -> None:
    ended = []

    async def run(config: Config) -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(config)

    assert main(run, CONFIG) == 0
    assert ended == [CONFIG]


def test_a_failure_is_one_sentence_also_out_of_a_task_group(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail() -> None:
        raise ProcessFailed("port 80 is in use: stop the other web server")

    async def run(config: Config) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    assert main(run, CONFIG) == 1
    assert "port 80 is in use" in capsys.readouterr().err


def test_a_bug_is_not_mistaken_for_a_clean_end() -> None:
    async def run(config: Config) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        main(run, CONFIG)


def test_the_service_manager_hears_that_it_is_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify_ready("open")
        assert manager.recv(100) == b"READY=1\nSTATUS=open"


def test_a_manager_that_is_gone_spoils_no_clean_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    test_a_process_stops_cleanly_when_told_to()


def test_the_watchdog_is_fed_from_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000")

        async def run(config: Config) -> None:
            loop = asyncio.get_running_loop()
            manager.setblocking(False)
            for _ in range(3):
                assert await loop.sock_recv(manager, 100) == b"WATCHDOG=1"

        assert main(run, CONFIG) == 0
