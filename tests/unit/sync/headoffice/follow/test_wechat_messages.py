"""What WeChat's pushes say, with wechatpy's reading beside ours, and answers as it reads them."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy import parse_message
from wechatpy.replies import deserialize_reply

from sync.headoffice.follow.event import FollowEvent
from sync.headoffice.follow.wechat.messages import Form, event_in, read, write_envelope, write_text
from sync.headoffice.follow.wechat.signature import BadPush

OPENID = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"
SCENE = "s123.ABEiM0RVZneImQCq"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def _fields(**own: str | int) -> dict[str, str | int]:
    return {"ToUserName": "gh_1", "FromUserName": OPENID, "CreateTime": 1714112445, **own}


def _xml(fields: dict[str, str | int]) -> bytes:
    inside = "".join(
        f"<{key}>{value}</{key}>" if isinstance(value, int) else f"<{key}><![CDATA[{value}]]></{key}>"
        for key, value in fields.items()
    )
    return f"<xml>{inside}</xml>".encode()


def _body(form: Form, **own: str | int) -> bytes:
    return _xml(_fields(**own)) if form == "xml" else json.dumps(_fields(**own)).encode()


def _event(body: bytes) -> FollowEvent | None:
    return event_in(read(body), "main", "WIFI")


PUSHES: list[tuple[dict[str, str | int], str, str | None, str | None]] = [
    ({"MsgType": "event", "Event": "subscribe", "EventKey": f"qrscene_{SCENE}"}, "follow", SCENE, None),
    ({"MsgType": "event", "Event": "subscribe", "EventKey": ""}, "follow", None, None),
    ({"MsgType": "event", "Event": "subscribe", "EventKey": "last_trade_no_42"}, "follow", None, None),
    ({"MsgType": "event", "Event": "SCAN", "EventKey": SCENE}, "scan", SCENE, None),
    ({"MsgType": "event", "Event": "SCAN", "EventKey": "two words"}, "scan", None, None),
    ({"MsgType": "event", "Event": "unsubscribe", "EventKey": ""}, "unfollow", None, None),
    ({"MsgType": "event", "Event": "CLICK", "EventKey": "WIFI"}, "message", None, None),
    ({"MsgType": "text", "Content": "code 482913", "MsgId": 24086087575195331}, "message", None, "482913"),
    ({"MsgType": "text", "Content": "我要上网", "MsgId": 24086087575195332}, "message", None, None),
]


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize(("own", "kind", "scene", "code"), PUSHES)
def test_what_she_did_is_told_the_same_in_both_forms(
    form: Form, own: dict[str, str | int], kind: str, scene: str | None, code: str | None
) -> None:
    event = _event(_body(form, **own))
    assert event is not None
    assert (event.kind, event.scene, event.code) == (kind, scene, code)
    assert (event.platform, event.account, event.subject_id) == ("wechat", "main", OPENID)
    assert event.occurred_at == datetime(2024, 4, 26, 6, 20, 45, tzinfo=UTC)


WECHATPY: dict[str, str] = {
    "SubscribeScanEvent": "follow",
    "SubscribeEvent": "follow",
    "ScanEvent": "scan",
    "UnsubscribeEvent": "unfollow",
    "ClickEvent": "message",
    "TextMessage": "message",
}


@pytest.mark.parametrize("own", [push[0] for push in PUSHES])
def test_wechatpy_reads_the_same(own: dict[str, str | int]) -> None:
    body = _body("xml", **own)
    ours, theirs = _event(body), parse_message(body)
    assert ours is not None
    assert ours.kind == WECHATPY[type(theirs).__name__]
    assert (ours.subject_id, ours.occurred_at.timestamp()) == (theirs.source, theirs.time)
    if type(theirs).__name__ == "SubscribeScanEvent":
        assert ours.scene == theirs.scene_id


@pytest.mark.parametrize(
    "own",
    [
        {"MsgType": "image", "MediaId": "1", "MsgId": 1},
        {"MsgType": "text", "Content": "你好", "MsgId": 1},
        {"MsgType": "event", "Event": "VIEW", "EventKey": "https://example.com"},
        {"MsgType": "event", "Event": "CLICK", "EventKey": "MENU_OF_SOMEBODY_ELSE"},
        {"MsgType": "event", "Event": "debug_demo", "debug_str": "hello world"},
        {"MsgType": "event"},
        {},
    ],
)
def test_what_does_not_concern_us_is_nothing(own: dict[str, str | int]) -> None:
    assert _event(_body("xml", **own)) is None
    assert _event(_body("json", **own)) is None


def test_a_push_sent_again_has_the_same_key_and_another_has_not() -> None:
    bodies = [_body("xml", **own) for own, *_ in PUSHES]
    keys = [event.dedupe_key for body in bodies if (event := _event(body))]
    again = [event.dedupe_key for body in bodies if (event := _event(body))]
    assert keys == again
    # In the same second too: two codes that were scanned are two events.
    assert len(set(keys)) == len(keys)
    assert not any(OPENID in key for key in keys)


ENTITY_BOMB = b"""<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "ha">%s]>
<xml><FromUserName>&z;</FromUserName></xml>""" % b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("z") + 1)
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"success",
        b"\xff\xfe\x00",
        b"<xml>",
        b"<html></html>",
        _body("xml", MsgType="text")[:-9],
        _body("json", MsgType="text")[:-9],
        b"[]",
        b"null",
        b"{" * 60000,
        b'{"FromUserName": "\\ud800"}',
        ENTITY_BOMB,
        b'<!DOCTYPE xml [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><FromUserName>&f;</FromUserName></xml>',
        b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:1/x.dtd"><xml></xml>',
        b"<xml><FromUserName>&nobody;</FromUserName></xml>",
        b'<?xml version="1.0" encoding="no-such"?><xml></xml>',
        b'<?xml version="1.0" encoding="big5"?><xml></xml>',
        b"<xml>\x00</xml>",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(BadPush) as bad:
        read(body)
    assert bad.value.key == "malformed"


@pytest.mark.parametrize(
    "own",
    [
        {"FromUserName": ""},
        {"FromUserName": "a b"},
        {"FromUserName": "o" * 65},
        {"CreateTime": "soon"},
        {"CreateTime": "99999999999"},
        {"CreateTime": "-1"},
        {"CreateTime": "１"},
    ],
)
def test_an_event_of_nobody_or_at_no_time_is_malformed(own: dict[str, str | int]) -> None:
    with pytest.raises(BadPush) as bad:
        _event(_body("xml", MsgType="event", Event="subscribe", **own))
    assert bad.value.key == "malformed"


def test_a_thousand_levels_and_a_long_text_are_read_without_harm() -> None:
    deep = b"<a>" * 9000 + b"</a>" * 9000
    assert read(b"<xml>" + deep + b"<MsgType>text</MsgType></xml>").text("MsgType") == "text"
    assert _event(_body("xml", MsgType="text", Content="482913" + " " * 60000, MsgId=1)) is not None


@given(noise=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"<xml>{text}</xml>".encode()))
def test_noise_is_read_or_refused(noise: bytes) -> None:
    with contextlib.suppress(BadPush):
        assert _event(noise) is None


@given(text=st.text(max_size=300))
def test_wechatpy_reads_our_answer_as_it_was_meant(text: str) -> None:
    push = read(_body("xml", MsgType="text", Content="482913", MsgId=1))
    reply = deserialize_reply(write_text(push, text, NOON).decode())
    assert (reply.type, reply.target, reply.source) == ("text", OPENID, "gh_1")
    assert reply.time == int(NOON.timestamp())


@pytest.mark.parametrize(
    "text",
    [
        '欢迎! <a href="https://s123.example/g/AQFr">点我上网</a>',
        "a & b < c",
        "]]>",
        "]]>]]><xml><Content>mine</Content></xml>",
    ],
)
def test_no_text_breaks_out_of_its_place(text: str) -> None:
    push = read(_body("xml", MsgType="text", Content="482913", MsgId=1))
    assert read(write_text(push, text, NOON)).text("Content") == text
    assert deserialize_reply(write_text(push, text, NOON).decode()).content == text


def test_who_writes_json_gets_json() -> None:
    push = read(_body("json", MsgType="text", Content="482913", MsgId=1))
    assert json.loads(write_text(push, "欢迎", NOON)) == {
        "ToUserName": OPENID,
        "FromUserName": "gh_1",
        "CreateTime": int(NOON.timestamp()),
        "MsgType": "text",
        "Content": "欢迎",
    }


def test_the_envelope_is_that_of_the_documents() -> None:
    given_: dict[str, Any] = json.loads(write_envelope("json", "ELGd", "1b93", "1713424427", "415670741"))
    assert given_ == {
        "Encrypt": "ELGd",
        "MsgSignature": "1b93",
        "TimeStamp": 1713424427,
        "Nonce": "415670741",
    }
    same = read(write_envelope("xml", "ELGd", "1b93", "1713424427", "415670741"))
    assert same.fields == {key: str(value) for key, value in given_.items()}
