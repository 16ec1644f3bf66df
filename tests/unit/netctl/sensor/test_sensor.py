"""The sensor writes counts and visits, and keeps to itself whom it heard."""

import asyncio
import base64
import hashlib
import logging
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from netctl.api import Mac, Presence
from netctl.client import GateUnavailable
from netctl.sensor.probe_request import ProbeRequestParser, Sighting
from netctl.sensor.sensor import Sensor
from sync.config import Config
from sync.records import Records, migrate, open_records
from tests.clock import FakeClock
from tests.lab.radio import air


class FakeGate:
    """Tells the presences it is given after a cursor, then goes away."""

    def __init__(self, *presences: Presence) -> None:
        self.told = list(presences)
        self.asked: list[int] = []
        self.has_told = asyncio.Event()

    async def presences(self, after: int = 0) -> AsyncIterator[Presence]:
        self.asked.append(after)
        for presence in self.told:
            if presence.seq > after:
                yield presence
        self.has_told.set()
        raise GateUnavailable("the gate closed the connection")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config.parse(
        {"venue": {"data_dir": str(tmp_path / "data"), "run_dir": str(tmp_path / "run")}, "sensor": {}}
    )


@pytest.fixture
async def records(config: Config) -> AsyncIterator[Records]:
    path = config.venue.data_dir / "records.db"
    migrate(path)
    records = await open_records(path, "sensor")
    yield records
    await records.close()


def rows(config: Config, query: str) -> list[dict[str, Any]]:
    with sqlite3.connect(config.venue.data_dir / "records.db") as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def sensor(config: Config, records: Records, clock: FakeClock, gate: FakeGate | None = None) -> Sensor:
    telling: Any = gate or FakeGate()
    return Sensor(config, records, clock, telling)


async def replay(sensor: Sensor, clock: FakeClock, seconds: float, seed: int = 1) -> list[bytes]:
    """What a shop hears, at the sensor's own clock; the addresses in it."""
    began = clock.now().timestamp()
    addresses = []
    next_tick = began
    for at, _, frame in takewhile(lambda heard: heard[0] < began + seconds, air(seed, began)):
        clock.advance(at - clock.now().timestamp())
        sensor._has_listened = True
        sensor._hear(frame)
        addresses.append(frame[25:31])
        if at >= next_tick:
            await sensor.tick()
            next_tick = at + 1
    clock.advance(began + seconds - clock.now().timestamp())
    sensor._has_listened = True
    await sensor.tick()
    return addresses


async def test_each_window_becomes_a_row_and_an_event(config: Config, records: Records) -> None:
    clock = FakeClock()
    await replay(sensor(config, records, clock), clock, 600)
    counted = rows(config, "SELECT * FROM footfall WHERE complete = 1 ORDER BY window_start")
    assert [row["window_start"] for row in counted] == [
        "2026-11-23T08:00:00.000000Z",
        "2026-11-23T08:05:00.000000Z",
    ]
    assert all(row["low"] <= row["devices"] <= row["high"] < row["naive_macs"] for row in counted)
    assert all(row["devices"] == row["inside"] + row["passers_by"] for row in counted)
    assert len(rows(config, "SELECT * FROM outbox WHERE type = 'footfall.counted'")) == 2


async def test_the_window_going_on_is_there_for_the_owner_and_not_yet_told(
    config: Config, records: Records
) -> None:
    clock = FakeClock()
    await replay(sensor(config, records, clock), clock, 200)
    (running,) = rows(config, "SELECT * FROM footfall")
    assert (running["complete"], running["devices"] > 0) == (0, True)
    assert rows(config, "SELECT * FROM outbox") == []


async def test_without_a_radio_only_stations_are_counted(config: Config, records: Records) -> None:
    clock = FakeClock()
    deaf = sensor(config, records, clock)
    await deaf.tick()
    clock.advance(300)
    await deaf.tick()
    (row,) = rows(config, "SELECT * FROM footfall WHERE complete = 1")
    assert (row["devices"], row["inside"], row["passers_by"], row["method"]) == (None, None, None, "stations")


