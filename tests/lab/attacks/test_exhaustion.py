"""Every address of a small network is taken by stations that are not there."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import UDP
from scapy.layers.l2 import Ether

from netctl.lan.leases import parse_leases
from tests.lab.attacks.test_lan import discover
from tests.lab.box import Box
from tests.lab.internet import WEB_IPV4
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until

_POOL = 245
_PAUSE_SECONDS = 0.05
_IPV4, _OFFER, _ACK = 0x0800, 2, 5


@pytest.fixture(scope="module")
def store(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with few addresses."""
    with Store(tmp_path_factory.mktemp("store")) as store:
        yield store.open(network={"lan_address": f"{Box.LAN_ADDRESS}/24"})


def leases(store: Store) -> dict[str, str]:
    text = (store.box.data_dir / "dnsmasq" / "dnsmasq.leases").read_text()
    return {str(ip): mac for ip, mac in parse_leases(text).items()}


def notices(store: Store) -> list[tuple[object, ...]]:
    return store.box.records("SELECT key FROM notices WHERE cleared_at IS NULL")


class Inventor:
    """Takes leases for stations it makes up, each with all four messages of DHCP (RFC 2131 section 3.1)."""

    def __init__(self, phone: Phone) -> None:
        self._cable = phone.namespace.open_socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._cable.bind(("wlan0", _IPV4))
        self._cable.setblocking(False)
        self._chosen = random.Random(11)  # the same stations at every run
        self.taken: set[bytes] = set()

    def go_on(self) -> int:
        """Some stations more; how many have been given an address so far."""
        for _ in range(10):
            mac = bytes([0x02, *self._chosen.randbytes(5)])
            self._cable.send(bytes(discover(mac)))
        for answer in self._answers():
            mac, kind = bytes(answer[BOOTP].chaddr[:6]), answer[DHCP].options[0][1]
            if kind == _OFFER:
                self._cable.send(bytes(request(mac, answer[BOOTP].yiaddr)))
            elif kind == _ACK:
                self.taken.add(mac)
        return len(self.taken)

    def close(self) -> None:
        self._cable.close()

    def _answers(self) -> Iterator[Ether]:
        with suppress(BlockingIOError):
            while True:
                frame = Ether(self._cable.recv(1 << 16))
                if UDP in frame and frame[UDP].sport == 67 and DHCP in frame:
                    yield frame


def request(mac: bytes, address: str) -> Ether:
    asking = discover(mac)
    options = [
        ("message-type", "request"),
        ("server_id", Box.LAN_ADDRESS),
        ("requested_addr", address),
        "end",
    ]
    asking[DHCP].options = options
    return asking


@contextmanager
def going_on(inventor: Inventor) -> Iterator[None]:
    """Meanwhile it does not stop."""
    enough = threading.Event()

    def invent() -> None:
        while not enough.wait(_PAUSE_SECONDS):
            inventor.go_on()

    inventing = threading.Thread(target=invent)
    inventing.start()
    try:
        yield
    finally:
        enough.set()
        inventing.join()


def test_a_phone_gets_online_though_every_address_was_given_to_made_up_stations(store: Store) -> None:
    shopper, quiet, attacker = (store.phone(name).join() for name in ("shopper", "quiet", "attacker"))
    shopper.register(email="anna@example.com", terms="yes")
    until(lambda: shopper.mac in store.box.admitted(), "the shopper is admitted")

    inventor = Inventor(attacker)
    until(lambda: inventor.go_on() > _POOL, "more are served than there are addresses", 90)
    assert ("addresses_short",) in notices(store)

    with going_on(inventor):
        late = store.phone("late").join()
        assert late.open_portal().status == 200
        late.register(email="late@example.com", terms="yes")
        until(lambda: late.udp_answer(WEB_IPV4, 443) == "answered", "the late phone is online")

    assert {shopper.mac, quiet.mac, late.mac} <= set(leases(store).values())
    assert shopper.udp_answer(WEB_IPV4, 443) == "answered"
    assert quiet.open_portal().status == 200
    inventor.close()
    until(lambda: ("addresses_short",) not in notices(store), "the owner is told that it is over", 60)
