"""Guests who are kept out of private networks beyond the uplink (guests_reach_private = "off")."""

import subprocess
from collections.abc import Iterator
from socket import SOCK_STREAM

import pytest

from tests.integration.netctl.street import HOST, HOST6, OURS, Street, listen


@pytest.fixture(scope="module")
def walled(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    street = Street(tmp_path_factory.mktemp("walled"), guests_reach_private="off")
    yield street
    street.close()


@pytest.mark.parametrize("address", [HOST, HOST6])
def test_guests_can_be_kept_out_of_private_networks(walled: Street, address: str) -> None:
    walled.nobody()
    walled.admit(walled.anna)
    with listen(walled.host, address, 443, SOCK_STREAM):
        assert walled.anna.connect(address, 443) == "refused"
    with listen(None, OURS, 80, SOCK_STREAM):
        assert walled.anna.connect(OURS, 80) == "open"


def test_the_internet_is_open_all_the_same(walled: Street) -> None:
    walled.nobody()
    walled.admit(walled.anna)
    walled.host.ip("addr add 203.0.113.9/32 dev eth0")
    subprocess.run(["ip", "route", "add", "203.0.113.9/32", "via", HOST], check=True)
    with listen(walled.host, "203.0.113.9", 443, SOCK_STREAM):
        assert walled.anna.connect("203.0.113.9", 443) == "open"
    subprocess.run(["ip", "route", "del", "203.0.113.9/32"], check=True)
