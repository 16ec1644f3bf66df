"""The gate as a process: what it opens, in which order, and what it does again and again."""

import asyncio
import contextlib
import logging
import socket
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from pyroute2.netlink.exceptions import NetlinkError

from netctl import access_point, links
from netctl.api import Mac
from netctl.attendance import Attendance
from netctl.desk import Condition, Desk
from netctl.gate import Gate
from netctl.gate_database import GateDatabase
from netctl.hostapd import Associations
from netctl.kernel import LinuxKernel
from netctl.leases import LeaseFile
from netctl.nft import FilterFailed
from netctl.server import GateServer
from netctl.stations import Stations
from sync.config import Config
from sync.model import SystemClock
from sync.process import ProcessFailed, notify_ready, started
from sync.records import outbox
from sync.records.connect import Records, RecordsUnavailable, open_records

log = logging.getLogger(__name__)

COMPARE_SECONDS = 5.0
SAVE_SECONDS = 60.0
PURGE_SECONDS = 3600.0
RENDER_SECONDS = 30.0
LEASES_SECONDS = 1.0
# By then the kernel has asked everyone three times (neigh/*/ucast_solicit): the silent are silent.
_ANSWERED_SECONDS = 5.0
_EXPECTED = (sqlite3.Error, RecordsUnavailable, FilterFailed, NetlinkError, ProcessFailed, OSError)


async def run(config: Config) -> None:
    """Runs the gate until it is cancelled. Raises ProcessFailed with one sentence when it cannot start."""
    clock = SystemClock()
    await asyncio.to_thread(links.ensure, config)
    async with _opened(config) as (kernel, database, records):
        leases = LeaseFile(config.venue.data_dir / "dnsmasq" / "dnsmasq.leases")
        stations = Stations(kernel, leases)
        gate = Gate(kernel, stations, database, records, clock)
        attendance = Attendance(database, clock, config.network.absent_after_seconds)
        condition = Condition(clock)
        server = GateServer(
            config.venue.run_dir / "gate.sock", Desk(gate, stations, attendance, condition, clock)
        )
        await gate.open()
        await attendance.open()
        stations.listen(attendance.heard)
        kernel.watch(stations.note, stations.note_missed)
        await server.open()
        try:
            await records.write(outbox.append, started("gate", clock))
            await _work(config, gate, stations, attendance, condition)
        finally:
            await server.close()
            with contextlib.suppress(*_EXPECTED):
                await gate.save()
                await attendance.save()


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[tuple[LinuxKernel, GateDatabase, Records]]:
    data = config.venue.data_dir
    database = await asyncio.to_thread(GateDatabase, data / "gate" / "gate.db")
    try:
        records = await open_records(data / "records.db", "gate")
    except RecordsUnavailable as error:
        raise ProcessFailed(str(error)) from error
    kernel = LinuxKernel(config)
    await kernel.open()
    try:
        yield kernel, database, records
    finally:
        await kernel.close()
        await records.close()
        await database.close()


async def _work(
    config: Config, gate: Gate, stations: Stations, attendance: Attendance, condition: Condition
) -> None:
    """Everything that happens again and again. A part that fails is tried again; `health` tells of it."""
    woken = asyncio.Event()

    async def look() -> None:
        await gate.admit_waiting()
        for mac in await gate.compare():
            if stations.has_lease(mac):
                attendance.heard(mac)
        condition.compared()

    async def ask_present() -> None:
        await stations.ask([stay.mac for stay in attendance.stays()])

    async def sweep() -> None:
        await attendance.write_joins()
        await attendance.sweep()

    async def save() -> None:
        await gate.save()
        await attendance.save()

    async def render() -> None:
        has_ipv6 = await asyncio.to_thread(links.uplink_has_ipv6, config)
        access_point.write(config, has_ipv6)

    def until_next_look() -> float:
        # The counters go with the member when its time is over: look just before.
        return max(0.05, min(COMPARE_SECONDS, gate.seconds_to_next_end() - 0.2))

    with _wake_socket(config.venue.run_dir / "wake.sock", woken):
        async with asyncio.TaskGroup() as group:

            def steadily(
                name: str,
                act: Callable[[], Awaitable[None]],
                period: Callable[[], float],
                wake: asyncio.Event | None = None,
                first: float = 0.0,
            ) -> None:
                group.create_task(_steadily(name, act, period, condition, wake, first))

            await stations.refresh()
            if config.wifi.interface:
                group.create_task(_associations(config, stations, attendance).listen())
            steadily("sessions", look, until_next_look, wake=woken)
            steadily("joins", attendance.write_joins, lambda: 3600.0, wake=attendance.came)
            steadily("leases", stations.look_for_new_leases, lambda: LEASES_SECONDS)
            steadily("presence", ask_present, lambda: config.network.ask_presence_seconds)
            steadily("leaves", sweep, lambda: 1.0, first=_ANSWERED_SECONDS)
            steadily("events", gate.copy_events, lambda: 1.0)
            steadily("saving", save, lambda: SAVE_SECONDS, first=SAVE_SECONDS)
            steadily("ages", gate.purge, lambda: PURGE_SECONDS)
            await render()
            steadily("access point", render, lambda: RENDER_SECONDS, first=RENDER_SECONDS)
            notify_ready("the gate is shut for all but those admitted")


def _associations(config: Config, stations: Stations, attendance: Attendance) -> Associations:
    silent: set[asyncio.Task[None]] = set()

    def came(mac: Mac) -> None:
        # Without a lease it is about to ask for one, and is heard then.
        if stations.has_lease(mac):
            attendance.heard(mac)

    def went(mac: Mac) -> None:
        # Gone, or gone to another radio of ours: it is asked, and the answer decides.
        task = asyncio.create_task(stations.ask([mac]))
        silent.add(task)
        task.add_done_callback(silent.discard)

    control = config.wifi.control_directory / config.wifi.interface
    return Associations(control, config.venue.run_dir / "hostapd-events.sock", came, went)


async def _steadily(
    name: str,
    act: Callable[[], Awaitable[None]],
    period: Callable[[], float],
    condition: Condition,
    wake: asyncio.Event | None,
    first: float,
) -> None:
    wake = wake or asyncio.Event()
    await asyncio.sleep(first)
    while True:
        wake.clear()
        try:
            await act()
            condition.problems.pop(name, None)
        except _EXPECTED as error:
            if name not in condition.problems:
                log.error("%s: %s", name, error)
            condition.problems[name] = f"{name}: {error}"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(period()):
                await wake.wait()


@contextlib.contextmanager
def _wake_socket(path: Path, woken: asyncio.Event) -> Iterator[None]:
    """wake.sock: an empty datagram says "look now". It grants nothing, so whoever may write may wake."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    path.unlink(missing_ok=True)
    listening.bind(str(path))
    path.chmod(0o660)
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            listening.recv(1)
        woken.set()

    loop.add_reader(listening.fileno(), read)
    try:
        yield
    finally:
        loop.remove_reader(listening.fileno())
        listening.close()
        path.unlink(missing_ok=True)
