"""IPv6 on the guests' LAN: what phones are told on the wire, and whose addresses they get."""

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from scapy.layers.dhcp6 import DUID_LL, DHCP6_InfoRequest, DHCP6OptClientId, DHCP6OptOptReq

from netctl.client import GateClient
from tests.lab.certificate import DOMAIN, made_certificate
from tests.lab.daemon import Daemon
from tests.lab.internet import UPLINK_IPV6, WEB_IPV6
from tests.lab.namespace import Namespace
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.web import NoAnswer

_ROUTER_ADVERTISEMENT = 134
_OTHER_CONFIGURATION = 0x40
_REPLY = 7


@pytest.fixture(scope="module")
def store(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that holds a certificate."""
    folder = tmp_path_factory.mktemp("ipv6")
    with Store(folder) as store:
        try:
            yield store.open(portal=made_certificate(folder).settings)
        except AssertionError:
            print(store.logs())
            raise


def index_of(namespace: Namespace, link: str) -> int:
    index: int = json.loads(namespace.run("ip", "-json", "link", "show", "dev", link).stdout)[0]["ifindex"]
    return index


def router_advertisement(phone: Phone) -> tuple[int, int]:
    """Asks for one (RFC 4861 section 4.1); the flags and the router's lifetime in it."""
    with phone.namespace.open_socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as asking:
        asking.settimeout(10)
        asking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        solicitation = struct.pack("!BBHI", 133, 0, 0, 0)
        asking.sendto(solicitation, ("ff02::2", 0, 0, index_of(phone.namespace, "wlan0")))
        while True:
            heard = asking.recv(2048)
            if heard[0] == _ROUTER_ADVERTISEMENT:
                return heard[5], int.from_bytes(heard[6:8], "big")


def stateless_options(phone: Phone, *wanted: int) -> dict[int, bytes]:
    """Asks by DHCPv6 for options alone (RFC 8415 section 18.2.6); those that came."""
    request = (
        DHCP6_InfoRequest(trid=7)
        / DHCP6OptClientId(duid=DUID_LL(lladdr=phone.mac))
        / DHCP6OptOptReq(reqopts=list(wanted))
    )
    with phone.namespace.open_socket(socket.AF_INET6, socket.SOCK_DGRAM) as asking:
        asking.settimeout(10)
        asking.bind(("::", 546))
        asking.sendto(bytes(request), ("ff02::1:2", 547, 0, index_of(phone.namespace, "wlan0")))
        answer = asking.recv(2048)
    assert answer[0] == _REPLY
    options, at = {}, 4
    while at < len(answer):
        code, length = struct.unpack_from("!HH", answer, at)
        options[code] = answer[at + 4 : at + 4 + length]
        at += 4 + length
    return options


def test_a_store_with_a_certificate_names_its_portals_api_over_both_families(phone: Phone) -> None:
    phone.wait_for_ipv6()
    api = f"https://{DOMAIN}/capport/api"
    assert phone.captive_portal == api
    options = stateless_options(phone, 23, 103)
    assert options[103].decode() == api
    assert socket.inet_ntop(socket.AF_INET6, options[23]) == "fd77:79b6:1::1"


def test_phones_are_told_that_the_rest_comes_by_dhcp(phone: Phone) -> None:
    flags, _ = router_advertisement(phone)
    assert flags & _OTHER_CONFIGURATION


def test_the_box_is_a_router_for_ipv6_only_while_the_uplink_is(store: Store, phone: Phone) -> None:
    assert router_advertisement(phone)[1] == 1800
    line = ("2001:db8:77::1", f"dev {store.box.UPLINK}")
    store.box.namespace.ip(f"route del ::/0 via {line[0]} {line[1]}")
    rendered_anew(store)
    assert router_advertisement(phone)[1] == 0
    store.box.namespace.ip(f"route add ::/0 via {line[0]} {line[1]}")
    rendered_anew(store)
    assert router_advertisement(phone)[1] == 1800


def test_a_prefix_of_the_uplinks_is_the_guests_and_spares_them_the_translation(
    store: Store, phone: Phone
) -> None:
    admit(store, phone)
    phone.wait_for_ipv6()
    assert f"You come from {UPLINK_IPV6}." in phone.get(f"http://[{WEB_IPV6}]/").body
    store.internet.delegate_prefixes()
    asking = asking_for_a_prefix(store)
    until(lambda: delegated(phone), "an address of the uplink's prefix", within_seconds=60)
    until(lambda: reached_untranslated(phone), "the box lets the new addresses through")
    asking.stop()
    until(lambda: not delegated_to_the_box(store), "the box gives the prefix back")
    # Told to all within a minute, and to who asks at once.
    router_advertisement(phone)
    until(lambda: all_deprecated(phone), "the prefix is withdrawn with the line that gave it")


def admit(store: Store, phone: Phone) -> None:
    asyncio.run(GateClient(store.box.run_dir / "gate.sock").temporary_pass(ip_address(phone.ipv4)))


def reached_untranslated(phone: Phone) -> bool:
    try:
        return "You come from 2001:db8:dd" in phone.get(f"http://[{WEB_IPV6}]/", seconds=1).body
    except NoAnswer:
        return False


def delegated(phone: Phone) -> list[str]:
    return [address for address in phone.ipv6() if address.startswith("2001:db8:dd")]


def delegated_to_the_box(store: Store) -> bool:
    shown = store.box.namespace.run("ip", "-6", "address", "show", "dev", "br-lan").stdout
    return "2001:db8:dd" in shown


def all_deprecated(phone: Phone) -> bool:
    shown = phone.namespace.run("ip", "-6", "address", "show", "dev", "wlan0", "-deprecated").stdout
    return "2001:db8:dd" not in shown


def asking_for_a_prefix(store: Store) -> Daemon:
    """As yingke-prefix.service does: with files of its own, and the kernel's settings out of reach."""
    box = store.box
    for folder in ("/var/lib/dhcpcd", "/run/dhcpcd"):
        box.namespace.run("sh", "-c", f"mkdir -p {folder} && mount -t tmpfs tmpfs {folder}")
    rendered = box.run_dir / "rendered" / "prefix.conf"
    box.namespace.sysctl(ipv4__conf__eth0__promote_secondaries=1)
    shut = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys"
    confined = ["unshare", "--mount", "sh", "-c", f'{shut} && exec "$@"', "sh"]
    line = ["dhcpcd", "--nobackground", "--script", "/bin/true", "--config", str(rendered)]
    return box.namespace.daemon("prefix", *confined, *line).start()


def rendered_anew(store: Store) -> None:
    """What the gate does every half minute, and yingke-apply after it."""
    store.box.gate.stop()
    store.box.gate.start()
    store.box.dnsmasq.stop()
    store.box.start_dnsmasq()
