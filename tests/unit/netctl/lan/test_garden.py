"""Hosts that shoppers reach before they have registered."""

from typing import Any

import pytest

from netctl.lan import garden
from sync.config import Config, ConfigErrors, Network


def dnsmasq_lines(**network: Any) -> list[str]:
    return garden.dnsmasq_lines(Config.parse({"network": network}))


def test_the_packs_that_can_be_set_are_those_there_are() -> None:
    assert list(Network.SETTINGS["walled_garden"].choices) == garden.packs()


@pytest.mark.parametrize("name", garden.packs())
def test_each_pack_holds_domains_such_as_an_owner_may_write(name: str) -> None:
    assert garden.pack(name)
    assert Config.parse({"network": {"walled_garden_domains": list(garden.pack(name))}})


def test_without_packs_there_is_no_garden() -> None:
    assert dnsmasq_lines() == []


def test_addresses_of_its_hosts_go_into_the_packet_filters_sets() -> None:
    lines = dnsmasq_lines(walled_garden=["line"], walled_garden_domains=["*.menu.example", "shop.example"])
    for domain in ("line.me", "line-scdn.net", "menu.example", "shop.example"):
        assert f"nftset=/{domain}/4#inet#yingke#garden4,6#inet#yingke#garden6" in lines
    assert not any("access.line.me" in line for line in lines), "*.line.me covers it"


def test_addresses_are_asked_for_again_before_they_leave_the_sets() -> None:
    assert {"max-ttl=60", "max-cache-ttl=60"} <= set(dnsmasq_lines(walled_garden=["wechat"]))


def test_a_pack_that_is_none_is_said_with_those_there_are() -> None:
    with pytest.raises(ConfigErrors) as errors:
        Config.parse({"network": {"walled_garden": ["wechat", "lime"]}})
    (mistake,) = errors.value.mistakes
    assert mistake.key == "network.walled_garden"
    assert all(name in mistake.wrong for name in garden.packs())
    assert mistake.meant == "line"


@pytest.mark.parametrize(
    "line",
    [
        "nftset=/x.example/4#inet#yingke#admitted",
        "nftset=/x.example/4#inet#yingke#garden4,6#inet#yingke#garden6,4#inet#other#set",
        'nftset=/x.example/4#inet#yingke#garden4 { 0.0.0.0/0 }; include "/etc/shadow"',
        "nftset=/x.example/y.example/4#inet#yingke#garden4,6#inet#yingke#garden6",
    ],
)
def test_no_other_set_of_the_packet_filter_can_be_filled(line: str) -> None:
    assert not garden.is_ours(line)
