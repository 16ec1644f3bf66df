"""What LINE's webhook says, without the network: its signature, and its events as ours. Pure.

Source: developers.line.biz/en/reference/messaging-api/#webhooks and line/line-openapi, webhook.yml.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any, Final

from sync.headoffice.follow.event import FollowEvent, Kind
from sync.headoffice.follow.incoming import moment, object_in, objects_in, text_in
from sync.headoffice.follow.scene import read_scene
from sync.headoffice.follow.typed_code import code_in

SIGNATURE_HEADER: Final = "X-Line-Signature"
_USER: Final = re.compile(r"U[0-9a-f]{32}")
_EVENT_ID: Final = re.compile(r"[0-9A-Za-z]{1,64}")
_KINDS: Final[dict[str, Kind]] = {
    "follow": "follow",
    "unfollow": "unfollow",
    "message": "message",
    "postback": "message",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One event of a webhook; `reply_token` is None where LINE takes no reply from us."""

    event: FollowEvent
    reply_token: str | None


def sign(body: bytes, channel_secret: str) -> str:
    """base64(HMAC-SHA256) over the body as it came: one space more or less is another signature."""
    return base64.b64encode(hmac.digest(channel_secret.encode(), body, hashlib.sha256)).decode()


def fits(signature: str, body: bytes, channel_secret: str) -> bool:
    """Whether LINE signed this body. In constant time; any text may stand in the header."""
    return hmac.compare_digest(signature.encode(errors="replace"), sign(body, channel_secret).encode())


def read_events(given: dict[str, Any], account: str) -> list[Heard]:
    """The events that concern us, in their order; none in the request the console's "Verify" sends.

    Groups, rooms, stickers being unsent and kinds not invented yet are passed over: LINE adds some without
    notice. A redelivery (`deliveryContext.isRedelivery`) has the webhookEventId of the first try, which may
    never have reached us: it is told like any other, and the id keeps it from being done twice.
    """
    return [heard for each in objects_in(given, "events") if (heard := _read(each, account)) is not None]


def _read(given: dict[str, Any], account: str) -> Heard | None:
    kind = _KINDS.get(text_in(given, "type") or "")
    source = object_in(given, "source")
    user, event_id = text_in(source, "userId") or "", text_in(given, "webhookEventId") or ""
    occurred_at = moment(given.get("timestamp"), per_second=1000)
    if kind is None or occurred_at is None or source.get("type") != "user":
        return None
    if not (_USER.fullmatch(user) and _EVENT_ID.fullmatch(event_id)):
        return None
    said = _said(given)
    event = FollowEvent(
        platform="line",
        account=account,
        subject_id=user,
        kind=kind,
        scene=_scene(said),
        code=code_in(said),
        occurred_at=occurred_at,
        dedupe_key=event_id,
    )
    # In standby another module answers for the account (line-openapi, EventMode).
    answers = given.get("mode") != "standby" and kind != "unfollow"
    return Heard(event=event, reply_token=text_in(given, "replyToken") if answers else None)


def _said(given: dict[str, Any]) -> str:
    """Her text, or what the button of the menu says for her."""
    return text_in(object_in(given, "message"), "text") or text_in(object_in(given, "postback"), "data") or ""


def _scene(said: str) -> str | None:
    """A poster's link may carry its scene as her text; a bare ref, without a store, is any word of hers."""
    text = said.strip()
    scene = read_scene(text)
    return text if scene is not None and scene.venue_number is not None else None
