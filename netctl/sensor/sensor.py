"""The sensor: hears the air and the gate's joins and leaves, writes counts and visits.

What is heard in the air stays in this process's memory. Every few seconds the running window is written
again, so that the owner sees it grow; once it is over it becomes an event.
"""

import asyncio
import ctypes
import logging
from collections import deque
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from netctl.api import Presence
from netctl.client import GateClient, GateRefused, GateUnavailable
from netctl.sensor.air import Air
from netctl.sensor.device_id import DeviceIds
from netctl.sensor.footfall import Footfall
from netctl.sensor.probe_request import Discard, ProbeRequestParser
from netctl.sensor.visits import Stays
from netctl.sensor.window import Count
from sync.config import Config
from sync.config import Sensor as Settings
from sync.model import Clock, SystemClock, new_id
from sync.process import ProcessFailed, notify_ready
from sync.records import Records, RecordsUnavailable, footfall, notices, open_records, visits
from sync.records.ages import keep_burying
from sync.records.footfall import FootfallWindow

log = logging.getLogger("yingke.sensor")

INTERFACE_GONE: Final = "sensor_interface_gone"
FRAMES_LOST: Final = "sensor_frames_lost"
FLOODED: Final = "sensor_flooded"

_TICK_SECONDS: Final = 1.0
_LONGEST_UNWRITTEN_SECONDS: Final = 10.0  # of the running window
_MOST_UNWRITTEN: Final = 288
_LONGEST_WAIT_SECONDS: Final = 30.0
_JUMP_SECONDS: Final = 5.0
_PR_SET_DUMPABLE: Final = 4


async def run(config: Config) -> None:
    """The sensor process, until it is cancelled. Raises ProcessFailed when the records cannot be opened."""
    # Addresses heard in the air must not reach a core dump (prctl(2)).
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    try:
        records = await open_records(config.venue.data_dir / "records.db", "sensor")
    except RecordsUnavailable as error:
        raise ProcessFailed(str(error)) from error
    gate = GateClient(config.venue.run_dir / "gate.sock")
    try:
        await Sensor(config, records, SystemClock(), gate).run()
    finally:
        await records.close()


