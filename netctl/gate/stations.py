"""Whose MAC is at this IP: the lease, checked against what the kernel hears."""

import asyncio
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address

from netctl.api import Ip, Mac
from netctl.gate.trace import Note
from netctl.lan.leases import LeaseFile
from netctl.linux.kernel import Kernel
from netctl.linux.neighbours import Neighbour

# dnsmasq rewrites its lease file in place: a reader may see it half written, for a moment.
_HALF_WRITTEN_SECONDS = (0.02, 0.05)


class UnknownStation(Exception):
    """Nobody we know is at that address; the text says why."""


class Stations:
    """The devices on our WiFi. Tells a listener whenever one has just proved to be there."""

    def __init__(self, kernel: Kernel, leases: LeaseFile) -> None:
        self._kernel = kernel
        self._leases = leases
        self._heard: Callable[[Mac], object] = lambda mac: None
        self._note: Note = lambda mac, step, detail: None
        self._seen_at: dict[Ip, Mac] = {}
        self._heard_at: dict[Mac, set[Ip]] = {}
        self._known_leases: Mapping[Ip, Mac] = {}
        self._told_leases: Mapping[Ip, Mac] | None = None
        self._missed = asyncio.Event()

    def listen(self, heard: Callable[[Mac], object], note: Note) -> None:
        """`heard` is told of each sign of life, `note` of each address given out."""
        self._heard = heard
        self._note = note

    async def whose(self, ip: Ip) -> Mac:
        """The station at this address. Raises UnknownStation.

        IPv4: who holds the lease, and nobody else may be heard there. IPv6 has no leases here (SLAAC), so
        who is heard there.
        """
        neighbour = await self._kernel.neighbour_at(ip)
        heard = neighbour.mac if neighbour else None
        if not isinstance(ip, IPv4Address):
            if heard is None:
                raise UnknownStation(f"No device answers at {ip}.")
            return heard
        leased = await self._lease_of(ip)
        if leased is None:
            raise UnknownStation(f"{ip} was not given out by us.")
        if heard is not None and heard != leased:
            raise UnknownStation(f"{ip} was given to another device than the one that uses it.")
        return leased

    def addresses(self, mac: Mac) -> list[Ip]:
        """Where this station is, as far as we know, IPv4 first."""
        leased = self._leases.addresses(mac)
        heard = self._heard_at.get(mac, set()).difference(leased)
        return leased + sorted(heard, key=lambda ip: (ip.version, ip))

    def leased_to(self, mac: Mac) -> list[Ip]:
        """The addresses we gave this station."""
        return self._leases.addresses(mac)

    def leased_pairs(self) -> list[tuple[Mac, IPv4Address]]:
        """Each station with each address we gave it."""
        return [(mac, ip) for ip, mac in self._leases.read().items() if isinstance(ip, IPv4Address)]

    def at(self, ip: Ip) -> Mac | None:
        """The station at this address as far as we know without asking the kernel."""
        return self._leases.read().get(ip) or self._seen_at.get(ip)

    def has_lease(self, mac: Mac) -> bool:
        return bool(self._leases.addresses(mac))

    def note(self, neighbour: Neighbour) -> None:
        """News from the neighbour table. Only those with a lease are stations: access points and the like,
        which have addresses of their own, are not."""
        before = self._seen_at.pop(neighbour.ip, None)
        if before is not None:
            self._heard_at[before].discard(neighbour.ip)
            if not self._heard_at[before]:
                del self._heard_at[before]
        if neighbour.mac is None:
            return
        self._seen_at[neighbour.ip] = neighbour.mac
        self._heard_at.setdefault(neighbour.mac, set()).add(neighbour.ip)
        if neighbour.answers and self.has_lease(neighbour.mac):
            self._heard(neighbour.mac)

    def note_missed(self) -> None:
        """Some news got lost: the whole table is read again at the next `refresh`."""
        self._missed.set()

    async def refresh(self) -> None:
        """Reads everything, and asks all that hold a lease whether they are there; once at the start."""
        self._missed.clear()
        self._seen_at.clear()
        self._heard_at.clear()
        for neighbour in await self._kernel.neighbours():
            self.note(neighbour)
        self._known_leases = self._leases.read()
        await self._kernel.ask(list(self._known_leases.items()))

    async def look_for_new_leases(self) -> None:
        """Who has just been given an address is there; the packet filter learns whose it is."""
        leases = self._leases.read()
        for ip, mac in leases.items() if leases is not self._known_leases else ():
            if self._known_leases.get(ip) != mac:
                # In this order: who joins just now is noted with its leases.
                self._note(mac, "lease", str(ip))
                self._heard(mac)
        self._known_leases = leases
        if leases != self._told_leases:
            await self._kernel.lease(self.leased_pairs())
            self._told_leases = leases
        if self._missed.is_set():
            await self.refresh()

    async def ask(self, macs: list[Mac]) -> None:
        """Have these been asked whether they are still there."""
        await self._kernel.ask([(ip, mac) for mac in macs for ip in self._leases.addresses(mac)])

    async def _lease_of(self, ip: Ip) -> Mac | None:
        for pause in (*_HALF_WRITTEN_SECONDS, 0.0):
            mac = self._leases.read().get(ip)
            if mac is not None or pause == 0.0:
                return mac
            await asyncio.sleep(pause)
        return None
