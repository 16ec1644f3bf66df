"""A follow on WeChat, from the QR in a store's stock to the grant in the store's log and the reply."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from sync.grant_token import read
from sync.headoffice.app import make_app
from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.reconcile import reconcile
from sync.headoffice.follow.routes import DESK
from sync.headoffice.parts import PARTS
from sync.headoffice.server import serving
from sync.headoffice.settings import Settings
from sync.headoffice.sqlite.storage import SqliteStorage
from tests.clock import FakeClock
from tests.fakes.serving import served
from tests.fakes.wechat import FakeWeChat
from tests.integration.sync.conftest import event, ndjson


@dataclass(slots=True, kw_only=True)
class Chain:
    """A head office with one account on a fake WeChat, and one store whose box asks for its log."""

    url: str
    wechat: FakeWeChat
    storage: SqliteStorage
    clock: FakeClock
    http: aiohttp.ClientSession
    key: str
    app: Any
    sent: int = 0

    async def tells(self, type_: str, body: dict[str, Any]) -> None:
        self.sent += 1
        headers = {"Authorization": f"Bearer {self.key}"}
        lines = ndjson(event(self.sent, type_, body))
        async with self.http.post(
            f"{self.url}/v1/venues/shop-1/events", data=lines, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def log(self, kind: str) -> list[dict[str, Any]]:
        return [command["body"] for command in await self._commands(0, 0) if command["kind"] == kind]

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Waits as a box does: by its long poll."""
        async with asyncio.timeout(20):
            after = 0
            while not await holds():
                found = await self._commands(after, 1)
                after = max([after, *(command["seq"] for command in found)])

    async def _commands(self, after: int, wait: int) -> list[dict[str, Any]]:
        address = f"{self.url}/v1/venues/shop-1/commands?after={after}&wait={wait}"
        headers = {"Authorization": f"Bearer {self.key}"}
        async with self.http.get(address, headers=headers) as answer:
            found: list[dict[str, Any]] = (await answer.json())["commands"]
            return found

    async def stock(self) -> list[dict[str, Any]]:
        """What the box has in stock, as soon as it has some and knows what it offers."""

        async def is_told() -> bool:
            return bool(await self.log("follow_codes")) and bool(await self.log("follow_accounts"))

        await self.until(is_told)
        return [entry for body in await self.log("follow_codes") for entry in body["entries"]]


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    clock = FakeClock()
    wechat = FakeWeChat(now=lambda: clock.now().timestamp())
    async with served(wechat.app()) as api:
        account = Account(
            name="main", platform="wechat", title="Tea House", id=wechat.settings.app_id, options={"api": api}
        )
        for key in ("token", "aes_key", "app_secret"):
            (tmp_path / f"main.{key}").write_text(getattr(wechat.settings, key))
        settings = Settings.parse({"follow": {"links": "http://wifi.example.com", "codes_per_store": 4}})
        storage = SqliteStorage(tmp_path / "headoffice.db")
        venue = await storage.add_venue("shop-1", "Café One", "default", clock.now())
        app = make_app(
            storage, settings=replace(settings, accounts=(account,)), clock=clock, credentials=tmp_path
        )
        async with serving(app) as url, aiohttp.ClientSession() as http:
            wechat.settings.callback = f"{url}/platforms/wechat/main"
            chain = Chain(
                url=url, wechat=wechat, storage=storage, clock=clock, http=http, key=venue.upload_key, app=app
            )
            await chain.tells("venue.started", {"version": "1"})
            yield chain
        await storage.close()


async def test_a_scanned_code_of_the_stock_becomes_a_grant_and_a_link(chain: Chain) -> None:
    entry = (await chain.stock())[0]
    heard = await chain.wechat.scan("mei", entry["url"])
    assert heard.tries == 1
    assert heard.text is not None
    assert entry["code"] in heard.text
    [grant], [key] = await chain.log("follow_grant"), await chain.log("grant_key")
    assert (grant["ref"], grant["account"]) == (entry["ref"], "main")
    link = heard.text.partition('<a href="')[2].partition('"')[0]
    token = read(urlsplit(link).path.removeprefix("/g/"), bytes.fromhex(key["key"]), 1, chain.clock.now())
    assert token.grant_id == grant["grant_id"]


async def test_the_store_is_told_what_it_offers_once(chain: Chain) -> None:
    async def has_a_poster() -> bool:
        offers = [offer for told in await chain.log("follow_accounts") for offer in told["accounts"]]
        return any(offer["poster_url"] for offer in offers)

    # A store that is first heard from in the middle of a round is told of its poster in the next.
    await chain.until(has_a_poster)
    [told] = await chain.log("follow_accounts")
    [offer] = told["accounts"]
    assert (offer["account"], offer["platform"], offer["proof"]) == ("main", "wechat", "verified")
    assert chain.wechat.scene_of(offer["poster_url"]) == "st.1"


async def test_a_stock_that_is_half_given_away_is_filled_again(chain: Chain) -> None:
    first = await chain.stock()
    assert len(first) == 4
    for entry in first[:3]:
        await chain.tells("follow.offered", {"account": "main", "ref": entry["ref"]})

    async def is_filled() -> bool:
        refs = {entry["ref"] for entry in await chain.stock()}
        return len(refs) == 4 and not refs & {entry["ref"] for entry in first[:3]}

    await chain.until(is_filled)


