"""Packets that no phone sends by itself: none gets out while captive, none under another's name ever."""

from collections.abc import Callable
from typing import Any

import pytest
from scapy.layers import inet
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_LSRR, IPOption_SSRR
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment, IPv6ExtHdrRouting
from scapy.layers.l2 import ARP, GRE, Ether
from scapy.packet import Packet, Raw

from tests.lab.attacks.many import refusals_ms
from tests.lab.attacks.wire import Wire, what_got_out, with_words
from tests.lab.box import Box
from tests.lab.internet import UPLINK_IPV4, WEB_IPV4, WEB_IPV6
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until

WORDS = b"let this out "
PAYLOAD = Raw(WORDS * 4)
Attacker = tuple[Phone, bool]


def box_mac(store: Store) -> str:
    shown = store.box.namespace.run("cat", "/sys/class/net/br-lan/address")
    return shown.stdout.strip()


def sent(store: Store, phone: Phone, *packets: Packet, source: str | None = None) -> Callable[[], None]:
    """Sends them to the box as the next hop, from the phone's link."""

    def act() -> None:
        with Wire(phone.namespace, "wlan0") as wire:
            link = Ether(src=source or phone.mac, dst=box_mac(store))
            wire.send(*(bytes(link / packet) for packet in packets))

    return act


def pieces(packet: Any, fragsize: int) -> list[Any]:
    """A datagram in fragments; scapy has no types for it."""
    cut: Callable[..., list[Any]] = inet.fragment
    return cut(packet, fragsize=fragsize)


OUT_OF_IPV4: dict[str, Callable[[str], Any]] = {
    "ICMP tunnel": lambda ip: IP(src=ip, dst=WEB_IPV4) / ICMP(type=8) / PAYLOAD,
    "ICMP answers nobody asked for": lambda ip: IP(src=ip, dst=WEB_IPV4) / ICMP(type=0) / PAYLOAD,
    "6in4": lambda ip: IP(src=ip, dst=WEB_IPV4, proto=41) / IPv6(dst=WEB_IPV6) / UDP(dport=53) / PAYLOAD,
    "Teredo": lambda ip: IP(src=ip, dst=WEB_IPV4) / UDP(sport=5000, dport=3544) / PAYLOAD,
    "GRE": lambda ip: IP(src=ip, dst=WEB_IPV4) / GRE() / IP(dst=WEB_IPV4) / PAYLOAD,
    "WireGuard": lambda ip: IP(src=ip, dst=WEB_IPV4) / UDP(sport=5001, dport=51820) / PAYLOAD,
    "NTP": lambda ip: IP(src=ip, dst=WEB_IPV4) / UDP(sport=123, dport=123) / PAYLOAD,
    "OpenVPN on the port of DNS": lambda ip: IP(src=ip, dst=WEB_IPV4) / UDP(sport=5002, dport=53) / PAYLOAD,
    "QUIC": lambda ip: IP(src=ip, dst=WEB_IPV4) / UDP(sport=5003, dport=443) / PAYLOAD,
    "a TCP segment of no connection": lambda ip: (
        IP(src=ip, dst=WEB_IPV4) / TCP(dport=80, flags="PA") / PAYLOAD
    ),
    "data in a SYN": lambda ip: IP(src=ip, dst=WEB_IPV4) / TCP(sport=5004, dport=443, flags="S") / PAYLOAD,
    "an unknown protocol": lambda ip: IP(src=ip, dst=WEB_IPV4, proto=253) / PAYLOAD,
}


@pytest.mark.parametrize("kind", OUT_OF_IPV4)
def test_nothing_gets_out_over_ipv4_while_captive(
    store: Store, witness: Phone, phone: Phone, kind: str
) -> None:
    act = sent(store, phone, OUT_OF_IPV4[kind](phone.ipv4))
    assert with_words(what_got_out(store, witness, act), WORDS) == []


