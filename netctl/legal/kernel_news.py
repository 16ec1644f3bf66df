"""Asks the kernel for its news of connections, and for its whole table; counts what was lost on the way.

The kernel drops news when our buffer is full and says so with ENOBUFS. It is not asked to wait for us
(NETLINK_BROADCAST_ERROR): connections that nobody may forget would fill its table, and the store would
stand.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from errno import ENOBUFS
from pathlib import Path
from typing import Final

from pyroute2 import IPRoute

from netctl.legal.connections import Lan, lan_of
from netctl.legal.conntrack_news import DONE, News, messages

BUFFER_BYTES: Final = 16 << 20
# linux/netlink.h, linux/netfilter/nfnetlink_compat.h, asm-generic/socket.h
_NETLINK_NETFILTER, _SOL_NETLINK, _ADD_MEMBERSHIP, _SO_RCVBUFFORCE = 12, 270, 1, 33
_GROUP_NEW, _GROUP_DESTROY = 1, 3
_CT_GET, _REQUEST_DUMP = 1 << 8 | 1, 0x301
_READS_AT_ONCE: Final = 2000
_ANSWER_SECONDS: Final = 20.0


class ConnectionNews:
    """Calls `heard` with each batch of news, `lost` when some could not be told. On the running loop."""

    def __init__(
        self,
        heard: Callable[[list[News]], None],
        lost: Callable[[], None],
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        """Raises OSError when the kernel has no nf_conntrack_netlink or we no CAP_NET_ADMIN."""
        self._heard, self._lost = heard, lost
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER
        )
        self._socket.setblocking(False)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
        except PermissionError:  # a user namespace: as much as net.core.rmem_max gives
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self._socket.bind((0, 0))
        for group in (_GROUP_NEW, _GROUP_DESTROY):
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        self._dropped = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self.read)

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def read(self) -> None:
        """What has come by now, up to a bound: others want the loop too."""
        found: list[News] = []
        for _ in range(_READS_AT_ONCE):
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != ENOBUFS:
                    raise
                self._lost()
                continue
            found += [each for each in messages(data) if isinstance(each, News)]
        if found:
            self._heard(found)

    def newly_dropped(self) -> int:
        """How many messages the kernel had to drop since this was last asked."""
        dropped = _drops(Path("/proc/net/netlink").read_text(), self._socket.getsockname()[0])
        new, self._dropped = max(0, dropped - self._dropped), dropped
        return new


def _drops(table: str, port: int) -> int:
    """/proc/net/netlink: sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode."""
    for line in table.splitlines()[1:]:
        words = line.split()
        if int(words[1]) == _NETLINK_NETFILTER and int(words[2]) == port:
            return int(words[8])
    return 0


def table() -> list[News]:
    """Every connection the kernel knows now. Blocks. Raises OSError."""
    found: list[News] = []
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER
    ) as asking:
        asking.settimeout(_ANSWER_SECONDS)
        asking.send(struct.pack("=IHHIIBBH", 20, _CT_GET, _REQUEST_DUMP, 1, 0, socket.AF_UNSPEC, 0, 0))
        while True:
            for each in messages(asking.recv(1 << 17)):
                if isinstance(each, News):
                    found.append(each)
                elif each == DONE:
                    return found
                else:
                    raise OSError(each, "the kernel's connections cannot be read")


def lan_now(bridge: str) -> Lan:
    """The networks on the guests' bridge, and all addresses of the box. Blocks. Raises LookupError."""
    with IPRoute() as route:
        found = route.link_lookup(ifname=bridge)
        if not found:
            raise LookupError(f"there is no interface {bridge}")
        addresses = [
            (each["index"], each.get_attr("IFA_ADDRESS"), each["prefixlen"]) for each in route.get_addr()
        ]
    on_bridge = [f"{ip}/{length}" for index, ip, length in addresses if index == found[0]]
    return lan_of(
        [each for each in on_bridge if not each.startswith("fe80:")],
        [ip for _, ip, _ in addresses],
    )
