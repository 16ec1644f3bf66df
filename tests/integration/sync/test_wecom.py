"""Our side of WeCom: who becomes a contact through the company's link, and what she is told."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import CannotMint
from sync.headoffice.follow.wechat.doubts import STALE_SECONDS
from sync.headoffice.follow.wecom import WeCom
from tests.clock import FakeClock
from tests.fakes.desk import Desk
from tests.fakes.serving import callback_app, served
from tests.fakes.trouble import CUT
from tests.fakes.wechat_push import Settings, Tampering
from tests.fakes.wechat_world import ANSWER, SCENE
from tests.fakes.wecom import FakeWeCom
from tests.unit.sync.headoffice.follow import wechat_vectors as vectors

SHE = "woAJ2GCAAAXtWyujaWJHDDGi0mACH71w"
LINK = "https://work.weixin.qq.com/ca/cawcde991d07110000"


@dataclass(kw_only=True)
class World:
    fake: FakeWeCom
    ours: WeCom
    desk: Desk
    clock: FakeClock


def account(settings: Settings, api: str, without: str = "", link: str = LINK) -> Account:
    secrets = {"token": settings.token, "aes_key": settings.aes_key, "corp_secret": settings.app_secret}
    return Account(
        name="staff",
        platform="wecom",
        title="Tea House",
        id=settings.app_id,
        options={"api": api, "link": link},
        secrets={key: value for key, value in secrets.items() if key != without},
    )


@asynccontextmanager
async def world(without: str = "", link: str = LINK) -> AsyncIterator[World]:
    settings = Settings(app_id="ww1234567890abcdef", original_id="ww1234567890abcdef")
    clock, desk = FakeClock(), Desk(answer=ANSWER)
    fake = FakeWeCom(settings, now=lambda: clock.now().timestamp())
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(served(fake.app()))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        ours = WeCom(account(settings, api, without, link), desk.hear, http, clock, pauses=())
        address = await stack.enter_async_context(served(callback_app(ours)))
        settings.callback = f"{address}/platforms/wecom/staff"
        yield World(fake=fake, ours=ours, desk=desk, clock=clock)
        await ours.close()


async def test_who_adds_a_member_of_staff_is_welcomed_with_the_link() -> None:
    async with world() as here:
        qr = await here.ours.mint(SCENE, 3600)
        read = await here.fake.open_link(SHE, qr.url)
        await here.ours.errands_done()
    assert (read.tries, read.out_of_order) == (1, False)
    assert [(event.kind, event.scene, event.subject_id) for event in here.desk.heard] == [
        ("follow", SCENE, SHE)
    ]
    assert here.fake.welcomed == {SHE: ANSWER.text}


async def test_who_removes_her_contact_is_gone_and_hears_nothing() -> None:
    async with world() as here:
        await here.fake.remove(SHE)
        await here.ours.errands_done()
    assert [(event.kind, event.scene) for event in here.desk.heard] == [("unfollow", None)]
    assert here.fake.welcomed == {}


async def test_both_events_of_one_addition_welcome_her_once(caplog: pytest.LogCaptureFixture) -> None:
    async with world() as here:
        qr = await here.ours.mint(SCENE, 3600)
        await here.fake.open_link(SHE, qr.url, change="add_half_external_contact")
        await here.ours.errands_done()
        await here.fake.open_link(SHE, qr.url)
        await here.ours.errands_done()
    assert here.desk.kinds == ["follow", "follow"]
    assert here.fake.welcomed == {SHE: ANSWER.text}
    assert caplog.records == []


async def test_a_token_that_ended_before_its_time_is_fetched_anew() -> None:
    async with world() as here:
        qr = await here.ours.mint(SCENE, 3600)
        await here.fake.open_link("wo1", qr.url)
        await here.ours.errands_done()
        here.fake.forget_token()
        await here.fake.open_link("wo2", qr.url)
        await here.ours.errands_done()
    assert set(here.fake.welcomed) == {"wo1", "wo2"}


async def test_without_a_welcome_she_is_heard_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    async with world(without="corp_secret") as here:
        qr = await here.ours.mint(SCENE, 3600)
        await here.fake.open_link(SHE, qr.url)
        await here.ours.errands_done()
    assert here.desk.kinds == ["follow"]
    assert here.fake.trouble.asked["/cgi-bin/gettoken"] == 0
    async with world() as here:
        here.fake.trouble.ahead("/cgi-bin/externalcontact/send_welcome_msg", CUT)
        await here.fake.open_link(SHE, qr.url)
        await here.ours.errands_done()
    assert here.desk.kinds == ["follow"]
    assert "a welcome: no answer" in caplog.text
    assert SHE not in caplog.text


@pytest.mark.parametrize(
    ("tampering", "status"),
    [
        (Tampering(signature="0" * 40), 403),
        (Tampering(token="another token"), 403),
        (Tampering(seconds_off=STALE_SECONDS + 1), 403),
        (Tampering(app_id="ww0000000000000000"), 403),
        (Tampering(aes_key="B" * 43), 400),
        (Tampering(cut_at=200), 400),
        (Tampering(body=b"<xml><Event>change_external_contact</Event></xml>"), 403),
        (Tampering(body=b" " * 65537), 413),
        (Tampering(inside="<!DOCTYPE xml [<!ENTITY a 'ha'>]><xml>&a;</xml>"), 400),
    ],
)
async def test_what_is_forged_stale_or_broken_is_no_contact(tampering: Tampering, status: int) -> None:
    async with world() as here:
        read = await here.fake.open_link(SHE, f"{LINK}?customer_channel={SCENE}", tampering)
    assert set(read.statuses) == {status}
    assert here.desk.heard == []


async def test_the_address_is_confirmed_to_the_console_under_encryption() -> None:
    async with world() as here:
        assert await here.fake.verify_address() == (200, "1616140317555161061")
        here.fake.settings.token = "another token"
        assert await here.fake.verify_address() == (403, "forged")


async def test_without_an_acquisition_link_there_is_no_code() -> None:
    async with world(link="") as here:
        with pytest.raises(CannotMint, match="unsupported"):
            await here.ours.mint(SCENE, 3600)
    async with world() as here:
        with pytest.raises(CannotMint, match="unsupported"):
            await here.ours.mint("a scene & more", 3600)
        assert await here.ours.is_following(SHE) is None


async def test_the_sample_of_the_documents_is_read_and_never_read_out() -> None:
    sample = Account(
        name="staff",
        platform="wecom",
        title="T",
        id=vectors.WECOM_ID,
        secrets={"token": vectors.WECOM_TOKEN, "aes_key": vectors.WECOM_AES_KEY},
    )
    clock, desk = FakeClock(), Desk(answer=ANSWER)
    clock.jump(1409659813 - clock.now().timestamp())
    body = f"<xml><ToUserName>x</ToUserName><Encrypt>{vectors.WECOM_ENCRYPTED}</Encrypt></xml>"
    query = {
        "msg_signature": "477715d11cdb4164915debcba66cb864d751f3e6",
        "timestamp": "1409659813",
        "nonce": "1372623149",
    }
    async with aiohttp.ClientSession() as http:
        ours = WeCom(sample, desk.hear, http, clock)
        async with served(callback_app(ours)) as address:
            where = f"{address}/platforms/wecom/staff"
            response = await http.post(where, params=query, data=body)
            assert (response.status, await response.text()) == (200, "success")
            echoed = await http.get(where, params=query | {"echostr": vectors.WECOM_ENCRYPTED})
            assert (echoed.status, await echoed.text()) == (400, "malformed")
    assert desk.heard == []


@pytest.mark.parametrize(
    ("without", "link"), [("token", LINK), ("aes_key", LINK), ("", "https://example.com")]
)
async def test_an_account_that_cannot_work_is_said_at_the_start(without: str, link: str) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(BadAccount, match="account staff"):
            WeCom(account(Settings(), "http://127.0.0.1:1", without, link), Desk().hear, http, FakeClock())
