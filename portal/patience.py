"""Cuts connections to the pages on which nobody asks anything.

aiohttp waits for a first request for ever: without this a single phone could hold every file the portal may
open, and nobody would get a page any more.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from portal.errors import Handler

SECONDS: Final = 10.0
MOST_SILENT: Final = 384
MOST_TALKING: Final = 512


class Patience:
    """The connections that have not asked yet, oldest first, each with the end of our patience; and those
    that have, the one that asked last at the end.

    Browsers keep connections, and one phone can keep a thousand alive: with too many, the one that has not
    asked for longest goes. An honest browser opens another when it wants one.
    """

    def __init__(
        self, seconds: float = SECONDS, most: int = MOST_SILENT, most_talking: int = MOST_TALKING
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._most_talking = most_talking
        self._silent: dict[web.RequestHandler, float] = {}
        self._talking: dict[web.RequestHandler, None] = {}

    def __len__(self) -> int:
        return len(self._silent)

    def with_new(self, make: Callable[[], web.RequestHandler]) -> Callable[[], web.RequestHandler]:
        """`make`, with each connection it makes waited for. With too many silent ones the oldest goes."""

        def connection() -> web.RequestHandler:
            if len(self._silent) >= self._most:
                self._cut(next(iter(self._silent)))
            made = make()
            self._silent[made] = asyncio.get_running_loop().time() + self._seconds
            return made

        return connection

    def heard(self, connection: web.RequestHandler) -> None:
        """It asked something: from here on the server's own deadlines hold."""
        self._silent.pop(connection, None)
        self._talking.pop(connection, None)
        self._talking[connection] = None
        if len(self._talking) > self._most_talking:
            self._cut_quietest()

    def cut_late(self, now: float) -> None:
        late = [connection for connection, end in self._silent.items() if end <= now]
        for connection in late:
            self._cut(connection)

    async def watch(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._seconds / 5)
            self.cut_late(loop.time())

    def _cut_quietest(self) -> None:
        # Those that have closed by themselves make room first.
        self._talking = {each: None for each in self._talking if each.transport is not None}
        if len(self._talking) > self._most_talking:
            quietest = next(iter(self._talking))
            del self._talking[quietest]
            if quietest.transport is not None:
                quietest.transport.abort()

    def _cut(self, connection: web.RequestHandler) -> None:
        del self._silent[connection]
        if connection.transport is not None:
            connection.transport.abort()


PATIENCE: Final = web.AppKey("patience", Patience)


@web.middleware
async def whoever_asks_is_heard(request: web.Request, handler: Handler) -> web.StreamResponse:
    request.app[PATIENCE].heard(request.protocol)
    return await handler(request)
