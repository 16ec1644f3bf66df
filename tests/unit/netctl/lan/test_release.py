"""Leases given back in the name of stations that are gone."""

from ipaddress import IPv4Address

from scapy.layers.dhcp import BOOTP, DHCP

from netctl.api import Mac
from netctl.lan.release import release_message


def test_the_message_is_a_release_as_anybody_reads_it() -> None:
    mac, address, server = Mac("02:00:5e:10:00:01"), IPv4Address("10.77.0.9"), IPv4Address("10.77.0.1")
    read = BOOTP(release_message(mac, address, server))
    assert (read.op, read.htype, read.hlen, read.ciaddr) == (1, 1, 6, "10.77.0.9")
    assert bytes(read.chaddr)[:6].hex(":") == mac
    assert read[DHCP].options == [("message-type", 7), ("server_id", "10.77.0.1"), "end"]
