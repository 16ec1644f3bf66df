"""Each check that phones and computers make: before, during a temporary pass and after admission."""

import asyncio
from collections.abc import Iterator
from ipaddress import ip_address
from socket import AF_INET, AF_INET6

import pytest

from netctl.client import GateClient
from netctl.lan.connectivity_checks import CHECKS, ConnectivityCheck
from tests.lab.internet import WEB_IPV4, WEB_IPV6
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.web import Reply

PAGES = [(check, url) for check in CHECKS for url in check.urls]
PARTNERS = sorted({check.partner for check in CHECKS if check.partner})
each_check = pytest.mark.parametrize(("check", "url"), PAGES, ids=[url for _, url in PAGES])


@pytest.fixture(scope="module")
def captive(store: Store) -> Iterator[Phone]:
    """A phone whose shopper has not registered yet."""
    phone = store.phone("captive").join()
    yield phone
    store.gone(phone)


@pytest.fixture(scope="module")
def on_a_pass(store: Store) -> Iterator[Phone]:
    """A phone with a few slow minutes."""
    phone = store.phone("on-a-pass").join()
    gate = GateClient(store.box.run_dir / "gate.sock")
    session = asyncio.run(gate.temporary_pass(ip_address(phone.ipv4)))
    assert session.method == "temporary_pass"
    yield phone
    store.gone(phone)


@pytest.fixture(scope="module")
def registered(store: Store) -> Iterator[Phone]:
    phone = store.phone("registered").join()
    assert phone.register(email="registered@example.com", terms="yes").status == 200
    yield phone
    store.gone(phone)


def asked(phone: Phone, check: ConnectivityCheck, url: str) -> Reply:
    return phone.get(url, headers={"User-Agent": check.user_agent} if check.user_agent else None)


@each_check
def test_before_admission_it_is_led_to_the_portal(
    store: Store, captive: Phone, check: ConnectivityCheck, url: str
) -> None:
    reply = asked(captive, check, url)
    assert (reply.status, reply.location) == (302, f"http://{captive.router}/")
    assert reply.headers["cache-control"] == "no-store"
    # Android takes a tiny body for a broken network, not for a portal (NetworkMonitor).
    assert len(reply.body) > 100
    assert not check.passes(reply.status, reply.headers, reply.body)


@each_check
def test_during_a_temporary_pass_it_hears_that_it_is_online(
    on_a_pass: Phone, check: ConnectivityCheck, url: str
) -> None:
    reply = asked(on_a_pass, check, url)
    assert check.passes(reply.status, reply.headers, reply.body)


@each_check
def test_after_admission_it_hears_that_it_is_online(
    registered: Phone, check: ConnectivityCheck, url: str
) -> None:
    reply = asked(registered, check, url)
    assert check.passes(reply.status, reply.headers, reply.body)


@pytest.mark.parametrize("url", PARTNERS)
def test_the_check_over_tls_goes_the_same_way_as_the_one_without(
    captive: Phone, on_a_pass: Phone, registered: Phone, url: str
) -> None:
    """While they differ, Android speaks of a limited connection."""
    host = url.removeprefix("https://").partition("/")[0]

    def reaches(phone: Phone) -> str:
        (address,) = phone.look_up(host)
        return phone.connects(address, 443)

    assert [reaches(phone) for phone in (captive, on_a_pass, registered)] == ["refused", "open", "open"]


@pytest.mark.parametrize("family", ["-4", "-6"], ids=["ipv4", "ipv6"])
def test_over_either_family_a_check_hears_the_same(
    captive: Phone, on_a_pass: Phone, registered: Phone, family: str
) -> None:
    for check in (each for each in CHECKS if each.asker in ("Apple", "Android", "Windows 10, 11")):
        for phone in (captive, on_a_pass, registered):
            phone.wait_for_ipv6()
            reply = phone.get(check.urls[-1], options=(family,))
            is_online = check.passes(reply.status, reply.headers, reply.body)
            assert is_online is (phone is not captive)
            assert phone is not captive or reply.location == f"http://{captive.router}/"


@pytest.mark.parametrize(("family", "address"), [(AF_INET, WEB_IPV4), (AF_INET6, WEB_IPV6)])
def test_the_name_windows_only_looks_up_is_answered_truly_throughout(
    captive: Phone, on_a_pass: Phone, registered: Phone, family: int, address: str
) -> None:
    for phone in (captive, on_a_pass, registered):
        assert phone.look_up("dns.msftncsi.com", family) == {address}


@pytest.mark.parametrize("address", [WEB_IPV4, WEB_IPV6])
def test_a_check_over_a_connection_kept_open_is_pinned_to_neither_side(store: Store, address: str) -> None:
    phone = store.phone(f"kept{len(store.seen)}").join()
    phone.wait_for_ipv6()
    gate = GateClient(store.box.run_dir / "gate.sock")
    with phone.kept_connection(address) as kept:
        asyncio.run(gate.temporary_pass(ip_address(phone.ipv4)))
        assert b" 302 " not in kept.ask()
    with phone.kept_connection(address) as kept:
        assert kept.ask().startswith(b"HTTP/1.1 204")
        asyncio.run(gate.sign_out(ip_address(phone.ipv4)))
        assert kept.ask() == b""
    store.gone(phone)


def test_when_the_session_ends_the_next_check_is_led_to_the_portal_again(store: Store) -> None:
    phone = store.phone("leaving").join()
    phone.register(email="leaving@example.com", terms="yes")
    check = CHECKS[0]
    assert check.passes(*_parts(asked(phone, check, check.url)))
    gate = GateClient(store.box.run_dir / "gate.sock")
    asyncio.run(gate.sign_out(ip_address(phone.ipv4)))
    assert asked(phone, check, check.url).location == f"http://{phone.router}/"
    store.gone(phone)


def _parts(reply: Reply) -> tuple[int, dict[str, str], str]:
    return reply.status, reply.headers, reply.body
