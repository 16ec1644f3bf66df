"""One connection to the pages, as aiohttp serves it, with its failures in our words."""

import asyncio
from typing import Final

from aiohttp import web

from portal.errors import Refused, error_page
from portal.pages import Pages, secure

IDLE_SECONDS: Final = 8.0


class Connection(web.RequestHandler):
    """aiohttp would answer what is no HTTP with a bare line that repeats it, and log the phone's address."""

    __slots__ = ("_pages",)

    def __init__(self, server: web.Server, pages: Pages, loop: asyncio.AbstractEventLoop) -> None:
        # No access log: who asked for what is the shopper's own business.
        # (None is what aiohttp's own runner passes for that, past its annotation.)
        super().__init__(server, loop=loop, access_log=None, keepalive_timeout=IDLE_SECONDS)  # type: ignore[arg-type]
        self._pages = pages

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What never came as far as a route."""
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer is on its way already")
        refused = Refused(status, detail=type(exc).__name__)
        # What cannot be read is the sender's; its text stays out of the log.
        ours = exc if status >= 500 else None
        response = error_page(self._pages, request, refused, name="unreadable request", error=ours)
        secure(response.headers)
        response.force_close()
        return response
