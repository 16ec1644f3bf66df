"""Our side of a WeChat account against the platform, played with wechatpy's signatures and encryption."""

import asyncio

import aiohttp
import pytest
from yarl import URL

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import Answer, FollowEvent
from sync.headoffice.follow.wechat.callback import LARGEST_BODY_BYTES, WeChatAccount
from sync.headoffice.follow.wechat.doubts import STALE_SECONDS, Nonces
from sync.headoffice.follow.wechat.signature import BadPush
from tests.clock import FakeClock
from tests.fakes.desk import Desk
from tests.fakes.wechat_push import Mode, Settings, Tampering, signed
from tests.fakes.wechat_world import ANSWER, SCENE, SHE, world
from tests.unit.sync.headoffice.follow import wechat_vectors as vectors

EVERY_MODE = pytest.mark.parametrize("mode", ["plain", "compatible", "security"])
EVERY_FORM = pytest.mark.parametrize("form", ["xml", "json"])


@EVERY_MODE
@EVERY_FORM
async def test_who_scans_the_shops_code_reads_the_link_and_who_scans_again_too(mode: Mode, form: str) -> None:
    async with world(Settings(mode=mode, form=form)) as here:  # type: ignore[arg-type]
        qr = await here.ours.mint(SCENE, 3600)
        first = await here.fake.scan(SHE, qr.url)
        here.clock.advance(1)
        again = await here.fake.scan(SHE, qr.url)
    assert (first.text, first.tries) == (ANSWER.text, 1)
    assert (again.text, again.tries) == (ANSWER.text, 1)
    assert [(event.kind, event.scene) for event in here.desk.heard] == [("follow", SCENE), ("scan", SCENE)]
    assert {event.subject_id for event in here.desk.heard} == {SHE}


@EVERY_MODE
@EVERY_FORM
async def test_a_code_a_menu_and_a_farewell_are_heard(mode: Mode, form: str) -> None:
    async with world(Settings(mode=mode, form=form)) as here:  # type: ignore[arg-type]
        said = await here.fake.say(SHE, "４８２ ９１３")
        tapped = await here.fake.menu(SHE)
        here.desk.answer = Answer()
        gone = await here.fake.unfollow(SHE)
        others = await here.fake.menu(SHE, "MENU_OF_SOMEBODY_ELSE")
    assert (said.text, tapped.text) == (ANSWER.text, ANSWER.text)
    assert (gone.text, gone.out_of_order) == (None, False)
    assert (others.text, others.out_of_order) == (None, False)
    heard = [(event.kind, event.code) for event in here.desk.heard]
    assert heard == [("message", "482913"), ("message", None), ("unfollow", None)]


async def test_the_platforms_second_try_gets_what_the_first_should_have_got() -> None:
    async with world() as here:
        here.desk.down_for = 2
        read = await here.fake.say(SHE, "482913")
    assert (read.text, read.tries, read.statuses) == (ANSWER.text, 3, (500, 500, 200))
    assert here.desk.kinds == ["message"]


async def test_a_desk_slower_than_the_platforms_patience_is_asked_again() -> None:
    asked = 0
    second_came = asyncio.Event()

    async def hear(_: FollowEvent) -> Answer:
        nonlocal asked
        asked += 1
        if asked == 1:
            await second_came.wait()
        second_came.set()
        return ANSWER

    async with world(hear=hear) as here:
        here.pusher.patience_seconds = 0.3
        read = await here.fake.say(SHE, "482913")
    assert read.text == ANSWER.text
    assert read.statuses[0] is None


@EVERY_MODE
async def test_the_same_push_twice_is_heard_once_and_answered_the_same(mode: Mode) -> None:
    async with world(Settings(mode=mode)) as here:
        first = await here.fake.say(SHE, "482913")
        again = await here.pusher.send(here.pusher.pushed[0])
    assert first.text == again.text == ANSWER.text
    assert here.desk.kinds == ["message"]


BODY_OF_SOMEBODY = (
    b"<xml><ToUserName>gh_97417a04a28d</ToUserName><FromUserName>thief</FromUserName>"
    b"<CreateTime>1795420800</CreateTime><MsgType>text</MsgType><Content>482913</Content><MsgId>7</MsgId></xml>"
)


