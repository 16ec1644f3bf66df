"""Instagram and head office over HTTP: the question before the webhooks, messages, and who follows."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest

from sync.headoffice.follow import meta
from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import Answer
from sync.headoffice.follow.instagram import Instagram as Ours
from sync.headoffice.follow.instagram import make
from sync.headoffice.follow.scene import read_scene
from tests.clock import FakeClock
from tests.fakes.desk import Desk
from tests.fakes.instagram import OWN, Instagram, push
from tests.fakes.serving import callback_app, served
from tests.fakes.trouble import NONSENSE

HER, CODE, REF = "526134250001", "482913", "ABEiM0RVZneImQ-q"


@dataclass(slots=True, kw_only=True)
class Situation:
    """The fake platform, our side of it, and the desk behind."""

    instagram: Instagram
    ours: Ours
    account: Account
    desk: Desk
    http: aiohttp.ClientSession
    webhook: str

    async def push(self, *events: dict[str, Any]) -> int:
        body = self.instagram.body(*events)
        return await push(self.http, self.webhook, body, self.instagram.app_secret)


@pytest.fixture
async def situation() -> AsyncIterator[Situation]:
    instagram, desk = Instagram(), Desk(answer=Answer(text="Welcome!"))
    async with aiohttp.ClientSession() as http, served(instagram.app()) as api:
        account = Account(
            name="insta",
            platform="instagram",
            title="Our café",
            id="our_cafe",
            options={"api": api, "account_id": OWN},
            secrets={
                "app_secret": instagram.app_secret,
                "verify_token": instagram.verify_token,
                "token": instagram.token,
            },
        )
        ours = Ours(account, desk.hear, http, pauses=(0, 0))
        async with served(callback_app(ours)) as url:
            yield Situation(
                instagram=instagram,
                ours=ours,
                account=account,
                desk=desk,
                http=http,
                webhook=f"{url}/platforms/instagram/insta",
            )
        await ours.close()


def test_the_signature_is_the_one_github_publishes_for_the_same_scheme() -> None:
    # docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries, "Testing the webhook payload
    # validation"; both call it X-Hub-Signature-256.
    known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert meta.sign(b"Hello, World!", "It's a Secret to Everybody") == known
    assert meta.fits(known, b"Hello, World!", "It's a Secret to Everybody")
    assert not meta.fits(known.removeprefix("sha256="), b"Hello, World!", "It's a Secret to Everybody")
    assert not meta.fits("sha256=" + hashlib.sha256(b"Hello, World!").hexdigest(), b"Hello, World!", "x")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"hub.mode": "subscribe", "hub.verify_token": "verify-me", "hub.challenge": "1158201444"}, 200),
        ({"hub.mode": "subscribe", "hub.verify_token": "guess", "hub.challenge": "1158201444"}, 403),
        ({"hub.mode": "unsubscribe", "hub.verify_token": "verify-me", "hub.challenge": "1"}, 403),
        ({"hub.mode": "subscribe", "hub.verify_token": "verify-me", "hub.challenge": "1" * 201}, 403),
        ({}, 403),
    ],
)
async def test_only_meta_gets_its_challenge_back(
    situation: Situation, query: dict[str, str], status: int
) -> None:
    async with situation.http.get(situation.webhook, params=query) as response:
        assert response.status == status
        if status == 200:
            assert await response.text() == "1158201444"
            assert response.content_type == "text/plain"


async def test_who_writes_the_code_is_heard_and_answered(situation: Situation) -> None:
    s = situation
    assert await s.push(s.instagram.writes(HER, f"WiFi {CODE}")) == 200
    (event,) = s.desk.heard
    assert (event.kind, event.subject_id, event.code) == ("message", HER, CODE)
    await s.ours.close()
    assert s.instagram.said == [(HER, "Welcome!")]


async def test_who_comes_by_the_link_brings_what_stands_in_it(situation: Situation) -> None:
    s = situation
    opened, written = s.instagram.opens(HER, f"s123-{REF}"), s.instagram.writes(HER, "hi", ref=CODE)
    await s.push(opened, opened, written, s.instagram.taps(HER, CODE))
    assert [(event.scene, event.code) for event in s.desk.heard] == [
        (f"s123-{REF}", None),
        (None, CODE),
        (None, CODE),
    ]


async def test_echoes_read_marks_and_other_accounts_are_passed_over(situation: Situation) -> None:
    s = situation
    echo = s.instagram.writes(OWN, "Welcome!")
    marked = s.instagram.writes(HER, "x")
    marked["message"]["is_echo"] = True
    strange = [
        {},
        {"sender": 1},
        s.instagram.event(HER, read={"mid": "1"}),
        s.instagram.event("../me", message={"mid": "1"}),
    ]
    assert await s.push(echo, marked, *strange) == 200
    other = s.instagram.body(s.instagram.writes(HER, CODE), own="17841400000000002")
    assert await push(s.http, s.webhook, other, s.instagram.app_secret) == 200
    assert s.desk.heard == []


async def test_two_messages_whose_long_names_differ_at_the_end_are_two(situation: Situation) -> None:
    s = situation
    events = [s.instagram.writes(HER, CODE) for _ in range(2)]
    for number, event in enumerate(events):
        event["message"]["mid"] = "aWdf" * 100 + str(number)
    await s.push(*events, *events)
    assert len({event.dedupe_key for event in s.desk.heard}) == 2
    assert all(len(event.dedupe_key) <= 200 for event in s.desk.heard)


async def test_a_forged_webhook_is_refused(situation: Situation) -> None:
    s = situation
    body = s.instagram.body(s.instagram.writes(HER, CODE))
    assert await push(s.http, s.webhook, body, "another secret") == 403
    assert await push(s.http, s.webhook, body, s.instagram.app_secret, signature="") == 403
    assert await push(s.http, s.webhook, b"[]", s.instagram.app_secret) == 400
    assert s.desk.heard == []


async def test_what_could_not_be_kept_comes_again_and_is_done_once(situation: Situation) -> None:
    s = situation
    s.desk.down_for = 1
    event = s.instagram.writes(HER, CODE)
    assert [await s.push(event) for _ in range(3)] == [500, 200, 200]
    assert len(s.desk.heard) == 1


async def test_instagram_says_who_follows_once_she_has_written(situation: Situation) -> None:
    s = situation
    s.instagram.followers.add(HER)
    assert await s.ours.is_following(HER) is False
    s.instagram.writes(HER, "hi")
    assert await s.ours.is_following(HER) is True
    s.instagram.followers.discard(HER)
    assert await s.ours.is_following(HER) is False


@pytest.mark.parametrize("bad_day", [(500, 500, 500), (NONSENSE,), (401,)])
async def test_when_instagram_cannot_say_nobody_is_called_a_stranger(
    situation: Situation, bad_day: tuple[int, ...]
) -> None:
    s = situation
    s.instagram.writes(HER, "hi")
    s.instagram.trouble.ahead(s.instagram.path(HER), *bad_day)
    assert await s.ours.is_following(HER) is None


async def test_links_lead_into_the_chat_with_a_ref_instagram_takes(situation: Situation) -> None:
    assert (await situation.ours.mint(CODE, 60)).url == f"https://ig.me/m/our_cafe?ref={CODE}"
    start, _, ref = (await situation.ours.mint("st.123", None)).url.partition("?ref=")
    assert start == "https://ig.me/m/our_cafe"
    assert "." not in ref
    assert read_scene(ref) == read_scene("st.123")


def test_an_account_without_its_secret_says_which_file_is_missing(situation: Situation) -> None:
    s = situation
    for key in s.account.secrets:
        less = {name: value for name, value in s.account.secrets.items() if name != key}
        with pytest.raises(BadAccount, match=f"insta.{key}"):
            make(replace(s.account, secrets=less), s.desk.hear, s.http, FakeClock())
