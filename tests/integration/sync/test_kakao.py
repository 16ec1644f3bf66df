"""KakaoTalk and head office over HTTP: who added the channel, and who blocked it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import pytest

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import CannotMint
from sync.headoffice.follow.kakao import Kakao as Ours
from tests.fakes.desk import Desk
from tests.fakes.kakao import CHANNEL, PATH, Kakao
from tests.fakes.serving import callback_app, served
from tests.fakes.trouble import NONSENSE

HER = "1234567890"


@dataclass(slots=True, kw_only=True)
class Situation:
    """The fake platform, our side of it, and the desk behind."""

    kakao: Kakao
    ours: Ours
    desk: Desk
    http: aiohttp.ClientSession
    webhook: str


@pytest.fixture
async def situation() -> AsyncIterator[Situation]:
    kakao, desk = Kakao(), Desk()
    async with aiohttp.ClientSession() as http, served(kakao.app()) as api:
        account = Account(
            name="kakao",
            platform="kakao",
            title="Our café",
            id=CHANNEL,
            options={"api": api},
            secrets={"admin_key": kakao.admin_key},
        )
        ours = Ours(account, desk.hear, http, pauses=(0, 0))
        async with served(callback_app(ours)) as url:
            webhook = f"{url}/platforms/kakao/kakao"
            yield Situation(kakao=kakao, ours=ours, desk=desk, http=http, webhook=webhook)


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


async def test_no_link_of_kakao_says_where_it_was_opened(situation: Situation) -> None:
    with pytest.raises(CannotMint, match="unsupported"):
        await situation.ours.mint("st.123", None)
