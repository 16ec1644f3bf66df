"""One thing at a time happens to a station."""

import asyncio
import weakref

from netctl.api import Mac


class StationLocks:
    """A lock for each station; nothing is kept of one that nobody holds or waits for."""

    def __init__(self) -> None:
        self._locks: weakref.WeakValueDictionary[Mac, asyncio.Lock] = weakref.WeakValueDictionary()

    def of(self, mac: Mac) -> asyncio.Lock:
        return self._locks.setdefault(mac, asyncio.Lock())

    def busy(self) -> set[Mac]:
        """Who is being admitted or expelled this moment: somewhere between wish and truth."""
        return {mac for mac, lock in self._locks.items() if lock.locked()}
