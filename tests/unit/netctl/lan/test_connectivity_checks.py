"""What phones ask for to find out whether they are online."""

import pytest

from netctl.lan.check_addresses import CHECK_ADDRESSES
from netctl.lan.connectivity_checks import CHECKS, HOSTS, ConnectivityCheck, find

URLS = [(check, url) for check in CHECKS for url in check.urls]
named = pytest.mark.parametrize(("check", "url"), URLS, ids=[url for _, url in URLS])


@named
def test_each_check_is_recognised_by_its_host_and_path(check: ConnectivityCheck, url: str) -> None:
    host, slash, path = url.removeprefix("http://").partition("/")
    assert find(host.upper() + ".", slash + path.partition("?")[0] + "?at=1") is check


@named
def test_each_check_can_be_intercepted(check: ConnectivityCheck, url: str) -> None:
    assert url.startswith("http://")


def test_no_two_checks_are_the_same_page() -> None:
    pages = [
        url.partition("?")[0] for check in CHECKS for url in sorted({u.partition("?")[0] for u in check.urls})
    ]
    assert len(pages) == len(set(pages))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.asker)
def test_the_portal_is_no_internet_to_anybody(check: ConnectivityCheck) -> None:
    assert not check.passes(302, {"location": "http://10.77.0.1/"}, "<a href='http://10.77.0.1/'>Sign in</a>")


def test_network_manager_takes_the_header_or_the_body() -> None:
    debian = find("network-test.debian.org", "/nm")
    assert debian is not None
    assert debian.passes(200, {}, "NetworkManager is online\n")
    assert debian.passes(204, {"x-networkmanager-status": "online"}, "")
    assert not debian.passes(200, {}, "<html>Sign in</html>")


def test_android_takes_nothing_but_an_answer_without_content() -> None:
    android = find("connectivitycheck.gstatic.com", "/generate_204")
    assert android is not None
    assert android.passes(204, {}, "")
    assert not android.passes(200, {}, "")
    assert not android.passes(511, {}, "")


def test_a_page_of_the_web_is_no_check() -> None:
    assert find("www.google.com", "/") is None
    assert find("news.example", "/generate_204") is None


def test_each_host_has_a_public_address_for_the_time_without_internet() -> None:
    assert CHECK_ADDRESSES.keys() == HOSTS
    for host, addresses in CHECK_ADDRESSES.items():
        assert addresses.ipv4 or addresses.ipv6, host
        assert addresses.ipv4 is None or addresses.ipv4.is_global, host
        # Windows compares this one with an address that is private on purpose.
        assert addresses.ipv6 is None or addresses.ipv6.is_global or host == "dns.msftncsi.com", host
