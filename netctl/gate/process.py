"""The gate as a process: what it opens and in which order, and what wakes it."""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Interface
from pathlib import Path

from netctl.api import Mac
from netctl.gate.attendance import Attendance
from netctl.gate.chores import EXPECTED, LEASES_SECONDS, Chore, Chores, again_and_again
from netctl.gate.database import GateDatabase
from netctl.gate.desk import Condition, Deauthenticate, Desk
from netctl.gate.gate import Gate
from netctl.gate.limits import GuestLimits
from netctl.gate.nameless import Nameless
from netctl.gate.pass_over import PassOver, is_looking
from netctl.gate.pool_watch import PoolWatch
from netctl.gate.roaming import RoamingCodes
from netctl.gate.server import GateServer
from netctl.gate.stations import Stations
from netctl.gate.twin_watch import TwinWatch
from netctl.gate.waiting import WaitingRequests
from netctl.lan import hostapd
from netctl.lan.access_point import Pool
from netctl.lan.hostapd import Associations
from netctl.lan.lease_watch import watched
from netctl.lan.leases import LeaseFile
from netctl.lan.release import release
from netctl.linux import links
from netctl.linux.elements import Pair
from netctl.linux.kernel import LinuxKernel
from netctl.linux.neighbours import Neighbour
from sync.config import Config
from sync.model import Clock, SystemClock, new_id
from sync.process import ProcessFailed, notify_ready, started
from sync.records import outbox
from sync.records.connect import Records, RecordsUnavailable, open_records

log = logging.getLogger(__name__)

_TURN_SECONDS = 0.0005


async def run(config: Config) -> None:
    """Runs the gate until it is cancelled. Raises ProcessFailed with one sentence when it cannot start."""
    # A thread that lists thousands gives way sooner to the one that admits, which waits for several in a row.
    sys.setswitchinterval(_TURN_SECONDS)
    clock = SystemClock()
    await asyncio.to_thread(links.ensure, config)
    async with _opened(config) as (kernel, database, records):
        leases = LeaseFile(config.venue.data_dir / "dnsmasq" / "dnsmasq.leases")
        stations = Stations(kernel, leases)
        codes = await asyncio.to_thread(_roaming_codes, config)
        attendance = Attendance(database, clock, config.network.absent_after_seconds, stations.leased_to)
        limits, note = GuestLimits.of(config), attendance.note
        condition = Condition(clock)
        sent_away = _deauthenticating(config)

        def waits(mac: Mac) -> bool:
            return gate.session_of(mac) is None and not is_looking(attendance.stay_of(mac), clock.now())

        pass_over = PassOver(sent_away, waits)
        gate = Gate(kernel, stations, database, records, clock, limits, codes, note, pass_over)
        desk = Desk(gate, stations, attendance, condition, clock, sent_away)
        server = GateServer(config.venue.run_dir / "gate.sock", desk)
        await gate.open()
        await attendance.open()
        stations.listen(attendance.heard, attendance.note)
        twins = TwinWatch(gate, attendance, records, clock)
        pool = _pool_watch(config, gate, kernel, leases, records, clock)

        def heard(neighbour: Neighbour) -> None:
            stations.note(neighbour)
            pool.heard(neighbour)

        kernel.watch(heard, stations.note_missed, twins.heard_on)
        await server.open()
        woken = asyncio.Event()
        chores = Chores(
            config,
            kernel,
            gate,
            WaitingRequests(gate, database, records, clock),
            stations,
            attendance,
            condition,
            woken,
        )
        nameless = Nameless(config, kernel, condition)
        every_chore = [
            *chores.all(),
            *nameless.chores(),
            Chore(name="twins", act=twins.look, pause=lambda: LEASES_SECONDS, wake=twins.found),
            Chore(name="addresses", act=pool.look, pause=lambda: LEASES_SECONDS),
        ]
        try:
            await records.write(outbox.append, started("gate", clock))
            await chores.render()
            written = chores.leases_written.set
            with _wake_socket(config.venue.run_dir / "wake.sock", woken), watched(leases.folder, written):
                await _work(config, stations, attendance, twins, every_chore, condition)
        finally:
            await nameless.close()
            await server.close()
            with contextlib.suppress(*EXPECTED):
                await chores.save()


def _pool_watch(
    config: Config, gate: Gate, kernel: LinuxKernel, leases: LeaseFile, records: Records, clock: Clock
) -> PoolWatch:
    network, own = config.network, IPv4Interface(config.network.lan_address)

    def give_back(some: Sequence[Pair]) -> None:
        release(some, network.bridge, own.ip)

    pool = Pool.of(own)
    return PoolWatch(pool, network.absent_after_seconds, gate, kernel, leases, give_back, records, clock)


def _roaming_codes(config: Config) -> RoamingCodes:
    try:
        return RoamingCodes.of_box(config)
    except (OSError, ValueError) as error:
        raise ProcessFailed(f"the key of the roaming codes cannot be used: {error}") from error


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
    config: Config,
    stations: Stations,
    attendance: Attendance,
    twins: TwinWatch,
    chores: Sequence[Chore],
    condition: Condition,
) -> None:
    """Runs until it is cancelled."""
    await stations.refresh()
    async with asyncio.TaskGroup() as group:
        if config.wifi.interface:
            group.create_task(_associations(config, stations, attendance, twins).listen())
        for chore in chores:
            group.create_task(again_and_again(chore, condition))
        notify_ready("the gate is shut for all but those admitted")


def _deauthenticating(config: Config) -> Deauthenticate:
    """How a station is thrown off our own access point; it may not be there, or not be ours."""

    async def deauthenticate(mac: Mac) -> bool:
        if not config.wifi.interface:
            return False
        control = config.wifi.control_directory / config.wifi.interface
        try:
            await hostapd.deauthenticate(mac, control, config.venue.run_dir / f"hostapd-{new_id()}.sock")
        except hostapd.NotDone as reason:
            log.warning("a station was not deauthenticated: %s", reason)
            return False
        return True

    return deauthenticate


def _associations(
    config: Config, stations: Stations, attendance: Attendance, twins: TwinWatch
) -> Associations:
    silent: set[asyncio.Task[None]] = set()

    def came(mac: Mac) -> None:
        twins.associated(mac)
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
