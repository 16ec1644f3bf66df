"""WhatsApp and head office over HTTP: who writes has opted in, and who says STOP has not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import Answer
from sync.headoffice.follow.whatsapp import WhatsApp as Ours
from sync.headoffice.follow.whatsapp import make
from tests.clock import FakeClock
from tests.fakes.desk import Desk
from tests.fakes.instagram import push
from tests.fakes.serving import callback_app, served
from tests.fakes.whatsapp import NUMBER_ID, PATH, WhatsApp

HER, HER_NUMBER, SHY = "DE.13491208655302741918", "4915112345678", "BR.1502576394655843"
CODE = "482913"


@dataclass(slots=True, kw_only=True)
class Situation:
    """The fake platform, our side of it, and the desk behind."""

    whatsapp: WhatsApp
    ours: Ours
    account: Account
    desk: Desk
    http: aiohttp.ClientSession
    webhook: str

    async def push(self, *values: dict[str, Any]) -> int:
        return await push(self.http, self.webhook, self.whatsapp.body(*values), self.whatsapp.app_secret)


@pytest.fixture
async def situation() -> AsyncIterator[Situation]:
    whatsapp, desk = WhatsApp(numbers={HER: HER_NUMBER}), Desk(answer=Answer(text="Welcome!"))
    async with aiohttp.ClientSession() as http, served(whatsapp.app()) as api:
        account = Account(
            name="wa",
            platform="whatsapp",
            title="Our café",
            id="+49 30 901820",
            options={"api": api, "phone_number_id": NUMBER_ID},
            secrets={
                "app_secret": whatsapp.app_secret,
                "verify_token": whatsapp.verify_token,
                "token": whatsapp.token,
            },
        )
        ours = Ours(account, desk.hear, http, pauses=(0, 0))
        async with served(callback_app(ours)) as url:
            yield Situation(
                whatsapp=whatsapp,
                ours=ours,
                account=account,
                desk=desk,
                http=http,
                webhook=f"{url}/platforms/whatsapp/wa",
            )
        await ours.close()


async def test_who_writes_the_code_is_heard_and_answered_with_or_without_a_number(
    situation: Situation,
) -> None:
    s = situation
    assert await s.push(s.whatsapp.writes(HER, CODE), s.whatsapp.writes(SHY, f"WiFi {CODE}")) == 200
    assert [(event.kind, event.subject_id, event.code) for event in s.desk.heard] == [
        ("message", HER, CODE),
        ("message", SHY, CODE),
    ]
    await s.ours.close()
    assert sorted(s.whatsapp.said) == sorted([(HER, "Welcome!"), (SHY, "Welcome!")])


async def test_her_number_is_not_her_name_where_whatsapp_has_another(situation: Situation) -> None:
    s = situation
    value = s.whatsapp.writes(HER, CODE)
    del value["messages"][0]["from_user_id"]
    await s.push(value)
    assert s.desk.heard[0].subject_id == HER
    del value["contacts"]
    value["messages"][0]["id"] = "wamid.other"
    await s.push(value)
    assert s.desk.heard[1].subject_id == HER_NUMBER


@pytest.mark.parametrize("word", ["STOP", " stop ", "退订"])
async def test_who_says_stop_is_heard_and_left_alone(situation: Situation, word: str) -> None:
    s = situation
    await s.push(s.whatsapp.writes(HER, word))
    assert s.desk.kinds == ["unfollow"]
    await s.ours.close()
    assert s.whatsapp.said == []


async def test_who_switches_our_marketing_off_ends_it(situation: Situation) -> None:
    s = situation
    value = s.whatsapp.switches_marketing_off(HER)
    await s.push(value, value)
    assert [(event.kind, event.subject_id) for event in s.desk.heard] == [("unfollow", HER)]


async def test_a_posters_link_sends_its_scene(situation: Situation) -> None:
    s = situation
    assert (await s.ours.mint("st.123", None)).url == "https://wa.me/4930901820?text=st.123"
    await s.push(s.whatsapp.writes(HER, "st.123"))
    assert s.desk.heard[0].scene == "st.123"


async def test_what_became_of_our_messages_and_other_numbers_are_passed_over(situation: Situation) -> None:
    s = situation
    other = s.whatsapp.writes(HER, CODE)
    other["metadata"]["phone_number_id"] = "1"
    strange = s.whatsapp.value(messages=[{}, {"from": "x; y", "id": "1", "timestamp": "1"}, 7])
    assert await s.push(s.whatsapp.was_read(), other, strange, {}) == 200
    assert s.desk.heard == []


async def test_a_forged_webhook_is_refused(situation: Situation) -> None:
    s = situation
    body = s.whatsapp.body(s.whatsapp.writes(HER, CODE))
    assert await push(s.http, s.webhook, body, "another secret") == 403
    assert s.desk.heard == []


async def test_a_message_delivered_twice_is_done_once(situation: Situation) -> None:
    s = situation
    value = s.whatsapp.writes(HER, CODE)
    s.desk.down_for = 1
    assert [await s.push(value) for _ in range(3)] == [500, 200, 200]
    assert len(s.desk.heard) == 1


async def test_a_reply_is_tried_again_when_whatsapp_has_a_bad_moment(situation: Situation) -> None:
    s = situation
    s.whatsapp.trouble.ahead(PATH, 503, 429)
    await s.push(s.whatsapp.writes(HER, CODE))
    await s.ours.close()
    assert s.whatsapp.said == [(HER, "Welcome!")]


async def test_whatsapp_never_says_who_is_still_there(situation: Situation) -> None:
    assert await situation.ours.is_following(HER) is None


def test_an_account_without_its_number_is_a_bad_one(situation: Situation) -> None:
    s = situation
    for account in (replace(s.account, options={}), replace(s.account, id="our number")):
        with pytest.raises(BadAccount, match="phone_number_id"):
            make(account, s.desk.hear, s.http, FakeClock())
