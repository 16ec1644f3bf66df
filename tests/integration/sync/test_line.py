"""LINE and head office over HTTP: webhooks, replies, and the login with its friendship."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from yarl import URL

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import Answer
from sync.headoffice.follow.incoming import LARGEST_BODY_BYTES
from sync.headoffice.follow.line import Line as Ours
from sync.headoffice.follow.line import make
from tests.clock import FakeClock
from tests.fakes.desk import Desk
from tests.fakes.line import FRIENDSHIP, OWN_PROFILE, REPLY, REVOKE, TOKEN, Line, Visitor, user
from tests.fakes.serving import callback_app, served
from tests.fakes.trouble import CUT, NONSENSE

HER, HIM = user(7), user(8)
CODE = "482913"
LINK = "https://s123.wifi.example.com/g/AQFr"
ONLINE = Answer(text=f"Welcome! {LINK}", link=LINK, code=CODE)
CHAT = f"https://line.me/R/oaMessage/%40abc1234x/?{CODE}"
# Where the world finds head office; the tests find it on loopback.
HEAD = "https://head.example"


@dataclass(slots=True, kw_only=True)
class Situation:
    """The fake platform, our side of it, and the desk behind."""

    line: Line
    ours: Ours
    account: Account
    desk: Desk
    clock: FakeClock
    http: aiohttp.ClientSession
    url: str

    @property
    def webhook(self) -> str:
        return f"{self.url}/platforms/line/main"

    async def replied(self) -> list[tuple[str, str]]:
        """What people read, once nothing is on its way any more."""
        await self.ours.close()
        return self.line.said

    async def sign_in(self, visitor: Visitor, scene: str = CODE) -> str:
        """The address her browser is sent back to from LINE, not opened yet."""
        self.line.visitor = visitor
        at_line = await self.leads_to(f"{HEAD}/platforms/line/main/login?scene={scene}")
        return await self.leads_to(at_line)

    async def leads_to(self, url: str) -> str:
        status, location = await self.open(url)
        assert status in (302, 303), (status, location)
        return location

    async def open(self, url: str) -> tuple[int, str]:
        """Status, and where it leads or else what it says."""
        reached = URL(url.replace(HEAD, self.url), encoded=True)
        async with self.http.get(reached, allow_redirects=False) as response:
            return response.status, response.headers.get("Location") or await response.text()


@pytest.fixture
async def situation() -> AsyncIterator[Situation]:
    line, desk, clock = Line(), Desk(answer=ONLINE), FakeClock()
    async with aiohttp.ClientSession() as http, served(line.app()) as api:
        account = Account(
            name="main",
            platform="line",
            title="Our café",
            id="@abc1234x",
            options={
                "api": api,
                "login": api,
                "bot": line.bot,
                "login_channel": line.login_channel,
                "login_return": f"{HEAD}/platforms/line/main/login",
            },
            secrets={
                "channel_secret": line.channel_secret,
                "channel_token": line.channel_token,
                "login_secret": line.login_secret,
            },
        )
        ours = Ours(account, desk.hear, http, clock, pauses=(0, 0))
        async with served(callback_app(ours)) as url:
            yield Situation(line=line, ours=ours, account=account, desk=desk, clock=clock, http=http, url=url)
        await ours.close()


async def test_who_adds_us_is_told_to_the_desk_and_answered(situation: Situation) -> None:
    s = situation
    assert await s.line.deliver(s.http, s.webhook, s.line.follows(HER)) == [200]
    assert [(event.subject_id, event.kind) for event in s.desk.heard] == [(HER, "follow")]
    assert await s.replied() == [(HER, ONLINE.text)]


async def test_who_sends_the_code_is_heard_with_it(situation: Situation) -> None:
    s = situation
    await s.line.deliver(s.http, s.webhook, s.line.says(HER, f"WiFi {CODE}"))
    assert [(event.kind, event.code) for event in s.desk.heard] == [("message", CODE)]


async def test_who_blocks_us_is_heard_and_left_alone(situation: Situation) -> None:
    s = situation
    await s.line.deliver(s.http, s.webhook, s.line.unfollows(HER))
    assert s.desk.kinds == ["unfollow"]
    assert await s.replied() == []


async def test_many_events_of_one_request_are_heard_in_their_order(situation: Situation) -> None:
    s = situation
    events = [s.line.follows(HER), s.line.says(HIM, CODE), s.line.says(HER, "hello"), s.line.unfollows(HIM)]
    assert await s.line.deliver(s.http, s.webhook, *events) == [200]
    assert s.desk.kinds == ["follow", "message", "message", "unfollow"]
    assert len(await s.replied()) == 3


async def test_the_check_of_the_console_is_answered_with_200_and_nothing_is_heard(
    situation: Situation,
) -> None:
    s = situation
    assert await s.line.deliver(s.http, s.webhook) == [200]
    assert s.desk.heard == []


async def test_the_same_delivery_twice_is_done_once_and_answered_once(situation: Situation) -> None:
    s = situation
    body = s.line.body(s.line.follows(HER))
    assert [await s.line.push(s.http, s.webhook, body) for _ in range(2)] == [200, 200]
    assert s.desk.kinds == ["follow"]
    # The second reply came with a used token, which LINE refuses: she reads one.
    assert await s.replied() == [(HER, ONLINE.text)]


async def test_what_could_not_be_kept_is_refused_and_comes_again(situation: Situation) -> None:
    s = situation
    s.desk.down_for = 1
    assert await s.line.deliver(s.http, s.webhook, s.line.follows(HER), s.line.says(HER, CODE)) == [500, 200]
    assert s.desk.kinds == ["follow", "message"]
    assert len(await s.replied()) == 2


async def test_a_failure_in_the_middle_of_a_request_repeats_nothing(situation: Situation) -> None:
    s = situation
    events = [s.line.follows(HER), s.line.says(HER, CODE)]
    assert await s.line.push(s.http, s.webhook, s.line.body(events[0])) == 200
    s.desk.down_for = 1
    assert (await s.line.deliver(s.http, s.webhook, *events))[-1] == 200
    assert s.desk.kinds == ["follow", "message"]


async def test_events_out_of_order_are_told_with_their_own_moments(situation: Situation) -> None:
    s = situation
    follow, unfollow = s.line.follows(HER), s.line.unfollows(HER)
    await s.line.deliver(s.http, s.webhook, unfollow)
    await s.line.deliver(s.http, s.webhook, follow)
    first, second = s.desk.heard
    assert (first.kind, second.kind) == ("unfollow", "follow")
    assert first.occurred_at > second.occurred_at


@pytest.mark.parametrize("signature", ["", "AAAA", "Ym9UxnPdbMD916c0DQAz5OY3iSxNThC6J79WF4fSxuo="])
async def test_a_forged_webhook_is_refused_and_nobody_hears_of_it(
    situation: Situation, signature: str
) -> None:
    s = situation
    body = s.line.body(s.line.follows(HER))
    assert await s.line.push(s.http, s.webhook, body, signature=signature) == 403
    assert s.desk.heard == []


async def test_a_webhook_cut_short_on_the_way_is_refused(situation: Situation) -> None:
    s = situation
    body = s.line.body(s.line.follows(HER))
    assert await s.line.push(s.http, s.webhook, body[:-5], signature=s.line.sign(body)) == 403
    assert s.desk.heard == []


async def test_a_webhook_for_another_account_is_refused(situation: Situation) -> None:
    s = situation
    body = s.line.body(s.line.follows(HER), destination=user(1))
    assert await s.line.push(s.http, s.webhook, body) == 403
    assert s.desk.heard == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 50_000], ids=["empty", "list", "cut", "bytes", "nested"]
)
async def test_a_signed_webhook_that_is_no_object_is_a_bad_request(situation: Situation, body: bytes) -> None:
    s = situation
    assert await s.line.push(s.http, s.webhook, body) == 400


async def test_a_body_larger_than_any_of_line_is_not_read_to_its_end(situation: Situation) -> None:
    s = situation
    assert await s.line.push(s.http, s.webhook, b" " * (LARGEST_BODY_BYTES + 1), signature="") == 413
    assert await s.line.push(s.http, s.webhook, b" " * 65_536, signature="") == 403


async def test_a_browser_that_looks_at_the_webhook_sees_nothing(situation: Situation) -> None:
    assert (await situation.open(situation.webhook))[0] == 405


@pytest.mark.parametrize("bad_day", [(500,), (429, 503), (CUT,)])
async def test_a_reply_is_tried_again_when_line_has_a_bad_moment(
    situation: Situation, bad_day: tuple[int, ...]
) -> None:
    s = situation
    s.line.trouble.ahead(REPLY, *bad_day)
    await s.line.deliver(s.http, s.webhook, s.line.follows(HER))
    assert await s.replied() == [(HER, ONLINE.text)]


async def test_the_log_of_a_failed_reply_tells_neither_token_nor_person(
    situation: Situation, caplog: pytest.LogCaptureFixture
) -> None:
    s = situation
    s.line.trouble.ahead(REPLY, 401)
    with caplog.at_level(logging.DEBUG, "yingke"):
        await s.line.deliver(s.http, s.webhook, s.line.follows(HER))
        assert await s.replied() == []
    assert "account main: LINE's reply: answered 401" in caplog.text
    assert not any(secret in caplog.text for secret in (HER, s.line.channel_token, LINK))


async def test_who_line_does_not_show_us_is_gone_and_of_the_others_line_says_nothing(
    situation: Situation,
) -> None:
    s = situation
    s.line.follows(HER)
    assert await s.ours.is_following(HER) is None
    assert await s.ours.is_following(HIM) is False
    s.line.trouble.ahead(f"/v2/bot/profile/{HIM}", 500, 500, 500)
    assert await s.ours.is_following(HIM) is None


async def test_with_a_login_links_lead_to_it_and_without_one_to_the_chat(situation: Situation) -> None:
    s = situation
    assert (await s.ours.mint(CODE, None)).url == f"{HEAD}/platforms/line/main/login?scene={CODE}"
    chat = Ours(
        replace(s.account, options=dict(s.account.options) | {"entry": "chat"}), s.desk.hear, s.http, s.clock
    )
    assert (await chat.mint(CODE, None)).url == CHAT
    plain = replace(s.account, id="abc1234x", options={"api": s.account.options["api"]})
    assert (await make(plain, s.desk.hear, s.http, s.clock).mint(CODE, 60)).url == CHAT


def test_an_account_without_its_secret_says_which_file_is_missing(situation: Situation) -> None:
    s = situation
    for key in s.account.secrets:
        less = {name: value for name, value in s.account.secrets.items() if name != key}
        with pytest.raises(BadAccount, match=f"main.{key}"):
            make(replace(s.account, secrets=less), s.desk.hear, s.http, s.clock)


def test_a_login_that_nobody_could_come_back_from_is_a_bad_account(situation: Situation) -> None:
    s = situation
    options = {key: value for key, value in s.account.options.items() if key != "login_return"}
    with pytest.raises(BadAccount, match="login_return"):
        make(replace(s.account, options=options), s.desk.hear, s.http, s.clock)


async def test_a_login_asks_to_be_added_and_tells_the_desk(situation: Situation) -> None:
    s = situation
    returns = await s.sign_in(Visitor(user_id=HER))
    assert await s.open(returns) == (303, LINK)
    (event,) = s.desk.heard
    assert (event.kind, event.subject_id, event.code, event.scene) == ("follow", HER, CODE, None)
    assert event.occurred_at == s.clock.now()
    assert re.fullmatch(rf"login\.[\w-]{{16}}\.{HER}", event.dedupe_key)


async def test_where_it_sends_her_is_as_line_documents_it(situation: Situation) -> None:
    s = situation
    at_line = await s.leads_to(f"{HEAD}/platforms/line/main/login?scene=st.123")
    query = {key: value for key, (value,) in parse_qs(urlsplit(at_line).query).items()}
    assert urlsplit(at_line).path == "/oauth2/v2.1/authorize"
    assert query["bot_prompt"] == "aggressive"
    assert query["client_id"] == s.line.login_channel
    assert query["redirect_uri"] == f"{HEAD}/platforms/line/main/login"
    assert query["scope"] == "profile"


async def test_a_friend_from_before_is_let_in_although_nothing_changed(situation: Situation) -> None:
    s = situation
    s.line.friends.add(HER)
    returns = await s.sign_in(Visitor(user_id=HER), scene="st.123")
    assert "friendship_status_changed=false" in returns
    assert await s.open(returns) == (303, LINK)
    (event,) = s.desk.heard
    assert (event.kind, event.scene, event.code) == ("scan", "st.123", None)


async def test_who_does_not_add_us_is_sent_to_the_chat_whatever_her_browser_says(
    situation: Situation,
) -> None:
    s = situation
    returns = await s.sign_in(Visitor(user_id=HER, adds_friend=False))
    lying = returns.replace("friendship_status_changed=false", "friendship_status_changed=true")
    assert await s.open(lying) == (303, CHAT)
    assert s.desk.heard == []


async def test_who_refuses_the_login_is_offered_the_chat(situation: Situation) -> None:
    s = situation
    assert await s.open(await s.sign_in(Visitor(user_id=HER, refuses=True))) == (303, CHAT)
    assert s.desk.heard == []


async def test_a_page_loaded_twice_leads_to_the_same_place_and_is_one_follow(situation: Situation) -> None:
    s = situation
    returns = await s.sign_in(Visitor(user_id=HER))
    assert list(await asyncio.gather(s.open(returns), s.open(returns))) == [(303, LINK)] * 2
    assert await s.open(returns) == (303, LINK)
    assert s.desk.kinds == ["follow"]
    assert s.line.trouble.asked[TOKEN] == 1


async def test_a_state_that_is_not_ours_opens_nothing(situation: Situation) -> None:
    s = situation
    returns = await s.sign_in(Visitor(user_id=HER))
    state = parse_qs(urlsplit(returns).query)["state"][0]
    for forged in ("", "x", "%C3%A9", state[:-2], "B" + state[1:], state + "A" * 300):
        assert (await s.open(returns.replace(state, forged)))[0] == 403
    assert s.line.trouble.asked[TOKEN] == 0
    assert s.desk.heard == []


async def test_a_login_that_took_too_long_begins_again_with_the_same_code(situation: Situation) -> None:
    s = situation
    returns = await s.sign_in(Visitor(user_id=HER))
    s.clock.advance(timedelta(minutes=16).total_seconds())
    again = await s.leads_to(returns)
    assert urlsplit(again).path == "/oauth2/v2.1/authorize"
    assert await s.open(await s.leads_to(again)) == (303, LINK)
    assert s.desk.heard[0].code == CODE


async def test_a_code_caught_from_another_login_is_worth_nothing(situation: Situation) -> None:
    s = situation
    hers = parse_qs(urlsplit(await s.sign_in(Visitor(user_id=HER))).query)
    his = parse_qs(urlsplit(await s.sign_in(Visitor(user_id=HIM))).query)
    mixed = f"{HEAD}/platforms/line/main/login?code={hers['code'][0]}&state={his['state'][0]}"
    assert await s.open(mixed) == (303, CHAT)
    assert s.desk.heard == []


async def test_a_login_that_begins_nowhere_is_a_bad_request(situation: Situation) -> None:
    for scene in ("", "hello", "s123", "../admin", "4829134"):
        assert (await situation.open(f"{HEAD}/platforms/line/main/login?scene={scene}"))[0] == 400


@pytest.mark.parametrize(
    ("path", "bad_day"),
    [
        (TOKEN, (500,)),
        (TOKEN, (NONSENSE,)),
        (FRIENDSHIP, (500, 500, 500)),
        (FRIENDSHIP, (NONSENSE,)),
        (OWN_PROFILE, (429, 429, 429)),
    ],
)
async def test_when_line_does_not_answer_she_is_offered_the_chat(
    situation: Situation, path: str, bad_day: tuple[int, ...]
) -> None:
    s = situation
    returns = await s.sign_in(Visitor(user_id=HER))
    s.line.trouble.ahead(path, *bad_day)
    assert await s.open(returns) == (303, CHAT)
    assert s.desk.heard == []


async def test_her_token_is_given_back_whether_or_not_she_is_a_friend(situation: Situation) -> None:
    s = situation
    for visitor in (Visitor(user_id=HER), Visitor(user_id=HIM, adds_friend=False)):
        await s.open(await s.sign_in(visitor))
    await s.ours.close()
    assert len(s.line.revoked) == s.line.trouble.asked[REVOKE] == 2


async def test_when_the_grant_is_refused_she_reads_why(situation: Situation) -> None:
    s = situation
    s.desk.answer = Answer(text="This code has been used.")
    assert await s.open(await s.sign_in(Visitor(user_id=HER))) == (200, "This code has been used.")


async def test_without_a_login_channel_there_is_no_login(situation: Situation) -> None:
    s = situation
    plain = make(replace(s.account, options={"api": "http://unused.example"}), s.desk.hear, s.http, s.clock)
    async with (
        served(callback_app(plain)) as url,
        s.http.get(f"{url}/platforms/line/main/login?scene={CODE}") as response,
    ):
        assert response.status == 404
