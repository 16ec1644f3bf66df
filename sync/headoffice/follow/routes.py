"""The platforms' callbacks, and the tasks that go on beside them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web

from sync.headoffice.console.pages import render
from sync.headoffice.follow.accounts import Account, BadAccount, credentials_folder, read_secrets
from sync.headoffice.follow.desk import Desk
from sync.headoffice.follow.event import Platform
from sync.headoffice.follow.platforms import open_account
from sync.headoffice.follow.pool import Pool
from sync.headoffice.follow.reconcile import reconcile
from sync.headoffice.follow.replies import LOCALES
from sync.headoffice.follow.storage import Terms
from sync.headoffice.parts import PARTS
from sync.headoffice.problems import Problem
from sync.headoffice.storage import StorageUnavailable
from sync.i18n import read_languages

log = logging.getLogger("yingke.headoffice.follow")

# A box that has news is looked at right away; a member of staff that a command adds waits this long.
_LOOK_SECONDS: Final = 20.0
_REST_SECONDS: Final = 1.0
_CHECK_SECONDS: Final = 60.0

DESK = web.AppKey("desk", Desk)


def add_follow(app: web.Application, credentials: Path | None = None) -> None:
    """The routes and tasks on an application that has its parts."""
    parts = app[PARTS]
    follow = parts.settings.follow
    folder = credentials or credentials_folder()
    app[DESK] = Desk(
        [_with_secrets(account, folder) for account in parts.settings.accounts],
        storage=parts.storage.follow,
        terms=Terms(
            links=follow.links,
            grant_minutes=follow.grant_minutes,
            session_seconds=follow.session_minutes * 60,
        ),
        languages=read_languages(LOCALES),
        default_language=parts.settings.console.default_language,
        bell=parts.bell,
        clock=parts.clock,
    )
    app.router.add_get("/platforms/{platform}/{account}/login", log_in, allow_head=False)
    app.router.add_get("/platforms/{platform}/{account}", callback, allow_head=False)
    app.router.add_post("/platforms/{platform}/{account}", callback)
    app.cleanup_ctx.append(_at_work)


def _with_secrets(account: Account, folder: Path) -> Account:
    try:
        return replace(account, secrets=read_secrets(account.name, folder))
    except BadAccount as error:
        log.error("%s", error)
        return account


async def callback(request: web.Request) -> web.StreamResponse:
    platform = _platform(request, request.match_info["platform"])
    response = await platform.handle(request)
    request.app[PARTS].metrics.callbacks[(request.match_info["platform"], response.status)] += 1
    return response


async def log_in(request: web.Request) -> web.StreamResponse:
    """303 on her way; a page of one sentence where the way ends."""
    login: Callable[[web.Request], Awaitable[str]] | None = getattr(
        _platform(request, request.match_info["platform"]), "login", None
    )
    if login is None:
        raise Problem(404, "no_login", "this account has no login")
    sentence = await login(request)
    response = render(request, "join.html", venue_name=None, code=None, sentence=sentence)
    # Her login's code stands in this page's address.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _platform(request: web.Request, name: str) -> Platform:
    """Raises Problem 404 for an account there is not, 503 for one that cannot be used as it is set."""
    desk = request.app[DESK]
    account = desk.accounts.get(request.match_info["account"])
    if account is None or account.platform != name:
        raise Problem(404, "no_such_account", "there is no such account")
    platform = desk.platforms.get(account.name)
    if platform is None:
        raise Problem(503, "account_unusable", "this account cannot be used as it is set; the log says why")
    return platform


async def _at_work(app: web.Application) -> AsyncIterator[None]:
    """Opens every account; one that cannot be opened does not keep the others shut."""
    parts, desk = app[PARTS], app[DESK]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        for account in desk.accounts.values():
            if account.proof == "claimed":
                continue
            try:
                desk.platforms[account.name] = open_account(account, desk.hear, http, parts.clock)
            except BadAccount as error:
                log.error("%s", error)
        tasks = [asyncio.create_task(_fill(app)), asyncio.create_task(_check(app))]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for platform in desk.platforms.values():
            await platform.close()


async def _fill(app: web.Application) -> None:
    parts, desk = app[PARTS], app[DESK]
    pool = Pool(
        list(desk.accounts.values()),
        desk.platforms,
        storage=parts.storage.follow,
        bell=parts.bell,
        clock=parts.clock,
        timezone=ZoneInfo(parts.settings.console.timezone),
        codes_per_store=parts.settings.follow.codes_per_store,
        code_days=parts.settings.follow.code_days,
    )
    venues: set[str] | None = None
    next_full = 0.0
    while True:
        if venues is None:
            next_full = parts.clock.boottime() + _LOOK_SECONDS
        await _or_tell(pool.fill(venues))
        await asyncio.sleep(_REST_SECONDS)
        left = next_full - parts.clock.boottime()
        venues = (await parts.follow_news.wait(left) if left > 0 else None) or None


async def _check(app: web.Application) -> None:
    while True:
        await _or_tell(reconcile(app[DESK], app[PARTS].storage.follow, app[PARTS].clock.now()))
        await asyncio.sleep(_CHECK_SECONDS)


async def _or_tell(work: Coroutine[Any, Any, object]) -> None:
    """What fails is told and tried again with the next round."""
    try:
        await work
    except StorageUnavailable as error:
        log.error("%s", error)
    except Exception as error:
        # Only its kind: texts of errors quote addresses, and those hold tokens.
        log.error("a round for the follows failed with %s", type(error).__name__)
