"""What comes to WeChat's callback, and what may lie under its encryption."""

import base64
import re
from datetime import UTC, datetime

from sync.headoffice.follow.wechat.messages import event_in, read, write_text
from sync.headoffice.follow.wechat.signature import BadPush, Envelope

_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_ENVELOPE = Envelope("A" * 43, "wxba5fad812f8e6fb9")
_TEXT = "]]></Content> & <b>"
SEEDS = (
    b"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o1]]></FromUserName>"
    b"<CreateTime>1714112445</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe]]></Event>"
    b"<EventKey><![CDATA[qrscene_s123.ABEiM0RVZneImQCq]]></EventKey></xml>",
    b"<xml><FromUserName>o1</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType>"
    b"<Content>482 913</Content><MsgId>1</MsgId></xml>",
    b'{"ToUserName":"gh_1","FromUserName":"o1","CreateTime":1714112445,"MsgType":"event","Event":"SCAN",'
    b'"EventKey":"st.1"}',
    b'{"FromUserName":"o1","CreateTime":1,"MsgType":"text","Content":"\\uff14\\u06f8 2913","MsgId":1}',
    b'<!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><xml><FromUserName>&b;</FromUserName></xml>',
    b'<?xml version="1.0" encoding="utf-16"?><xml><Encrypt>AAAA</Encrypt></xml>',
    bytes(64),
)


class Target:
    """One input is one body, and once more the ciphertext of one."""

    def take(self, data: bytes) -> None:
        try:
            _ENVELOPE.decrypt(base64.b64encode(data).decode())
        except BadPush:
            pass
        else:
            raise AssertionError("what nobody encrypted was decrypted")
        try:
            push = read(data)
            event = event_in(push, "main", "WIFI")
        except BadPush:
            return
        if event is None:
            return
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", event.subject_id)
        assert event.code is None or re.fullmatch("[0-9]{6}", event.code)
        assert event.scene is None or re.fullmatch("[!-~]{1,64}", event.scene)
        event.dedupe_key.encode("ascii")
        answered = read(write_text(push, _TEXT, _NOON))
        assert answered.text("Content") == _TEXT, "a text broke out of its place"
        assert answered.text("ToUserName") == event.subject_id
