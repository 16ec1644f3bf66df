"""Follows on every platform but WeChat, from the link in a store's stock to the grant in the store's log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from sync.grant_token import read
from sync.headoffice.app import make_app
from sync.headoffice.follow.accounts import Account
from sync.headoffice.keys import new_key
from sync.headoffice.server import serving
from sync.headoffice.settings import Settings
from sync.headoffice.sqlite.storage import SqliteStorage
from tests.clock import FakeClock
from tests.fakes import instagram
from tests.fakes.instagram import Instagram
from tests.fakes.kakao import CHANNEL, Kakao
from tests.fakes.line import Line, Visitor, user
from tests.fakes.serving import served
from tests.fakes.telegram import Telegram
from tests.fakes.whatsapp import NUMBER_ID, WhatsApp
from tests.integration.sync.conftest import event, ndjson

HER, HIM = user(7), user(8)
LIN = 412587349
IGSID = "526134250001"
# Where the world finds head office; the tests find it on loopback.
HEAD = "https://head.example"


@dataclass(slots=True, kw_only=True)
class World:
    """A head office with an account on each platform, and a store that has its stock."""

    url: str
    line: Line
    telegram: Telegram
    instagram: Instagram
    whatsapp: WhatsApp
    kakao: Kakao
    clock: FakeClock
    http: aiohttp.ClientSession
    key: str
    pull_key: str

    def callback(self, platform: str) -> str:
        return f"{self.url}/platforms/{platform}/{platform}"

    async def log(self, kind: str) -> list[dict[str, Any]]:
        return [each["body"] for each in await self._commands(0, 0) if each["kind"] == kind]

    async def stock(self, account: str) -> list[dict[str, Any]]:
        """What the store has in stock of an account, as soon as it has some; waits as a box does."""
        after = 0
        async with asyncio.timeout(20):
            while True:
                bodies = [body for body in await self.log("follow_codes") if body["account"] == account]
                if bodies:
                    return [entry for body in bodies for entry in body["entries"]]
                after = max([after, *(each["seq"] for each in await self._commands(after, 1))])

    async def link_in(self, text: str) -> str:
        """The grant's own name in a reply's link; it is for this store and good now."""
        [key] = await self.log("grant_key")
        token = text.partition("/g/")[2].split()[0].rstrip(".")
        return read(token, bytes.fromhex(key["key"]), 1, self.clock.now()).grant_id

    async def leads_to(self, url: str) -> str:
        reached = URL(url.replace(HEAD, self.url), encoded=True)
        async with self.http.get(reached, allow_redirects=False) as answer:
            return answer.headers["Location"]

    async def states(self) -> list[str]:
        """What the data team pulls of the follows."""
        headers = {"Authorization": f"Bearer {self.pull_key}"}
        async with self.http.get(f"{self.url}/v1/follows", headers=headers) as answer:
            return [row["state"] for row in (await answer.json())["data"]]

    async def _commands(self, after: int, wait: int) -> list[dict[str, Any]]:
        address = f"{self.url}/v1/venues/shop-1/commands?after={after}&wait={wait}"
        async with self.http.get(address, headers={"Authorization": f"Bearer {self.key}"}) as answer:
            found: list[dict[str, Any]] = (await answer.json())["commands"]
            return found


def _account(platform: str, id_: str, **options: str) -> Account:
    return Account(name=platform, platform=platform, title="Our café", id=id_, options=options)


@asynccontextmanager
async def _platforms(folder: Path) -> AsyncIterator[tuple[dict[str, Any], tuple[Account, ...]]]:
    """The fakes by name, our accounts on them, and their secrets in the folder."""
    line, telegram, insta, whatsapp, kakao = Line(), Telegram(), Instagram(), WhatsApp(), Kakao()
    for name, secret in {
        "line.channel_secret": line.channel_secret,
        "line.channel_token": line.channel_token,
        "line.login_secret": line.login_secret,
        "telegram.token": telegram.token,
        "telegram.webhook_secret": telegram.secret,
        **{f"instagram.{key}": getattr(insta, key) for key in ("app_secret", "verify_token", "token")},
        **{f"whatsapp.{key}": getattr(whatsapp, key) for key in ("app_secret", "verify_token", "token")},
        "kakao.admin_key": kakao.admin_key,
        "kakao.client_secret": kakao.client_secret,
    }.items():
        (folder / name).write_text(secret)
    fakes: dict[str, Any] = {
        "line": line,
        "telegram": telegram,
        "instagram": insta,
        "whatsapp": whatsapp,
        "kakao": kakao,
    }
    async with AsyncExitStack() as stack:
        api = {name: await stack.enter_async_context(served(fake.app())) for name, fake in fakes.items()}
        back = {name: f"{HEAD}/platforms/{name}/{name}/login" for name in ("line", "kakao")}
        yield (
            fakes,
            (
                _account(
                    "line",
                    "@abc1234x",
                    api=api["line"],
                    login=api["line"],
                    bot=line.bot,
                    login_channel=line.login_channel,
                    login_return=back["line"],
                ),
                _account("telegram", "our_cafe_bot", api=api["telegram"], channel="@our_cafe"),
                _account("instagram", "our_cafe", api=api["instagram"]),
                _account("whatsapp", "+49 30 901820", api=api["whatsapp"], phone_number_id=NUMBER_ID),
                _account(
                    "kakao",
                    CHANNEL,
                    api=api["kakao"],
                    login=api["kakao"],
                    rest_key=kakao.rest_key,
                    login_return=back["kakao"],
                ),
            ),
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    async with _platforms(tmp_path) as (fakes, accounts):
        settings = Settings.parse({"follow": {"links": "http://wifi.example.com", "codes_per_store": 4}})
        storage = SqliteStorage(tmp_path / "headoffice.db")
        venue = await storage.add_venue("shop-1", "Café One", "default", clock.now())
        pull_key, stored = new_key("pull", "data team", scopes=("read",))
        await storage.add_key(stored, clock.now())
        app = make_app(
            storage, settings=replace(settings, accounts=accounts), clock=clock, credentials=tmp_path
        )
        async with serving(app) as url, aiohttp.ClientSession() as http:
            headers = {"Authorization": f"Bearer {venue.upload_key}"}
            born = ndjson(event(1, "venue.started", {"version": "1"}))
            async with http.post(f"{url}/v1/venues/shop-1/events", data=born, headers=headers) as answer:
                assert answer.status == 200
            yield World(url=url, clock=clock, http=http, key=venue.upload_key, pull_key=pull_key, **fakes)
        await storage.close()


async def test_on_line_who_adds_us_and_sends_the_digits_is_online(world: World) -> None:
    w = world
    code = (await w.stock("line"))[0]["code"]
    await w.line.deliver(w.http, w.callback("line"), w.line.follows(HER))
    await w.line.deliver(w.http, w.callback("line"), w.line.says(HER, code))
    [grant] = await w.log("follow_grant")
    assert (grant["account"], grant["code"]) == ("line", code)
    [welcome] = [text for text in await w.line.replies(2) if "/g/" in text]
    assert await w.link_in(welcome) == grant["grant_id"]
    assert await w.states() == ["verified"]


async def test_on_line_who_writes_without_being_a_friend_is_let_in_and_counted_as_claimed(
    world: World,
) -> None:
    w = world
    code = (await w.stock("line"))[0]["code"]
    await w.line.deliver(w.http, w.callback("line"), w.line.says(HER, code))
    assert len(await w.log("follow_grant")) == 1
    assert await w.states() == ["claimed"]


async def test_on_line_a_login_leads_from_the_stocks_link_to_the_grants(world: World) -> None:
    w = world
    entry = (await w.stock("line"))[0]
    w.line.visitor = Visitor(user_id=HER)
    link = await w.leads_to(await w.leads_to(await w.leads_to(entry["url"])))
    [grant] = await w.log("follow_grant")
    assert grant["code"] == entry["code"]
    assert await w.link_in(link) == grant["grant_id"]
    assert await w.states() == ["verified"]


async def test_on_line_a_login_with_a_used_link_ends_on_a_page_that_says_so(world: World) -> None:
    w = world
    entry = (await w.stock("line"))[0]
    for w.line.visitor in (Visitor(user_id=HER), Visitor(user_id=HIM)):
        returns = await w.leads_to(await w.leads_to(entry["url"]))
        async with w.http.get(
            URL(returns.replace(HEAD, w.url), encoded=True), allow_redirects=False
        ) as answer:
            status, page = answer.status, await answer.text()
    assert status == 200
    assert "This code has been used." in page
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert len(await w.log("follow_grant")) == 1


async def test_on_line_the_same_code_lets_nobody_else_in(world: World) -> None:
    w = world
    code = (await w.stock("line"))[0]["code"]
    for her in (HER, HIM):
        await w.line.deliver(w.http, w.callback("line"), w.line.follows(her), w.line.says(her, code))
    assert len(await w.log("follow_grant")) == 1


async def test_on_telegram_who_is_in_the_channel_is_online_by_the_link(world: World) -> None:
    w = world
    entry = (await w.stock("telegram"))[0]
    w.telegram.joins(LIN)
    start = w.telegram.starts(LIN, entry["url"].partition("?start=")[2])
    await w.telegram.deliver(w.http, w.callback("telegram"), start, start)
    [grant] = await w.log("follow_grant")
    assert grant["ref"] == entry["ref"]
    assert {await w.link_in(said["text"]) for said in w.telegram.said} == {grant["grant_id"]}


async def test_on_telegram_who_is_not_in_the_channel_is_online_once_she_joins(world: World) -> None:
    w = world
    entry = (await w.stock("telegram"))[0]
    start = w.telegram.starts(LIN, entry["url"].partition("?start=")[2])
    await w.telegram.deliver(w.http, w.callback("telegram"), start)
    assert await w.log("follow_grant") == []
    assert "reply_markup" in w.telegram.said[0]
    await w.telegram.deliver(w.http, w.callback("telegram"), w.telegram.joins(LIN))
    [grant] = await w.log("follow_grant")
    assert grant["ref"] == entry["ref"]
    assert await w.link_in(w.telegram.said[1]["text"]) == grant["grant_id"]


async def test_on_telegram_the_button_helps_when_the_join_was_not_heard(world: World) -> None:
    w = world
    entry = (await w.stock("telegram"))[0]
    start = w.telegram.starts(LIN, entry["url"].partition("?start=")[2])
    await w.telegram.deliver(w.http, w.callback("telegram"), start)
    done = w.telegram.said[0]["reply_markup"]["inline_keyboard"][1][0]["callback_data"]
    await w.telegram.deliver(w.http, w.callback("telegram"), w.telegram.taps(LIN, done))
    assert await w.log("follow_grant") == []
    w.telegram.joins(LIN)
    await w.telegram.deliver(w.http, w.callback("telegram"), w.telegram.taps(LIN, done))
    assert len(await w.log("follow_grant")) == 1


async def test_on_instagram_who_does_not_follow_is_asked_to_and_let_in_then(world: World) -> None:
    w = world
    code = (await w.stock("instagram"))[0]["url"].partition("?ref=")[2]

    async def writes() -> None:
        body = w.instagram.body(w.instagram.writes(IGSID, "hi", ref=code))
        assert await instagram.push(w.http, w.callback("instagram"), body, w.instagram.app_secret) == 200

    await writes()
    assert await w.log("follow_grant") == []
    w.instagram.followers.add(IGSID)
    await writes()
    [grant] = await w.log("follow_grant")
    assert grant["code"] == code
    assert await w.states() == ["verified"]


async def test_on_instagram_who_left_without_a_word_is_asked_to_follow_again(world: World) -> None:
    w = world
    first, second = [entry["code"] for entry in (await w.stock("instagram"))[:2]]
    w.instagram.followers.add(IGSID)
    for code in (first, second):
        body = w.instagram.body(w.instagram.writes(IGSID, code, at_second=int(code == second)))
        await instagram.push(w.http, w.callback("instagram"), body, w.instagram.app_secret)
        w.instagram.followers.discard(IGSID)
    assert [grant["code"] for grant in await w.log("follow_grant")] == [first]
    assert await w.states() == ["ended"]


async def test_on_whatsapp_who_writes_the_code_is_online(world: World) -> None:
    w = world
    entry = (await w.stock("whatsapp"))[0]
    body = w.whatsapp.body(w.whatsapp.writes("DE.1", entry["url"].partition("?text=")[2]))
    assert await instagram.push(w.http, w.callback("whatsapp"), body, w.whatsapp.app_secret) == 200
    [grant] = await w.log("follow_grant")
    assert grant["code"] == entry["code"]
    assert await w.states() == ["verified"]


async def test_on_kakao_who_has_the_channel_is_online_by_the_login(world: World) -> None:
    w = world
    entry = (await w.stock("kakao"))[0]
    w.kakao.visitor = "1234567890"
    w.kakao.event("added", w.kakao.visitor)
    link = await w.leads_to(await w.leads_to(await w.leads_to(entry["url"])))
    [grant] = await w.log("follow_grant")
    assert grant["ref"] == entry["ref"]
    assert await w.link_in(link) == grant["grant_id"]
    assert await w.states() == ["verified"]
