"""KakaoTalk and head office over HTTP: who added the channel, who blocked it, and who signs in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import aiohttp
import pytest
from yarl import URL

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import Answer
from sync.headoffice.follow.kakao import Kakao as Ours
from sync.headoffice.follow.kakao import make
from tests.clock import FakeClock
from tests.fakes.desk import Desk
from tests.fakes.kakao import CHANNEL, PATH, TOKEN, Kakao
from tests.fakes.serving import callback_app, served
from tests.fakes.trouble import NONSENSE

HER = "1234567890"
LINK = "https://s123.wifi.example.com/g/AQFr"
ADD = f"https://pf.kakao.com/{CHANNEL}/friend"
SCENE = "s123.ABEiM0RVZneImQ-q"
# Where the world finds head office; the tests find it on loopback.
HEAD = "https://head.example"


@dataclass(slots=True, kw_only=True)
class Situation:
    """The fake platform, our side of it, and the desk behind."""

    kakao: Kakao
    ours: Ours
    account: Account
    desk: Desk
    http: aiohttp.ClientSession
    url: str

    @property
    def webhook(self) -> str:
        return f"{self.url}/platforms/kakao/kakao"

    async def sign_in(self, her: str | None) -> str:
        """The address her browser is sent back to from Kakao, not opened yet."""
        self.kakao.visitor = her
        link = (await self.ours.mint(SCENE, 60)).url
        return (await self.open((await self.open(link))[1]))[1]

    async def open(self, url: str) -> tuple[int, str]:
        """Status, and where it leads or else what it says."""
        reached = URL(url.replace(HEAD, self.url), encoded=True)
        async with self.http.get(reached, allow_redirects=False) as response:
            return response.status, response.headers.get("Location") or await response.text()


@pytest.fixture
async def situation() -> AsyncIterator[Situation]:
    kakao, desk = Kakao(), Desk(answer=Answer(text="Welcome!", link=LINK))
    async with aiohttp.ClientSession() as http, served(kakao.app()) as api:
        account = Account(
            name="kakao",
            platform="kakao",
            title="Our café",
            id=CHANNEL,
            options={
                "api": api,
                "login": api,
                "rest_key": kakao.rest_key,
                "login_return": f"{HEAD}/platforms/kakao/kakao/login",
            },
            secrets={"admin_key": kakao.admin_key, "client_secret": kakao.client_secret},
        )
        ours = Ours(account, desk.hear, http, FakeClock(), pauses=(0, 0))
        async with served(callback_app(ours)) as url:
            yield Situation(kakao=kakao, ours=ours, account=account, desk=desk, http=http, url=url)
        await ours.close()


async def test_who_adds_and_who_blocks_the_channel_is_heard(situation: Situation) -> None:
    s = situation
    for kind in ("added", "blocked"):
        assert await s.kakao.push(s.http, s.webhook, s.kakao.event(kind, HER)) == 200
    assert s.desk.kinds == ["follow", "unfollow"]
    assert s.desk.heard[0].subject_id == f"app_user_id:{HER}"
    assert s.desk.heard[0].occurred_at == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


async def test_a_webhook_sent_again_is_done_once(situation: Situation) -> None:
    s = situation
    s.desk.down_for = 1
    event = s.kakao.event("added", HER)
    assert [await s.kakao.push(s.http, s.webhook, event, resource_id="Rvy1") for _ in range(3)] == [
        500,
        200,
        200,
    ]
    assert s.desk.kinds == ["follow"]


@pytest.mark.parametrize("key", ["", "KakaoAK guess", "primary-admin-key", "Bearer primary-admin-key", "é"])
async def test_a_webhook_without_the_admin_key_is_refused(situation: Situation, key: str) -> None:
    s = situation
    assert await s.kakao.push(s.http, s.webhook, s.kakao.event("added", HER), key=key) == 403
    assert s.desk.heard == []


@pytest.mark.parametrize(
    "changed",
    [
        {"event": "liked"},
        {"channel_public_id": "_other"},
        {"id_type": "phone"},
        {"id": ""},
        {"id": ["1"]},
        {"updated_at": "yesterday"},
        {"updated_at": None},
    ],
)
async def test_what_does_not_concern_us_is_passed_over(
    situation: Situation, changed: dict[str, object]
) -> None:
    s = situation
    assert await s.kakao.push(s.http, s.webhook, s.kakao.event("added", HER) | changed) == 200
    assert s.desk.heard == []


async def test_a_webhook_that_is_no_object_is_a_bad_request(situation: Situation) -> None:
    assert await situation.kakao.push(situation.http, situation.webhook, b"[]") == 400


async def test_kakao_says_who_has_the_channel(situation: Situation) -> None:
    s = situation
    s.kakao.event("added", HER)
    assert await s.ours.is_following(f"app_user_id:{HER}") is True
    s.kakao.event("blocked", HER)
    assert await s.ours.is_following(f"app_user_id:{HER}") is False


async def test_kakao_says_nothing_of_strangers_nor_on_a_bad_day(situation: Situation) -> None:
    s = situation
    assert await s.ours.is_following("open_id:abc") is None
    assert await s.ours.is_following("app_user_id:99") is None
    s.kakao.event("added", HER)
    s.kakao.trouble.ahead(PATH, NONSENSE)
    assert await s.ours.is_following(f"app_user_id:{HER}") is None


async def test_a_login_shows_that_she_has_the_channel_and_tells_the_desk(situation: Situation) -> None:
    s = situation
    s.kakao.event("added", HER)
    assert await s.open(await s.sign_in(HER)) == (303, LINK)
    (event,) = s.desk.heard
    assert (event.kind, event.subject_id, event.scene) == ("scan", f"app_user_id:{HER}", SCENE)
    await s.ours.close()
    assert s.kakao.logged_out == [HER]


async def test_who_has_not_added_the_channel_is_sent_to_add_it_and_comes_again(situation: Situation) -> None:
    s = situation
    assert await s.open(await s.sign_in(HER)) == (303, ADD)
    assert s.desk.heard == []
    s.kakao.event("added", HER)
    assert await s.open(await s.sign_in(HER)) == (303, LINK)


async def test_who_refuses_the_login_can_still_add_the_channel(situation: Situation) -> None:
    assert await situation.open(await situation.sign_in(None)) == (303, ADD)


@pytest.mark.parametrize(("path", "bad_day"), [(TOKEN, (500,)), (PATH, (NONSENSE,)), (PATH, (500, 500, 500))])
async def test_when_kakao_does_not_answer_nobody_is_let_in(
    situation: Situation, path: str, bad_day: tuple[int, ...]
) -> None:
    s = situation
    s.kakao.event("added", HER)
    returns = await s.sign_in(HER)
    s.kakao.trouble.ahead(path, *bad_day)
    assert await s.open(returns) == (303, ADD)
    assert s.desk.heard == []


async def test_a_return_without_a_state_of_ours_opens_nothing(situation: Situation) -> None:
    s = situation
    assert (await s.open(f"{s.webhook}/login?state=x&code=y"))[0] == 403
    assert (await s.open(f"{s.webhook}/login"))[0] == 400
    assert (await s.open(s.webhook))[0] == 405


def test_an_account_that_nobody_can_sign_in_to_is_a_bad_one(situation: Situation) -> None:
    s = situation
    for missing in ("rest_key", "login_return"):
        options = {key: value for key, value in s.account.options.items() if key != missing}
        with pytest.raises(BadAccount, match=missing):
            make(replace(s.account, options=options), s.desk.hear, s.http, FakeClock())
