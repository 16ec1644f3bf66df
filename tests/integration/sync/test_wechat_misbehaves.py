"""The platform repeats itself, mixes up the order, loses our answers: head office gives one grant at most."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from sync.headoffice.app import make_app
from sync.headoffice.follow.accounts import Account
from sync.headoffice.server import serving
from sync.headoffice.settings import Settings
from sync.headoffice.sqlite.storage import SqliteStorage
from tests.clock import FakeClock
from tests.fakes.serving import served
from tests.fakes.wechat import FakeWeChat
from tests.fakes.wechat_push import Pushed
from tests.integration.sync.conftest import event, ndjson


@dataclass(slots=True, kw_only=True)
class Place:
    """One database, one store, one account; head office can be stopped and started on it."""

    folder: Path
    clock: FakeClock
    wechat: FakeWeChat
    api: str
    key: str
    url: str = ""

    @asynccontextmanager
    async def head_office(self) -> AsyncIterator[None]:
        storage = SqliteStorage(self.folder / "headoffice.db")
        try:
            async with serving(self._app(storage)) as self.url:
                self.wechat.settings.callback = f"{self.url}/platforms/wechat/main"
                await self._tell_that_it_has_started()
                yield
        finally:
            await storage.close()

    def _app(self, storage: SqliteStorage) -> Any:
        settings = Settings.parse({"follow": {"links": "http://wifi.example.com", "codes_per_store": 4}})
        account = Account(
            name="main",
            platform="wechat",
            title="Tea House",
            id=self.wechat.settings.app_id,
            options={"api": self.api},
        )
        settings = replace(settings, accounts=(account,))
        return make_app(storage, settings=settings, clock=self.clock, credentials=self.folder)

    async def _tell_that_it_has_started(self) -> None:
        line = ndjson(event(1, "venue.started", {"version": "1"}))
        address, headers = f"{self.url}/v1/venues/shop-1/events", {"Authorization": f"Bearer {self.key}"}
        async with aiohttp.ClientSession() as http, http.post(address, data=line, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    async def stock(self) -> list[dict[str, Any]]:
        """The store's codes, as soon as it has some; waits as a box does."""
        after = 0
        async with asyncio.timeout(20):
            while True:
                found = await self._log(after)
                after = max([after, *(command["seq"] for command in found)])
                for command in found:
                    if command["kind"] == "follow_codes":
                        entries: list[dict[str, Any]] = command["body"]["entries"]
                        return entries

    async def grants(self) -> list[dict[str, Any]]:
        return [each["body"] for each in await self._log(0) if each["kind"] == "follow_grant"]

    async def _log(self, after: int) -> list[dict[str, Any]]:
        address = f"{self.url}/v1/venues/shop-1/commands?after={after}&wait=1"
        headers = {"Authorization": f"Bearer {self.key}"}
        async with aiohttp.ClientSession() as http, http.get(address, headers=headers) as answer:
            found: list[dict[str, Any]] = (await answer.json())["commands"]
            return found

    def follows(self) -> list[str]:
        return [state for (state,) in self.ask("SELECT state FROM follows WHERE state IS NOT NULL")]

    def ask(self, question: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "headoffice.db")) as database:
            return list(database.execute(question))

    def everything(self) -> str:
        with closing(sqlite3.connect(self.folder / "headoffice.db")) as database:
            return "\n".join(database.iterdump())


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    """A store that has started and is known to head office, which runs when it is told to."""
    clock = FakeClock()
    wechat = FakeWeChat(now=lambda: clock.now().timestamp())
    for key in ("token", "aes_key", "app_secret"):
        (folder / f"main.{key}").write_text(getattr(wechat.settings, key))
    storage = SqliteStorage(folder / "headoffice.db")
    venue = await storage.add_venue("shop-1", "Café One", "default", clock.now())
    await storage.close()
    async with served(wechat.app()) as api:
        yield Place(folder=folder, clock=clock, wechat=wechat, api=api, key=venue.upload_key)


