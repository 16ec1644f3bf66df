"""What Telegram's updates say, without the network. Pure. Source: core.telegram.org/bots/api, "Update"."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sync.headoffice.follow.event import FollowEvent, Kind
from sync.headoffice.follow.incoming import moment, object_in, text_in
from sync.headoffice.follow.scene import read_scene
from sync.headoffice.follow.typed_code import code_in

SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of it
ALLOWED_UPDATES: Final = ("message", "callback_query", "chat_member", "my_chat_member")
"""All that `read_update` looks at. Telegram sends `chat_member` only to those who ask for it by name."""
AGAIN: Final = "again "
"""What our own button sends, before the scene or code she came with."""
# Some clients write the bot's name; a payload has at most 64 of these (bots/features#deep-linking).
_START: Final = re.compile(r"/start(?:@\w{1,64})?(?:\s+([A-Za-z0-9_-]{1,64}))?\s*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One update. `spoke`: she did it in the bot's chat, and can be answered there."""

    event: FollowEvent
    spoke: bool
    callback_id: str | None = None


def read_update(given: dict[str, Any], account: str, channel: str | None, now: datetime) -> Heard | None:
    """What concerns us, else None. `channel`: whose members follow us; None: who started the bot does."""
    update_id = given.get("update_id")
    if not _is_id(update_id):
        return None
    if message := object_in(given, "message"):
        heard = _message(message, channel)
    elif query := object_in(given, "callback_query"):
        heard = _tap(query, now)
    elif change := object_in(given, "chat_member"):
        heard = _change(change) if channel is not None and _is_chat(change, channel) else None
    else:
        change = object_in(given, "my_chat_member")
        heard = _block(change) if channel is None else None
    if heard is None:
        return None
    event = FollowEvent(
        platform="telegram",
        account=account,
        subject_id=str(heard.user_id),
        kind=heard.kind,
        scene=heard.scene,
        code=heard.code,
        occurred_at=heard.at,
        dedupe_key=str(update_id),
    )
    return Heard(event=event, spoke=heard.spoke, callback_id=heard.callback_id)


def lost_the_channel(given: dict[str, Any], channel: str) -> bool:
    """Whether the bot is told that it is no administrator of the channel (any more), and so hears nothing."""
    change = object_in(given, "my_chat_member")
    if not change or not _is_chat(change, channel):
        return False
    return object_in(change, "new_chat_member").get("status") != "administrator"


def is_member(member: dict[str, Any]) -> bool:
    """A ChatMember who is in the chat; `restricted` people may be in it or not."""
    status = member.get("status")
    return status in ("creator", "administrator", "member") or (
        status == "restricted" and member.get("is_member") is True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    user_id: int
    kind: Kind
    at: datetime
    spoke: bool
    scene: str | None = None
    code: str | None = None
    callback_id: str | None = None


def _message(message: dict[str, Any], channel: str | None) -> _Told | None:
    user_id, at = _person(object_in(message, "from")), moment(message.get("date"))
    if user_id is None or at is None or object_in(message, "chat").get("type") != "private":
        return None
    text = text_in(message, "text") or ""
    start = _START.fullmatch(text)
    scene, code = _carried(start[1] or "") if start else (None, code_in(text))
    # Whoever starts the bot agrees to hear from it; membership of a channel is another matter, to be asked.
    kind: Kind = "follow" if start and channel is None else "message"
    return _Told(user_id=user_id, kind=kind, at=at, spoke=True, scene=scene, code=code)


def _tap(query: dict[str, Any], now: datetime) -> _Told | None:
    """Our button under "follow us first": she has, or says so. It carries what she came with."""
    user_id, data = _person(object_in(query, "from")), text_in(query, "data") or ""
    if user_id is None or not data.startswith(AGAIN):
        return None
    scene, code = _carried(data.removeprefix(AGAIN))
    return _Told(
        user_id=user_id,
        kind="message",
        at=now,
        spoke=True,
        scene=scene,
        code=code,
        callback_id=text_in(query, "id"),
    )


def _change(change: dict[str, Any]) -> _Told | None:
    """Somebody came into the channel or left it; changes of rank are nothing to us."""
    old, new = object_in(change, "old_chat_member"), object_in(change, "new_chat_member")
    user_id, at = _person(object_in(new, "user")), moment(change.get("date"))
    if user_id is None or at is None or is_member(old) == is_member(new):
        return None
    return _Told(user_id=user_id, kind="follow" if is_member(new) else "unfollow", at=at, spoke=False)


def _block(change: dict[str, Any]) -> _Told | None:
    """She stopped the bot; that she starts it again comes as /start."""
    user_id, at = _person(object_in(change, "from")), moment(change.get("date"))
    if user_id is None or at is None or object_in(change, "chat").get("type") != "private":
        return None
    if object_in(change, "new_chat_member").get("status") != "kicked":
        return None
    return _Told(user_id=user_id, kind="unfollow", at=at, spoke=False)


def _carried(payload: str) -> tuple[str | None, str | None]:
    """(scene, code): one of them, or neither."""
    if read_scene(payload) is not None:
        return payload, None
    return None, code_in(payload)


def _person(user: dict[str, Any]) -> int | None:
    """The id of a person; bots follow nobody."""
    found = user.get("id")
    return found if _is_id(found) and user.get("is_bot") is not True else None


def _is_chat(change: dict[str, Any], channel: str) -> bool:
    chat = object_in(change, "chat")
    name = text_in(chat, "username")
    return channel == str(chat.get("id")) or (name is not None and channel.lower() == f"@{name.lower()}")


def _is_id(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 0 < given < 2**53
