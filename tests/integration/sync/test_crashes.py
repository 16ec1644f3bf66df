"""Head office and uploader as real processes, killed with -9 in the middle: nothing lost, nothing doubled."""

import asyncio
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from sync.model import new_event
from sync.records import migrate, open_records, outbox
from tests.clock import FakeClock

EVENTS = 3000
BIN = Path(sys.executable).parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Processes:
    """Starts our commands, and leaves none behind."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str | Path) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
        self._running.append(process)
        return process

    def kill_9(self, process: subprocess.Popen[bytes]) -> None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for process in self._running:
            if process.poll() is None:
                self.kill_9(process)


@pytest.fixture
def processes() -> Iterator[Processes]:
    processes = Processes()
    yield processes
    processes.end()


def _json(*command: str | Path) -> dict[str, str]:
    done = subprocess.run([str(part) for part in command], capture_output=True, check=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


async def test_killed_in_the_middle_nothing_is_lost_and_nothing_doubled(
    tmp_path: Path, processes: Processes
) -> None:
    database, port = f"sqlite:///{tmp_path}/headoffice.db", _free_port()
    head_office = (
        BIN / "yingke-headoffice",
        "serve",
        "--database",
        database,
        "--listen",
        f"127.0.0.1:{port}",
    )
    manage = BIN / "yingke-headoffice"
    venue = _json(manage, "venue", "add", "shop-1", "--name", "Shop", "--json", "--database", database)
    key = _json(manage, "key", "add", "data", "--scope", "read", "--json", "--database", database)["key"]
    settings = tmp_path / "yingke.toml"
    settings.write_text(f"""
        [venue]
        id = "shop-1"
        data_dir = "{tmp_path}"
        [sync]
        head_office_url = "http://127.0.0.1:{port}"
        upload_key_file = "{tmp_path}/upload_key"
        batch_events = 50
        poll_seconds = 1
    """)
    (tmp_path / "upload_key").write_text(venue["upload_key"])
    await _queue(tmp_path / "records.db")
    uploader = (BIN / "yingke-sync", "upload", "--config", settings)

    chance = random.Random(3)
    serving, uploading = processes.start(*head_office), processes.start(*uploader)
    # Every so many events that have arrived, one of the two dies, wherever it is just then.
    for arrived in range(300, EVENTS, 300):
        await _until(lambda arrived=arrived: _arrived(tmp_path / "headoffice.db") >= arrived)  # type: ignore[misc]
        if chance.random() < 0.5:
            processes.kill_9(serving)
            serving = processes.start(*head_office)
        else:
            processes.kill_9(uploading)
            uploading = processes.start(*uploader)
    await _until(lambda: _waiting(tmp_path / "records.db") == 0)

    rows = await _pull_all(f"http://127.0.0.1:{port}", key)
    assert sorted(row["id"] for row in rows) == sorted(f"visit-{number:05}" for number in range(EVENTS))
    assert len({row["seq"] for row in rows}) == EVENTS


async def _queue(path: Path) -> None:
    migrate(path)
    records, clock = await open_records(path, "sensor"), FakeClock()

    def append_all(connection: sqlite3.Connection) -> None:
        for number in range(EVENTS):
            at = "2026-11-23T08:00:00.000000Z"
            body = {"visit_id": f"visit-{number:05}", "started_at": at, "ended_at": at, "dwell_seconds": 0}
            outbox.append(connection, new_event("visit.ended", body, clock))

    await records.write(append_all)
    await records.close()


async def _until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        # Another process cannot set an event of ours.
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def _arrived(path: Path) -> int:
    return _count(path, "SELECT COUNT(*) FROM events")


def _waiting(path: Path) -> int:
    return _count(path, "SELECT COUNT(*) FROM outbox")


def _count(path: Path, question: str) -> int:
    connection = sqlite3.connect(path)
    try:
        # As every connection of ours: this one must not checkpoint either.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        count: int = connection.execute(question).fetchone()[0]
        return count
    finally:
        connection.close()


async def _pull_all(url: str, key: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
        cursor = ""
        while True:
            async with http.get(f"{url}/v1/visits", params={"limit": 1000, "cursor": cursor}) as response:
                page = await response.json()
            rows += page["data"]
            if not page["has_more"]:
                return rows
            cursor = page["next_cursor"]


def test_without_a_head_office_the_uploader_stays_and_stops_when_told(
    tmp_path: Path, processes: Processes
) -> None:
    settings = tmp_path / "yingke.toml"
    settings.write_text(f'[venue]\ndata_dir = "{tmp_path}"\n')
    assert subprocess.run([BIN / "yingke-sync", "migrate", "--config", settings], check=False).returncode == 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        uploader = subprocess.Popen(
            [BIN / "yingke-sync", "upload", "--config", settings],
            env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify")},
        )
        try:
            assert manager.recv(100).startswith(b"READY=1")
            uploader.send_signal(signal.SIGTERM)
            assert uploader.wait(30) == 0
        finally:
            uploader.kill()
            uploader.wait()
