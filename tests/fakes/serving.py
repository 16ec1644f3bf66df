"""Applications served on loopback for the length of a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from sync.headoffice.follow.event import Platform


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """The address it answers at, without a slash at the end."""
    server = TestServer(app)
    # No access log: addresses with tokens are in it, and some tests look for those in what we log.
    await server.start_server(access_log=None)
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


def callback_app(platform: Platform) -> web.Application:
    """The routes head office gives a platform, and nothing of head office beside them."""
    app = web.Application()
    app.router.add_route("GET", "/platforms/{platform}/{account}", platform.handle)
    app.router.add_route("POST", "/platforms/{platform}/{account}", platform.handle)
    login = getattr(platform, "login", None)

    async def log_in(request: web.Request) -> web.Response:
        assert login is not None
        return web.Response(text=await login(request))

    if login is not None:
        app.router.add_get("/platforms/{platform}/{account}/login", log_in)
    return app
