"""Who has which address, as dnsmasq wrote it down."""

from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

from netctl.api import Ip, Mac, parse_ip, parse_mac


def parse_leases(text: str) -> dict[Ip, Mac]:
    """dnsmasq's lease file (man dnsmasq, FILES) -> the station of each IPv4 address.

    The host names in it are not read. Nor are the ages: dnsmasq takes dead leases out itself, and by the
    wall clock, which may have jumped.
    """
    leases: dict[Ip, Mac] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 4 or words[0] == "duid":
            continue
        try:
            address, mac = parse_ip(words[2]), parse_mac(words[1])
        except ValueError:  # a DHCPv6 lease, or a line being written just now
            continue
        if isinstance(address, IPv4Address):
            leases[address] = mac
    return leases


class LeaseFile:
    """The lease file, read again whenever it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] = (0, 0, 0)
        self._leases: dict[Ip, Mac] = {}
        self._addresses: dict[Mac, list[Ip]] = {}

    def read(self) -> Mapping[Ip, Mac]:
        """The leases now; none while dnsmasq has written no file yet."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._take(parse_leases(self._path.read_text(errors="replace")))
                self._stamp = stamp
        except FileNotFoundError:
            self._take({})
            self._stamp = (0, 0, 0)
        return self._leases

    def addresses(self, mac: Mac) -> list[Ip]:
        """What this station holds; empty: it is no station of ours."""
        self.read()
        return list(self._addresses.get(mac, ()))

    def _take(self, leases: dict[Ip, Mac]) -> None:
        self._leases, self._addresses = leases, {}
        for ip, mac in leases.items():
            self._addresses.setdefault(mac, []).append(ip)