async def test_an_account_without_qr_codes_gives_digits_and_the_console_is_told(chain: Chain) -> None:
    chain.wechat.settings.is_verified_service = False
    for entry in await chain.stock():
        await chain.tells("follow.offered", {"account": "main", "ref": entry["ref"]})

    async def has_digits_only() -> bool:
        return len([entry for entry in await chain.stock() if entry["url"] is None]) == 4

    await chain.until(has_digits_only)
    [trouble] = await chain.storage.follow.troubles()
    assert (trouble.account, trouble.why) == ("main", "no_permission")
    digits = next(entry for entry in await chain.stock() if entry["url"] is None)
    await chain.wechat.follow("mei")
    heard = await chain.wechat.say("mei", digits["code"])
    assert heard.text is not None
    [grant] = await chain.log("follow_grant")
    assert grant["ref"] == digits["ref"]


async def test_a_forged_push_changes_nothing(chain: Chain) -> None:
    entry = (await chain.stock())[0]
    async with chain.http.post(
        f"{chain.url}/platforms/wechat/main?signature=0&timestamp=0&nonce=0", data=b"<xml></xml>"
    ) as answer:
        assert answer.status == 403
    async with chain.http.post(f"{chain.url}/platforms/line/main", data=b"{}") as answer:
        assert answer.status == 404
    assert await chain.log("follow_grant") == []
    assert (await chain.wechat.scan("mei", entry["url"])).text is not None


async def test_who_left_without_a_word_is_found_out_a_day_later(chain: Chain) -> None:
    entry = (await chain.stock())[0]
    await chain.wechat.scan("mei", entry["url"])
    await chain.wechat.scan("lan", (await chain.stock())[1]["url"])
    chain.wechat.followers.discard("mei")
    desk = chain.app[DESK]
    chain.clock.advance(23 * 3600)
    assert await reconcile(desk, chain.storage.follow, chain.clock.now()) == 0
    chain.clock.advance(3600)
    assert await reconcile(desk, chain.storage.follow, chain.clock.now()) == 2
    states = [row["state"] for row in await chain.storage.page("follows", 0, 10)]
    assert sorted(states) == ["ended", "verified"]
    # Who is still there is not asked about every day.
    chain.clock.advance(48 * 3600)
    assert await reconcile(desk, chain.storage.follow, chain.clock.now()) == 0


async def test_a_link_opened_elsewhere_says_to_join_the_stores_wifi(chain: Chain) -> None:
    entry = (await chain.stock())[0]
    heard = await chain.wechat.scan("mei", entry["url"])
    assert heard.text is not None
    path = urlsplit(heard.text.partition('<a href="')[2].partition('"')[0]).path
    async with chain.http.get(chain.url + path) as answer:
        page = await answer.text()
        assert answer.status == 200
        assert "Café One" in page
        assert entry["code"] in page
        assert answer.headers["Cache-Control"] == "no-store"
    [grant] = await chain.log("follow_grant")
    verified = {"grant_id": grant["grant_id"], "account": "main", "platform": "wechat", "by": "log"}
    await chain.tells("follow.verified", verified)
    async with chain.http.get(chain.url + path) as answer:
        assert answer.status == 410
        assert entry["code"] not in await answer.text()


async def test_a_link_that_is_old_or_forged_says_so(chain: Chain) -> None:
    heard = await chain.wechat.scan("mei", (await chain.stock())[0]["url"])
    assert heard.text is not None
    path = urlsplit(heard.text.partition('<a href="')[2].partition('"')[0]).path
    for forged in (path[:-1] + ("A" if path[-1] != "A" else "B"), "/g/x", "/g/" + "A" * 56, "/g/%FF"):
        async with chain.http.get(chain.url + forged) as answer:
            assert answer.status == 404
    chain.clock.advance(31 * 60)
    async with chain.http.get(chain.url + path) as answer:
        assert answer.status == 410


async def test_a_head_office_that_was_restarted_gives_the_same_answer_and_the_box_one_grant(
    chain: Chain, tmp_path: Path
) -> None:
    """The line broke before WeChat had the answer: it pushes the same again, to a new process."""
    entry = (await chain.stock())[0]
    first = await chain.wechat.scan("mei", entry["url"])
    storage = SqliteStorage(tmp_path / "headoffice.db")
    app = make_app(storage, settings=chain.app[PARTS].settings, clock=chain.clock, credentials=tmp_path)
    async with serving(app) as url:
        chain.wechat.settings.callback = f"{url}/platforms/wechat/main"
        again = await chain.wechat.pusher.send(chain.wechat.pusher.pushed[-1])
    await storage.close()
    assert again.text == first.text
    assert len(await chain.log("follow_grant")) == 1


async def test_an_account_without_its_secrets_says_so_and_keeps_no_other_shut(
    chain: Chain, tmp_path: Path
) -> None:
    storage = SqliteStorage(tmp_path / "headoffice.db")
    settings = chain.app[PARTS].settings
    other = replace(settings.accounts[0], name="second")
    both = replace(settings, accounts=(other, *settings.accounts))
    app = make_app(storage, settings=both, clock=chain.clock, credentials=tmp_path)
    async with serving(app) as url:
        async with chain.http.post(f"{url}/platforms/wechat/second", data=b"<xml/>") as answer:
            assert answer.status == 503
            assert (await answer.json(content_type=None))["key"] == "account_unusable"
        chain.wechat.settings.callback = f"{url}/platforms/wechat/main"
        assert (await chain.wechat.follow("mei")).text is not None
    await storage.close()