@pytest.mark.parametrize("kind", ["ICMP tunnel", "QUIC", "WireGuard"])
def test_with_a_temporary_pass_it_is_the_internet(
    store: Store, witness: Phone, phone: Phone, take_pass: Callable[[Phone], None], kind: str
) -> None:
    """The control: the same packets do get out of an open gate, under the box's own address."""
    take_pass(phone)
    out = with_words(what_got_out(store, witness, sent(store, phone, OUT_OF_IPV4[kind](phone.ipv4))), WORDS)
    # The internet's own answers carry the words back.
    assert {Ether(each)[IP].src for each in out} - {WEB_IPV4} == {UPLINK_IPV4}


def test_nothing_gets_out_over_ipv6_while_captive(store: Store, witness: Phone, phone: Phone) -> None:
    ula = phone.wait_for_ipv6()
    link_local = phone.namespace.run("ip", "-6", "-br", "addr", "show", "dev", "wlan0", "scope", "link")
    local = link_local.stdout.split()[2].partition("/")[0]
    packets = [
        IPv6(src=ula, dst=WEB_IPV6) / UDP(sport=5003, dport=443) / PAYLOAD,
        IPv6(src=ula, dst=WEB_IPV6) / ICMPv6EchoRequest(data=WORDS * 4),
        IPv6(src=ula, dst=WEB_IPV6, nh=41) / IPv6(dst=WEB_IPV6) / UDP(dport=53) / PAYLOAD,
        IPv6(src=local, dst=WEB_IPV6) / UDP(sport=5003, dport=443) / PAYLOAD,
        IPv6(src="2001:db8:77::9", dst=WEB_IPV6) / UDP(sport=5003, dport=443) / PAYLOAD,
        IPv6(src="fd00:dead::9", dst=WEB_IPV6) / UDP(sport=5003, dport=443) / PAYLOAD,
        IPv6(src="::ffff:10.77.0.9", dst=WEB_IPV6) / UDP(sport=5003, dport=443) / PAYLOAD,
        IPv6(src=ula, dst=f"64:ff9b::{WEB_IPV4}") / UDP(sport=5003, dport=443) / PAYLOAD,
    ]
    assert with_words(what_got_out(store, witness, sent(store, phone, *packets)), WORDS) == []


def test_fragments_hide_nothing_while_captive(store: Store, witness: Phone, phone: Phone) -> None:
    ula = phone.wait_for_ipv6()
    whole = IP(src=phone.ipv4, dst=WEB_IPV4) / UDP(sport=5005, dport=443) / Raw(WORDS * 200)
    tiny = pieces(IP(src=phone.ipv4, dst=WEB_IPV4) / TCP(sport=5006, dport=443) / PAYLOAD, fragsize=8)
    late = IP(src=phone.ipv4, dst=WEB_IPV4, frag=100, proto=17, id=77) / PAYLOAD
    six = IPv6(src=ula, dst=WEB_IPV6) / IPv6ExtHdrFragment(offset=100, m=0, id=78, nh=17) / PAYLOAD
    act = sent(store, phone, *pieces(whole, fragsize=600), *tiny, late, six)
    assert with_words(what_got_out(store, witness, act), WORDS) == []


def test_nobody_chooses_the_way_of_her_packets(store: Store, witness: Phone, attacker: Attacker) -> None:
    """Source routing (RFC 791, RFC 5095) is refused to everyone."""
    phone, _ = attacker
    ula = phone.wait_for_ipv6()
    hops = [WEB_IPV4]
    packets = [
        IP(src=phone.ipv4, dst=store.box.LAN_ADDRESS, options=[IPOption_LSRR(routers=hops)])
        / UDP()
        / PAYLOAD,
        IP(src=phone.ipv4, dst=WEB_IPV4, options=[IPOption_SSRR(routers=hops)]) / UDP(dport=9) / PAYLOAD,
        IPv6(src=ula, dst=WEB_IPV6)
        / IPv6ExtHdrRouting(type=0, addresses=[WEB_IPV6])
        / UDP(dport=9)
        / PAYLOAD,
    ]
    assert with_words(what_got_out(store, witness, sent(store, phone, *packets)), WORDS) == []


