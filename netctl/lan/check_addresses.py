"""A fixed public address for each host of a connectivity check, for the time without internet.

Private ones are no use: phones take them for "no internet, no portal" (AOSP NetworkMonitor,
dns_probe_private_ip_no_internet). Port 80 of any address is intercepted, so nothing depends on these being
the hosts' addresses of the day; where one is known it is taken, where none is, Google's. They are written
down from general knowledge (2026-11), not looked up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from netctl.lan.connectivity_checks import HOSTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """What a name stands for; None: it has no address of that family."""

    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None


def _addresses(ipv4: str, ipv6: str) -> Addresses:
    return Addresses(ipv4=IPv4Address(ipv4) if ipv4 else None, ipv6=IPv6Address(ipv6) if ipv6 else None)


_GOOGLE = _addresses("142.250.72.67", "2607:f8b0:4005:80f::2003")
_MICROSOFT = _addresses("13.107.4.52", "2620:1ec:c11::200")
_KNOWN: Final[Mapping[str, Addresses]] = {
    "captive.apple.com": _addresses("17.253.55.202", "2620:149:a21:f000::133"),
    "www.apple.com": _addresses("17.253.144.10", "2620:149:af0::10"),
    "detectportal.firefox.com": _addresses("34.107.221.82", "2600:1901:0:38d7::"),
    "www.msftconnecttest.com": _MICROSOFT,
    "www.msftncsi.com": _MICROSOFT,
    "ipv6.msftconnecttest.com": _addresses("", "2a01:111:2003::52"),
    "ipv6.msftncsi.com": _addresses("", "2a01:111:2003::52"),
    # Windows is online only if it hears exactly these, the IPv6 one as private as it is.
    "dns.msftncsi.com": _addresses("131.107.255.255", "fd3e:4f5a:5b81::1"),
    "network-test.debian.org": _addresses("130.89.148.77", "2001:67c:2564:a119::77"),
    "connectivity-check.ubuntu.com": _addresses("185.125.190.17", "2620:2d:4000:1::22"),
    "ping.archlinux.org": _addresses("95.217.163.246", "2a01:4f9:c010:6b1f::1"),
}

CHECK_ADDRESSES: Final[Mapping[str, Addresses]] = {host: _KNOWN.get(host, _GOOGLE) for host in HOSTS}
"""By host name, in small letters without a final dot."""
