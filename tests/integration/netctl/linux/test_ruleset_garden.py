"""The walled garden: hosts that captive stations reach on port 443, as dnsmasq names them."""

import subprocess
from socket import SOCK_DGRAM, SOCK_STREAM

import pytest

from tests.integration.netctl.street import (
    HOST,
    HOST6,
    INTERCEPT,
    OURS,
    OURS6,
    SILENCE_SECONDS,
    Street,
    listen,
)
from tests.lab.waiting import until

GARDEN = {HOST: "garden4", HOST6: "garden6"}
BOTH_FAMILIES = pytest.mark.parametrize("address", [HOST, HOST6])


def plant(address: str, timeout: str = "1h") -> None:
    """As dnsmasq does when it has answered for a host of the garden."""
    element = f"{{ {address} timeout {timeout} }}"
    subprocess.run(["nft", "add", "element", "inet", "yingke", GARDEN[address], element], check=True)


def planted(address: str) -> bool:
    element = f"{{ {address} }}"
    get = ["nft", "get", "element", "inet", "yingke", GARDEN[address], element]
    return subprocess.run(get, capture_output=True, check=False).returncode == 0


@pytest.fixture
def street(street: Street) -> Street:
    for garden in GARDEN.values():
        subprocess.run(["nft", "flush", "set", "inet", "yingke", garden], check=True)
    return street


@BOTH_FAMILIES
def test_a_captive_station_talks_with_the_garden_both_ways(street: Street, address: str) -> None:
    street.lease(street.anna)
    with (
        listen(street.host, address, 443, SOCK_STREAM),
        listen(street.host, address, 443, SOCK_DGRAM) as host,
        street.anna.udp(address, 443) as phone,
    ):
        assert street.anna.connect(address, 443) == "refused"
        plant(address)
        assert street.anna.connect(address, 443) == "open"
        phone.send(b"QUIC")
        _, who = host.recvfrom(100)
        host.sendto(b"QUIC too", who)
        assert phone.recv(100) == b"QUIC too"


@BOTH_FAMILIES
@pytest.mark.parametrize("port", [22, 853, 8443])
def test_the_garden_has_one_port(street: Street, address: str, port: int) -> None:
    street.lease(street.anna)
    plant(address)
    with listen(street.host, address, port, SOCK_STREAM):
        assert street.anna.connect(address, port) == "refused"


@pytest.mark.parametrize(("address", "ours"), [(HOST, OURS), (HOST6, OURS6)])
def test_a_connectivity_check_of_a_host_in_the_garden_is_intercepted(
    street: Street, address: str, ours: str
) -> None:
    street.lease(street.anna)
    plant(address)
    with listen(street.host, address, 80, SOCK_STREAM), listen(None, ours, INTERCEPT, SOCK_STREAM) as catcher:
        assert street.anna.connect(address, 80) == "open"
        caught, _ = catcher.accept()
        caught.close()


@BOTH_FAMILIES
def test_a_blocked_station_is_kept_out_of_the_garden(street: Street, address: str) -> None:
    street.lease(street.anna)
    plant(address)
    street.filter.block([street.anna.mac])
    with listen(street.host, address, 443, SOCK_STREAM):
        assert street.anna.connect(address, 443) == "refused"


def test_the_garden_is_no_way_in(street: Street) -> None:
    street.lease(street.anna)
    plant(HOST)
    with listen(street.anna.namespace, street.anna.ipv4, 9030, SOCK_DGRAM) as phone:
        phone.settimeout(SILENCE_SECONDS)
        with listen(street.host, HOST, 443, SOCK_DGRAM) as host:
            host.sendto(b"knock", (street.anna.ipv4, 9030))
        with pytest.raises(TimeoutError):
            phone.recv(100)


@BOTH_FAMILIES
def test_a_host_in_use_stays_in_the_garden_and_an_unused_one_leaves(street: Street, address: str) -> None:
    street.lease(street.anna)
    plant(address, "3s")
    with listen(street.host, address, 443, SOCK_STREAM):
        assert street.anna.connect(address, 443) == "open"
    # What was used just now has two hours again.
    until(lambda: seconds_left(address) >= 3600, "its time is renewed")
    subprocess.run(["nft", "flush", "set", "inet", "yingke", GARDEN[address]], check=True)
    plant(address, "1s")
    until(lambda: not planted(address), "an unused host leaves")


def seconds_left(address: str) -> int:
    """Roughly what is left of a host's time in the garden."""
    element = f"{{ {address} }}"
    get = ["nft", "get", "element", "inet", "yingke", GARDEN[address], element]
    told = subprocess.run(get, capture_output=True, text=True, check=True).stdout
    expires = told.partition("expires ")[2].split()[0]
    return 3600 * int(expires.partition("h")[0]) if "h" in expires else 0


def test_a_restart_of_the_gate_leaves_the_garden_as_it_is(street: Street) -> None:
    plant(HOST)
    plant(HOST6)
    street.filter.load([])
    assert planted(HOST)
    assert planted(HOST6)


@BOTH_FAMILIES
def test_a_garden_full_of_hosts_takes_more(street: Street, address: str) -> None:
    """A content network has thousands of addresses; a set for 128 of them fails in the field."""
    many = [f"198.18.{n >> 8}.{n & 255}" if address == HOST else f"2001:db8::{n:x}" for n in range(20_000)]
    elements = f"{{ {', '.join(many)} }}"
    command = f"add element inet yingke {GARDEN[address]} {elements}\n"
    subprocess.run(["nft", "-f", "-"], input=command, text=True, check=True)
    plant(address)
    assert planted(address)
