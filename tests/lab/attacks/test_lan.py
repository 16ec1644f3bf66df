"""Neighbours on the WiFi: nobody plays the router, nobody uses up what others need."""

import random

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr, ICMPv6NDOptPrefixInfo, IPv6
from scapy.layers.l2 import Ether

from tests.lab.attacks.test_packets import Attacker, box_mac
from tests.lab.attacks.wire import Wire
from tests.lab.box import Box
from tests.lab.internet import WEB_IPV4, WEB_IPV6
from tests.lab.phone import Phone
from tests.lab.store import Store

_STORM = 3000


def test_nobody_gives_back_the_lease_of_another(store: Store, witness: Phone, attacker: Attacker) -> None:
    """A forged DHCPRELEASE: she stays admitted, and her address hers."""
    phone, _ = attacker
    release = (
        Ether(src=phone.mac, dst=box_mac(store))
        / IP(src=witness.ipv4, dst=Box.LAN_ADDRESS)
        / UDP(sport=68, dport=67)
        / BOOTP(chaddr=bytes.fromhex(witness.mac.replace(":", "")), ciaddr=witness.ipv4)
        / DHCP(options=[("message-type", "release"), ("server_id", Box.LAN_ADDRESS), "end"])
    )
    with Wire(phone.namespace, "wlan0") as wire:
        wire.send(*[bytes(release)] * 3)
    assert witness.udp_answer(WEB_IPV4, 443) == "answered"
    assert witness.ipv4 in (store.box.data_dir / "dnsmasq" / "dnsmasq.leases").read_text()
    assert witness.get(f"http://{witness.router}/online").status == 200


def test_nobody_takes_the_lease_of_another_by_the_name_she_has_with_dhcp(
    store: Store, witness: Phone, phone: Phone
) -> None:
    """A client identifier is no secret: most devices send their hardware address in it."""
    hers = b"\x01" + _bytes(witness.mac)
    asking = Ether(src=phone.mac, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255")
    asking = asking / UDP(sport=68, dport=67) / BOOTP(chaddr=_bytes(phone.mac), xid=77)
    same = [("client_id", hers), ("requested_addr", witness.ipv4), ("server_id", Box.LAN_ADDRESS), "end"]
    with Wire(phone.namespace, "wlan0") as wire:
        for kind in ("request", "decline", "request"):
            wire.send(bytes(asking / DHCP(options=[("message-type", kind), *same])))
        wire.send(bytes(asking / DHCP(options=[("message-type", "discover"), "end"])))
        wire.hear(lambda frame: _is_offer_to(phone, frame))
    leases = (store.box.data_dir / "dnsmasq" / "dnsmasq.leases").read_text()
    assert f"{witness.mac} {witness.ipv4} " in leases
    assert witness.udp_answer(WEB_IPV4, 443) == "answered"
    assert witness.get(f"http://{witness.router}/online").status == 200


def test_a_false_router_advertisement_reaches_nobody(
    store: Store, witness: Phone, attacker: Attacker
) -> None:
    phone, _ = attacker
    witness.wait_for_ipv6()
    false = (
        Ether(src=phone.mac, dst="33:33:00:00:00:01")
        / IPv6(src="fe80::bad", dst="ff02::1", hlim=255)
        / ICMPv6ND_RA(routerlifetime=1800, prf=1)
        / ICMPv6NDOptPrefixInfo(prefix="2001:db8:bad::", prefixlen=64)
    )
    with Wire(phone.namespace, "wlan0") as wire:
        wire.send(*[bytes(false)] * 5)
    assert witness.udp_answer(WEB_IPV6, 443) == "answered"
    assert not [address for address in witness.ipv6() if address.startswith("2001:db8:bad:")]
    routes = store.box.namespace.run("ip", "-6", "route").stdout
    assert "fe80::bad" not in routes


def test_a_false_neighbour_advertisement_takes_no_answers(
    store: Store, witness: Phone, attacker: Attacker
) -> None:
    phone, _ = attacker
    assert witness.udp_answer(WEB_IPV6, 443) == "answered"
    hers = witness.wait_for_ipv6()
    false = (
        Ether(src=phone.mac, dst=box_mac(store))
        / IPv6(src=hers, dst="fd77:79b6:1::1", hlim=255)
        / ICMPv6ND_NA(tgt=hers, R=0, S=1, O=1)
        / ICMPv6NDOptDstLLAddr(lladdr=phone.mac)
    )
    with Wire(phone.namespace, "wlan0") as wire:
        wire.send(*[bytes(false)] * 20)
    assert witness.udp_answer(WEB_IPV6, 443) == "answered"
    assert phone.mac not in store.box.namespace.run("ip", "neigh", "show", hers).stdout


def test_a_false_dhcp_server_is_heard_by_nobody(store: Store, witness: Phone, attacker: Attacker) -> None:
    """Its offers would make it the router of whoever joins next."""
    phone, _ = attacker
    offer = (
        Ether(src=phone.mac, dst=witness.mac)
        / IP(src=phone.ipv4, dst="255.255.255.255")
        / UDP(sport=67, dport=68)
        / BOOTP(op=2, yiaddr="10.77.66.66", siaddr=phone.ipv4)
        / DHCP(options=[("message-type", "offer"), ("server_id", phone.ipv4), ("router", phone.ipv4), "end"])
    )
    with Wire(witness.namespace, "wlan0") as hearing, Wire(phone.namespace, "wlan0") as wire:
        wire.send(*[bytes(offer)] * 5)
        witness.udp_answer(WEB_IPV4, 443)
        heard = hearing.hear(lambda frame: b"anybody there?" in frame and frame[6:12] != _bytes(witness.mac))
    assert not [frame for frame in heard if frame[6:12] == _bytes(phone.mac)]


def test_a_storm_of_invented_stations_leaves_a_lease_for_the_next_phone(store: Store, phone: Phone) -> None:
    """DHCP exhaustion: thousands of requests, each from another made-up station."""
    chosen = random.Random(7)  # the same storm at every run
    with Wire(phone.namespace, "wlan0") as wire:
        for _ in range(_STORM):
            mac = bytes([0x02, *(chosen.randrange(256) for _ in range(5))])
            wire.send(bytes(discover(mac)))
    late = store.phone(f"late{len(store.seen)}").join()
    assert late.ipv4.startswith("10.77.")
    assert late.open_portal().status == 200
    store.gone(late)


def discover(mac: bytes) -> Ether:
    text = mac.hex(":")
    return (
        Ether(src=text, dst="ff:ff:ff:ff:ff:ff")
        / IP(src="0.0.0.0", dst="255.255.255.255")
        / UDP(sport=68, dport=67)
        / BOOTP(chaddr=mac, xid=int.from_bytes(mac[2:], "big"))
        / DHCP(options=[("message-type", "discover"), "end"])
    )


def _is_offer_to(phone: Phone, frame: bytes) -> bool:
    said = Ether(frame)
    return (
        DHCP in said
        and said[BOOTP].chaddr[:6] == _bytes(phone.mac)
        and ("message-type", 2) in said[DHCP].options
    )


def _bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))
