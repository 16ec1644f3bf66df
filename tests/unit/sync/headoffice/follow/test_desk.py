"""The desk: who is asked before an event goes into the books, and who hears of it after."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sync.headoffice import follow
from sync.headoffice.bell import Bell
from sync.headoffice.follow.desk import Desk
from sync.headoffice.follow.event import FollowEvent
from sync.headoffice.follow.news import News
from sync.i18n import read_languages
from tests.unit.sync.headoffice.follow.conftest import ACCOUNT, TERMS, Books


class Platform:
    """Knows who follows, or never answers."""

    def __init__(self, follows: bool | None = None, *, silent: bool = False) -> None:
        self.follows = follows
        self.silent = silent
        self.asked: list[str] = []

    async def is_following(self, subject_id: str) -> bool | None:
        self.asked.append(subject_id)
        if self.silent:
            await asyncio.Event().wait()
        return self.follows


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def desk(books: Books, bell: Bell) -> Desk:
    return Desk(
        [ACCOUNT],
        storage=books.storage.follow,
        terms=TERMS,
        languages=read_languages(Path(follow.__file__).parents[1] / "locales"),
        default_language="en",
        bell=bell,
        clock=books.clock,
        asking_seconds=0.01,
    )


def _event(books: Books, kind: str, subject: str = "mei", **said: Any) -> FollowEvent:
    books.heard += 1
    return FollowEvent(
        platform="wechat",
        account="main",
        subject_id=subject,
        kind=kind,  # type: ignore[arg-type]
        scene=said.get("scene"),
        code=said.get("code"),
        occurred_at=books.clock.now(),
        dedupe_key=f"event-{books.heard}",
    )


def _plug(desk: Desk, platform: Platform) -> Platform:
    desk.platforms["main"] = platform  # type: ignore[assignment]
    return platform


async def test_the_store_that_waits_is_rung_at_once(desk: Desk, books: Books, bell: Bell) -> None:
    with bell.listening("north") as north, bell.listening("south") as south:
        answer = await desk.hear(_event(books, "follow", scene=books.scene()))
        assert north.done()
        assert not south.done()
    assert answer.text is not None
    assert "欢迎光临" in answer.text
    assert answer.link is not None
    assert answer.link in answer.text


async def test_a_stranger_with_a_code_is_looked_up_and_a_follower_is_not(desk: Desk, books: Books) -> None:
    platform = _plug(desk, Platform(False))
    code = books.codes["session north"][0].code
    answer = await desk.hear(_event(books, "message", code=code))
    assert answer.link is None
    assert await books.commands("follow_grant") == []
    await desk.hear(_event(books, "follow"))
    assert (await desk.hear(_event(books, "message", code=code))).link is not None
    assert platform.asked == ["mei"]


async def test_a_greeting_makes_nobody_a_follower_who_is_not_asked_about_again(
    desk: Desk, books: Books
) -> None:
    platform = _plug(desk, Platform(False))
    code = books.codes["session north"][0].code
    await desk.hear(replace(_event(books, "message"), platform="telegram"))
    answer = await desk.hear(replace(_event(books, "message", code=code), platform="telegram"))
    assert answer.link is None
    assert platform.asked == ["mei"]


async def test_a_platform_that_does_not_answer_keeps_nobody_waiting(desk: Desk, books: Books) -> None:
    _plug(desk, Platform(silent=True))
    code = books.codes["session north"][0].code
    assert (await desk.hear(_event(books, "message", code=code))).link is not None


async def test_who_guesses_codes_is_stopped_and_nobody_else(desk: Desk, books: Books) -> None:
    _plug(desk, Platform(True))
    right = books.codes["session north"][0].code
    wrong = next(f"{number:06d}" for number in range(100) if f"{number:06d}" not in _all_codes(books))
    for _ in range(10):
        await desk.hear(_event(books, "message", "eve", code=wrong))
    assert (await desk.hear(_event(books, "message", "eve", code=right))).link is None
    assert (await desk.hear(_event(books, "message", "mei", code=right))).link is not None
    books.clock.advance(60)
    other = books.codes["session north"][1].code
    assert (await desk.hear(_event(books, "message", "eve", code=other))).link is not None


async def test_who_guesses_in_links_is_stopped_too_and_known_as_a_follower(desk: Desk, books: Books) -> None:
    """`/start 482913` at a bot and a login begun with digits tell of a follow, and anybody writes them."""
    right = books.codes["session north"][0].code
    wrong = next(f"{number:06d}" for number in range(100) if f"{number:06d}" not in _all_codes(books))
    for _ in range(10):
        await desk.hear(_event(books, "scan", "eve", code=wrong))
    answer = await desk.hear(_event(books, "follow", "eve", code=right))
    assert answer.link is None
    assert answer.text is not None
    assert "尝试次数太多" in answer.text
    assert await books.storage.follow.is_known("main", "eve")
    assert (await desk.hear(_event(books, "message", "mei", code=right))).link is not None


def _all_codes(books: Books) -> set[str]:
    return {code.code for codes in books.codes.values() for code in codes}


async def test_news_told_while_nobody_waits_is_there_for_the_next_who_does() -> None:
    news = News()
    news.tell("north")
    news.tell("south")
    assert await news.wait(10) == {"north", "south"}
    assert await news.wait(0.001) == set()
