"""What the kernel really tells of guests' connections, and what it cannot tell."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from socket import SOCK_DGRAM, SOCK_STREAM, socket

import pytest

from netctl.api import JournalLine
from netctl.legal import seal
from netctl.legal.connections import Connections, readable
from netctl.legal.conntrack_news import News
from netctl.legal.daemon import Daemon
from netctl.legal.export import Row, Wanted, rows
from netctl.legal.kernel_news import ConnectionNews, lan_now, table
from netctl.legal.segments import Limits
from netctl.legal.verify import verify
from sync.config import Config
from sync.model import SystemClock
from sync.records import notices
from sync.records.connect import Records, migrate, open_records
from tests.integration.netctl.street import HOST, HOST6, UPLINKS, Street, listen
from tests.lab.waiting import DidNotHappen

_PATIENCE_SECONDS = 20.0


async def eventually(look: Callable[[], object], what: str) -> None:
    """As `until`, but lets the loop run, which is what hears."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_SECONDS
    while not look():
        if loop.time() > deadline:
            raise DidNotHappen(what)
        await asyncio.sleep(0.02)


@pytest.fixture
def online(street: Street) -> Street:
    """Anna is admitted."""
    street.admit(street.anna)
    return street


@pytest.fixture
def connections(street: Street) -> Connections:
    """pyroute2 brings its own loop, so it is asked where none runs."""
    return Connections(lan_now("br-lan"), destinations=True)


@pytest.fixture
def server(online: Street) -> Iterator[socket]:
    with listen(online.host, HOST, 443, SOCK_STREAM) as listening:
        yield listening


async def heard_by(connections: Connections, heard: list[News], address: str, port: int) -> News:
    def found() -> list[News]:
        guests = [each for each in heard if connections.is_guests(each)]
        return [
            e
            for e in guests
            if readable(e.opened.destination) == address and e.opened.destination_port == port
        ]

    await eventually(found, f"news of {address} port {port}")
    return found()[0]


@pytest.mark.parametrize(("address", "kind"), [(HOST, SOCK_STREAM), (HOST, SOCK_DGRAM), (HOST6, SOCK_DGRAM)])
async def test_a_connection_is_told_with_the_port_its_server_sees(
    online: Street, connections: Connections, address: str, kind: int
) -> None:
    heard: list[News] = []
    news = ConnectionNews(heard.extend, lambda: None)
    try:
        with listen(online.host, address, 4433, kind) as server:
            if kind == SOCK_STREAM:
                assert online.anna.connect(address, 4433) == "open"
                _, seen = server.accept()
            else:
                with online.anna.udp(address, 4433) as talking:
                    talking.send(b"hello")
                    _, seen = server.recvfrom(100)
            told = await heard_by(connections, heard, address, 4433)
    finally:
        news.close()
    assert (readable(told.answered.destination), told.answered.destination_port) == seen[:2]
    assert readable(told.opened.source) in (online.anna.ipv4, online.anna.ipv6)


async def test_what_goes_to_the_box_itself_is_not_a_guests_connection(
    street: Street, connections: Connections
) -> None:
    heard: list[News] = []
    news = ConnectionNews(heard.extend, lambda: None)
    try:
        with listen(None, "10.77.0.1", 80, SOCK_STREAM):
            assert street.anna.connect("10.77.0.1", 80) == "open"
        await eventually(lambda: heard, "any news")
    finally:
        news.close()
    assert [each for each in heard if connections.is_guests(each)] == []


def burst(street: Street, count: int) -> None:
    """So many datagrams, each to another port, and so a connection each."""
    with street.anna.namespace.open_socket(kind=SOCK_DGRAM) as talking:
        for port in range(10_000, 10_000 + count):
            with contextlib.suppress(OSError):  # a refusal for one before
                talking.sendto(b"x", (HOST, port))


async def test_what_a_full_buffer_loses_is_counted_and_the_table_tells_the_rest(
    online: Street, connections: Connections
) -> None:
    heard: list[News] = []
    lost: list[bool] = []
    # Nobody reads while the burst goes on: the loop is ours.
    news = ConnectionNews(heard.extend, lambda: lost.append(True), buffer_bytes=4096)
    try:
        burst(online, 60)
        await eventually(lambda: lost, "the kernel says that it dropped some")
        dropped = news.newly_dropped()
        assert dropped > 0
        assert news.newly_dropped() == 0
    finally:
        news.close()
    told = {each.opened.destination_port for each in heard if connections.is_guests(each)}
    known = {each.opened.destination_port for each in table() if connections.is_guests(each)}
    assert told < known


class Gate:
    """Tells of one session, then nothing more."""

    def __init__(self, street: Street) -> None:
        self._line = JournalLine(
            seq=1,
            what="started",
            at=datetime.now(UTC),
            clock="synced",
            session_id="session-1",
            mac=street.anna.mac,
            lead_id=None,
            method="form",
            reason=None,
            bytes_up=0,
            bytes_down=0,
        )

    async def journal(self, after: int = 0) -> AsyncIterator[JournalLine]:
        if after < 1:
            yield self._line
        await asyncio.Event().wait()


