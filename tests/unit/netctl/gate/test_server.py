"""gate.sock: who may ask what, and that nothing sent there brings the gate down."""

import asyncio
import itertools
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from netctl.api import (
    Admit,
    AskDevices,
    AskHealth,
    AskStation,
    AskStations,
    AskStatus,
    ExpelStation,
    ForgetDevice,
    Seen,
    SetDevice,
    SignOut,
    TakePass,
    WatchJournal,
    WatchPresences,
)
from netctl.client import GateClient, GateRefused, GateUnavailable
from netctl.gate.server import EVERYTHING, MOST_OF_ONE_USER, GateServer, allowed
from sync.process import ProcessFailed
from tests.clock import FakeClock
from tests.unit.netctl.gated_store import (
    ABSENT_AFTER_SECONDS,
    ANNA,
    ANNAS_IP,
    BEN,
    BENS_IP,
    GatedStore,
    running,
)


@asynccontextmanager
async def listening(
    home: Path, clock: FakeClock | None = None
) -> AsyncIterator[tuple[GatedStore, GateClient]]:
    async with running(home, clock or FakeClock()) as store:
        server = GateServer(home / "gate.sock", store.desk)
        await server.open()
        try:
            yield store, GateClient(home / "gate.sock")
        finally:
            await server.close()


async def sent(home: Path, data: bytes) -> dict[str, dict[str, str]]:
    """What comes back for these bytes."""
    reader, writer = await asyncio.open_unix_connection(str(home / "gate.sock"))
    writer.write(data)
    writer.write_eof()
    line = await reader.readline()
    writer.close()
    answer: dict[str, dict[str, str]] = json.loads(line)
    return answer


async def test_one_user_with_all_its_connections_keeps_no_other_from_asking(tmp_path: Path) -> None:
    """A portal that is taken over, and the legal log."""
    users = itertools.chain(itertools.repeat(1001, MOST_OF_ONE_USER), [1001, 0])

    class Server(GateServer):
        def _uid(self, writer: asyncio.StreamWriter) -> int:
            super()._uid(writer)
            return next(users)

    async with running(tmp_path, FakeClock()) as store, AsyncExitStack() as open_ones:
        server = Server(tmp_path / "gate.sock", store.desk, lambda uid: "yingke-portal")
        await server.open()
        open_ones.push_async_callback(server.close)
        for _ in range(MOST_OF_ONE_USER):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "gate.sock"))
            open_ones.callback(writer.close)
            writer.write(b'{"request": "health"}\n')
            assert b'"ok"' in await reader.readline()
        assert (await sent(tmp_path, b'{"request": "health"}\n'))["error"]["key"] == "busy"
        assert "health" in await sent(tmp_path, b'{"request": "health"}\n')


async def test_a_shopper_is_admitted_seen_and_signed_out(tmp_path: Path) -> None:
    async with listening(tmp_path) as (store, client):
        store.lease(ANNAS_IP, ANNA)
        before = await client.station(ANNAS_IP)
        assert before.captive
        assert before.session is None
        assert len(before.station_code) == 4
        await store.ask("request-1", seconds=600)
        session = await client.admit(request_id="request-1", ip=ANNAS_IP)
        assert session.seconds_left == 600
        after = await client.station(ANNAS_IP)
        assert (after.captive, after.station_code) == (False, before.station_code)
        assert after.session == session
        assert (await client.sign_out(ANNAS_IP)).reason == "signed_out"
        assert (await client.station(ANNAS_IP)).captive


