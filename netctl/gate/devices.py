"""The owner's word on single devices: always admitted (till, printer, staff) or never."""

from dataclasses import replace
from math import inf

from netctl.api import DeviceKind, Mac
from netctl.gate import device_store as store
from netctl.gate.database import GateDatabase
from netctl.gate.device_store import KnownDevice
from netctl.gate.sessions import LiveSession
from sync.model import Clock, new_id

MOST_DEVICES = 1000
LONGEST_NAME = 60
ALLOWED = "allowed"

# The kernel's time for them, renewed at half: with every process dead their access, too, ends in the end.
_ADMITTED_SECONDS = 24 * 3600


class TooMany(Exception):
    """The list is full."""


class KnownDevices:
    """All of them, in memory as in gate.db. `load` first."""

    def __init__(self, database: GateDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._by_mac: dict[Mac, KnownDevice] = {}
        self._wishes: dict[Mac, LiveSession] = {}

    async def load(self) -> None:
        known = await self._database.read(store.devices)
        self._by_mac = {device.mac: device for device in known}

    def all(self) -> list[KnownDevice]:
        """The last one first."""
        return sorted(self._by_mac.values(), key=lambda device: device.added_at, reverse=True)

    def kind_of(self, mac: Mac) -> DeviceKind | None:
        device = self._by_mac.get(mac)
        return device.kind if device else None

    def blocked(self) -> list[Mac]:
        return [mac for mac, device in self._by_mac.items() if device.kind == "blocked"]

    async def put(self, mac: Mac, kind: DeviceKind, name: str) -> KnownDevice:
        """Durable when it returns. Raises TooMany or sqlite3.Error."""
        known = self._by_mac.get(mac)
        if known is None and len(self._by_mac) >= MOST_DEVICES:
            raise TooMany(f"{MOST_DEVICES} devices are on the list")
        shown = " ".join("".join(c if c.isprintable() else " " for c in name).split())[:LONGEST_NAME]
        fresh = known or KnownDevice(
            device_id=new_id(), mac=mac, kind=kind, name=shown, added_at=self._clock.now()
        )
        device = replace(fresh, kind=kind, name=shown)
        await self._database.write(store.put, device)
        self._by_mac[mac] = device
        return device

    async def forget(self, device_id: str) -> KnownDevice | None:
        """What it was; None: there is no such device."""
        device = next((each for each in self._by_mac.values() if each.device_id == device_id), None)
        if device is not None:
            await self._database.write(store.forget, device_id)
            self._by_mac.pop(device.mac, None)
            self._wishes.pop(device.mac, None)
        return device

    def wished(self) -> list[LiveSession]:
        """The allowed ones as sessions that nobody is told of and that only end when they are forgotten."""
        boottime = self._clock.boottime()
        for mac, device in self._by_mac.items():
            wish = self._wishes.get(mac)
            if device.kind != ALLOWED:
                self._wishes.pop(mac, None)
            elif wish is None or wish.expires - boottime < _ADMITTED_SECONDS / 2:
                self._wishes[mac] = LiveSession(
                    session_id=device.device_id,
                    mac=mac,
                    lead_id=None,
                    method=ALLOWED,
                    started_at=device.added_at,
                    seconds_granted=_ADMITTED_SECONDS,
                    expires=boottime + _ADMITTED_SECONDS,
                    closes=inf,
                )
        return list(self._wishes.values())
