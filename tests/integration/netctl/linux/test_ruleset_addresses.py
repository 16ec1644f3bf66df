"""Whose is which address: what a station may send under, and what it may say of others' and of ours."""

import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Network
from socket import AF_INET, AF_PACKET, IPPROTO_ICMP, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6NDOptUnknown,
    IPv6,
)
from scapy.layers.l2 import ARP, Dot1Q
from scapy.packet import Packet, Raw

from tests.integration.netctl.linux.test_ruleset_ports import said
from tests.integration.netctl.street import (
    HOST,
    HOST6,
    INTERCEPT,
    OURS,
    OURS6,
    OWNERS,
    SILENCE_SECONDS,
    Phone,
    Street,
    listen,
)
from tests.lab.waiting import until

FOREIGN = "2001:db8:5:6"
_IPV6 = 0x86DD  # linux/if_ether.h


@contextmanager
def also_at(phone: Phone, address: str) -> Iterator[None]:
    """The phone has one more address."""
    phone.namespace.ip(f"addr add {address} dev w0 nodad")
    yield
    phone.namespace.ip(f"addr del {address} dev w0")


def reaches(phone: Phone, source: str, address: str) -> str:
    """What a connection from one of the phone's addresses meets."""
    with phone.namespace.open_socket() as talking:
        talking.settimeout(2)
        talking.bind((source, 0))
        try:
            talking.connect((address, 443))
        except ConnectionRefusedError:
            return "refused"
        except OSError:
            return "nothing"
        return "open"


def test_an_admitted_station_passes_with_its_leased_address_only(street: Street) -> None:
    street.admit(street.anna)
    with listen(street.host, HOST, 443, SOCK_STREAM), also_at(street.anna, "10.77.0.99/16"):
        assert reaches(street.anna, street.anna.ipv4, HOST) == "open"
        assert reaches(street.anna, "10.77.0.99", HOST) == "refused"
        street.filter.lease([])
        assert reaches(street.anna, street.anna.ipv4, HOST) == "refused"


def test_a_static_address_is_captive_though_its_station_is_admitted(street: Street) -> None:
    street.admit(street.anna)
    with (
        also_at(street.anna, "10.77.0.99/16"),
        listen(None, OURS, INTERCEPT, SOCK_STREAM) as interceptor,
        street.anna.namespace.open_socket() as talking,
    ):
        talking.bind(("10.77.0.99", 0))
        talking.connect((HOST, 80))
        accepted, (who, _) = interceptor.accept()
        accepted.close()
        assert who == "10.77.0.99"


@pytest.mark.parametrize("admitted", [False, True])
def test_an_admitted_stations_address_is_no_use_to_another(street: Street, admitted: bool) -> None:
    street.admit(street.anna)
    if admitted:
        street.admit(street.ben)
    with (
        listen(street.host, HOST, 9020, SOCK_DGRAM) as host,
        also_at(street.ben, f"{street.anna.ipv4}/16"),
        street.ben.namespace.open_socket(kind=SOCK_DGRAM) as thief,
    ):
        thief.bind((street.anna.ipv4, 0))
        thief.sendto(b"I am Anna", (HOST, 9020))
        host.settimeout(SILENCE_SECONDS)
        with pytest.raises(TimeoutError):
            host.recv(100)


def neighbour(address: str) -> str:
    """The MAC that the router sends to for an address."""
    shown = subprocess.run(
        ["ip", "neigh", "show", address, "dev", "br-lan"], capture_output=True, text=True, check=True
    )
    words = shown.stdout.split()
    return words[words.index("lladdr") + 1] if "lladdr" in words else ""


def test_nobody_claims_anothers_leased_address(street: Street) -> None:
    street.admit(street.anna)
    until(lambda: street.anna.pings(OURS) == 3, "Anna is heard")
    street.ben.send(
        ARP(op=2, hwsrc=street.ben.mac, psrc=street.anna.ipv4, hwdst=street.router_mac, pdst=OURS),
        ARP(op=1, hwsrc=street.ben.mac, psrc=street.anna.ipv4, pdst=OURS),
        to=street.router_mac,
    )
    until(lambda: street.ben.pings(OURS) == 3, "Ben is heard")
    assert neighbour(street.anna.ipv4) == street.anna.mac
    assert neighbour(street.ben.ipv4) == street.ben.mac