async def test_nobody_we_know_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with listening(tmp_path) as (_, client):
        with pytest.raises(GateRefused) as refused:
            await client.station(BENS_IP)
        assert refused.value.key == "unknown_station"
        assert refused.value.hint


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"\n", "bad_request"),
        (b"GET / HTTP/1.1\r\n", "bad_request"),
        (b"\x00\xff\xfe\n", "bad_request"),
        (b"[" * 60_000 + b"\n", "bad_request"),
        (b'{"request":"admit"}\n', "bad_request"),
        (b'{"request":"admit","request_id":"r","ip":"no"}\n', "bad_request"),
        (b'{"request":"station","ip":"10.77.0.9"', "bad_request"),
        (b"x" * 70_000, "too_long"),
        (b'{"request":"station","ip":"' + b"1" * 70_000 + b'"}\n', "too_long"),
    ],
)
async def test_garbage_is_answered_and_the_gate_goes_on(tmp_path: Path, data: bytes, key: str) -> None:
    async with listening(tmp_path) as (_, client):
        answer = await sent(tmp_path, data)
        assert answer["error"]["key"] == key
        assert answer["error"]["message"]
        assert (await client.health()).ok


async def test_who_hangs_up_in_the_middle_disturbs_nobody(tmp_path: Path) -> None:
    async with listening(tmp_path) as (_, client):
        for data in (b"", b'{"request":', b'{"request":"health"}\n'):
            _, writer = await asyncio.open_unix_connection(str(tmp_path / "gate.sock"))
            writer.write(data)
            writer.transport.abort()
        assert (await client.health()).ok


async def test_a_hundred_ask_at_once_and_each_gets_its_own_answer(tmp_path: Path) -> None:
    async with listening(tmp_path) as (store, client):
        store.lease(ANNAS_IP, ANNA)
        store.lease(BENS_IP, BEN)
        asked = [ANNAS_IP, BENS_IP] * 50
        answers = await asyncio.gather(*(client.station(ip) for ip in asked))
        assert [answer.ip for answer in answers] == asked


async def test_answers_come_in_the_order_of_the_requests(tmp_path: Path) -> None:
    async with listening(tmp_path):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "gate.sock"))
        writer.write(b'{"request":"health"}\nnonsense\n{"request":"status"}\n')
        keys = [next(iter(json.loads(await reader.readline()))) for _ in range(3)]
        assert keys == ["health", "error", "gate"]
        writer.close()


def test_each_process_may_ask_only_what_its_work_takes() -> None:
    names = {1: "yingke-portal", 2: "yingke-sensor", 3: "yingke-sync", 4: "mallory", 5: "yingke-legal"}

    def may(uid: int) -> frozenset[type[object]]:
        return allowed(uid, 100, lambda uid: names[uid])

    assert may(0) == may(100) == EVERYTHING
    owners_pages = {AskStations, ExpelStation, AskDevices, SetDevice, ForgetDevice}
    assert may(1) == {Admit, AskStation, SignOut, TakePass, Seen, AskHealth} | owners_pages
    assert may(2) == {WatchPresences, AskHealth}
    assert may(3) == {AskHealth}
    assert may(4) == frozenset()
    assert may(5) == {WatchJournal, AskHealth}
    assert AskStatus in EVERYTHING


