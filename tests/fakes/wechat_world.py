"""A WeChat account of ours and the played platform, each on an address of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import Answer, Hear
from sync.headoffice.follow.wechat.callback import WeChatAccount
from tests.clock import FakeClock
from tests.fakes.desk import Desk
from tests.fakes.serving import callback_app, served
from tests.fakes.wechat import FakeWeChat
from tests.fakes.wechat_push import Pusher, Settings

SHE = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"
SCENE = "s123.ABEiM0RVZneImQCq"
ANSWER = Answer(text='欢迎! <a href="https://s123.example/g/AQFr">点我上网</a> 482913', code="482913")


@dataclass(kw_only=True)
class World:
    fake: FakeWeChat
    ours: WeChatAccount
    desk: Desk
    clock: FakeClock

    @property
    def pusher(self) -> Pusher:
        return self.fake.pusher


def account(settings: Settings, api: str = "http://127.0.0.1:1", **secrets: str) -> Account:
    own = {"token": settings.token, "app_secret": settings.app_secret}
    own |= {} if settings.mode == "plain" else {"aes_key": settings.aes_key}
    return Account(
        name="main",
        platform="wechat",
        title="Tea House",
        id=settings.app_id,
        options={"api": api, "original_id": settings.original_id},
        secrets=own | secrets,
    )


@asynccontextmanager
async def world(settings: Settings | None = None, hear: Hear | None = None) -> AsyncIterator[World]:
    """The platform and our account, each on an address of its own."""
    settings, clock, desk = settings or Settings(), FakeClock(), Desk(answer=ANSWER)
    fake = FakeWeChat(settings, now=lambda: clock.now().timestamp())
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(served(fake.app()))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        ours = WeChatAccount(account(settings, api), hear or desk.hear, http, clock, pauses=())
        address = await stack.enter_async_context(served(callback_app(ours)))
        settings.callback = f"{address}/platforms/wechat/main"
        yield World(fake=fake, ours=ours, desk=desk, clock=clock)