@pytest.mark.parametrize(
    "source", ["10.77.200.200", "192.168.1.50", "10.78.0.2", UPLINK_IPV4, "8.8.8.8", "127.0.0.1"]
)
def test_an_address_of_ones_own_choice_gets_nothing_out(
    store: Store, witness: Phone, attacker: Attacker, source: str
) -> None:
    phone, _ = attacker
    act = sent(store, phone, IP(src=source, dst=WEB_IPV4) / UDP(sport=5007, dport=443) / PAYLOAD)
    assert with_words(what_got_out(store, witness, act), WORDS) == []


def test_the_address_of_an_admitted_phone_is_no_use_to_another(
    store: Store, witness: Phone, attacker: Attacker
) -> None:
    phone, _ = attacker
    packets = [
        IP(src=witness.ipv4, dst=WEB_IPV4) / UDP(sport=5008, dport=443) / PAYLOAD,
        IPv6(src=witness.wait_for_ipv6(), dst=WEB_IPV6) / UDP(sport=5008, dport=443) / PAYLOAD,
    ]
    # She uses her address first, as everybody does who has one.
    witness.udp_answer(WEB_IPV6, 443)
    assert with_words(what_got_out(store, witness, sent(store, phone, *packets)), WORDS) == []


def test_claiming_an_admitted_phones_address_takes_nothing_from_her(
    store: Store, witness: Phone, attacker: Attacker
) -> None:
    phone, _ = attacker
    claim = ARP(op=2, hwsrc=phone.mac, psrc=witness.ipv4, hwdst=box_mac(store), pdst=Box.LAN_ADDRESS)
    with Wire(phone.namespace, "wlan0") as wire:
        wire.send(*[bytes(Ether(src=phone.mac, dst=box_mac(store)) / claim)] * 20)
    assert witness.udp_answer(WEB_IPV4, 443) == "answered"
    known = store.box.namespace.run("ip", "neigh", "show", witness.ipv4).stdout
    assert phone.mac not in known


def test_claiming_the_routers_address_moves_nobody(store: Store, witness: Phone, attacker: Attacker) -> None:
    phone, _ = attacker
    claim = ARP(op=2, hwsrc=phone.mac, psrc=Box.LAN_ADDRESS, hwdst=witness.mac, pdst=witness.ipv4)
    frames = [bytes(Ether(src=phone.mac, dst=to) / claim) for to in ("ff:ff:ff:ff:ff:ff", witness.mac)]
    with Wire(phone.namespace, "wlan0") as wire:
        wire.send(*frames * 10)
    assert witness.udp_answer(WEB_IPV4, 443) == "answered"
    assert phone.mac not in witness.namespace.run("ip", "neigh", "show", Box.LAN_ADDRESS).stdout


@pytest.mark.parametrize("gateway", ["198.51.100.1", "10.78.0.2"])
def test_a_foreign_gateway_is_no_way_out(store: Store, witness: Phone, phone: Phone, gateway: str) -> None:
    """A static route to whatever lies behind the box: the provider's router, the owner's laptop."""
    phone.namespace.ip(
        f"route replace {gateway}/32 dev wlan0 via {phone.router} onlink",
        f"route replace default via {phone.router}",
    )
    assert phone.connects(gateway, 22) == "refused"
    assert phone.udp_answer(gateway, 9) == "refused"


def test_fifty_quic_hosts_at_once_are_each_refused_by_a_packet(phone: Phone) -> None:
    """That none is silent; `python -m tests.bench refuse` measures how soon."""
    assert len(refusals_ms(phone, [f"203.0.113.{host}" for host in range(100, 150)], 443)) == 50
    phone.wait_for_ipv6()
    assert len(refusals_ms(phone, [f"2001:db8:80::{host}" for host in range(100, 150)], 443)) == 50


def test_a_pass_that_ends_ends_a_tunnel_too(
    store: Store, witness: Phone, phone: Phone, take_pass: Callable[[Phone], None]
) -> None:
    take_pass(phone)
    ping = OUT_OF_IPV4["ICMP tunnel"](phone.ipv4)
    assert with_words(what_got_out(store, witness, sent(store, phone, ping)), WORDS)
    store.box.command("yingke-net", "expel", phone.mac)
    until(lambda: phone.mac not in store.box.admitted(), "the pass is over")
    assert with_words(what_got_out(store, witness, sent(store, phone, ping)), WORDS) == []
