"""Who has which address, as dnsmasq wrote it down."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address
from pathlib import Path

from netctl.api import Ip, Mac, parse_ip, parse_mac

_Lease = tuple[IPv4Address, Mac]


def parse_leases(text: str) -> dict[Ip, Mac]:
    """dnsmasq's lease file (man dnsmasq, FILES) -> the station of each IPv4 address.

    The host names in it are not read. Nor are the ages: dnsmasq takes dead leases out itself, and by the
    wall clock, which may have jumped.
    """
    return dict(_parse(text))


def _parse(text: str) -> Iterator[_Lease]:
    leases = (_parse_lease(line) for _, _, line in map(_split, text.splitlines()))
    return (lease for lease in leases if lease)


def _split(line: str) -> tuple[str, str, str]:
    """The age, and all that stays as it is when the lease is renewed."""
    return line.partition(" ")


# Ten thousand leases are read again whenever one changes: most lines are those of a second ago.
@lru_cache(maxsize=1 << 16)
def _parse_lease(line: str) -> _Lease | None:
    words = line.split()
    if len(words) < 3:
        return None
    try:
        address, mac = parse_ip(words[1]), parse_mac(words[0])
    except ValueError:  # a DHCPv6 lease, or a line being written just now
        return None
    return (address, mac) if isinstance(address, IPv4Address) else None


# dnsmasq empties its file and writes it anew, with its own DUID after the IPv4 leases (lease.c,
# lease_update_file): the line shows that they are all there.
_LAST_OF_IPV4 = re.compile(r"^duid [0-9a-f:]+\n", re.MULTILINE)


class LeaseFile:
    """The lease file, read again whenever it has changed.

    Read while dnsmasq writes it, it would show phones without leases, to be shut out for a moment: then what
    was known stays. Files without a DUID (no DHCPv6) are taken as they are.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._has_duid = False
        self._stamp: tuple[int, int, int] = (0, 0, 0)
        self._leases: dict[Ip, Mac] = {}
        self._addresses: dict[Mac, list[Ip]] = {}

    @property
    def folder(self) -> Path:
        """Where it lies: to be watched."""
        return self._path.parent

    def read(self) -> Mapping[Ip, Mac]:
        """The leases now; none while dnsmasq has written no file yet."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                text = self._path.read_text(errors="replace")
                whole = _LAST_OF_IPV4.search(text) is not None
                if whole or not self._has_duid:
                    self._take(list(_parse(text)))
                    self._stamp = stamp
                self._has_duid |= whole
        except FileNotFoundError:
            self._has_duid = False
            self._take([])
            self._stamp = (0, 0, 0)
        return self._leases

    def addresses(self, mac: Mac) -> list[Ip]:
        """What this station holds; empty: it is no station of ours."""
        self.read()
        return list(self._addresses.get(mac, ()))

    def _take(self, leases: list[_Lease]) -> None:
        self._leases, self._addresses = dict(leases), {}
        for ip, mac in leases:
            self._addresses.setdefault(mac, []).append(ip)
