"""Gives leases back to our own dnsmasq in the name of stations that are gone, as dnsmasq's own tool
`dhcp_release` does (contrib/lease-tools/dhcp_release.c)."""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address

from netctl.api import Mac
from netctl.linux.elements import Pair

_SERVER_PORT = 67
# RFC 2131 section 2; RFC 2132 sections 9.6 and 9.7.
_REQUEST, _ETHERNET, _MAC_BYTES, _FIXED_BYTES, _COOKIE = 1, 1, 6, 236, bytes.fromhex("63825363")
_MESSAGE_TYPE, _SERVER, _END, _RELEASE = 53, 54, 255, 7


def release(leases: Iterable[Pair], bridge: str, server: IPv4Address) -> None:
    """Sends one DHCPRELEASE for each; nothing answers it (RFC 2131 section 4.4.6). Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as talking:
        # Sent from this device to our own address it arrives as if heard there, where dnsmasq listens. That
        # takes no capability (Linux 5.7).
        talking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, bridge.encode() + b"\0")
        for mac, address in leases:
            talking.sendto(release_message(mac, address, server), (str(server), _SERVER_PORT))


def release_message(mac: Mac, address: IPv4Address, server: IPv4Address) -> bytes:
    """The DHCPRELEASE of this lease, without a client identifier: our dnsmasq knows stations by their MAC."""
    fixed = bytes([_REQUEST, _ETHERNET, _MAC_BYTES, 0]) + bytes(8) + address.packed + bytes(12)
    options = bytes([_MESSAGE_TYPE, 1, _RELEASE, _SERVER, 4]) + server.packed + bytes([_END])
    return (fixed + bytes.fromhex(mac.replace(":", ""))).ljust(_FIXED_BYTES, b"\0") + _COOKIE + options
