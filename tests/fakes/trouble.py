"""A platform's bad day, on demand: errors, answers that are no answers, and lines cut in the middle."""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CUT = 0
"""Instead of a status: the connection ends without a word, after the work was done."""
NONSENSE = -1
"""Instead of a status: 200, and a body that is no JSON."""


class Trouble:
    """What each path still has to go through before it answers as it should, and how often it was asked."""

    def __init__(self) -> None:
        self._ahead: dict[str, deque[int]] = defaultdict(deque)
        self.asked: dict[str, int] = defaultdict(int)

    def ahead(self, path: str, *statuses: int) -> None:
        """The next calls of `path` get these, one each."""
        self._ahead[path].extend(statuses)

    def next(self, path: str) -> int | None:
        """What this call gets instead of its answer."""
        self.asked[path] += 1
        return self._ahead[path].popleft() if self._ahead[path] else None

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        trouble = self.next(request.path)
        if trouble is None:
            return await handler(request)
        if trouble == CUT:
            await handler(request)
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if trouble == NONSENSE:
            return web.Response(text="<html>we are moving", content_type="text/html")
        return web.json_response({"message": "a bad day"}, status=trouble)