def _subscribes(place: Place, person: str, url: str) -> Pushed:
    """As it goes out when she scans and follows; not sent yet."""
    place.wechat.followers.add(person)
    key = f"qrscene_{place.wechat.scene_of(url)}"
    return place.wechat.pusher.write(person, MsgType="event", Event="subscribe", EventKey=key, Ticket="gQH")


def _unsubscribes(place: Place, person: str) -> Pushed:
    place.wechat.followers.discard(person)
    return place.wechat.pusher.write(person, MsgType="event", Event="unsubscribe", EventKey="")


async def test_the_same_push_three_times_at_once_is_one_grant_and_one_answer(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.head_office():
        pushed = _subscribes(here, "mei", (await here.stock())[0]["url"])
        read = await asyncio.gather(*(here.wechat.pusher.send(pushed) for _ in range(3)))
        assert len({each.text for each in read}) == 1
        assert 'href="' in (read[0].text or "")
        assert len(await here.grants()) == 1


async def test_head_office_restarted_before_the_second_try_gives_the_first_answer(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        async with here.head_office():
            entry = (await here.stock())[0]
            first = await here.wechat.scan("mei", entry["url"])
        here.clock.advance(5)
        async with here.head_office():
            again = await here.wechat.pusher.send(here.wechat.pusher.pushed[0])
            assert (again.text, again.tries) == (first.text, 1)
            assert len(await here.grants()) == 1


async def test_two_people_at_the_same_code_at_once_are_one_grant(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.head_office():
        url = (await here.stock())[0]["url"]
        read = await asyncio.gather(here.wechat.scan("mei", url), here.wechat.scan("lan", url))
        assert sorted('href="' in (each.text or "") for each in read) == [False, True]
        assert len(await here.grants()) == 1


async def test_a_farewell_that_arrives_before_the_follow_stays_the_last_word(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.head_office():
        follow = _subscribes(here, "mei", (await here.stock())[0]["url"])
        here.clock.advance(10)
        farewell = _unsubscribes(here, "mei")
        assert (await here.wechat.pusher.send(farewell)).text is None
        late = await here.wechat.pusher.send(follow)
        assert (late.text, late.out_of_order) == (None, False)
        assert await here.grants() == []
        assert "verified" not in here.follows()


async def test_a_push_taken_down_and_played_again_opens_nothing_new(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.head_office():
        await here.wechat.scan("mei", (await here.stock())[0]["url"])
        here.clock.advance(301)
        again = await here.wechat.pusher.send(here.wechat.pusher.pushed[0])
        assert set(again.statuses) == {403}
        assert len(await here.grants()) == 1


async def test_a_scene_that_nobody_made_is_answered_and_opens_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.head_office():
        await here.stock()
        here.wechat.followers.add("mei")
        for scene in ("s1.AAAAAAAAAAAAAAAA", "s999.AAAAAAAAAAAAAAAA", "st.999", "' OR 1=1 --", "x" * 64):
            here.clock.advance(1)
            pushed = here.wechat.pusher.write("mei", MsgType="event", Event="SCAN", EventKey=scene)
            read = await here.wechat.pusher.send(pushed)
            assert not read.out_of_order
            assert 'href="' not in (read.text or "")
        assert await here.grants() == []


async def test_who_unfollows_is_in_no_table_any_more(tmp_path: Path) -> None:
    openid = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"
    async with place(tmp_path) as here, here.head_office():
        await here.wechat.scan(openid, (await here.stock())[0]["url"])
        assert openid in here.everything()
        here.clock.advance(60)
        await here.wechat.unfollow(openid)
        assert openid not in here.everything()
        assert "ended" in here.follows()


async def test_a_follow_that_the_platform_cannot_confirm_just_then_opens_all_the_same(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.head_office():
        url = (await here.stock())[0]["url"]
        here.wechat.refuse_next("/cgi-bin/user/info", 45009)
        assert 'href="' in ((await here.wechat.scan("mei", url)).text or "")
        assert len(await here.grants()) == 1