@pytest.mark.parametrize(
    ("mode", "tampering", "status"),
    [
        ("plain", Tampering(signature="0" * 40), 403),
        ("plain", Tampering(token="another token"), 403),
        ("plain", Tampering(seconds_off=-STALE_SECONDS - 1), 403),
        ("plain", Tampering(seconds_off=STALE_SECONDS + 1), 403),
        ("plain", Tampering(cut_at=100), 400),
        ("plain", Tampering(cut_at=100, signature="0" * 40), 403),
        ("plain", Tampering(body=b""), 400),
        ("plain", Tampering(original_id="gh_of_somebody"), 403),
        ("security", Tampering(signature="0" * 40), 403),
        ("security", Tampering(token="another token"), 403),
        ("security", Tampering(seconds_off=-STALE_SECONDS - 1), 403),
        ("security", Tampering(app_id="wx0000000000000000"), 403),
        ("security", Tampering(original_id="gh_of_somebody"), 403),
        ("security", Tampering(aes_key="B" * 43), 400),
        ("security", Tampering(cut_at=100), 400),
        ("security", Tampering(body=BODY_OF_SOMEBODY), 403),
        ("compatible", Tampering(signature="0" * 40), 403),
        ("compatible", Tampering(body=BODY_OF_SOMEBODY), 403),
    ],
)
async def test_what_is_forged_stale_or_broken_opens_nothing(
    mode: Mode, tampering: Tampering, status: int
) -> None:
    async with world(Settings(mode=mode)) as here:
        read = await here.pusher.push(SHE, tampering, MsgType="text", Content="482913", MsgId=1)
        honest = await here.fake.say(SHE, "482913")
    assert set(read.statuses) == {status}
    assert read.text is None
    assert (honest.text, here.desk.kinds) == (ANSWER.text, ["message"])


async def test_the_plain_half_of_compatible_mode_is_believed_to_nobody() -> None:
    async with world(Settings(mode="compatible")) as here:
        pushed = here.pusher.write(SHE, MsgType="text", Content="482913", MsgId=1)
        pushed.body = pushed.body.replace(SHE.encode(), b"thief")
        read = await here.pusher.send(pushed)
    assert read.text == ANSWER.text
    assert [event.subject_id for event in here.desk.heard] == [SHE]


async def test_an_address_from_a_log_takes_no_second_body() -> None:
    async with world(Settings(mode="plain")) as here:
        await here.fake.say(SHE, "482913")
        stolen = here.pusher.pushed[0]
        stolen.body = BODY_OF_SOMEBODY
        read = await here.pusher.send(stolen)
    assert set(read.statuses) == {403}
    assert [event.subject_id for event in here.desk.heard] == [SHE]


def test_only_so_many_addresses_are_remembered() -> None:
    nonces = Nonces(kept=2)
    for nonce in "123":
        nonces.check("1795420800", nonce, b"a body")
    nonces.check("1795420800", "1", b"another")
    with pytest.raises(BadPush):
        nonces.check("1795420800", "3", b"another")


async def test_with_our_own_clock_not_set_a_push_is_still_heard() -> None:
    async with world() as here:
        here.clock.is_synced = False
        here.clock.jump(-7200)
        late = Tampering(seconds_off=7200)
        read = await here.pusher.push(SHE, late, MsgType="text", Content="482913", MsgId=1)
    assert read.text == ANSWER.text


@EVERY_MODE
async def test_64_kilobytes_are_read_and_not_one_byte_more(mode: Mode) -> None:
    async with world(Settings(mode=mode)) as here:
        full = here.pusher.write(SHE, MsgType="text", Content="482913", MsgId=1)
        full.body += b" " * (LARGEST_BODY_BYTES - len(full.body))
        assert (await here.pusher.send(full)).text == ANSWER.text
        full.body += b" "
        assert set((await here.pusher.send(full)).statuses) == {413}
        full.body += b" " * 1024 * 1024
        assert set((await here.pusher.send(full)).statuses) <= {413, None}
    assert here.desk.kinds == ["message"]


async def test_an_entity_bomb_does_not_go_off_under_encryption_either() -> None:
    bomb = '<!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><xml><FromUserName>&b;</FromUserName></xml>'
    async with world() as here:
        read = await here.pusher.push(SHE, Tampering(inside=bomb), MsgType="text")
    assert set(read.statuses) == {400}
    assert here.desk.heard == []


@EVERY_MODE
async def test_the_address_is_confirmed_to_the_console(mode: Mode) -> None:
    async with world(Settings(mode=mode)) as here:
        assert await here.pusher.verify_address() == (200, "4375120948345356249")
        assert (await here.pusher.verify_address("<script>alert(1)</script>"))[0] == 400
        here.fake.settings.token = "another token"
        assert await here.pusher.verify_address() == (403, "forged")


