"""What a captive station tries, packet by packet, and what it gets: an answer at once."""

import subprocess
from contextlib import ExitStack
from socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
    socket,
)

import pytest
from scapy.layers.inet import IP, TCP, UDP, IPOption_LSRR, IPOption_SSRR, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, IPv6ExtHdrRouting, fragment6
from scapy.packet import Packet, Raw

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

BOTH_FAMILIES = pytest.mark.parametrize("address", [HOST, HOST6])
IP_IN_IP, IPV6_IN_IP, GRE, ESP = 4, 41, 47, 50


def raw_socket(street: Street, address: str, protocol: int) -> socket:
    """A raw socket of Anna's phone towards an address."""
    talking = street.anna.namespace.open_socket(AF_INET6 if ":" in address else AF_INET, SOCK_RAW, protocol)
    talking.settimeout(5)
    talking.connect((address, 0))
    return talking


def passes(street: Street, address: str, protocol: int) -> bool:
    """Whether a packet of Anna's with that protocol reaches the host on the uplink."""
    family = AF_INET6 if ":" in address else AF_INET
    with (
        street.host.open_socket(family, SOCK_RAW, protocol) as host,
        raw_socket(street, address, protocol) as phone,
    ):
        host.settimeout(SILENCE_SECONDS)
        phone.send(b"tunnelled into the world, or not")
        try:
            host.recv(200)
        except TimeoutError:
            return False
        return True


@BOTH_FAMILIES
@pytest.mark.parametrize("protocol", [IP_IN_IP, IPV6_IN_IP, GRE, ESP])
def test_no_other_protocol_is_a_way_out_while_captive(street: Street, address: str, protocol: int) -> None:
    assert not passes(street, address, protocol)
    street.admit(street.anna)
    assert passes(street, address, protocol)


@pytest.mark.parametrize(
    ("address", "protocol", "request_type", "reply_type"),
    [(HOST, IPPROTO_ICMP, 8, 0), (HOST6, IPPROTO_ICMPV6, 128, 129)],
)
def test_a_ping_is_no_way_out_while_captive(
    street: Street, address: str, protocol: int, request_type: int, reply_type: int
) -> None:
    assert street.anna.pings(address) == 0
    street.admit(street.anna)
    assert street.anna.pings(address) == 3


@pytest.mark.parametrize("ours", [OURS, OURS6])
def test_we_answer_a_ping_but_no_flood_of_them(street: Street, ours: str) -> None:
    street.lease(street.anna, street.ben)
    assert street.anna.pings(ours) == 3
    assert street.anna.pings(ours, 300, "-i", "0.001", "-w", "2") < 100
    assert street.ben.pings(ours) == 3


def test_fifty_quic_hosts_at_once_are_each_refused(street: Street) -> None:
    street.lease(street.anna)
    hosts = [f"10.88.0.{number}" for number in range(3, 53)] + [f"fd88::{number}" for number in range(3, 53)]
    with ExitStack() as open_sockets:
        talking = [open_sockets.enter_context(street.anna.udp(host, 443)) for host in hosts]
        for each in talking:
            each.send(b"QUIC")
        for each in talking:
            with pytest.raises(ConnectionRefusedError):
                each.recv(100)


@BOTH_FAMILIES
def test_fragments_of_a_captive_station_are_not_even_put_together(street: Street, address: str) -> None:
    """A packet in pieces to our own resolver, which whole packets reach."""
    ours, own, whole = (OURS, street.anna.ipv4, IP) if address == HOST else (OURS6, street.anna.ipv6, IPv6)
    datagram = whole(src=own, dst=ours) / UDP(sport=9013, dport=53) / Raw(b"f" * 2000)
    if whole is IP:
        pieces = fragment(datagram, 1000)  # type: ignore[no-untyped-call]
    else:
        datagram = IPv6(src=own, dst=ours) / IPv6ExtHdrFragment() / datagram.payload
        pieces = fragment6(datagram, 1200)  # type: ignore[no-untyped-call]
    assert len(pieces) > 1
    with listen(None, ours, 53, SOCK_DGRAM) as resolver:
        resolver.settimeout(SILENCE_SECONDS)
        street.anna.send(*pieces, to=street.router_mac)
        with pytest.raises(TimeoutError):
            resolver.recv(3000)
        street.admit(street.anna)
        resolver.settimeout(5)
        street.anna.send(*pieces, to=street.router_mac)
        assert resolver.recv(3000) == b"f" * 2000


