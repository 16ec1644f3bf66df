"""Where guests may meet: what is dressed up so that nobody seems to be taken for us or for another."""

import subprocess
from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
)
from scapy.layers.l2 import LLC, SNAP, Dot3, Ether
from scapy.packet import Packet

from tests.integration.netctl.linux.test_ruleset_ports import EVERYBODY, LINK_LOCAL, heard, rogue
from tests.integration.netctl.street import SILENCE_SECONDS, Street
from tests.lab.waiting import until

_ETHERTYPES = {"us": 0x0806, "a router": 0x86DD}


@pytest.fixture(scope="module")
def street(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    street = Street(tmp_path_factory.mktemp("meeting"), isolate_ports="off")
    street.lease(street.anna)
    yield street
    street.close()


def what_anna_hears(street: Street, *frames: bytes) -> list[bytes]:
    """Of these frames of Ben's."""
    harmless = IP(src=street.ben.ipv4, dst=street.anna.ipv4) / UDP(sport=9, dport=9) / b"harmless"
    with street.anna.cable() as annas, street.ben.cable() as bens:
        annas.settimeout(SILENCE_SECONDS)
        for frame in (*frames, bytes(Ether(src=street.ben.mac, dst=EVERYBODY) / harmless)):
            bens.send(frame)
        return heard(annas, street.ben.mac, b"harmless")


def framed(street: Street, packet: Packet) -> bytes:
    return bytes(Ether(src=street.ben.mac, dst=EVERYBODY) / packet)


@pytest.mark.parametrize("claim", _ETHERTYPES)
def test_frames_with_a_length_in_place_of_a_type_are_no_way(street: Street, claim: str) -> None:
    """IEEE 802.3: an access point sends them on as it sends all others, and phones read them."""
    old = Dot3(src=street.ben.mac, dst=EVERYBODY) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
    assert what_anna_hears(street, bytes(old / SNAP(code=_ETHERTYPES[claim]) / rogue(street)[claim])) == []


@pytest.mark.parametrize("claim", ["a router", "a DHCPv6 server"])
def test_pieces_of_which_the_first_says_nothing_are_no_way(street: Street, claim: str) -> None:
    whole = rogue(street)[claim]
    hidden = bytes(IPv6ExtHdrDestOpt(nh=58 if claim == "a router" else 17) / whole.payload)
    to_all = IPv6(src=LINK_LOCAL, dst="ff02::1", hlim=255)
    first = to_all / IPv6ExtHdrFragment(nh=60, offset=0, m=1, id=5) / hidden[:8]
    rest = to_all / IPv6ExtHdrFragment(nh=60, offset=1, m=0, id=5) / hidden[8:]
    assert what_anna_hears(street, framed(street, first), framed(street, rest)) == []


def test_the_link_local_address_phones_know_their_router_by_is_nobody_elses(street: Street) -> None:
    def hears_us() -> str | None:
        """Our link-local address once Anna has found us under it; it takes a while after the link came up."""
        shown = subprocess.run(
            ["ip", "-6", "-br", "addr", "show", "br-lan", "scope", "link"],
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        if len(shown) < 3:
            return None
        ours = shown[2].partition("/")[0]
        street.anna.namespace.run("ping", "-c", "1", "-W", "0.3", f"{ours}%w0", check=False)
        found = street.anna.namespace.run("ip", "neigh", "show", ours).stdout
        return ours if street.router_mac in found else None

    ours = until(hears_us, "Anna finds us")
    advert = IPv6(src=LINK_LOCAL, dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=ours, R=1, S=0, O=1)
    question = IPv6(src=ours, dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt=street.anna.ipv6)
    claims = (
        advert / ICMPv6NDOptDstLLAddr(lladdr=street.ben.mac),
        question / ICMPv6NDOptSrcLLAddr(lladdr=street.ben.mac),
    )
    assert what_anna_hears(street, *(framed(street, claim) for claim in claims)) == []


def test_who_asks_under_anothers_ipv6_address_is_not_heard(street: Street) -> None:
    """A question names its sender's hardware address, too."""

    def question(mac: str) -> Packet:
        asking = IPv6(src=street.ben.ipv6, dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt=LINK_LOCAL)
        return asking / ICMPv6NDOptSrcLLAddr(lladdr=mac)

    assert len(what_anna_hears(street, framed(street, question(street.ben.mac)))) == 1
    with street.ben.cable() as bens:
        bens.settimeout(SILENCE_SECONDS)
        street.anna.send(question(street.anna.mac), to=EVERYBODY)
        street.anna.send(IP(dst=street.ben.ipv4) / UDP(sport=9, dport=9) / b"harmless", to=EVERYBODY)
        assert heard(bens, street.anna.mac, b"harmless") == []
