"""Every route and middleware of the head office on one page."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiohttp import web

from sync.headoffice import openapi
from sync.headoffice.bell import Bell
from sync.headoffice.commands import poll_commands
from sync.headoffice.console import add_console, error_page
from sync.headoffice.console.link import show_grant
from sync.headoffice.follow.news import News
from sync.headoffice.follow.routes import add_follow
from sync.headoffice.honour import honour_session
from sync.headoffice.metrics import Metrics
from sync.headoffice.parts import KEY_ID, PARTS, Parts
from sync.headoffice.problems import from_failure
from sync.headoffice.pull import pull_table
from sync.headoffice.receive import receive_events
from sync.headoffice.settings import Settings
from sync.headoffice.storage import Storage
from sync.model import Clock
from sync.rate import RateLimit, Turnstile

access_log = logging.getLogger("yingke.headoffice.access")
# A box sends one at a time, tests and retries a few: one key in wrong hands must not hold all the places,
# and each may unpack to some 30 MB of objects (measured 2026-11-23).
_UPLOADS_OF_ONE_STORE = 32
# Ten thousand stores, and programs beside them.
_MOST_KEYS = 20_000
# Who found somebody's code may not try one contact after the other with it, nor a store one code after the
# other: 50 bits of a code cannot be searched at twelve a minute.
_TRIES_OF_A_CODE, _CODE_REFILL_SECONDS = 6, 300.0
_TRIES_OF_A_VENUE, _VENUE_REFILL_SECONDS = 60, 5.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    storage: Storage, *, settings: Settings, clock: Clock, credentials: Path | None = None
) -> web.Application:
    """The head office as an aiohttp application; the storage stays its caller's to close.

    `credentials` is the folder with the accounts' secrets; by default where systemd puts them.
    Serve it with `server.serving`, which leaves bodies packed: unpacking is bounded here.
    """
    limits = settings.limits
    app = web.Application(
        middlewares=[_log_and_count, _problems], client_max_size=limits.upload_kilobytes * 1024
    )
    app[PARTS] = Parts(
        storage=storage,
        clock=clock,
        settings=settings,
        metrics=Metrics(),
        bell=Bell(),
        requests=RateLimit(
            burst=limits.requests_burst,
            refill_seconds=60 / limits.requests_per_minute,
            seconds=clock.boottime,
            keys=_MOST_KEYS,
        ),
        uploads=Turnstile(limits.uploads_waiting, _UPLOADS_OF_ONE_STORE),
        tries_of_code=RateLimit(
            burst=_TRIES_OF_A_CODE,
            refill_seconds=_CODE_REFILL_SECONDS,
            seconds=clock.boottime,
            keys=_MOST_KEYS,
        ),
        tries_of_venue=RateLimit(
            burst=_TRIES_OF_A_VENUE,
            refill_seconds=_VENUE_REFILL_SECONDS,
            seconds=clock.boottime,
            keys=_MOST_KEYS,
        ),
        follow_news=News(),
    )
    app.router.add_post("/v1/venues/{venue_id}/events", receive_events)
    app.router.add_get("/v1/venues/{venue_id}/commands", poll_commands, allow_head=False)
    app.router.add_post("/v1/venues/{venue_id}/roaming", honour_session)
    app.router.add_get("/v1/openapi.json", describe, allow_head=False)
    app.router.add_get("/v1/{table}", pull_table, allow_head=False)
    app.router.add_get("/healthz", health)
    app.router.add_get("/metrics", metrics)
    add_console(app)
    add_follow(app, credentials)
    app.router.add_get("/g/{grant}", show_grant)
    app.cleanup_ctx.append(_watch_commands)
    app.on_shutdown.append(_end_long_polls)
    app.on_response_prepare.append(_keep_versions_to_ourselves)
    return app


async def describe(_: web.Request) -> web.Response:
    return web.json_response(openapi.document())


async def health(request: web.Request) -> web.Response:
    """200 while the database answers, 503 while it does not."""
    await request.app[PARTS].storage.ready()
    return web.json_response({"database": "ready"})


async def metrics(request: web.Request) -> web.Response:
    return web.Response(text=request.app[PARTS].metrics.as_text())


async def _keep_versions_to_ourselves(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "Yingke"


async def _watch_commands(app: web.Application) -> AsyncIterator[None]:
    watching = asyncio.create_task(app[PARTS].bell.watch(app[PARTS].storage))
    yield
    watching.cancel()
    await asyncio.wait({watching})


async def _end_long_polls(app: web.Application) -> None:
    app[PARTS].bell.ring_all()


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as programs read them, or as people do."""
    try:
        return await handler(request)
    except Exception as error:
        if isinstance(error, web.HTTPException) and error.status < 400:
            raise
        problem = from_failure(error)
        if request.path.startswith(("/v1/", "/platforms/", "/healthz", "/metrics")):
            return problem.as_response()
        return error_page(request, problem.status, problem.reference)


@web.middleware
async def _log_and_count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One line a request, without address, query or anything else of a person."""
    started = time.perf_counter()
    status = 499
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as redirect:
        status = redirect.status
        raise
    finally:
        seconds = time.perf_counter() - started
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "none"
        counted = request.app[PARTS].metrics
        counted.requests[(request.method, route, status)] += 1
        counted.seconds[route] += seconds
        key_id = request.get(KEY_ID, "-")
        access_log.info("%s %s %d %.1f ms key=%s", request.method, route, status, seconds * 1000, key_id)
