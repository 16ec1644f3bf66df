"""The names of connectivity checks are answered, all others fail, and nothing stops it."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR

from netctl.lan.answerer import Answerer, answer, known_names
from netctl.lan.check_addresses import CHECK_ADDRESSES
from netctl.lan.connectivity_checks import HOSTS
from sync.config import Config
from sync.process import ProcessFailed


def asked(name: str, kind: str = "A", klass: str = "IN") -> DNS:
    said = answer(bytes(DNS(id=7, rd=1, qd=DNSQR(qname=name, qtype=kind, qclass=klass))), CHECK_ADDRESSES)
    assert said is not None
    return DNS(said)


@pytest.mark.parametrize("host", sorted(HOSTS))
def test_each_check_host_has_its_address_for_one_second(host: str) -> None:
    for kind, address in (("A", CHECK_ADDRESSES[host].ipv4), ("AAAA", CHECK_ADDRESSES[host].ipv6)):
        said = asked(host.upper(), kind)
        assert said.rcode == 0
        if address is None:
            assert said.ancount == 0
        else:
            assert (str(said.an[0].rdata), said.an[0].ttl) == (str(address), 1)


@pytest.mark.parametrize("name", ["news.example", "com", ".", "xcaptive.apple.com", "x.captive.apple.com"])
def test_any_other_name_fails_at_once(name: str) -> None:
    assert asked(name).rcode == 2


def test_of_a_check_host_other_kinds_of_records_are_missing_not_broken() -> None:
    assert (asked("captive.apple.com", "TXT").rcode, asked("captive.apple.com", "TXT").ancount) == (0, 0)
    assert asked("captive.apple.com", klass="CH").rcode == 2


def test_the_portals_own_name_leads_to_the_box() -> None:
    assert "shop.example.com" not in known_names(Config.parse({"portal": {"domain": "shop.example.com"}}))
    portal = {"domain": "shop.example.com", "certificate": "/c.pem", "certificate_key": "/k.pem"}
    found = known_names(Config.parse({"portal": portal}))["shop.example.com"]
    assert (str(found.ipv4), str(found.ipv6)) == ("10.77.0.1", "fd77:79b6:1::1")


def test_the_host_of_grant_links_leads_to_the_box_without_a_certificate() -> None:
    found = known_names(Config.parse({"follow": {"link_host": "s1.wifi.example"}}))["s1.wifi.example"]
    assert str(found.ipv4) == "10.77.0.1"


@given(st.binary(max_size=600))
def test_no_bytes_stop_it_and_no_answer_is_much_longer_than_the_question(message: bytes) -> None:
    said = answer(message, CHECK_ADDRESSES)
    assert said is None or len(said) <= len(message) + 40


@pytest.fixture
async def answerer() -> AsyncIterator[int]:
    """One on the loopback; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    answerer = Answerer(CHECK_ADDRESSES, "lo", port)
    await answerer.open()
    yield port
    await answerer.close()


QUERY = bytes(DNS(id=7, rd=1, qd=DNSQR(qname="captive.apple.com")))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.8.7", "::1"])
async def test_datagrams_are_answered_from_the_address_that_was_asked(answerer: int, address: str) -> None:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as asking:
        asking.connect((address, answerer))
        for garbage in (b"", b"\0" * 5, b"\xff" * 512, b"x" * 4000):
            asking.send(garbage)
        asking.send(QUERY)
        async with asyncio.timeout(10):
            while (said := await loop.sock_recv(asking, 4096))[:2] != b"\0\7":
                pass
        assert DNS(said).an[0].rdata == str(CHECK_ADDRESSES["captive.apple.com"].ipv4)


async def test_over_tcp_several_queries_are_answered_however_they_are_cut(answerer: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", answerer)
    for byte in (len(QUERY).to_bytes(2, "big") + QUERY) * 2:
        writer.write(bytes([byte]))
        await writer.drain()
    async with asyncio.timeout(10):
        for _ in range(2):
            length = int.from_bytes(await reader.readexactly(2), "big")
            assert DNS(await reader.readexactly(length)).ancount == 1
    writer.close()


async def test_over_tcp_a_query_that_is_too_long_ends_the_connection(answerer: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", answerer)
    writer.write(b"\xff\xff")
    async with asyncio.timeout(10):
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
    writer.close()


async def test_many_open_connections_do_not_keep_out_datagrams(answerer: int) -> None:
    waiting = [await asyncio.open_connection("127.0.0.1", answerer) for _ in range(50)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as asking:
        asking.connect(("127.0.0.1", answerer))
        asking.send(QUERY)
        async with asyncio.timeout(10):
            assert await asyncio.get_running_loop().sock_recv(asking, 4096)
            refused = [reader for reader, _ in waiting if await _is_over(reader)]
    assert len(refused) == 50 - 32
    for _, writer in waiting:
        writer.close()


async def _is_over(reader: asyncio.StreamReader) -> bool:
    # The loop has seen to all fifty by now: the datagram came after them.
    return reader.at_eof() or reader.exception() is not None


async def test_a_port_that_is_taken_is_said_in_a_sentence(answerer: int) -> None:
    with pytest.raises(ProcessFailed, match=f"port {answerer} of lo"):
        await Answerer(CHECK_ADDRESSES, "lo", answerer).open()