def test_nobody_claims_an_address_behind_vlan_tags(street: Street) -> None:
    """The kernel takes tags without a VLAN in them off, one before our hook and the next behind it."""
    street.admit(street.anna)
    until(lambda: street.anna.pings(OURS) == 3, "Anna is heard")
    claim = ARP(op=1, hwsrc=street.ben.mac, psrc=street.anna.ipv4, pdst=OURS)
    tag = Dot1Q(vlan=0)
    street.ben.send(tag / claim, tag / tag / claim, tag / tag / tag / claim, to=street.router_mac)
    until(lambda: street.ben.pings(OURS) == 3, "Ben is heard")
    assert neighbour(street.anna.ipv4) == street.anna.mac


def test_nobodys_words_are_carried_out_from_behind_vlan_tags(street: Street) -> None:
    """Under an address of the internet our own answer would bring them there."""
    tag = Dot1Q(vlan=0)
    to_us = IP(src=HOST, dst=OURS) / ICMP(id=7) / Raw(b"let this out")
    with street.host.open_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) as host:
        host.settimeout(SILENCE_SECONDS)
        street.ben.send(to_us, tag / to_us, tag / tag / to_us, to=street.router_mac)
        with pytest.raises(TimeoutError):
            host.recv(1000)


def test_nobody_claims_anothers_ipv6_address(street: Street) -> None:
    until(lambda: street.anna.pings(OURS6) == 3, "Anna is heard")
    claim = IPv6(src=street.anna.ipv6, dst=OURS6, hlim=255)
    solicit = IPv6(src=street.anna.ipv6, dst=OURS6, hlim=255) / ICMPv6ND_NS(tgt=OURS6)
    own = IPv6(src=street.ben.ipv6, dst=OURS6, hlim=255)
    advert = ICMPv6ND_NA(tgt=street.anna.ipv6, R=0, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=street.ben.mac)
    street.ben.send(
        claim / advert,
        own / advert,
        solicit / ICMPv6NDOptSrcLLAddr(lladdr=street.ben.mac),
        to=street.router_mac,
    )
    until(lambda: street.ben.pings(OURS6) == 3, "Ben is heard")
    assert neighbour(street.anna.ipv6) == street.anna.mac


def test_an_ipv6_address_is_its_first_users(street: Street) -> None:
    street.admit(street.anna)
    street.admit(street.ben)
    with (
        listen(street.host, HOST6, 9021, SOCK_DGRAM) as host,
        street.anna.udp(HOST6, 9021) as anna,
    ):
        anna.send(b"this is mine")
        assert host.recv(100) == b"this is mine"
        host.settimeout(SILENCE_SECONDS)
        stolen = IPv6(src=street.anna.ipv6, dst=HOST6) / UDP(sport=9, dport=9021) / Raw(b"mine too")
        street.ben.send(stolen, to=street.router_mac)
        with pytest.raises(TimeoutError):
            host.recv(100)


@pytest.mark.parametrize("asked", ["page", "name"])
@pytest.mark.parametrize("version", [4, 6])
def test_nobody_asks_us_under_anothers_address(street: Street, version: int, asked: str) -> None:
    """Who hears in the air what we answer her would go on, and end her session."""
    ours, hers = (OURS, street.anna.ipv4) if version == 4 else (OURS6, street.anna.ipv6)
    street.admit(street.anna)
    until(lambda: street.anna.pings(ours) == 3, "Anna is heard")
    under = IP(src=hers, dst=ours) if version == 4 else IPv6(src=hers, dst=ours)
    question = TCP(sport=4321, dport=80, flags="S") if asked == "page" else UDP(sport=4321, dport=53)
    with (
        listen(None, ours, 80, SOCK_STREAM),
        listen(None, ours, 53, SOCK_DGRAM) as resolver,
        street.anna.cable() as cable,
    ):
        street.ben.send(under / question / Raw(b"a name" if asked == "name" else b""), to=street.router_mac)
        resolver.settimeout(SILENCE_SECONDS)
        with pytest.raises(TimeoutError):
            resolver.recv(100)
        cable.settimeout(SILENCE_SECONDS)
        assert not said(cable, struct.pack("!2H", question.dport, 4321))