async def test_an_interface_that_is_not_there_is_told_once_and_counting_goes_on(
    config: Config, records: Records
) -> None:
    config = replace(config, sensor=replace(config.sensor, interfaces=("nosuch0",)))
    clock = FakeClock()
    watching = sensor(config, records, clock)
    for _ in range(3):
        await watching.tick()
        clock.advance(200)
    (notice,) = rows(config, "SELECT * FROM notices")
    assert (notice["key"], notice["cleared_at"]) == ("sensor_interface_gone", None)
    assert "nosuch0" in notice["detail"] or "CAP_NET_RAW" in notice["detail"]
    assert len(rows(config, "SELECT * FROM footfall WHERE complete = 1")) == 1


async def test_a_clock_that_was_set_forward_makes_no_windows_of_hours_nobody_counted(
    config: Config, records: Records
) -> None:
    clock = FakeClock()
    counting = sensor(config, records, clock)
    await replay(counting, clock, 100)
    clock.jump(3 * 3600)
    await replay(counting, clock, 100)
    assert len(rows(config, "SELECT * FROM footfall")) == 2


async def test_a_window_cut_short_by_a_power_cut_is_told_afterwards(config: Config, records: Records) -> None:
    clock = FakeClock()
    await replay(sensor(config, records, clock), clock, 200)
    clock.reboot(off_seconds=3600)
    gate = FakeGate()
    running = asyncio.create_task(sensor(config, records, clock, gate).run())
    await gate.has_told.wait()
    running.cancel()
    (event,) = rows(config, "SELECT * FROM outbox")
    assert '"window_start":"2026-11-23T08:00:00.000000Z"' in event["body"].replace(": ", ":")


def presence(seq: int, clock: FakeClock, minutes: int | None) -> Presence:
    left_at = None if minutes is None else clock.now() + timedelta(minutes=minutes)
    return Presence(
        seq=seq,
        kind="joined" if left_at is None else "left",
        visit_id="V1",
        mac=Mac("02:00:5e:10:00:01"),
        joined_at=clock.now(),
        left_at=left_at,
        session_id="S1",
        lead_id=None,
    )


async def test_a_station_that_left_has_visited_once_though_it_is_told_again(
    config: Config, records: Records
) -> None:
    clock = FakeClock()
    gate = FakeGate(presence(1, clock, None), presence(2, clock, 20), presence(2, clock, 20))
    for _ in range(2):
        gate.has_told.clear()
        running = asyncio.create_task(sensor(config, records, clock, gate).run())
        await gate.has_told.wait()
        running.cancel()
    assert gate.asked == [0, 2]
    (visit,) = rows(config, "SELECT * FROM visits")
    assert (visit["visit_id"], visit["dwell_seconds"], visit["session_id"]) == ("V1", 1200, "S1")
    assert len(rows(config, "SELECT * FROM outbox WHERE type = 'visit.ended'")) == 1


async def test_whom_it_heard_reaches_neither_disk_nor_log(
    config: Config, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clock = FakeClock()
    addresses = set(await replay(sensor(config, records, clock), clock, 900))
    kept = b"".join(path.read_bytes() for path in config.venue.data_dir.rglob("*") if path.is_file())
    assert b"footfall.counted" in kept
    kept = (kept + caplog.text.encode()).lower()
    for secret in (*addresses, b"Home of the Zhangs"):
        for form in _forms(secret):
            assert form.lower() not in kept


def _forms(secret: bytes) -> list[bytes]:
    spelled = [secret.hex(separator) if separator else secret.hex() for separator in ("", ":", "-")]
    hashes = [hashlib.new(name, secret).digest()[:6] for name in ("md5", "sha1", "sha256", "blake2b")]
    return [
        secret,
        secret[::-1],
        *(word.encode() for word in spelled),
        secret[::-1].hex().encode(),
        base64.b64encode(secret).rstrip(b"="),
        *hashes,
        *(digest.hex().encode() for digest in hashes),
    ]


async def test_the_search_above_would_find_what_it_looks_for(config: Config, records: Records) -> None:
    clock = FakeClock()
    addresses = await replay(sensor(config, records, clock), clock, 60)
    sighting = ProbeRequestParser().parse(next(air(1, 0.0))[2], 0.0)
    assert isinstance(sighting, Sighting)
    assert sighting.mac in addresses
    assert any(sighting.mac.hex(":").encode() == form for form in _forms(sighting.mac))
