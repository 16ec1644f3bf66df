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


class Patience:
    """The connections that have not asked yet, oldest first, each with the end of our patience."""

    def __init__(self, seconds: float = SECONDS, most: int = MOST_SILENT) -> None:
        self._seconds = seconds
        self._most = most
        self._silent: dict[web.RequestHandler, float] = {}

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

    def _cut(self, connection: web.RequestHandler) -> None:
        del self._silent[connection]
        if connection.transport is not None:
            connection.transport.abort()


PATIENCE: Final = web.AppKey("patience", Patience)


@web.middleware
async def whoever_asks_is_heard(request: web.Request, handler: Handler) -> web.StreamResponse:
    request.app[PATIENCE].heard(request.protocol)
    return await handler(request)
