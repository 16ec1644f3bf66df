"""Telegram and head office over HTTP: updates, replies in the answer, and the channel's members."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import aiohttp
import pytest

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import Answer, CannotMint
from sync.headoffice.follow.scene import read_scene
from sync.headoffice.follow.telegram import Telegram as Ours
from sync.headoffice.follow.telegram import make
from tests.clock import FakeClock
from tests.fakes.desk import Desk
from tests.fakes.serving import callback_app, served
from tests.fakes.telegram import Telegram
from tests.fakes.trouble import CUT, NONSENSE

HER, HIM = 412587349, 99
CODE, REF = "482913", "ABEiM0RVZneImQ-q"
LINK = "https://s123.wifi.example.com/g/AQFr"
ONLINE = Answer(text=f"Welcome! {LINK}", link=LINK, code=CODE)
FOLLOW_FIRST = Answer(text="Follow us first.")


@dataclass(slots=True, kw_only=True)
class Situation:
    """The fake platform, our side of it with a channel, and the desk behind."""

    telegram: Telegram
    ours: Ours
    account: Account
    desk: Desk
    clock: FakeClock
    http: aiohttp.ClientSession
    webhook: str


@pytest.fixture
async def situation() -> AsyncIterator[Situation]:
    telegram, desk, clock = Telegram(), Desk(answer=ONLINE), FakeClock()
    async with aiohttp.ClientSession() as http, served(telegram.app()) as api:
        account = Account(
            name="bot",
            platform="telegram",
            title="Our café",
            id="our_cafe_bot",
            options={"api": api, "channel": "@our_cafe"},
            secrets={"token": telegram.token, "webhook_secret": telegram.secret},
        )
        ours = Ours(account, desk.hear, http, clock, pauses=(0, 0))
        async with served(callback_app(ours)) as url:
            yield Situation(
                telegram=telegram,
                ours=ours,
                account=account,
                desk=desk,
                clock=clock,
                http=http,
                webhook=f"{url}/platforms/telegram/bot",
            )
        await ours.close()


async def test_who_comes_by_the_link_is_answered_with_the_way_in(situation: Situation) -> None:
    s = situation
    s.telegram.joins(HER)
    assert await s.telegram.deliver(s.http, s.webhook, s.telegram.starts(HER, REF)) == [200]
    (event,) = s.desk.heard
    assert (event.kind, event.scene) == ("message", REF)
    (said,) = s.telegram.said
    assert said["text"] == ONLINE.text
    assert said["link_preview_options"] == {"is_disabled": True}
    assert "reply_markup" not in said


async def test_who_has_not_joined_gets_the_way_into_the_channel_and_a_button_for_done(
    situation: Situation,
) -> None:
    s = situation
    s.desk.answer = FOLLOW_FIRST
    await s.telegram.deliver(s.http, s.webhook, s.telegram.starts(HER, REF))
    assert s.telegram.said[0]["reply_markup"]["inline_keyboard"] == [
        [{"text": "Our café", "url": "https://t.me/our_cafe"}],
        [{"text": "✅", "callback_data": f"again {REF}"}],
    ]


async def test_who_joins_then_is_let_in_without_another_word(situation: Situation) -> None:
    s = situation
    s.desk.answer = FOLLOW_FIRST
    await s.telegram.deliver(s.http, s.webhook, s.telegram.starts(HER, REF))
    s.desk.answer = ONLINE
    await s.telegram.deliver(s.http, s.webhook, s.telegram.joins(HER))
    assert [(event.kind, event.scene) for event in s.desk.heard] == [("message", REF), ("follow", REF)]
    assert s.telegram.said[-1]["text"] == ONLINE.text


async def test_who_leaves_is_forgotten_with_what_she_came_for(situation: Situation) -> None:
    s = situation
    s.desk.answer = FOLLOW_FIRST
    await s.telegram.deliver(s.http, s.webhook, s.telegram.starts(HER, f"s123-{REF}"))
    for update in (s.telegram.joins(HER), s.telegram.leaves(HER), s.telegram.joins(HER)):
        await s.telegram.deliver(s.http, s.webhook, update)
    told = [(event.kind, event.scene) for event in s.desk.heard]
    scene = f"s123-{REF}"
    assert told == [("message", scene), ("follow", scene), ("unfollow", None), ("follow", None)]


async def test_who_joins_much_later_follows_but_is_not_let_in_by_an_old_link(situation: Situation) -> None:
    s = situation
    s.desk.answer = FOLLOW_FIRST
    await s.telegram.deliver(s.http, s.webhook, s.telegram.starts(HER, REF))
    s.clock.advance(901)
    await s.telegram.deliver(s.http, s.webhook, s.telegram.joins(HER))
    assert s.desk.heard[-1].scene is None
    assert len(s.telegram.said) == 1


async def test_the_button_lets_in_also_after_head_office_was_restarted(situation: Situation) -> None:
    s = situation
    s.telegram.joins(HER)
    s.telegram.started.add(HER)
    tap = s.telegram.taps(HER, f"again {REF}")
    assert await s.telegram.deliver(s.http, s.webhook, tap) == [200]
    await s.ours.close()
    assert [(event.kind, event.scene) for event in s.desk.heard] == [("message", REF)]
    assert s.telegram.said[0]["text"] == ONLINE.text
    assert s.telegram.tapped == [tap["callback_query"]["id"]]


async def test_who_joins_without_the_bot_is_counted_and_not_written_to(situation: Situation) -> None:
    s = situation
    status, answer = await s.telegram.push(s.http, s.webhook, json.dumps(s.telegram.joins(HER)).encode())
    assert (status, answer) == (200, b"")
    assert s.desk.kinds == ["follow"]


async def test_who_leaves_the_channel_is_heard_and_left_alone(situation: Situation) -> None:
    s = situation
    await s.telegram.deliver(s.http, s.webhook, s.telegram.joins(HER), s.telegram.leaves(HER))
    assert s.desk.kinds == ["follow", "unfollow"]
    assert s.telegram.said == []


async def test_without_a_channel_starting_the_bot_is_the_follow(situation: Situation) -> None:
    s = situation
    alone = make(replace(s.account, options={}), s.desk.hear, s.http, s.clock)
    async with served(callback_app(alone)) as url:
        webhook = f"{url}/platforms/telegram/bot"
        await s.telegram.deliver(s.http, webhook, s.telegram.starts(HER, REF), s.telegram.stops_the_bot(HER))
    assert [(event.kind, event.scene) for event in s.desk.heard] == [("follow", REF), ("unfollow", None)]
    assert await alone.is_following(str(HER)) is None


async def test_an_update_that_could_not_be_kept_comes_again_and_those_behind_it_wait(
    situation: Situation,
) -> None:
    s = situation
    s.desk.down_for = 2
    statuses = await s.telegram.deliver(
        s.http, s.webhook, s.telegram.writes(HER, CODE), s.telegram.writes(HIM, CODE)
    )
    assert statuses == [500, 500, 200, 200]
    assert [event.subject_id for event in s.desk.heard] == [str(HER), str(HIM)]


async def test_an_update_delivered_twice_is_one_follow_with_one_answer(situation: Situation) -> None:
    s = situation
    body = json.dumps(s.telegram.starts(HER, REF)).encode()
    first, second = [await s.telegram.push(s.http, s.webhook, body) for _ in range(2)]
    assert first == second
    assert len(s.desk.heard) == 1


@pytest.mark.parametrize("secret", ["", "webhook_secret-2", "webhook_secret-11", "é"])
async def test_an_update_without_our_secret_is_refused(situation: Situation, secret: str) -> None:
    s = situation
    body = json.dumps(s.telegram.starts(HER)).encode()
    status, _ = await s.telegram.push(s.http, s.webhook, body, secret=secret)
    assert status == 403
    assert s.desk.heard == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"update_id": 7}', b"{" * 9000, b"\xff"])
async def test_an_update_nobody_can_use_does_not_hold_up_the_others(
    situation: Situation, body: bytes
) -> None:
    s = situation
    assert await s.telegram.push(s.http, s.webhook, body) == (200, b"")
    assert s.desk.heard == []


async def test_a_lost_rank_in_the_channel_is_an_error_in_the_log(
    situation: Situation, caplog: pytest.LogCaptureFixture
) -> None:
    s = situation
    await s.telegram.deliver(s.http, s.webhook, s.telegram.takes_the_rank_away())
    assert "account bot: the bot is no administrator of its channel" in caplog.text


async def test_the_channel_says_who_follows(situation: Situation) -> None:
    s = situation
    s.telegram.joins(HER)
    assert await s.ours.is_following(str(HER)) is True
    s.telegram.leaves(HER)
    assert await s.ours.is_following(str(HER)) is False
    assert await s.ours.is_following(str(HIM)) is False


@pytest.mark.parametrize("bad_day", [(500, 500, 500), (NONSENSE,), (403,), (CUT, CUT, CUT)])
async def test_when_telegram_cannot_say_nobody_is_called_a_stranger(
    situation: Situation, bad_day: tuple[int, ...]
) -> None:
    s = situation
    s.telegram.joins(HER)
    s.telegram.trouble.ahead(s.telegram.path("getChatMember"), *bad_day)
    assert await s.ours.is_following(str(HER)) is None


async def test_a_channel_the_bot_may_not_look_into_says_nothing_and_the_token_stays_secret(
    situation: Situation, caplog: pytest.LogCaptureFixture
) -> None:
    s = situation
    s.telegram.bot_is_administrator = False
    with caplog.at_level(logging.DEBUG, "yingke"):
        assert await s.ours.is_following(str(HER)) is None
    assert "Telegram's getChatMember: answered 400" in caplog.text
    assert s.telegram.token not in caplog.text
    assert str(HER) not in caplog.text


@pytest.mark.parametrize("scene", [f"s123.{REF}", f"sm.4294967295.{REF}", "st.123"])
async def test_links_carry_their_scene_without_a_dot(situation: Situation, scene: str) -> None:
    url = (await situation.ours.mint(scene, 60)).url
    start, _, payload = url.partition("?start=")
    assert start == "https://t.me/our_cafe_bot"
    assert "." not in payload
    assert len(payload) <= 64
    assert read_scene(payload) == read_scene(scene)


async def test_a_scene_no_link_can_carry_is_refused(situation: Situation) -> None:
    for scene in ("", "é", "a" * 65, "a&b"):
        with pytest.raises(CannotMint, match="unsupported"):
            await situation.ours.mint(scene, 60)


async def test_at_each_start_telegram_is_told_where_and_what_to_send(situation: Situation) -> None:
    s = situation
    url = "https://head.example/platforms/telegram/bot"
    started = make(
        replace(s.account, options=dict(s.account.options) | {"webhook": url}), s.desk.hear, s.http, s.clock
    )
    await started.close()
    assert s.telegram.webhook == {
        "url": url,
        "secret_token": s.telegram.secret,
        "allowed_updates": ["message", "callback_query", "chat_member", "my_chat_member"],
    }


async def test_an_address_telegram_does_not_take_is_a_line_in_the_log(
    situation: Situation, caplog: pytest.LogCaptureFixture
) -> None:
    s = situation
    s.telegram.trouble.ahead(s.telegram.path("setWebhook"), 400)
    started = make(
        replace(s.account, options=dict(s.account.options) | {"webhook": "http://head.example"}),
        s.desk.hear,
        s.http,
        s.clock,
    )
    await started.close()
    assert "account bot: Telegram's setWebhook: answered 400" in caplog.text


def test_a_secret_telegram_would_not_take_is_a_bad_account(situation: Situation) -> None:
    s = situation
    secrets = dict(s.account.secrets) | {"webhook_secret": "with blanks"}
    with pytest.raises(BadAccount, match=r"bot\.webhook_secret"):
        make(replace(s.account, secrets=secrets), s.desk.hear, s.http, s.clock)