def answer_to_stranger(path: Path, request: bytes) -> bytes:
    """What a process of another user gets; an empty answer when it cannot even connect."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            asking = socket.socket(socket.AF_UNIX)
            asking.connect(str(path))
            asking.sendall(request)
            os.write(write_end, asking.recv(65536))
        finally:
            os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    return os.read(read_end, 65536)


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user takes root")
async def test_the_kernel_says_who_asks_and_a_stranger_gets_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        # pytest's own directories are closed to others.
        with tempfile.TemporaryDirectory() as open_to_all:
            Path(open_to_all).chmod(0o755)
            path = Path(open_to_all) / "gate.sock"
            server = GateServer(path, store.desk)
            await server.open()
            assert await asyncio.to_thread(answer_to_stranger, path, b'{"request":"status"}\n') == b""
            path.chmod(0o666)
            answer = await asyncio.to_thread(answer_to_stranger, path, b'{"request":"status"}\n')
            assert json.loads(answer)["error"]["key"] == "not_allowed"
            await server.close()


async def test_a_second_gate_is_told_that_one_is_running(tmp_path: Path) -> None:
    async with listening(tmp_path) as (store, _):
        with pytest.raises(ProcessFailed, match="another gate is running"):
            await GateServer(tmp_path / "gate.sock", store.desk).open()


async def test_a_socket_left_behind_by_a_crash_is_no_obstacle(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "gate.sock"))
    left.close()
    async with listening(tmp_path) as (_, client):
        assert (await client.health()).ok


async def test_strangers_cannot_open_the_socket(tmp_path: Path) -> None:
    async with listening(tmp_path):
        assert (tmp_path / "gate.sock").stat().st_mode & 0o777 == 0o660


async def test_joins_and_leaves_are_replayed_then_told_as_they_happen(tmp_path: Path) -> None:
    clock = FakeClock()
    async with listening(tmp_path, clock) as (store, client):
        store.attendance.heard(ANNA)
        await store.attendance.write_joins()
        stream = client.presences()
        joined = await anext(stream)
        assert (joined.kind, joined.mac, joined.left_at) == ("joined", ANNA, None)
        clock.advance(ABSENT_AFTER_SECONDS)
        await store.attendance.sweep()
        left = await anext(stream)
        assert (left.kind, left.visit_id, left.left_at) == ("left", joined.visit_id, joined.joined_at)
        store.attendance.heard(BEN)
        await store.attendance.write_joins()
        assert (await anext(client.presences(after=left.seq))).mac == BEN


async def test_status_names_every_station_and_says_why_it_is_captive(tmp_path: Path) -> None:
    async with listening(tmp_path) as (store, client):
        store.lease(ANNAS_IP, ANNA)
        code = (await client.station(ANNAS_IP)).station_code
        for name in (code, code.lower(), ANNA, str(ANNAS_IP)):
            (station,) = (await client.status(name)).stations
            assert (station.mac, station.ips, station.captive) == (ANNA, (ANNAS_IP,), True)
            assert station.why.startswith("Captive:")
        await store.ask("request-1", seconds=600)
        await client.admit(request_id="request-1", ip=ANNAS_IP)
        status = await client.status()
        assert (status.gate.admitted, status.gate.present) == (1, 1)
        assert status.stations[0].why == "Admitted (form) for 10 more minutes."


async def test_status_of_a_station_nobody_knows_is_refused(tmp_path: Path) -> None:
    async with listening(tmp_path) as (_, client):
        with pytest.raises(GateRefused, match="No station is called somebody"):
            await client.status("somebody")


async def test_health_says_what_is_wrong(tmp_path: Path) -> None:
    async with listening(tmp_path) as (store, client):
        store.condition.problems["events"] = "events: the disk is full"
        health = await client.health()
        assert (health.ok, health.problems) == (False, ("events: the disk is full",))


async def test_without_a_gate_the_client_says_so(tmp_path: Path) -> None:
    with pytest.raises(GateUnavailable, match="nobody answers"):
        await GateClient(tmp_path / "gate.sock").health()


@pytest.mark.parametrize("reply", [b"", b"{}\n", b"garbage\n", b'{"health":{"ok":1}}\n', b'{"health"'])
async def test_a_gate_that_answers_nonsense_is_as_good_as_none(tmp_path: Path, reply: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(reply)
        writer.close()

    async with await asyncio.start_unix_server(talk, tmp_path / "gate.sock"):
        with pytest.raises(GateUnavailable):
            await GateClient(tmp_path / "gate.sock").health()


async def test_a_gate_that_says_nothing_is_given_up_on(tmp_path: Path) -> None:
    answered = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answered.wait()
        writer.close()

    async with await asyncio.start_unix_server(silent, tmp_path / "gate.sock"):
        with pytest.raises(GateUnavailable, match="did not answer"):
            await GateClient(tmp_path / "gate.sock", timeout_seconds=0.05).health()
        answered.set()