@pytest.mark.parametrize("option", [IPOption_LSRR, IPOption_SSRR])
@pytest.mark.parametrize("admitted", [False, True])
def test_nobody_chooses_the_way_of_a_packet(street: Street, option: type[Packet], admitted: bool) -> None:
    if admitted:
        street.admit(street.anna)
    with listen(street.host, HOST, 9011, SOCK_DGRAM) as host, listen(None, OURS, 53, SOCK_DGRAM) as resolver:
        host.settimeout(SILENCE_SECONDS)
        resolver.settimeout(SILENCE_SECONDS)
        routed = IP(src=street.anna.ipv4, dst=OURS, options=[option(routers=[HOST])]) / UDP(sport=9, dport=53)
        street.anna.send(routed / Raw(b"by way of you"), to=street.router_mac)
        with pytest.raises(TimeoutError):
            resolver.recv(100)
        with pytest.raises(TimeoutError):
            host.recv(100)


@pytest.mark.parametrize("admitted", [False, True])
def test_a_routing_header_goes_nowhere(street: Street, admitted: bool) -> None:
    if admitted:
        street.admit(street.anna)
    with listen(street.host, HOST6, 9011, SOCK_DGRAM) as host:
        host.settimeout(SILENCE_SECONDS)
        header = IPv6ExtHdrRouting(type=0, addresses=[OURS6], segleft=0)
        routed = IPv6(src=street.anna.ipv6, dst=HOST6) / header / UDP(sport=9, dport=9011) / Raw(b"x")
        street.anna.send(routed, to=street.router_mac)
        with pytest.raises(TimeoutError):
            host.recv(100)


def connections(street: Street, ip: str) -> int:
    """How many connections the kernel remembers of an address."""
    family = "ipv6" if ":" in ip else "ipv4"
    listed = subprocess.run(
        ["conntrack", "-L", "-f", family, "-s", ip], capture_output=True, text=True, check=True
    )
    return len(listed.stdout.splitlines())


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_a_captive_station_does_not_fill_the_table_of_connections(street: Street, family: str) -> None:
    own, host, ours = (street.anna.ipv4, HOST, OURS) if family == "ipv4" else (street.anna.ipv6, HOST6, OURS6)
    network = IP if family == "ipv4" else IPv6
    street.lease(street.anna)
    ports = range(20000, 23000)
    refused = [network(src=own, dst=host) / UDP(sport=port, dport=443) for port in ports]
    knocks = [network(src=own, dst=ours) / TCP(sport=port, dport=80, flags="S") for port in ports]
    asked = [network(src=own, dst=ours) / UDP(sport=port, dport=53) / Raw(b"?") for port in ports]
    with listen(None, ours, 80, SOCK_STREAM), listen(None, ours, 53, SOCK_DGRAM):
        street.anna.send(*refused, to=street.router_mac)
        assert connections(street, own) == 0
        street.anna.send(*knocks, *asked, to=street.router_mac)
        # So many knocks as ten seconds take, and the questions of a joining phone.
        assert 200 < connections(street, own) < 2000
        assert street.ben.connect(ours, 80) == "open"


@pytest.mark.parametrize("ours", [OURS, OURS6])
def test_a_joining_phones_hundred_look_ups_are_all_answered(street: Street, ours: str) -> None:
    street.lease(street.anna)
    with listen(None, ours, 53, SOCK_DGRAM) as resolver, ExitStack() as open_sockets:
        phones = [open_sockets.enter_context(street.anna.udp(ours, 53)) for _ in range(200)]
        for phone in phones:
            phone.send(b"q" * 40)
            question, who = resolver.recvfrom(100)
            resolver.sendto(question + b"a" * 60, who)
        for phone in phones:
            assert len(phone.recv(200)) == 100


