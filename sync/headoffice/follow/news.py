"""Which stores have told something that the pool of codes should look at."""

import asyncio
import contextlib


class News:
    """What is told while a round is on is looked at in the next."""

    def __init__(self) -> None:
        self._venues: set[str] = set()
        self._told = asyncio.Event()

    def tell(self, venue_id: str) -> None:
        self._venues.add(venue_id)
        self._told.set()

    async def wait(self, seconds: float) -> set[str]:
        """The stores with news, as soon as there are some; empty after so many seconds without."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._told.wait(), seconds)
        self._told.clear()
        venues, self._venues = self._venues, set()
        return venues
