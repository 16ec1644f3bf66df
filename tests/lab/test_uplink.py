"""The internet is gone, the store is open: shoppers still find the portal, register, and hear the truth."""

import asyncio
import socket
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from scapy.layers.dns import DNS, DNSQR

from netctl.client import GateClient
from netctl.lan.check_addresses import CHECK_ADDRESSES
from netctl.lan.connectivity_checks import CHECKS
from tests.lab.internet import WEB_IPV4
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until

APPLE = "captive.apple.com"


def noticed(store: Store, *, up: bool) -> None:
    gate = GateClient(store.box.run_dir / "gate.sock")
    what = f"the gate notices that the uplink is {'up' if up else 'down'}"
    until(lambda: asyncio.run(gate.health()).uplink is up, what, within_seconds=30)


@pytest.fixture(scope="class")
def cut(store: Store) -> Iterator[None]:
    """The provider's line is dead, and the gate has noticed."""
    store.internet.cut()
    noticed(store, up=False)
    yield
    store.internet.mend()
    noticed(store, up=True)


def asked(phone: Phone, name: str, server: str = "10.77.0.1", tcp: bool = False) -> DNS:
    """What the phone's resolver says, in full."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with phone.namespace.open_socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as asking:
        asking.settimeout(10)
        asking.connect((server, 53))
        query = bytes(DNS(id=7, rd=1, qd=DNSQR(qname=name)))
        asking.send(len(query).to_bytes(2, "big") + query if tcp else query)
        return DNS(asking.recv(4096)[2 if tcp else 0 :])


@pytest.mark.usefixtures("cut")
class TestWithoutInternet:
    def test_a_phone_that_joins_without_internet_registers_and_is_told_that_there_is_none(
        self, store: Store, phone: Phone
    ) -> None:
        said = asked(phone, APPLE)
        assert said.an[0].rdata == str(CHECK_ADDRESSES[APPLE].ipv4)
        assert ip_address(said.an[0].rdata).is_global
        assert said.an[0].ttl == 1
        assert asked(phone, "news.example").rcode == 2

        reply = phone.get(f"http://{APPLE}/hotspot-detect.html")
        assert (reply.status, reply.location) == (302, f"http://{phone.router}/")
        splash = phone.get(f"http://{APPLE}/hotspot-detect.html", follow=True)
        assert splash.status == 200
        online = phone.submit(
            phone.get(f"http://{phone.router}/register"), email="offline@example.com", terms="yes"
        )
        assert online.status == 200
        assert store.box.records("SELECT count(*) FROM leads WHERE email = 'offline@example.com'") == [(1,)]
        assert phone.mac in store.box.admitted()
        for page in (splash, online):
            assert "internet line is down" in page.body

    def test_every_check_of_every_phone_is_led_to_the_portal(self, phone: Phone) -> None:
        for url in (url for check in CHECKS for url in check.urls):
            reply = phone.get(url)
            assert (url, reply.status, reply.location) == (url, 302, f"http://{phone.router}/")

    @pytest.mark.parametrize("server", ["10.77.0.1", "8.8.8.8", "fd77:79b6:1::1", "2001:4860:4860::8888"])
    @pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
    def test_whomever_a_phone_asks_and_however_it_is_answered_in_time(
        self, phone: Phone, server: str, tcp: bool
    ) -> None:
        phone.wait_for_ipv6()
        said = asked(phone, APPLE, server, tcp)
        assert said.an[0].rdata == str(CHECK_ADDRESSES[APPLE].ipv4)


def test_when_the_line_is_mended_answers_are_true_again(store: Store, phone: Phone) -> None:
    store.internet.cut()
    noticed(store, up=False)
    assert phone.look_up(APPLE) == {str(CHECK_ADDRESSES[APPLE].ipv4)}
    store.internet.mend()
    noticed(store, up=True)
    until(lambda: phone.look_up(APPLE) == {WEB_IPV4}, "true answers again", within_seconds=30)
    assert phone.look_up("news.example") == {WEB_IPV4}
    page = phone.register(email="mended@example.com", terms="yes")
    assert page.status == 200
    assert "internet line is down" not in page.body
    assert "Welcome to the internet" in phone.get("http://news.example/").body


def test_a_resolver_that_is_silent_behind_a_living_line_counts_as_no_internet(
    store: Store, phone: Phone
) -> None:
    store.internet.resolver.pause()
    noticed(store, up=False)
    assert phone.look_up(APPLE) == {str(CHECK_ADDRESSES[APPLE].ipv4)}
    store.internet.resolver.resume()
    noticed(store, up=True)