def test_no_error_of_ours_carries_words_to_another(street: Street) -> None:
    """What cannot go on is told to its sender, its own words with it: to whom it really is, or to nobody."""
    for phone in (street.anna, street.ben):
        street.admit(phone)
    until(lambda: street.anna.pings(OURS) == 3 and street.anna.pings(OURS6) == 3, "Anna is heard")
    words = UDP(dport=9) / Raw(b"words for Anna")
    with street.anna.cable() as cable:
        street.ben.send(
            IP(src=street.anna.ipv4, dst=HOST, ttl=1) / words,
            IP(src="10.77.255.255", dst=HOST, ttl=1) / words,
            IP(src="10.77.255.255", dst=HOST) / words,
            IP(src="10.77.255.255", dst=OURS) / words,
            IPv6(src=street.anna.ipv6, dst=HOST6, hlim=1) / words,
            IP(src=street.anna.ipv4, dst=street.anna.ipv4) / words,
            IPv6(src=street.anna.ipv6, dst=street.anna.ipv6) / words,
            IP(src=street.anna.ipv4, dst=OWNERS) / UDP(dport=547) / Raw(b"words for Anna"),
            IPv6(src=street.anna.ipv6, dst=OURS6) / UDP(dport=67) / Raw(b"words for Anna"),
            to=street.router_mac,
        )
        cable.settimeout(SILENCE_SECONDS)
        assert not said(cable, b"words for Anna")


def test_what_neighbours_say_to_neighbours_goes_nowhere_else(street: Street) -> None:
    """The kernel tracks none of it: it would go out as it is, under an address of ours, maybe another's."""
    street.admit(street.anna)
    with street.host.open_socket(AF_PACKET, SOCK_RAW) as cable, street.anna.udp(HOST6, 9) as anna:
        cable.bind(("eth0", _IPV6))
        cable.settimeout(5)
        for kind in (ICMPv6ND_NS(tgt=HOST6), ICMPv6ND_NA(tgt=HOST6), ICMPv6ND_RA(), ICMPv6MLReport2()):
            street.anna.send(
                IPv6(src=street.anna.ipv6, dst=HOST6, hlim=64) / kind / Raw(b"with words"),
                to=street.router_mac,
            )
        anna.send(b"an end")
        while b"an end" not in (frame := cable.recv(2000)):
            assert b"with words" not in frame


def test_our_own_address_is_nobodys(street: Street) -> None:
    """What comes back to it would come to us, past what the packet filter says of packets from outside."""
    street.admit(street.anna)
    with listen(street.host, HOST6, 9023, SOCK_DGRAM) as host:
        host.settimeout(SILENCE_SECONDS)
        street.anna.send(IPv6(src=OURS6, dst=HOST6) / UDP(dport=9023) / Raw(b"us"), to=street.router_mac)
        with pytest.raises(TimeoutError):
            host.recv(100)


def from_many_addresses(count: int, net: str = "fd77:79b6:1:") -> list[Packet]:
    """A datagram from each of so many addresses."""
    sources = (f"{net}:{0x1000 + number:x}" for number in range(count))
    return [IPv6(src=source, dst=HOST6) / UDP(sport=9, dport=9022) / Raw(b"x") for source in sources]


def test_a_station_has_few_ipv6_addresses_at_once(street: Street) -> None:
    street.admit(street.anna)
    with listen(street.host, HOST6, 9022, SOCK_DGRAM) as host:
        street.anna.send(*from_many_addresses(40), to=street.router_mac)
        for _ in range(8):
            assert host.recv(100)
        host.settimeout(SILENCE_SECONDS)
        with pytest.raises(TimeoutError):
            host.recv(100)


def test_addresses_of_the_providers_prefix_are_good_once_it_is_known(street: Street) -> None:
    street.admit(street.anna)
    with listen(street.host, HOST6, 9022, SOCK_DGRAM) as host:
        host.settimeout(SILENCE_SECONDS)
        street.anna.send(*from_many_addresses(1, FOREIGN + ":"), to=street.router_mac)
        with pytest.raises(TimeoutError):
            host.recv(100)
        street.filter.prefixes([IPv6Network(f"{FOREIGN}::/64")])
        host.settimeout(5)
        street.anna.send(*from_many_addresses(1, FOREIGN + ":"), to=street.router_mac)
        _, (who, *_) = host.recvfrom(100)
        # As it is: only our own addresses are translated.
        assert who == f"{FOREIGN}::1000"
    street.filter.prefixes([])


