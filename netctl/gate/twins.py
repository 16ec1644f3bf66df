"""Two devices under one hardware address: what betrays them. Open WiFi cannot prevent it (IEEE 802.11). Pure.

Each alone may have another reason, so they raise a notice and shut nobody out: a station that associates anew
every few seconds, since each of the two throws the other off; an address that jumps between ports of the
bridge.
"""

from typing import Any, Final

from netctl.api import Mac

WINDOW_SECONDS: Final = 60.0
MOST_CHANGES: Final = 6
"""So many associations or jumps in a window are a phone on its way between two access points."""

_MOST_STATIONS: Final = 32_768


class Twins:
    """Remembers what it takes of each station, at most so many."""

    def __init__(self) -> None:
        self._changes: dict[Mac, tuple[float, ...]] = {}
        self._ports: dict[Mac, int] = {}

    def associated(self, mac: Mac, boottime: float) -> bool:
        """It has associated with our access point. Returns whether that is too often for one device."""
        recent = [at for at in self._changes.get(mac, ()) if boottime - at < WINDOW_SECONDS]
        self._changes[mac] = (*recent[-MOST_CHANGES:], boottime)
        self._bound(self._changes)
        return len(self._changes[mac]) > MOST_CHANGES

    def heard_on(self, mac: Mac, port: int, boottime: float) -> bool:
        """The bridge heard it on this port. Returns whether it jumps too often for one device."""
        before = self._ports.get(mac)
        self._ports[mac] = port
        self._bound(self._ports)
        return before not in (None, port) and self.associated(mac, boottime)

    def _bound(self, known: dict[Mac, Any]) -> None:
        while len(known) > _MOST_STATIONS:
            del known[next(iter(known))]