@pytest.mark.parametrize("ours", [OURS, OURS6])
def test_a_tunnel_through_our_resolver_starves_while_captive(street: Street, ours: str) -> None:
    """Names as long as they get, answers as long as they get, as fast as the tunnel can."""
    with listen(None, ours, 53, SOCK_DGRAM) as resolver, street.anna.udp(ours, 53) as phone:
        arrived, answered = tunnel(resolver, phone, 1000)
        assert arrived < 100
        assert answered < 13_000
        street.admit(street.anna)
        arrived, answered = tunnel(resolver, phone, 500)
        assert arrived == 500
        assert answered == 500 * 1100


def tunnel(resolver: socket, phone: socket, questions: int) -> tuple[int, int]:
    """How many questions of 250 bytes arrive, and how many bytes come back."""
    arrived = answered = 0
    resolver.settimeout(0.0)
    phone.settimeout(0.0)
    for _ in range(questions):
        phone.send(b"t" * 250)
        try:
            _, who = resolver.recvfrom(300)
        except BlockingIOError:
            continue
        arrived += 1
        resolver.sendto(b"d" * 1100, who)
        try:
            answered += len(phone.recv(2000))
        except BlockingIOError:
            continue
    return arrived, answered


@pytest.mark.parametrize(("address", "ours"), [(HOST, OURS), (HOST6, OURS6), (OURS, OURS), (OURS6, OURS6)])
def test_while_the_uplink_is_down_the_gate_answers_for_names(street: Street, address: str, ours: str) -> None:
    with listen(None, ours, 53, SOCK_DGRAM) as dnsmasq, listen(None, ours, 5354, SOCK_DGRAM) as gate:
        for answering, asked in ((True, gate), (False, dnsmasq)):
            street.filter.answer_names_ourselves(answering)
            with street.anna.udp(address, 53) as phone:
                phone.send(b"question")
                _, who = asked.recvfrom(100)
                asked.sendto(b"answer", who)
                assert phone.recv(100) == b"answer"


def test_who_answers_names_outlives_the_gate(street: Street) -> None:
    street.filter.answer_names_ourselves(True)
    street.filter.load([])
    with listen(None, OURS, 5354, SOCK_DGRAM) as gate, street.anna.udp(HOST, 53) as phone:
        phone.send(b"question")
        assert gate.recv(100) == b"question"
    street.filter.answer_names_ourselves(False)


@pytest.mark.parametrize(("address", "ours"), [(HOST, OURS), (HOST6, OURS6)])
def test_a_blocked_station_gets_the_portal_and_nothing_else(street: Street, address: str, ours: str) -> None:
    street.admit(street.anna)
    street.filter.block([street.anna.mac])
    with (
        listen(street.host, address, 443, SOCK_STREAM),
        listen(None, ours, 80, SOCK_STREAM),
        listen(None, ours, INTERCEPT, SOCK_STREAM),
    ):
        assert street.anna.connect(address, 443) == "refused"
        assert street.anna.connect(address, 80) == "open"
        assert street.anna.connect(ours, 80) == "open"
        street.filter.block([])
        street.admit(street.anna)
        assert street.anna.connect(address, 443) == "open"


@pytest.mark.parametrize("admitted", [False, True])
def test_link_local_addresses_are_for_finding_neighbours_only(street: Street, admitted: bool) -> None:
    if admitted:
        street.admit(street.anna)
    shown = street.anna.namespace.run("ip", "-6", "-br", "addr", "show", "dev", "w0", "scope", "link").stdout
    own = next(word.partition("/")[0] for word in shown.split() if word.startswith("fe80::"))
    with (
        listen(None, OURS6, 53, SOCK_DGRAM) as resolver,
        listen(street.host, HOST6, 9012, SOCK_DGRAM) as host,
    ):
        for socket_, port in ((resolver, 53), (host, 9012)):
            socket_.settimeout(SILENCE_SECONDS)
            to = OURS6 if port == 53 else HOST6
            street.anna.send(IPv6(src=own, dst=to) / UDP(dport=port) / Raw(b"hello"), to=street.router_mac)
            with pytest.raises(TimeoutError):
                socket_.recv(100)
