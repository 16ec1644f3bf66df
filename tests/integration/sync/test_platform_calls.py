"""Calls to a platform that is slow, gone or talks nonsense, and the errands that make them."""

import asyncio
import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from sync.headoffice.follow.outgoing import CallFailed, Errands, call
from tests.fakes.serving import served
from tests.fakes.trouble import CUT, Trouble


class Platform:
    """Answers after its trouble; `/slow` never."""

    def __init__(self) -> None:
        self.trouble = Trouble()
        self.left = asyncio.Event()
        self.url = ""

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.trouble.middleware])
        app.router.add_get("/", self._answer)
        app.router.add_get("/huge", self._huge)
        app.router.add_get("/slow", self._never)
        app.router.add_get("/moved", self._moved)
        return app

    async def _answer(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def _huge(self, _: web.Request) -> web.Response:
        return web.Response(text="[" + "0," * 200_000 + "0]")

    async def _moved(self, _: web.Request) -> web.Response:
        raise web.HTTPFound("/")

    async def _never(self, _: web.Request) -> web.Response:
        await self.left.wait()
        return web.Response()


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    platform = Platform()
    async with served(platform.app()) as platform.url:
        yield platform
        platform.left.set()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


@pytest.mark.parametrize("bad_day", [(500, 502), (429, CUT), (CUT, CUT)])
async def test_a_bad_moment_is_outlived(
    platform: Platform, http: aiohttp.ClientSession, bad_day: tuple[int, ...]
) -> None:
    platform.trouble.ahead("/", *bad_day)
    assert await call(http, "it", "GET", platform.url + "/", pauses=(0, 0)) == {"ok": True}


@pytest.mark.parametrize("status", [302, 400, 401, 404])
async def test_a_clear_no_is_not_asked_twice(
    platform: Platform, http: aiohttp.ClientSession, status: int
) -> None:
    platform.trouble.ahead("/", status)
    with pytest.raises(CallFailed, match=f"it: answered {status}") as failed:
        await call(http, "it", "GET", platform.url + "/", pauses=(0, 0))
    assert platform.trouble.asked["/"] == 1
    assert (failed.value.status, failed.value.answer) == (status, {"message": "a bad day"})


async def test_a_token_follows_no_redirect(platform: Platform, http: aiohttp.ClientSession) -> None:
    with pytest.raises(CallFailed, match="it: answered 302"):
        await call(http, "it", "GET", platform.url + "/moved", headers={"Authorization": "Bearer token"})
    assert platform.trouble.asked["/"] == 0


async def test_what_must_not_go_twice_goes_once(platform: Platform, http: aiohttp.ClientSession) -> None:
    platform.trouble.ahead("/", 500)
    with pytest.raises(CallFailed, match="answered 500"):
        await call(http, "it", "GET", platform.url + "/", pauses=())
    assert platform.trouble.asked["/"] == 1


async def test_a_platform_that_says_nothing_is_not_waited_for(
    platform: Platform, http: aiohttp.ClientSession
) -> None:
    with pytest.raises(CallFailed, match="it: no answer"):
        await call(http, "it", "GET", platform.url + "/slow", pauses=(), seconds=0.05)


async def test_a_platform_that_is_gone_is_no_answer(http: aiohttp.ClientSession) -> None:
    async with served(Platform().app()) as url:
        pass
    with pytest.raises(CallFailed, match="it: no answer"):
        await call(http, "it", "GET", url + "/", pauses=(0,))


async def test_an_answer_larger_than_any_is_none(platform: Platform, http: aiohttp.ClientSession) -> None:
    assert await call(http, "it", "GET", platform.url + "/huge") is None


async def test_too_many_errands_at_once_are_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    errands, done, hold = Errands(most=2), [], asyncio.Event()

    async def errand(number: int) -> None:
        await hold.wait()
        done.append(number)

    for number in range(3):
        errands.start(errand(number), "main")
    hold.set()
    await errands.close()
    assert done == [0, 1]
    assert "account main: too many calls wait for the platform" in caplog.text


async def test_at_the_end_the_quick_errands_are_done_and_the_slow_given_up() -> None:
    errands, told = Errands(closing_seconds=0.05), []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            told.append("given up")

    async def quick() -> None:
        told.append("done")

    for errand in (slow(), quick()):
        errands.start(errand, "main")
    await errands.close()
    assert told == ["done", "given up"]


async def test_an_errand_that_breaks_is_told_without_what_it_held(caplog: pytest.LogCaptureFixture) -> None:
    async def errand() -> None:
        raise ValueError("https://api.example/bot110201543:SECRET/sendMessage")

    errands = Errands()
    with caplog.at_level(logging.DEBUG, "yingke"):
        errands.start(errand(), "main")
        await errands.close()
    assert "account main: an errand failed with ValueError" in caplog.text
    assert "SECRET" not in caplog.text
