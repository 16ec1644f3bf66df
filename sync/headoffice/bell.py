"""Wakes the long polls of a store when its log has a new command."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

from sync.headoffice.storage import Storage, StorageUnavailable

# Commands may be added by another of our programs on the same database: one look a second for all stores.
_LOOK_SECONDS: Final = 1.0


class Bell:
    """One question a second to the database, however many boxes wait."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self.is_over = False
        """The server stops: nobody is to wait any more."""

    def ring(self, venue_id: str) -> None:
        for future in self._waiting.pop(venue_id, set()):
            if not future.done():
                future.set_result(None)

    def ring_all(self) -> None:
        """Ends every wait, so that the server can stop."""
        self.is_over = True
        for venue_id in list(self._waiting):
            self.ring(venue_id)

    @contextlib.contextmanager
    def listening(self, venue_id: str) -> Iterator[asyncio.Future[None]]:
        """A future that ends at the next ring. Listen first, look then: no ring falls in between."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(venue_id, set()).add(future)
        try:
            yield future
        finally:
            waiting = self._waiting.get(venue_id, set())
            waiting.discard(future)
            if not waiting:
                self._waiting.pop(venue_id, None)

    async def watch(self, storage: Storage) -> None:
        """Rings for every command that appears. Ends only when cancelled."""
        last_seq = 0
        while True:
            with contextlib.suppress(StorageUnavailable):
                if self._waiting or not last_seq:
                    news = await storage.venues_with_commands(last_seq)
                    last_seq = max([last_seq, *news.values()])
                    for venue_id in news:
                        self.ring(venue_id)
            await asyncio.sleep(_LOOK_SECONDS)