class Log:
    """The daemon over real links, from the first key to what an authority gets."""

    def __init__(self, street: Street, home: Path, records: Records) -> None:
        self.records = records
        self.directory = home / "legal"
        self.private, self.public = home / "private.pem", home / "public.pem"
        (home / "dnsmasq").mkdir()
        (home / "dnsmasq" / "dnsmasq.leases").write_text(
            f"1795426988 {street.anna.mac} {street.anna.ipv4} a-name 01:{street.anna.mac}\n"
        )
        self._config = Config.parse(
            {
                "venue": {"data_dir": str(home)},
                "privacy": {"legal_log": "cn", "legal_log_key": str(self.public)},
            }
        )
        self._gate = Gate(street)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A run of the daemon, with a buffer that is soon full."""
        limits = Limits(keep_free_bytes=0)
        daemon = Daemon(
            self._config, self.records, SystemClock(), self._gate, limits=limits, buffer_bytes=4096
        )
        task = asyncio.create_task(daemon.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def make_key(self) -> None:
        private, public = seal.new_key_pair()
        self.private.write_bytes(private)
        self.public.write_bytes(public)

    def rows(self, kind: str) -> list[Row]:
        if not self.directory.exists():
            return []
        key = seal.read_private(self.private)
        return [row for row in rows(self.directory, key, Wanted()) if row["record"] == kind]

    async def hears_of(self, key: str) -> None:
        """The owner is told."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while key not in await self.notices():  # noqa: ASYNC110 - the records tell nobody
                await asyncio.sleep(0.02)

    async def notices(self) -> set[str]:
        return {each.key for each in await self.records.read(notices.open_notices)}


@pytest.fixture
async def log(online: Street, tmp_path: Path) -> AsyncIterator[Log]:
    migrate(tmp_path / "records.db")
    records = await open_records(tmp_path / "records.db", "legal")
    yield Log(online, tmp_path, records)
    await records.close()


async def test_a_connection_is_written_with_its_station_and_session(
    online: Street, server: socket, log: Log
) -> None:
    log.make_key()
    async with log.running():
        await eventually(lambda: log.rows("lease") and log.rows("session"), "the lease and the session")
        assert online.anna.connect(HOST, 443) == "open"
        _, seen = server.accept()
        await eventually(lambda: log.rows("connection"), "the connection")
        (row,) = log.rows("connection")
        assert (row["translated"], row["translated_port"]) == seen[:2] == (UPLINKS, seen[1])
        assert (row["mac"], row["session_id"]) == (online.anna.mac, "session-1")
    assert verify(log.directory).ok


async def test_a_datagram_over_ipv6_that_nobody_answers_has_its_station_too(online: Street, log: Log) -> None:
    log.make_key()
    async with log.running():
        await eventually(lambda: log.rows("session"), "it runs")
        with online.anna.udp(HOST6, 4433) as talking:
            talking.send(b"hello")
        await eventually(lambda: log.rows("connection"), "the connection")
        await eventually(lambda: log.rows("connection")[0]["mac"] == online.anna.mac, "whose it is")


async def test_what_was_open_when_the_log_began_is_written_too(
    online: Street, server: socket, log: Log
) -> None:
    log.make_key()
    assert online.anna.connect(HOST, 443) == "open"
    async with log.running():
        await eventually(lambda: log.rows("connection"), "the connection from before")


async def test_a_burst_beyond_the_buffer_is_counted_told_and_caught_up(online: Street, log: Log) -> None:
    log.make_key()
    async with log.running():
        await eventually(lambda: log.rows("session"), "it runs")
        burst(online, 60)
        await eventually(lambda: log.rows("loss"), "the loss is written")
        ports = {each.opened.destination_port for each in table() if each.opened.destination_port >= 10_000}
        await eventually(
            lambda: {row["destination_port"] for row in log.rows("connection")} >= ports,
            "the rest is caught up",
        )
        assert await log.notices() == {"legal_log_losses"}
    (loss,) = log.rows("loss")[:1]
    assert int(loss["detail"].split()[0]) > 0


async def test_without_a_key_nothing_is_written_until_there_is_one(log: Log) -> None:
    async with log.running():
        await log.hears_of("legal_log_no_key")
        assert not log.directory.exists()
        log.make_key()
        await eventually(lambda: log.rows("gap"), "it begins")
        assert await log.notices() == set()


async def test_after_a_stop_the_log_says_from_when_to_when_it_did_not_run(log: Log) -> None:
    log.make_key()
    async with log.running():
        await eventually(lambda: log.rows("session"), "the first run")
    async with log.running():
        await eventually(lambda: len(log.rows("gap")) == 2, "the second run")
    first, second = log.rows("gap")
    assert (first["detail"], second["detail"]) == ("the log begins", "the log did not run")
    assert second["start"] < second["end"]
    # Its place in the gate's journal it knows from the log itself.
    assert len(log.rows("session")) == 1
