"""What phones ask for to find out whether they are online."""

import pytest

from netctl.lan.connectivity_checks import CHECKS, ConnectivityCheck, find


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.asker)
def test_each_check_is_recognised_by_its_host_and_path(check: ConnectivityCheck) -> None:
    assert find(check.host.upper() + ".", check.path + "?at=1") is check


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.asker)
def test_each_check_can_be_intercepted(check: ConnectivityCheck) -> None:
    assert check.url.startswith("http://")
    assert (check.status == 204) == (check.body == "")


def test_a_page_of_the_web_is_no_check() -> None:
    assert find("www.google.com", "/") is None
    assert find("news.example", "/generate_204") is None
