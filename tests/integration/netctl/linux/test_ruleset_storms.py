"""Stations made up by the thousand: all together do not take what others need."""

import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from socket import SOCK_DGRAM, socket, timeout

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from tests.integration.netctl.street import HOST, HOST6, OURS, OURS6, SILENCE_SECONDS, Phone, Street, listen
from tests.lab.namespace import CHECKOUT

_STORM = 3000
# A burst of 200, and what is due at 100 a second while the storm is written; a kernel's table of neighbours
# holds 1024 if nobody says otherwise.
_FEW = 600
_BROADCAST = "ff:ff:ff:ff:ff:ff"


def invented(count: int) -> Iterator[tuple[str, str, str]]:
    """A MAC, an IPv4 and a link-local address of each; the same at every run."""
    chosen = random.Random(7)
    for number in range(count):
        tail = bytes(chosen.randrange(256) for _ in range(5))
        yield (
            f"02:{tail.hex(':')}",
            f"10.77.{100 + number // 250}.{1 + number % 250}",
            f"fe80::{number + 1:x}",
        )


def storm(of: Phone, frame: Callable[[str, str, str], Packet]) -> None:
    with of.cable() as raw:
        for who in invented(_STORM):
            raw.send(bytes(frame(*who)))


def neighbours(family: str) -> int:
    """How many the kernel remembers on the LAN, found or not."""
    command = ["ip", family, "neigh", "show", "dev", "br-lan", "nud", "all"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    return len(shown.stdout.splitlines())


def arp_request(street: Street) -> Callable[[str, str, str], Packet]:
    return lambda mac, ip, _: Ether(src=mac, dst=_BROADCAST) / ARP(hwsrc=mac, psrc=ip, pdst=OURS)


def solicitation(street: Street) -> Callable[[str, str, str], Packet]:
    return lambda mac, _, ip6: (
        Ether(src=mac, dst=street.router_mac)
        / IPv6(src=ip6, dst=OURS6, hlim=255)
        / ICMPv6ND_NS(tgt=OURS6)
        / ICMPv6NDOptSrcLLAddr(lladdr=mac)
    )


def refused4(street: Street) -> Callable[[str, str, str], Packet]:
    return lambda mac, ip, _: (
        Ether(src=mac, dst=street.router_mac) / IP(src=ip, dst=HOST) / UDP(sport=9, dport=443)
    )


def refused6(street: Street) -> Callable[[str, str, str], Packet]:
    return lambda mac, _, ip6: (
        Ether(src=mac, dst=street.router_mac) / IPv6(src=ip6, dst=OURS6) / UDP(sport=9, dport=443)
    )


def echoed(street: Street) -> Callable[[str, str, str], Packet]:
    return lambda mac, ip, _: Ether(src=mac, dst=street.router_mac) / IP(src=ip, dst=OURS, proto=1) / ECHO


ECHO = bytes.fromhex("0800f7fe00010000")


@pytest.mark.parametrize(
    ("family", "frame"),
    [("-4", arp_request), ("-4", refused4), ("-4", echoed), ("-6", solicitation), ("-6", refused6)],
)
def test_invented_stations_do_not_fill_the_table_of_neighbours(
    street: Street, family: str, frame: Callable[[Street], Callable[[str, str, str], Packet]]
) -> None:
    subprocess.run(["ip", family, "neigh", "flush", "dev", "br-lan"], check=True)
    street.lease(street.anna)
    storm(street.ben, frame(street))
    assert 0 < neighbours(family) < _FEW
    ours, own = (OURS, street.anna.ipv4) if family == "-4" else (OURS6, street.anna.ipv6)
    subprocess.run(["ip", family, "neigh", "del", own, "dev", "br-lan"], check=False, capture_output=True)
    assert street.anna.pings(ours) == 3


@pytest.mark.parametrize("host", [HOST, HOST6])
def test_who_holds_a_lease_is_refused_audibly_in_the_middle_of_a_storm(street: Street, host: str) -> None:
    street.lease(street.anna)
    storm(street.ben, refused4(street) if host == HOST else refused6(street))
    with street.anna.udp(host, 443) as talking:
        talking.send(b"QUIC")
        with pytest.raises(ConnectionRefusedError):
            talking.recv(100)


@pytest.fixture
def short_queue(street: Street) -> None:
    """The box's own setting, which begins outside of all namespaces, for the street's bridge."""
    settings = (CHECKOUT / "systemd" / "sysctl.d" / "60-yingke.conf").read_text()
    for line in settings.splitlines():
        if ".neigh.default.unres_qlen_bytes" in line:
            setting = line.replace("default", "br-lan").replace(" ", "")
            subprocess.run(["sysctl", "-q", "-w", setting], check=True)


@pytest.mark.usefixtures("short_queue")
@pytest.mark.parametrize(("host", "network"), [(HOST, IP), (HOST6, IPv6)])
def test_who_does_not_say_where_it_is_keeps_nobody_elses_answers_waiting(
    street: Street, host: str, network: type[Packet]
) -> None:
    """One station with a lease, whose answers fill a buffer of all (icmp.c, icmp_sk_init)."""
    street.lease(street.anna, street.ben)
    own = street.ben.ipv4 if network is IP else street.ben.ipv6
    street.ben.namespace.ip("link set w0 arp off")
    subprocess.run(["ip", "neigh", "flush", "dev", "br-lan"], check=True)
    flood = (
        network(src=own, dst=host) / UDP(sport=port, dport=443) / (b"q" * 1200) for port in range(1, 301)
    )
    street.ben.send(*flood, to=street.router_mac)
    with street.anna.udp(host, 443) as talking:
        talking.send(b"QUIC")
        with pytest.raises(ConnectionRefusedError):
            talking.recv(100)
    street.ben.namespace.ip("link set w0 arp on")


def test_invented_stations_do_not_take_all_the_room_for_ipv6_addresses(street: Street) -> None:
    ulas = (f"fd77:79b6:1::beef:{number:x}" for number in range(_STORM))
    storm(
        street.ben,
        lambda mac, *_: (
            Ether(src=mac, dst=street.router_mac) / IPv6(src=next(ulas), dst=HOST6) / UDP(sport=9, dport=443)
        ),
    )
    listed = subprocess.run(
        ["nft", "list", "set", "inet", "yingke", "taken"], capture_output=True, text=True, check=True
    )
    assert 0 < listed.stdout.count("expires") < _FEW
    street.lease(street.anna)
    with listen(None, OURS6, 53, SOCK_DGRAM) as resolver, street.anna.udp(OURS6, 53) as phone:
        phone.send(b"question")
        question, who = resolver.recvfrom(100)
        resolver.sendto(b"answer to " + question, who)
        assert phone.recv(100) == b"answer to question"


@pytest.mark.parametrize("ours", [OURS, OURS6])
def test_a_phone_that_has_no_lease_yet_looks_up_names(street: Street, ours: str) -> None:
    with listen(None, ours, 53, SOCK_DGRAM) as resolver, street.anna.udp(ours, 53) as phone:
        for number in range(40):
            phone.send(b"question %d" % number)
            question, who = resolver.recvfrom(100)
            resolver.sendto(b"answer to " + question, who)
            assert phone.recv(100) == b"answer to question %d" % number


def discover(mac: str, source: str = "0.0.0.0", giaddr: str = "0.0.0.0") -> Packet:
    bootp = BOOTP(chaddr=bytes.fromhex(mac.replace(":", "")), ciaddr=source, giaddr=giaddr)
    ask = DHCP(options=[("message-type", "discover"), "end"])
    return (
        Ether(src=mac, dst=_BROADCAST)
        / IP(src=source, dst="255.255.255.255")
        / UDP(sport=68, dport=67)
        / bootp
        / ask
    )


def test_a_storm_for_leases_leaves_room_for_who_asks_again_and_who_renews(street: Street) -> None:
    street.lease(street.anna)
    with listen(None, "", 67, SOCK_DGRAM) as server, street.ben.cable() as bens, street.anna.cable() as annas:
        server.setsockopt(1, 33, 1 << 22)  # SO_RCVBUFFORCE
        storm(street.ben, lambda mac, *_: discover(mac))
        for _ in range(2):
            bens.send(bytes(discover(street.ben.mac)))
        annas.send(bytes(discover(street.anna.mac, source=street.anna.ipv4)))
        server.settimeout(SILENCE_SECONDS)
        heard = list(askers(server))
    assert street.ben.mac in heard
    assert street.anna.mac in heard
    assert len(heard) < _FEW


def askers(server: socket) -> Iterator[str]:
    """The stations whose requests have arrived (chaddr)."""
    with suppress(timeout):
        while True:
            yield server.recv(1000)[28:34].hex(":")


def test_no_guest_plays_a_dhcp_relay(street: Street) -> None:
    """Its answers would be carried wherever it says (giaddr)."""
    with listen(None, "", 67, SOCK_DGRAM) as server, street.ben.cable() as bens:
        server.settimeout(SILENCE_SECONDS)
        bens.send(bytes(discover(street.ben.mac, giaddr=HOST)))
        with pytest.raises(timeout):
            server.recv(1000)
