"""Which station has which address, told whenever it changes. Decisions only."""

from collections.abc import Iterable, Mapping

from netctl.api import Ip, Mac
from netctl.legal.record import Record
from netctl.linux.neighbours import Neighbour

_MOST_HEARD = 65_536


class Addresses:
    """Leases as dnsmasq gives them, and addresses the kernel hears stations at."""

    def __init__(self) -> None:
        self._leases: dict[Ip, Mac] = {}
        self._heard: dict[Ip, Mac] = {}
        self._texts: set[str] = set()

    def of(self, mac: Mac) -> list[str]:
        """All that this station is known to have, now."""
        return sorted(
            {str(ip) for held in (self._leases, self._heard) for ip, holder in held.items() if holder == mac}
        )

    def knows(self, address: str) -> bool:
        """Whether it is known whose this address is."""
        return address in self._texts

    def lease(self, leases: Mapping[Ip, Mac], at_ms: int) -> list[Record]:
        """The lease file as it is now."""
        ended = [(ip, mac) for ip, mac in self._leases.items() if leases.get(ip) != mac]
        given = [(ip, mac) for ip, mac in leases.items() if self._leases.get(ip) != mac]
        self._leases = dict(leases)
        self._texts = {str(ip) for held in (self._leases, self._heard) for ip in held}
        return [_lease(ip, mac, "ended", at_ms) for ip, mac in ended] + [
            _lease(ip, mac, "given", at_ms) for ip, mac in given
        ]

    def hear(self, neighbours: Iterable[Neighbour], at_ms: int) -> list[Record]:
        """What the kernel hears on the LAN. Link-local addresses go no further than it, and are left out."""
        records: list[Record] = []
        for neighbour in neighbours:
            ip, mac = neighbour.ip, neighbour.mac
            if mac is None or ip.is_link_local or mac in (self._leases.get(ip), self._heard.get(ip)):
                continue
            if len(self._heard) >= _MOST_HEARD:
                del self._heard[next(iter(self._heard))]
            self._heard[ip] = mac
            self._texts.add(str(ip))
            records.append({"k": "address", "at": at_ms, "mac": mac, "ip": str(ip)})
        return records

    def again(self, at_ms: int) -> list[Record]:
        """All that holds, said again: what was said before may be deleted by age."""
        held = [_lease(ip, mac, "given", at_ms) for ip, mac in self._leases.items()]
        return held + [
            {"k": "address", "at": at_ms, "mac": mac, "ip": str(ip)} for ip, mac in self._heard.items()
        ]


def _lease(ip: Ip, mac: Mac, what: str, at_ms: int) -> Record:
    return {"k": "lease", "at": at_ms, "mac": mac, "ip": str(ip), "what": what}