def test_nobody_gives_back_anothers_lease(street: Street) -> None:
    street.lease(street.anna)

    def giving_back(phone: Phone) -> Packet:
        own = IP(src=phone.ipv4, dst=OURS) / UDP(sport=68, dport=67) / BOOTP(chaddr=name_of(phone))
        own.ciaddr = street.anna.ipv4
        return own / DHCP(options=[("message-type", "release"), "end"])

    with listen(None, OURS, 67, SOCK_DGRAM) as dhcp:
        street.ben.send(giving_back(street.ben), to=street.router_mac)
        street.anna.send(giving_back(street.anna), to=street.router_mac)
        _, (who, _) = dhcp.recvfrom(1000)
        assert who == street.anna.ipv4


def test_nobody_asks_for_a_lease_or_declines_one_in_anothers_name(street: Street) -> None:
    def asking(phone: Phone, kind: str) -> Packet:
        to_all = IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
        return to_all / BOOTP(chaddr=name_of(phone)) / DHCP(options=[("message-type", kind), "end"])

    with listen(None, "", 67, SOCK_DGRAM) as dhcp:
        for kind in ("discover", "request", "decline"):
            street.ben.send(asking(street.anna, kind), to="ff:ff:ff:ff:ff:ff")
        street.ben.send(asking(street.ben, "discover"), to="ff:ff:ff:ff:ff:ff")
        assert dhcp.recv(1000)[28:34] == name_of(street.ben)


@pytest.mark.parametrize("longer", [{"hlen": 16}, {"hlen": 5}, {"htype": 6}])
def test_one_station_asks_under_one_name(street: Street, longer: dict[str, int]) -> None:
    """By what follows its hardware address, or another kind of it, it would be any number of stations."""
    to_all = IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
    discover = DHCP(options=[("message-type", "discover"), "end"])
    many, one = (
        BOOTP(chaddr=name_of(street.ben) + b"another", xid=1),
        BOOTP(chaddr=name_of(street.ben), xid=2),
    )
    for field, value in longer.items():
        setattr(many, field, value)
    with listen(None, "", 67, SOCK_DGRAM) as dhcp:
        street.ben.send(to_all / many / discover, to_all / one / discover, to="ff:ff:ff:ff:ff:ff")
        assert dhcp.recv(1000)[4:8] == bytes([0, 0, 0, 2])


def name_of(phone: Phone) -> bytes:
    """As it stands in its requests for a lease."""
    return bytes.fromhex(phone.mac.replace(":", ""))


def test_nobody_says_that_his_address_is_at_anothers(street: Street) -> None:
    """What he asks under it then would be asked in her name: her session ended, her page shown."""
    until(lambda: street.ben.pings(OURS6) == 3, "Ben is heard")
    own = IPv6(src=street.ben.ipv6, dst=OURS6, hlim=255)
    quiet = IPv6(src="fe80::bad", dst=OURS6, hlim=255)
    nobody = IPv6(src="::", dst=OURS6, hlim=255)
    advert = ICMPv6ND_NA(tgt=street.ben.ipv6, R=0, S=0, O=1)
    hers = ICMPv6NDOptDstLLAddr(lladdr=street.anna.mac)
    her_link = ICMPv6NDOptSrcLLAddr(lladdr=street.anna.mac)
    street.ben.send(
        own / advert / hers,
        own / advert / ICMPv6NDOptDstLLAddr(lladdr=street.ben.mac) / hers,
        own / advert / her_link / hers,
        own / advert / ICMPv6NDOptUnknown(type=14, len=1, data=b"nonce!") / hers,
        quiet / advert / hers,
        nobody / advert / hers,
        own / ICMPv6ND_NS(tgt=OURS6) / her_link,
        own / ICMPv6ND_NS(tgt=OURS6) / ICMPv6NDOptUnknown(type=14, len=1, data=b"nonce!") / her_link,
        own / ICMPv6ND_RS() / her_link,
        to=street.router_mac,
    )
    assert street.ben.pings(OURS6) == 3
    assert neighbour(street.ben.ipv6) == street.ben.mac