async def test_the_documents_own_check_of_the_address_is_answered_whatever_our_clock_says() -> None:
    """It opens nothing, and who sets an account up tries what the documents show."""
    async with world(Settings(token=vectors.TOKEN)) as here, aiohttp.ClientSession() as http:
        verify = {
            "signature": "f464b24fc39322e44b38aa78f5edd27bd1441696",
            "echostr": "4375120948345356249",
            "timestamp": "1714036504",
            "nonce": "1514711492",
        }
        response = await http.get(here.fake.settings.callback, params=verify)
        assert (response.status, await response.text()) == (200, "4375120948345356249")


async def test_knocking_with_forged_pushes_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with world() as here:
        for _ in range(5):
            await here.pusher.push(SHE, Tampering(signature="0" * 40), MsgType="text", Content="1", MsgId=1)
        assert len(caplog.records) == 1
        here.clock.advance(61)
        await here.pusher.push(SHE, Tampering(signature="0" * 40), MsgType="text", Content="1", MsgId=1)
        assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("secrets", "named"), [({}, "main.token"), ({"token": "t", "aes_key": "k"}, "aes_key")]
)
async def test_an_account_that_cannot_work_is_said_at_the_start(secrets: dict[str, str], named: str) -> None:
    settings = Settings()
    broken = Account(name="main", platform="wechat", title="T", id=settings.app_id, secrets=secrets)
    async with aiohttp.ClientSession() as http:
        with pytest.raises(BadAccount, match=named):
            WeChatAccount(broken, Desk().hear, http, FakeClock())


async def test_an_encrypted_push_without_a_key_of_ours_is_an_error_and_no_silence() -> None:
    async with world(Settings(mode="plain")) as here:
        here.fake.settings.mode = "security"
        read = await here.fake.say(SHE, "482913")
    assert set(read.statuses) == {400}


def test_the_played_platform_signs_as_the_documents_do() -> None:
    assert signed("AAAAA", "1714036504", "1514711492") == "f464b24fc39322e44b38aa78f5edd27bd1441696"
    encrypted = signed("AAAAA", "1714112445", "415670741", vectors.ENCRYPTED)
    assert encrypted == "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"


async def test_the_requests_of_the_documents_are_taken_as_they_stand() -> None:
    """developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption.md, its three requests."""
    settings = Settings(token=vectors.TOKEN, app_id=vectors.APP_ID, aes_key=vectors.AES_KEY, mode="security")
    async with world(settings) as here, aiohttp.ClientSession() as http:
        here.clock.jump(1714036504 - here.clock.now().timestamp())
        verify = {
            "signature": "f464b24fc39322e44b38aa78f5edd27bd1441696",
            "echostr": "4375120948345356249",
            "timestamp": "1714036504",
            "nonce": "1514711492",
        }
        response = await http.get(settings.callback, params=verify)
        assert (response.status, await response.text()) == (200, "4375120948345356249")
        here.clock.jump(1714112445 - 1714036504)
        push = {
            "signature": "6c5c811b55cc85e0e1b54100749188c20beb3f5d",
            "timestamp": "1714112445",
            "nonce": "415670741",
            "openid": SHE,
            "encrypt_type": "aes",
            "msg_signature": "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3",
        }
        body = {"ToUserName": "gh_97417a04a28d", "Encrypt": vectors.ENCRYPTED}
        response = await http.post(settings.callback, params=push, json=body)
        assert (response.status, await response.text()) == (200, "success")
    async with world(Settings(token=vectors.TOKEN, mode="plain")) as here, aiohttp.ClientSession() as http:
        here.clock.jump(1714037059 - here.clock.now().timestamp())
        push = {
            "signature": "899cf89e464efb63f54ddac96b0a0a235f53aa78",
            "timestamp": "1714037059",
            "nonce": "486452656",
        }
        body = {
            "ToUserName": "gh_97417a04a28d",
            "FromUserName": SHE,
            "MsgType": "event",
            "Event": "debug_demo",
        }
        response = await http.post(here.fake.settings.callback, params=push, json=body)
        assert (response.status, await response.text()) == (200, "success")
    assert here.desk.heard == []


async def test_a_line_that_breaks_in_the_middle_of_a_push_harms_nothing() -> None:
    async with world() as here:
        pushed = here.pusher.write(SHE, MsgType="text", Content="482913", MsgId=1)
        address = URL(here.fake.settings.callback).with_query(pushed.query)
        head = f"POST {address.raw_path_qs} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(pushed.body)}\r\n\r\n"
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(head.encode() + pushed.body[:100])
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        assert b" 200 " not in answer
        assert here.desk.heard == []
        assert (await here.pusher.send(pushed)).text == ANSWER.text
