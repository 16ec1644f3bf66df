"""Whether there is internet, decided from what the uplink's resolvers say."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from scapy.layers.dns import DNS

from netctl.lan.uplink import Judgement, Resolver, Uplink, ask, judged, resolvers
from sync.config import Config


def after(*rounds: str) -> Judgement:
    judgement = Judgement()
    for each in rounds:
        judgement = judged(judgement, has_route=each != "no route", answered=each == "answered")
    return judgement


@pytest.mark.parametrize(
    ("rounds", "up"),
    [
        ([], True),
        (["silent"], True),
        (["silent", "silent"], False),
        (["silent", "answered", "silent"], True),
        (["silent", "silent", "silent", "answered"], True),
        (["no route"], False),
        (["no route", "silent"], False),
        (["no route", "answered"], True),
    ],
)
def test_it_is_down_after_two_silent_rounds_or_without_a_route_and_up_after_one_answer(
    rounds: list[str], up: bool
) -> None:
    assert after(*rounds).up is up


def test_while_in_doubt_it_looks_more_often() -> None:
    assert after("silent").pause_seconds < after("answered").pause_seconds
    assert after("silent", "silent").pause_seconds < after("answered").pause_seconds


def config(tmp_path: Path, text: str, **network: object) -> Config:
    file = tmp_path / "resolv.conf"
    file.write_text(text)
    return Config.parse({"network": {"uplink_resolv_file": str(file), **network}})


def test_those_whom_dnsmasq_asks_are_asked(tmp_path: Path) -> None:
    text = "# ours\nsearch lan\nnameserver 203.0.113.53\nnameserver\nnameserver x\nnameserver fe80::1%eth0\n"
    assert resolvers(config(tmp_path, text)) == [("203.0.113.53", 53), ("fe80::1%eth0", 53)]
    assert resolvers(config(tmp_path, text, dns_servers=["9.9.9.9"])) == [("9.9.9.9", 53)]
    assert resolvers(Config.parse({"network": {"uplink_resolv_file": str(tmp_path / "none")}})) == []


class Line:
    """Stands for the uplink: what it does next, and what was told of it."""

    def __init__(self) -> None:
        self.route, self.answers = True, True
        self.told: list[bool] = []
        self.asked: list[str] = []

    async def ask(self, named: Sequence[Resolver], name: str) -> bool:
        self.asked.append(name)
        return self.answers

    async def changed(self, up: bool) -> None:
        self.told.append(up)


async def test_each_change_is_told_once() -> None:
    line = Line()
    uplink = Uplink(Config.parse({}), lambda: line.route, line.changed, line.ask)
    for answers in (True, True, False, False, False, True, True):
        line.answers = answers
        await uplink.look()
    assert line.told == [False, True]
    line.route = False
    await uplink.look()
    assert line.told == [False, True, False]
    assert not uplink.up
    assert len(set(line.asked)) > 1


async def test_a_change_that_could_not_be_carried_out_is_told_again() -> None:
    line, told = Line(), []

    async def refusing(up: bool) -> None:
        told.append(up)
        if len(told) == 1:
            raise OSError("the packet filter says no")

    uplink = Uplink(Config.parse({}), lambda: False, refusing, line.ask)
    with pytest.raises(OSError, match="says no"):
        await uplink.look()
    await uplink.look()
    assert told == [False, False]


@asynccontextmanager
async def resolver(said: Callable[[bytes], bytes]) -> AsyncIterator[Resolver]:
    """One on the loopback that answers with what `said` makes of the query."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as own:
        own.bind(("127.0.0.1", 0))

        def read() -> None:
            query, asker = own.recvfrom(4096)
            own.sendto(said(query), asker)

        loop.add_reader(own.fileno(), read)
        yield own.getsockname()
        loop.remove_reader(own.fileno())


def saying(code: int) -> Callable[[bytes], bytes]:
    def said(query: bytes) -> bytes:
        message = DNS(query)
        message.qr, message.rcode = 1, code
        return bytes(message)

    return said


async def test_one_real_answer_among_several_resolvers_is_enough() -> None:
    async with resolver(saying(2)) as broken, resolver(saying(3)) as real:
        assert await ask([("127.0.0.1", 1), broken, real], "captive.apple.com")


async def test_a_resolver_that_fails_or_talks_nonsense_is_no_internet() -> None:
    async with resolver(saying(2)) as broken, resolver(saying(5)) as refusing:
        assert not await ask([("127.0.0.1", 1), broken, refusing], "captive.apple.com")
    assert not await ask([], "captive.apple.com")
