"""Between the ports of our own bridge: guests do not meet, and where they may, nobody plays the router."""

from collections.abc import Iterator
from socket import SOCK_DGRAM, socket

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dhcp6 import DHCP6_Advertise
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_RA,
    ICMPv6ND_Redirect,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptPrefixInfo,
    IPv6,
)
from scapy.layers.l2 import ARP, Dot1Q
from scapy.packet import Packet

from tests.integration.netctl.street import OURS, OURS6, SILENCE_SECONDS, Phone, Street, listen

EVERYBODY = "ff:ff:ff:ff:ff:ff"
LINK_LOCAL = "fe80::bad"
# Which groups it listens to (RFC 3810), whether there is a router and whether its address is anybody else's
# (RFC 4861, RFC 4862), now and again for a while after its link came up. No claim below goes there.
_OF_ITS_KERNEL = (bytes.fromhex("333300000016"), bytes.fromhex("333300000002"), bytes.fromhex("3333ff"))


@pytest.fixture(scope="module", params=["on", "off"])
def street(
    request: pytest.FixtureRequest, private_network: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Street]:
    """Not the one of the other tests: with guests kept apart, and with guests who meet."""
    street = Street(tmp_path_factory.mktemp("ports"), isolate_ports=request.param)
    street.lease(street.anna)
    yield street
    street.close()


def test_guests_on_different_ports_meet_only_where_they_may(street: Street) -> None:
    for address, own in ((street.anna.ipv4, street.ben.ipv4), (street.anna.ipv6, street.ben.ipv6)):
        with (
            listen(street.anna.namespace, address, 9050, SOCK_DGRAM) as anna,
            listen(street.ben.namespace, own, 9051, SOCK_DGRAM) as ben,
        ):
            anna.settimeout(SILENCE_SECONDS)
            ben.sendto(b"hello neighbour", (address, 9050))
            if street.config.network.isolate_ports == "off":
                assert anna.recv(100) == b"hello neighbour"
            else:
                with pytest.raises(TimeoutError):
                    anna.recv(100)


def rogue(street: Street) -> dict[str, Packet]:
    """What Ben would say to be taken for the router, or for Anna's neighbour."""
    ben, anna = street.ben, street.anna
    to_all = IPv6(src=LINK_LOCAL, dst="ff02::1", hlim=255)
    from_server = IP(src=ben.ipv4, dst="255.255.255.255") / UDP(sport=67, dport=68)
    to_phones = IPv6(src=LINK_LOCAL, dst="ff02::1") / UDP(sport=547, dport=546)
    layer = ICMPv6NDOptDstLLAddr(lladdr=ben.mac)
    return {
        "a router": to_all / ICMPv6ND_RA() / ICMPv6NDOptPrefixInfo(prefix="2001:db8:bad::", prefixlen=64),
        "a better way": to_all / ICMPv6ND_Redirect(tgt=LINK_LOCAL, dst="fd88::2"),
        "a DHCP server": from_server / BOOTP(op=2) / DHCP(options=[("message-type", "offer"), "end"]),
        "a DHCPv6 server": to_phones / DHCP6_Advertise(),
        "us": ARP(op=2, hwsrc=ben.mac, psrc=OURS, hwdst=anna.mac, pdst=anna.ipv4),
        "us in IPv6": to_all / ICMPv6ND_NA(tgt=OURS6, R=1, S=0, O=1) / layer,
        "our voice": IP(src=OURS, dst=anna.ipv4) / UDP(sport=53, dport=9),
        "Anna": ARP(op=2, hwsrc=ben.mac, psrc=anna.ipv4, hwdst=EVERYBODY, pdst=OURS),
    }


def heard(cable: socket, sender: str, mark: bytes) -> list[bytes]:
    """The frames of one sender up to one that bears the mark; all of them, if that one never comes."""
    frames: list[bytes] = []
    source = bytes.fromhex(sender.replace(":", ""))
    while True:
        try:
            frame = cable.recv(2000)
        except TimeoutError:
            return frames
        if frame[6:12] != source or frame.startswith(_OF_ITS_KERNEL):
            continue
        if mark in frame:
            return frames
        frames.append(frame)


@pytest.mark.parametrize(
    "claim",
    [
        "a router",
        "a better way",
        "a DHCP server",
        "a DHCPv6 server",
        "us",
        "us in IPv6",
        "our voice",
        "Anna",
    ],
)
def test_nobody_is_taken_for_us_or_for_another(street: Street, claim: str) -> None:
    with street.anna.cable() as cable:
        cable.settimeout(SILENCE_SECONDS)
        harmless = IP(src=street.ben.ipv4, dst=street.anna.ipv4) / UDP(sport=9, dport=9) / b"harmless"
        street.ben.send(rogue(street)[claim], harmless, to=EVERYBODY)
        assert heard(cable, street.ben.mac, b"harmless") == []


@pytest.mark.parametrize("tags", [1, 2, 3])
def test_behind_vlan_tags_neither(street: Street, tags: int) -> None:
    """Phones take off tags without a VLAN in them, and read on."""
    with street.anna.cable() as cable:
        cable.settimeout(SILENCE_SECONDS)
        for claim in rogue(street).values():
            tagged = claim
            for _ in range(tags):
                tagged = Dot1Q(vlan=0) / tagged
            street.ben.send(tagged, to=EVERYBODY)
        harmless = IP(src=street.ben.ipv4, dst=street.anna.ipv4) / UDP(sport=9, dport=9) / b"harmless"
        street.ben.send(harmless, to=EVERYBODY)
        assert heard(cable, street.ben.mac, b"harmless") == []


def test_an_ipv6_address_is_its_first_owners_among_neighbours_too(street: Street) -> None:
    """Where guests meet, the first to answer for an address keeps it; elsewhere they hear nothing at all."""
    meet = street.config.network.isolate_ports == "off"
    hers, own = (claim_of(street, phone) for phone in (street.anna, street.ben))
    with street.ben.cable() as bens, street.anna.cable() as annas:
        for cable in (bens, annas):
            cable.settimeout(SILENCE_SECONDS)
        street.anna.send(hers / b"first", to=EVERYBODY)
        assert said(bens, b"first") == meet
        street.ben.send(own / b"stolen", to=EVERYBODY)
        assert not said(annas, b"stolen")
        street.anna.send(hers / b"again", to=EVERYBODY)
        assert said(bens, b"again") == meet


def claim_of(street: Street, phone: Phone) -> Packet:
    """A phone's word that Anna's address is its own."""
    layer = ICMPv6NDOptDstLLAddr(lladdr=phone.mac)
    return IPv6(src=LINK_LOCAL, dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=street.anna.ipv6, R=0, S=0) / layer


def said(cable: socket, mark: bytes) -> bool:
    """Whether a frame that bears the mark arrives."""
    try:
        while mark not in cable.recv(2000):
            pass
    except TimeoutError:
        return False
    return True
