"""What hostapd and dnsmasq are told."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from netctl.lan import garden
from netctl.lan.access_point import (
    DNSMASQ,
    HOSTAPD,
    PREFIX,
    dnsmasq_conf,
    hostapd_conf,
    prefix_conf,
    render,
    write,
)
from netctl.lan.apply import unknown_settings
from sync.config import Config

CERTIFIED = {"certificate": "/etc/yingke/chain.pem", "certificate_key": "/etc/yingke/key.pem"}


def box(**sections: dict[str, Any]) -> Config:
    return Config.parse(sections)


def dnsmasq_lines(**sections: dict[str, Any]) -> list[str]:
    return dnsmasq_conf(box(**sections), uplink_has_ipv6=True).splitlines()


def test_guests_get_leases_from_the_lans_range() -> None:
    lines = dnsmasq_lines(network={"lan_address": "10.77.0.1/16", "lease_minutes": 60})
    assert "dhcp-range=tag:br-lan,set:guests,10.77.0.10,10.77.255.254,255.255.0.0,60m" in lines


@pytest.mark.parametrize("address", ["192.168.9.1/24", "192.168.9.1/28", "192.168.9.1/29", "192.168.9.10/24"])
def test_the_box_never_gives_away_its_own_address(address: str) -> None:
    (line,) = [each for each in dnsmasq_lines(network={"lan_address": address}) if "set:guests" in each]
    _, _, first, last, *_ = line.split(",")
    own = int(address.split("/")[0].rpartition(".")[2])
    assert not int(first.rpartition(".")[2]) <= own <= int(last.rpartition(".")[2])


def test_only_our_bridges_are_served() -> None:
    lines = dnsmasq_lines(network={"owner_interfaces": ["eth1"]})
    assert [line for line in lines if line.startswith("interface=")] == [
        "interface=br-lan",
        "interface=br-owner",
    ]
    assert "dhcp-range=tag:br-owner,set:owner,10.78.0.10,10.78.0.254,255.255.255.0,120m" in lines


def test_the_portals_api_is_told_only_with_a_certificate() -> None:
    assert not any("capport" in line for line in dnsmasq_lines())
    lines = dnsmasq_lines(portal=CERTIFIED | {"domain": "s1.wifi.example.com"})
    assert "dhcp-option-force=tag:guests,114,https://s1.wifi.example.com/capport/api" in lines
    assert "dhcp-option=option6:103,https://s1.wifi.example.com/capport/api" in lines
    assert "host-record=s1.wifi.example.com,10.77.0.1,fd77:79b6:1::1" in lines


def test_phones_on_our_wifi_find_us_where_head_offices_links_lead() -> None:
    assert not any(line.startswith("host-record") for line in dnsmasq_lines())
    lines = dnsmasq_lines(follow={"link_host": "s1.wifi.example"})
    assert "host-record=s1.wifi.example,10.77.0.1,fd77:79b6:1::1" in lines
    both = dnsmasq_lines(
        portal=CERTIFIED | {"domain": "s1.wifi.example"}, follow={"link_host": "s1.wifi.example"}
    )
    assert len([line for line in both if line.startswith("host-record")]) == 1


def test_resolvers_are_the_settings_or_the_uplinks() -> None:
    set_by_hand = dnsmasq_lines(network={"dns_servers": ["9.9.9.9", "2620:fe::fe"]})
    assert {"no-resolv", "server=9.9.9.9", "server=2620:fe::fe"} <= set(set_by_hand)
    assert "resolv-file=/etc/resolv.conf" in dnsmasq_lines()


def test_phones_do_not_try_ipv6_while_the_uplink_has_none() -> None:
    assert "ra-param=br-lan,60,0" in dnsmasq_conf(box(), uplink_has_ipv6=False)
    assert "ra-param=br-lan,60,1800" in dnsmasq_conf(box(), uplink_has_ipv6=True)


def test_kinds_of_records_that_only_tunnels_use_are_not_answered() -> None:
    assert "filter-rr=NULL,65399" in dnsmasq_lines()


def test_where_private_networks_are_out_of_reach_no_name_stands_for_one() -> None:
    closed = {"stop-dns-rebind", "rebind-domain-ok=/dns.msftncsi.com/"}
    assert closed <= set(dnsmasq_lines(network={"guests_reach_private": "off"}))
    assert not closed & set(dnsmasq_lines(network={"guests_reach_private": "on"}))


def test_no_hardware_address_reaches_dnsmasqs_log() -> None:
    assert {"quiet-dhcp", "quiet-dhcp6", "quiet-ra"} <= set(dnsmasq_lines())


@pytest.mark.parametrize("ssid", ["Free WiFi", "迎客免费", "a\nchannel=1", '"quoted"', "=#\\"])
def test_any_name_of_the_wifi_stays_one_line(ssid: str) -> None:
    text = hostapd_conf(box(wifi={"interface": "wlan0", "ssid": ssid}))
    (line,) = [line for line in text.splitlines() if line.startswith("ssid2=")]
    assert bytes.fromhex(line.removeprefix("ssid2=")).decode() == ssid
    assert text.count("channel=") == 1


def test_stations_of_our_wifi_do_not_see_each_other() -> None:
    assert "ap_isolate=1" in hostapd_conf(box(wifi={"interface": "wlan0"})).splitlines()


def test_the_gate_alone_may_talk_to_the_access_point() -> None:
    """It names the hardware address of every station: not for the portal, nor for sync."""
    assert "ctrl_interface_group=yingke-gate" in hostapd_conf(box(wifi={"interface": "wlan0"})).splitlines()


def test_without_a_radio_there_is_nothing_for_hostapd() -> None:
    assert HOSTAPD not in render(box(), uplink_has_ipv6=True)
    assert HOSTAPD in render(box(wifi={"interface": "wlan0"}), uplink_has_ipv6=True)


def test_what_we_render_is_what_root_lets_through() -> None:
    config = box(
        wifi={"interface": "wlan0"},
        network={
            "owner_interfaces": ["eth1"],
            "dns_servers": ["9.9.9.9"],
            "walled_garden": ["wechat"],
            "guests_reach_private": "off",
        },
        portal=CERTIFIED | {"domain": "s1.wifi.example.com"},
    )
    for uplink_has_ipv6 in (True, False):
        rendered = render(config, uplink_has_ipv6)
        assert [unknown_settings(name, rendered[name]) for name in (DNSMASQ, PREFIX)] == [[], []]


@pytest.mark.skipif(shutil.which("dnsmasq") is None, reason="dnsmasq is not installed")
def test_dnsmasq_understands_it(tmp_path: Path) -> None:
    file = tmp_path / DNSMASQ
    settings: dict[str, Any] = {"portal": CERTIFIED | {"domain": "s1.wifi.example.com"}}
    file.write_text(
        dnsmasq_conf(
            box(network={"owner_interfaces": ["eth1"], "walled_garden": garden.packs()}, **settings),
            uplink_has_ipv6=True,
        )
    )
    done = subprocess.run(["dnsmasq", "--test", f"--conf-file={file}"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_what_has_changed_is_written(tmp_path: Path) -> None:
    config = box(venue={"run_dir": str(tmp_path)})
    rendered = tmp_path / "rendered"
    assert write(config, uplink_has_ipv6=True) == [rendered / DNSMASQ, rendered / PREFIX]
    assert write(config, uplink_has_ipv6=True) == []
    assert write(config, uplink_has_ipv6=False) == [tmp_path / "rendered" / DNSMASQ]
    assert sorted(file.name for file in rendered.iterdir()) == [DNSMASQ, PREFIX]


def test_the_uplink_is_asked_for_a_prefix_and_nothing_else() -> None:
    lines = prefix_conf(box(network={"uplink": "eth7", "bridge": "br-guests"})).splitlines()
    assert lines[-2:] == ["interface eth7", "ia_pd 1 br-guests/0/64"]
    assert {"ipv6only", "noipv6rs", "allowinterfaces eth7"} <= set(lines)
