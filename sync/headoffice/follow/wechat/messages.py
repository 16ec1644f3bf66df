"""What a push says, and how an answer is written, in XML and in JSON. Pure.

Sources: developers.weixin.qq.com/doc/service/en/Message_Management/Receiving_event_pushes.html,
…/Receiving_standard_messages.html, …/Passive_user_reply_message.html.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from sync.envelope import BadLine, read_object
from sync.headoffice.follow.event import FollowEvent, Kind
from sync.headoffice.follow.typed_code import code_in, is_about_wifi
from sync.headoffice.follow.wechat.signature import BadPush

Form = Literal["xml", "json"]
SCAN_PREFIX: Final = "qrscene_"
_OPENID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SCENE: Final = re.compile(r"[!-~]{1,64}")
_SECONDS: Final = re.compile(r"[0-9]{1,10}")
# XML 1.0 knows no other characters, not even escaped (www.w3.org/TR/xml/#charsets).
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """The flat fields of one push, and the form it came in, in which it is answered."""

    fields: Mapping[str, str]
    form: Form

    def text(self, key: str) -> str:
        return self.fields.get(key, "")


def read(body: bytes) -> Push:
    """Texts and whole numbers at the top; deeper things are of no use here. Raises BadPush(malformed)."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return Push(fields=_from_xml(body), form="xml")
    return Push(fields=_from_json(body), form="json")


def _from_xml(body: bytes) -> dict[str, str]:
    try:
        # A push has no document type; so no entity can swell and no file be asked for.
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, ValueError, LookupError):
        raise BadPush("malformed", "the body is no XML that may be read") from None
    if root.tag != "xml":
        raise BadPush("malformed", "the body is not <xml>")
    fields: dict[str, str] = {}
    for child in root:
        if len(child) == 0:
            fields.setdefault(child.tag, child.text or "")
    return fields


def _from_json(body: bytes) -> dict[str, str]:
    try:
        fields = read_object(body)
    except BadLine:
        raise BadPush("malformed", "the body is neither XML nor JSON") from None
    return {
        key: str(value)
        for key, value in fields.items()
        if isinstance(value, str | int) and not isinstance(value, bool)
    }


def subject_in(push: Push) -> str:
    """Her openid towards this account. Raises BadPush(malformed)."""
    openid = push.text("FromUserName")
    if not _OPENID.fullmatch(openid):
        raise BadPush("malformed", "FromUserName is missing")
    return openid


def event_in(push: Push, account: str, menu_key: str) -> FollowEvent | None:
    """What she did; None for what does not concern us. Raises BadPush(malformed).

    `account` is its name in our settings, `menu_key` the key of the menu button that asks for WiFi.
    """
    said = _kind_of(push, menu_key)
    if said is None:
        return None
    openid = subject_in(push)
    kind, scene = said
    return FollowEvent(
        platform="wechat",
        account=account,
        subject_id=openid,
        kind=kind,
        scene=scene if scene is not None and _SCENE.fullmatch(scene) else None,
        code=code_in(push.text("Content")) if push.text("MsgType") == "text" else None,
        occurred_at=_occurred_at(push),
        dedupe_key=_dedupe_key(push, openid),
    )


def _kind_of(push: Push, menu_key: str) -> tuple[Kind, str | None] | None:
    if push.text("MsgType") == "text":
        return ("message", None) if is_about_wifi(push.text("Content")) else None
    if push.text("MsgType") != "event":
        return None
    key = push.text("EventKey")
    match push.text("Event"):
        case "subscribe":
            # Also `last_trade_no_…`, after a payment: no scene of ours.
            return "follow", key.removeprefix(SCAN_PREFIX) if key.startswith(SCAN_PREFIX) else None
        case "SCAN":
            return "scan", key
        case "unsubscribe":
            return "unfollow", None
        case "CLICK" if key == menu_key:
            return "message", None
    return None


def _occurred_at(push: Push) -> datetime:
    seconds = push.text("CreateTime")
    if not _SECONDS.fullmatch(seconds):
        raise BadPush("malformed", "CreateTime is no time")
    return datetime.fromtimestamp(int(seconds), UTC)


def _dedupe_key(push: Push, openid: str) -> str:
    """A message is known by its MsgId, an event by who, when and what, says the platform; and by the scene,
    as its CreateTime is whole seconds. Hashed, since keys outlive the person's data.
    """
    message_id = push.text("MsgId")
    parts = ["message", message_id] if message_id else ["event", openid, push.text("CreateTime")]
    parts += [] if message_id else [push.text(key) for key in ("MsgType", "Event", "EventKey")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def write_text(push: Push, text: str, now: datetime) -> bytes:
    """A text for her who sent the push, as the platform wants it."""
    to, sender, seconds = subject_in(push), push.text("ToUserName"), int(now.timestamp())
    if push.form == "json":
        return _json(ToUserName=to, FromUserName=sender, CreateTime=seconds, MsgType="text", Content=text)
    return _xml(
        ToUserName=_cdata(to),
        FromUserName=_cdata(sender),
        CreateTime=str(seconds),
        MsgType=_cdata("text"),
        Content=_cdata(text),
    )


def write_envelope(form: Form, encrypted: str, signature: str, timestamp: str, nonce: str) -> bytes:
    """An encrypted answer with its signature."""
    if form == "json":
        return _json(Encrypt=encrypted, MsgSignature=signature, TimeStamp=int(timestamp), Nonce=nonce)
    return _xml(
        Encrypt=_cdata(encrypted), MsgSignature=_cdata(signature), TimeStamp=timestamp, Nonce=_cdata(nonce)
    )


def _json(**fields: str | int) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _xml(**fields: str) -> bytes:
    return f"<xml>{''.join(f'<{key}>{value}</{key}>' for key, value in fields.items())}</xml>".encode()


def _cdata(text: str) -> str:
    return f"<![CDATA[{_NO_XML.sub('', text).replace(']]>', ']]]]><![CDATA[>')}]]>"
