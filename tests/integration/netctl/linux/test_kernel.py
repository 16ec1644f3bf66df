"""Links, neighbours and connections, asked of a real kernel."""

import asyncio
import subprocess
from contextlib import closing
from socket import SOCK_DGRAM, SOCK_STREAM

import pytest

from netctl.api import parse_ip
from netctl.gate.sessions import Admit
from netctl.linux import links
from netctl.linux.kernel import LinuxKernel
from netctl.linux.neighbours import Neighbour
from sync.config import Config
from sync.process import ProcessFailed
from tests.integration.netctl.street import HOST, HOST6, INTERCEPT, OURS, OURS6, Street, listen


def listed(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_setting_up_twice_changes_nothing(street: Street) -> None:
    before = listed("ip", "-br", "addr"), listed("bridge", "link")
    links.ensure(street.config)
    assert (listed("ip", "-br", "addr"), listed("bridge", "link")) == before


def test_the_bridge_has_its_ports_and_addresses(street: Street) -> None:
    bridge = listed("ip", "-br", "addr", "show", "br-lan")
    assert f"{OURS}/16" in bridge
    assert f"{OURS6}/64" in bridge
    assert listed("bridge", "link").count("master br-lan") == 2


def test_a_wrong_interface_is_named_together_with_those_there_are(street: Street) -> None:
    config = Config.parse({"network": {"lan_interfaces": ["wlan7"], "uplink": "wan"}})
    with pytest.raises(
        ProcessFailed, match=r"network.lan_interfaces: there is no interface wlan7; there are .*port1"
    ):
        links.ensure(config)


def test_ipv6_on_the_uplink_is_seen_by_its_default_route(street: Street) -> None:
    assert not links.uplink_has_ipv6(street.config)
    subprocess.run(["ip", "-6", "route", "add", "default", "via", HOST6], check=True)
    assert links.uplink_has_ipv6(street.config)
    subprocess.run(["ip", "-6", "route", "del", "default"], check=True)


@pytest.mark.parametrize(("address", "ours"), [(HOST, OURS), (HOST6, OURS6)])
async def test_an_admission_forgets_the_stations_connections_and_nobody_elses(
    street: Street, address: str, ours: str
) -> None:
    kernel = LinuxKernel(street.config)
    await kernel.open()
    interceptor = listen(None, ours, INTERCEPT, SOCK_STREAM)
    for phone in (street.anna, street.ben):
        assert phone.connect(address, 80) == "open"
    anna, ben = (getattr(phone, "ipv4" if ours == OURS else "ipv6") for phone in (street.anna, street.ben))
    step = Admit(mac=street.anna.mac, seconds=60, bytes_up=0, bytes_down=0)
    await kernel.admit([step], [parse_ip(anna)])
    family = "ipv4" if ours == OURS else "ipv6"
    known = listed("conntrack", "-L", "-f", family, "-p", "tcp", "--orig-port-dst", "80")
    assert f"src={anna} " not in known
    assert f"src={ben} " in known
    interceptor.close()
    await kernel.close()


@pytest.mark.parametrize(("address", "ours"), [(HOST, OURS), (HOST6, OURS6)])
async def test_a_station_at_thousands_of_addresses_keeps_nobody_waiting(
    street: Street, address: str, ours: str
) -> None:
    """A walk through the kernel's table for each would take minutes, and other admissions wait behind it."""
    kernel = LinuxKernel(street.config)
    await kernel.open()
    with closing(listen(None, ours, INTERCEPT, SOCK_STREAM)):
        for phone in (street.anna, street.ben):
            assert phone.connect(address, 80) == "open"
    anna, ben = (getattr(phone, "ipv4" if ours == OURS else "ipv6") for phone in (street.anna, street.ben))
    claimed = [parse_ip(anna), *(parse_ip(OURS) + 1000 + each for each in range(10_000))]
    claimed += [parse_ip(OURS6) + 1000 + each for each in range(10_000)]
    async with asyncio.timeout(30):
        await kernel.expel([street.anna.mac], claimed)
    family = "ipv4" if ours == OURS else "ipv6"
    known = listed("conntrack", "-L", "-f", family, "-p", "tcp", "--orig-port-dst", "80")
    assert f"src={anna} " not in known
    assert f"src={ben} " in known
    await kernel.close()


async def test_who_is_asked_and_answers_is_heard_and_who_is_silent_is_gone(street: Street) -> None:
    with (
        closing(street.anna.udp(OURS, 53)) as talking,
        closing(listen(None, OURS, 53, SOCK_DGRAM)) as resolver,
    ):
        talking.send(b"hello")
        resolver.recv(100)
    news: asyncio.Queue[Neighbour] = asyncio.Queue()
    kernel = LinuxKernel(street.config)
    await kernel.open()
    kernel.watch(news.put_nowait, lambda: None, lambda mac, port: None)
    anna = parse_ip(street.anna.ipv4)
    there = await kernel.neighbour_at(anna)
    assert there is not None
    assert there.mac == street.anna.mac
    assert anna in {neighbour.ip for neighbour in await kernel.neighbours()}
    await kernel.ask([(anna, street.anna.mac)])
    async with asyncio.timeout(10):
        while not (heard := await news.get()).answers:
            pass
        assert heard == Neighbour(ip=anna, mac=street.anna.mac, answers=True)
        street.anna.namespace.ip("link set w0 down")
        await kernel.ask([(anna, street.anna.mac)])
        while (heard := await news.get()).mac is not None:
            pass
        assert heard == Neighbour(ip=anna, mac=None, answers=False)
    assert await kernel.neighbour_at(parse_ip("10.77.0.99")) is None
    await kernel.close()


async def test_one_station_is_asked_for_without_a_listing_of_all(street: Street) -> None:
    kernel = LinuxKernel(street.config)
    await kernel.open()
    step = Admit(mac=street.anna.mac, seconds=600, bytes_up=1000, bytes_down=2000)
    await kernel.admit([step], [])
    member = await kernel.member(street.anna.mac)
    assert member
    assert (member.bytes_up, member.bytes_down) == (1000, 2000)
    # The second may turn between the admission and the question.
    assert {member.seconds_up, member.seconds_down} <= {600, 599}
    assert await kernel.member(street.ben.mac) is None
    await kernel.expel([street.anna.mac], [])
    assert await kernel.member(street.anna.mac) is None
    await kernel.close()
