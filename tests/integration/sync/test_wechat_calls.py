"""Our calls to WeChat: one token for all, QR codes, followers; and its bad days."""

import asyncio

import aiohttp
import pytest

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import CannotMint
from sync.headoffice.follow.wechat.callback import WeChatAccount
from tests.clock import FakeClock
from tests.fakes.desk import Desk
from tests.fakes.trouble import CUT, NONSENSE
from tests.fakes.wechat_push import Settings, Tampering
from tests.fakes.wechat_world import SCENE, SHE, world

STABLE_TOKEN, CREATE_QR, USER_INFO = "/cgi-bin/stable_token", "/cgi-bin/qrcode/create", "/cgi-bin/user/info"


async def test_one_token_is_enough_for_a_hundred_codes_at_once() -> None:
    async with world() as here:
        minted = await asyncio.gather(*(here.ours.mint(f"s1.{number:016}", 3600) for number in range(100)))
    assert here.fake.trouble.asked[STABLE_TOKEN] == 1
    assert {here.fake.scene_of(each.url) for each in minted} == {f"s1.{number:016}" for number in range(100)}


async def test_the_token_is_renewed_before_its_end() -> None:
    async with world() as here:
        await here.ours.mint(SCENE, 3600)
        here.clock.advance(7200 - 200)
        await here.ours.mint(SCENE, 3600)
        await here.ours.mint(SCENE, 3600)
    assert here.fake.trouble.asked[STABLE_TOKEN] == 2


async def test_with_no_new_token_the_old_one_serves_to_its_end() -> None:
    async with world() as here:
        await here.ours.mint(SCENE, 3600)
        here.clock.advance(7200 - 200)
        here.fake.refuse_next(STABLE_TOKEN, -1)
        assert (await here.ours.mint(SCENE, 3600)).url


async def test_a_token_that_somebody_else_has_replaced_is_fetched_anew() -> None:
    async with world() as here:
        await here.ours.mint(SCENE, 3600)
        here.fake.forget_tokens()
        assert (await here.ours.mint(SCENE, 3600)).url


async def test_a_spoilt_token_is_forced_away_but_not_again_and_again() -> None:
    async with world() as here:
        await here.ours.mint(SCENE, 3600)
        here.fake.spoil_tokens()
        assert (await here.ours.mint(SCENE, 3600)).url
        here.fake.spoil_tokens()
        here.clock.advance(60)
        with pytest.raises(CannotMint, match="unavailable"):
            await here.ours.mint(SCENE, 3600)
        here.clock.advance(24 * 3600 / 20)
        assert (await here.ours.mint(SCENE, 3600)).url
    assert here.fake.forced == 2


async def test_who_is_refused_a_token_does_not_ask_for_it_at_every_call() -> None:
    async with world(Settings(knows_our_address=False)) as here:
        for _ in range(20):
            assert await here.ours.is_following(SHE) is None
        assert here.fake.trouble.asked[STABLE_TOKEN] == 1
        here.fake.settings.knows_our_address = True
        here.clock.advance(31)
        assert await here.ours.is_following(SHE) is False


async def test_a_platform_that_does_not_answer_is_not_waited_for_by_each() -> None:
    async with world() as here:
        here.fake.trouble.ahead(STABLE_TOKEN, CUT)
        for _ in range(20):
            assert await here.ours.is_following(SHE) is None
        assert here.fake.trouble.asked[STABLE_TOKEN] == 1
        here.clock.advance(6)
        assert await here.ours.is_following(SHE) is False


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (48001, "no_permission"),
        (45103, "unsupported"),
        (45009, "unavailable"),
        (-1, "unavailable"),
        (99999, "unavailable"),
    ],
)
async def test_why_there_is_no_code_is_told(code: int, why: str) -> None:
    async with world() as here:
        here.fake.refuse_next(CREATE_QR, code)
        with pytest.raises(CannotMint) as cannot:
            await here.ours.mint(SCENE, 3600)
        assert cannot.value.why == why
        assert (await here.ours.mint(SCENE, 3600)).url


@pytest.mark.parametrize("path", [STABLE_TOKEN, CREATE_QR])
@pytest.mark.parametrize("trouble", [500, 502, 429, CUT, NONSENSE])
async def test_a_platform_on_a_bad_day_is_unavailable(path: str, trouble: int) -> None:
    async with world() as here:
        here.fake.trouble.ahead(path, trouble)
        with pytest.raises(CannotMint, match="unavailable"):
            await here.ours.mint(SCENE, 3600)
        here.clock.advance(31)
        assert (await here.ours.mint(SCENE, 3600)).url


async def test_an_account_without_a_secret_has_no_permission_and_asks_nobody() -> None:
    async with aiohttp.ClientSession() as http:
        settings = Settings()
        bare = Account(
            name="main",
            platform="wechat",
            title="Tea House",
            id=settings.app_id,
            options={"api": "http://127.0.0.1:1"},
            secrets={"token": settings.token},
        )
        ours = WeChatAccount(bare, Desk().hear, http, FakeClock(), pauses=())
        with pytest.raises(CannotMint, match="no_permission"):
            await ours.mint(SCENE, 3600)
        assert await ours.is_following(SHE) is None


async def test_a_poster_is_for_good_and_a_session_for_thirty_days_at_most() -> None:
    async with world() as here:
        poster = await here.ours.mint("st.123", None)
        session = await here.ours.mint(SCENE, 90 * 86400)
        here.clock.advance(29 * 86400)
        assert here.fake.scene_of(session.url) == SCENE
        here.clock.advance(86400)
        assert here.fake.scene_of(session.url) is None
        assert here.fake.scene_of(poster.url) == "st.123"
        with pytest.raises(CannotMint, match="unsupported"):
            await here.ours.mint("x" * 65, None)


async def test_who_still_follows_is_asked_and_told() -> None:
    async with world() as here:
        assert await here.ours.is_following(SHE) is False
        await here.fake.follow(SHE)
        assert await here.ours.is_following(SHE) is True
        here.fake.refuse_next(USER_INFO, 40003)
        assert await here.ours.is_following(SHE) is None
        here.fake.trouble.ahead(USER_INFO, NONSENSE)
        assert await here.ours.is_following(SHE) is None


async def test_who_may_not_ask_who_follows_does_not_ask_of_each(caplog: pytest.LogCaptureFixture) -> None:
    async with world(Settings(is_verified_service=False)) as here:
        for _ in range(20):
            assert await here.ours.is_following(SHE) is None
        assert here.fake.trouble.asked[USER_INFO] == 1
        assert len(caplog.records) == 1
        here.fake.settings.is_verified_service = True
        here.clock.advance(3601)
        assert await here.ours.is_following(SHE) is False


async def test_no_secret_and_nobody_gets_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with world() as here:
        here.fake.trouble.ahead(STABLE_TOKEN, 500)
        here.fake.trouble.ahead(USER_INFO, NONSENSE, CUT)
        here.fake.refuse_next(USER_INFO, 40003)
        for _ in range(4):
            await here.ours.is_following(SHE)
            here.clock.advance(31)
        await here.pusher.push(SHE, Tampering(signature="0" * 40), MsgType="text", Content="482913", MsgId=1)
    assert "account main" in caplog.text
    for secret in (here.fake.settings.app_secret, here.fake.settings.token, SHE, "token-", "482913"):
        assert secret not in caplog.text.replace("access token", "")