class Sensor:
    """Two things that go on without each other: the air, and the stations."""

    def __init__(self, config: Config, records: Records, clock: Clock, gate: GateClient) -> None:
        self._settings = config.sensor
        self._privacy = config.privacy
        self._records = records
        self._clock = clock
        self._gate = gate
        self._parser = ProbeRequestParser()
        self._footfall = Footfall(
            DeviceIds(ZoneInfo(config.venue.timezone)),
            window_seconds=config.sensor.window_seconds,
            inside_dbm=config.sensor.inside_dbm,
        )
        self._air = Air(config.sensor.interfaces, self._hear)
        self._stays = Stays(0)
        self._finished: list[Count] = []
        self._unwritten: deque[FootfallWindow] = deque(maxlen=_MOST_UNWRITTEN)
        self._told: dict[str, str | None] = {}
        self._has_listened = False
        self._shown_at = float("-inf")
        self._wall_ahead = clock.now().timestamp() - clock.boottime()

    async def run(self) -> None:
        if not self._settings.interfaces:
            log.info("no monitor interface is set: only stations are counted")
        await self._records.write(footfall.complete_interrupted, clock=self._clock)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._count())
                tasks.create_task(self._hear_stations())
                tasks.create_task(keep_burying(self._records, "sensor", self._privacy, self._clock))
                notify_ready()
        finally:
            self._air.close()

    async def _count(self) -> None:
        while True:
            await self.tick()
            await asyncio.sleep(_TICK_SECONDS)

    async def tick(self) -> None:
        """Looks after the interfaces, ends windows, writes what is due."""
        self._air.watch()
        self._has_listened |= self._air.is_listening
        self._finished += self._footfall.advance(self._mind_the_clock())
        if self._finished:
            await self._close_windows()
        await self._write()

    def _hear(self, frame: bytes) -> None:
        now = self._mind_the_clock()
        sighting = self._parser.parse(frame, now)
        if not isinstance(sighting, Discard):
            self._finished += self._footfall.hear(sighting)

    def _mind_the_clock(self) -> float:
        """The time; a clock that was set makes no windows of what it jumped over."""
        now = self._clock.now().timestamp()
        ahead = now - self._clock.boottime()
        if abs(ahead - self._wall_ahead) > _JUMP_SECONDS:
            self._finished += self._footfall.finish()
        self._wall_ahead = ahead
        return now

    async def _close_windows(self) -> None:
        finished, self._finished = self._finished, []
        self._unwritten += [self._row(count) for count in finished]
        self._has_listened = self._air.is_listening
        # What phones say about themselves lasts no longer than the window it is counted in.
        self._parser.forget()
        await self._tell(FLOODED, "more addresses than can be told apart", any(c.capped for c in finished))
        dropped = self._air.dropped()
        await self._tell(FRAMES_LOST, f"{dropped} frames came too fast", dropped > 0)

    async def _write(self) -> None:
        """Finished windows, and from time to time the running one. Full disk: again at the next tick."""
        await self._tell(INTERFACE_GONE, " ".join(self._air.gone.values()), bool(self._air.gone))
        try:
            while self._unwritten:
                row = self._unwritten[0]
                await self._records.write(footfall.record, row, complete=True, clock=self._clock)
                self._unwritten.popleft()
            running = self._footfall.running()
            due = self._shown_at + min(_LONGEST_UNWRITTEN_SECONDS, self._settings.window_seconds / 5)
            if running is not None and self._clock.boottime() >= due:
                row = self._row(running)
                await self._records.write(footfall.record, row, complete=False, clock=self._clock)
                self._shown_at = self._clock.boottime()
        except RecordsUnavailable as error:
            log.warning("%d counts wait: %s", len(self._unwritten), error)

    async def _tell(self, key: str, detail: str, is_so: bool) -> None:
        """Raises or clears a notice, when it changes."""
        if self._told.get(key) == (detail if is_so else None):
            return
        try:
            if is_so:
                await self._records.write(notices.raise_notice, key, "warning", detail, self._clock)
            else:
                await self._records.write(notices.clear, key, self._clock)
        except RecordsUnavailable as error:
            log.warning("%s: %s", key, error)
            return
        self._told[key] = detail if is_so else None

    def _row(self, count: Count) -> FootfallWindow:
        return footfall_window(count, self._settings, self._stays.present, heard_air=self._has_listened)

    async def _hear_stations(self) -> None:
        """Joins and leaves as long as the gate tells them, then again, ever more patiently."""
        wait_seconds, told = 0.5, ""
        while True:
            try:
                cursor = await self._records.read(visits.heard_up_to)
                self._stays = Stays(cursor)
                async for presence in self._gate.presences(cursor):
                    wait_seconds, told = 0.5, ""
                    await self._hear_presence(presence)
            except (GateUnavailable, GateRefused, RecordsUnavailable) as reason:
                if str(reason) != told:
                    log.info("stations are not heard of for now: %s", reason)
                told = str(reason)
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)

    async def _hear_presence(self, presence: Presence) -> None:
        visit = self._stays.hear(presence)
        if visit is not None:
            await self._records.write(visits.record, visit, self._stays.cursor, self._clock)


def footfall_window(count: Count, settings: Settings, stations: int, *, heard_air: bool) -> FootfallWindow:
    """A count as the records keep it. When no radio was listening, nothing is known of devices."""
    return FootfallWindow(
        footfall_id=new_id(),
        window_start=datetime.fromtimestamp(count.started_at, UTC),
        window_seconds=settings.window_seconds,
        devices=count.devices if heard_air else None,
        low=count.low if heard_air else None,
        high=count.high if heard_air else None,
        inside=count.inside if heard_air else None,
        passers_by=count.passers_by if heard_air else None,
        stations=stations,
        dwell_histogram=count.dwell_histogram,
        method=count.method if heard_air else "stations",
        naive_macs=count.naive_macs,
        frames=count.frames,
        inside_dbm=settings.inside_dbm,
        estimator_version=count.estimator_version,
    )
