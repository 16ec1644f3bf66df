"""What one station may take of what all share."""

import subprocess
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from tests.integration.netctl.street import HOST, HOST6, OURS, OURS6, Street, listen

BOTH_FAMILIES = pytest.mark.parametrize("address", [HOST, HOST6])


def remembered(ip: str) -> int:
    """How many connections the kernel remembers of an address."""
    family = "ipv6" if ":" in ip else "ipv4"
    listing = ["conntrack", "-L", "-f", family, "-s", ip]
    listed = subprocess.run(listing, capture_output=True, text=True, check=True)
    return len(listed.stdout.splitlines())


@BOTH_FAMILIES
@pytest.mark.parametrize("transport", [TCP, UDP])
def test_one_admitted_station_does_not_fill_the_table_of_connections(
    street: Street, address: str, transport: type[TCP] | type[UDP]
) -> None:
    for phone in (street.anna, street.ben):
        street.admit(phone)
    network, own = (IP, street.anna.ipv4) if address == HOST else (IPv6, street.anna.ipv6)
    # A silent neighbour: what nobody answers stays half open.
    silent, length = ("10.88.0.77", 24) if address == HOST else ("fd88::77", 64)
    street.host.ip(f"addr add {silent}/{length} dev eth0 nodad")
    street.host.run("nft", "-f", "-", stdin=SILENCE)
    flood = [network(src=own, dst=silent) / transport(sport=port, dport=443) for port in range(20000, 23000)]
    street.anna.send(*flood, to=street.router_mac)
    assert 500 < remembered(own) <= 1025
    with listen(street.host, address, 443, SOCK_STREAM):
        assert street.ben.connect(address, 443) == "open"
    street.host.run("nft", "delete", "table", "inet", "silent")
    street.host.ip(f"addr del {silent}/{length} dev eth0")


SILENCE = """
table inet silent {
	chain input {
		type filter hook input priority filter; policy accept;
		ip daddr 10.88.0.77 drop
		ip6 daddr fd88::77 drop
	}
}
"""


@BOTH_FAMILIES
def test_who_sends_without_being_answered_is_not_slowed(street: Street, address: str) -> None:
    """One long stream is one connection, though it never becomes an established one."""
    street.admit(street.anna)
    with (
        listen(street.host, address, 9040, SOCK_DGRAM) as host,
        street.anna.udp(address, 9040) as phone,
    ):
        for number in range(5000):
            phone.send(b"%d" % number)
            assert host.recv(100) == b"%d" % number


@pytest.mark.parametrize("admitted", [False, True], ids=["captive", "admitted"])
@pytest.mark.parametrize("ours", [OURS, OURS6])
def test_one_stations_connections_to_the_resolver_leave_room_for_others(
    street: Street, ours: str, admitted: bool
) -> None:
    if admitted:
        street.admit(street.anna)
    with listen(None, ours, 53, SOCK_STREAM) as resolver:
        resolver.listen(100)
        held = [street.anna.namespace.open_socket(AF_INET6 if ours == OURS6 else AF_INET) for _ in range(20)]
        outcomes = []
        for talking in held:
            talking.settimeout(2)
            outcomes.append(talking.connect_ex((ours, 53)) == 0)
        assert outcomes == [True] * 12 + [False] * 8
        assert street.ben.connect(ours, 53) == "open"
        for talking in held:
            talking.close()


@pytest.mark.parametrize("ours", [OURS, OURS6])
def test_one_stations_connections_to_the_pages_leave_room_for_others(street: Street, ours: str) -> None:
    with listen(None, ours, 80, SOCK_STREAM) as pages:
        pages.listen(4096)
        held = [street.anna.namespace.open_socket(AF_INET6 if ours == OURS6 else AF_INET) for _ in range(250)]
        outcomes = []
        for talking in held:
            talking.settimeout(2)
            outcomes.append(talking.connect_ex((ours, 80)) == 0)
        assert outcomes[:200] == [True] * 200
        assert not any(outcomes[201:])
        assert street.ben.connect(ours, 80) == "open"
        for talking in held:
            talking.close()
