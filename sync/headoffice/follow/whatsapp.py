"""A WhatsApp business number: who writes to it has opted in. Nobody follows anybody there.

    [accounts.wa]
    platform = "whatsapp"
    title = "Our café"
    id = "+49 30 901820"                the number people write to
    phone_number_id = "106540352242922" Meta's name for it, for replies
    version = "v23.0"                   of the Graph API

Secrets: `wa.app_secret`, `wa.verify_token`, `wa.token`.

As far as it is published, and tried against our own fake only, never against WhatsApp. A message proves who
writes (developers.facebook.com/documentation/business-messaging/whatsapp), so it counts as verified; "STOP",
or the switch for marketing in her app, ends it. Whether she has blocked us WhatsApp does not say. People are
known by their business-scoped id, and by their number only where WhatsApp gives no such id: the number is
nobody's business here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from aiohttp import web

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import FollowEvent, Hear, Minted
from sync.headoffice.follow.incoming import bounded, moment, object_in, objects_in, text_in
from sync.headoffice.follow.meta import VERSION, answer_challenge, read_signed
from sync.headoffice.follow.outgoing import PAUSES, Errands, call
from sync.headoffice.follow.scene import read_scene
from sync.headoffice.follow.typed_code import code_in
from sync.model import Clock

# A phone number in digits, or a business-scoped id like BR.1502576394655843.
_PERSON: Final = re.compile(r"[0-9]{5,20}|[A-Z]{2}\.[A-Za-z0-9.]{1,140}")
_STOP: Final = ("stop", "unsubscribe", "退订")


def make(account: Account, hear: Hear, http: aiohttp.ClientSession, clock: Clock) -> "WhatsApp":
    """Raises BadAccount when a secret or the number is missing."""
    return WhatsApp(account, hear, http)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message; `to` is how a reply is addressed, empty where none is wanted."""

    event: FollowEvent
    to: dict[str, str]


class WhatsApp:
    """One number."""

    def __init__(
        self,
        account: Account,
        hear: Hear,
        http: aiohttp.ClientSession,
        *,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._account = account
        self._hear = hear
        self._http = http
        self._pauses = pauses
        self._verify_token = account.secret("verify_token")
        self._headers = {"Authorization": f"Bearer {account.secret('token')}"}
        account.secret("app_secret")
        self._digits = re.sub(r"\D", "", account.id)
        number_id = account.option("phone_number_id", "")
        if not number_id or not self._digits:
            raise BadAccount(f"account {account.name} needs its number as id, and its phone_number_id")
        api, version = account.option("api", "https://graph.facebook.com"), account.option("version", VERSION)
        self._messages = f"{api}/{version}/{number_id}/messages"
        self._errands = Errands()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET: Meta's question. POST: the webhook; 200 once the desk has it on disk, the reply after it."""
        if request.method == "GET":
            return answer_challenge(request, self._verify_token)
        given = await read_signed(request, self._account)
        for heard in read_events(given, self._account):
            answer = await self._hear(heard.event)
            if answer.text and heard.to:
                self._errands.start(self._reply(heard.to, answer.text), self._account.name)
        return web.Response()

    async def mint(self, scene: str, seconds: int | None) -> Minted:
        """A link that never ends: the chat, with the scene typed in (faq.whatsapp.com, click to chat)."""
        return Minted(url=f"https://wa.me/{self._digits}?text={quote(scene, safe='')}")

    async def is_following(self, subject_id: str) -> bool | None:
        """WhatsApp does not say."""
        return None

    async def close(self) -> None:
        await self._errands.close()

    async def _reply(self, to: dict[str, str], text: str) -> None:
        message = {"messaging_product": "whatsapp", "recipient_type": "individual", "type": "text"}
        # No preview: WhatsApp would open the grant's link to draw one.
        body = {"text": {"body": text, "preview_url": False}}
        await call(
            self._http,
            "WhatsApp's message",
            "POST",
            self._messages,
            headers=self._headers,
            json=message | to | body,
            pauses=self._pauses,
        )


def read_events(given: dict[str, Any], account: Account) -> Iterator[Heard]:
    """Messages, and the wish to hear no more; what became of our own messages is passed over."""
    for entry in objects_in(given, "entry") if given.get("object") == "whatsapp_business_account" else ():
        for change in objects_in(entry, "changes"):
            value = object_in(change, "value")
            if object_in(value, "metadata").get("phone_number_id") != account.option("phone_number_id", ""):
                continue  # another number of the same app
            names = {
                text_in(each, "wa_id"): text_in(each, "user_id") for each in objects_in(value, "contacts")
            }
            for message in objects_in(value, "messages"):
                if heard := _message(message, names, account.name):
                    yield heard
            for preference in objects_in(value, "user_preferences"):
                if heard := _preference(preference, account.name):
                    yield heard


def _message(given: dict[str, Any], names: Mapping[str | None, str | None], account: str) -> Heard | None:
    number = text_in(given, "from")
    user_id = text_in(given, "from_user_id") or names.get(number)
    her, message_id, at = user_id or number or "", text_in(given, "id"), moment(given.get("timestamp"))
    if message_id is None or at is None or not _PERSON.fullmatch(her):
        return None
    said = text_in(object_in(given, "text"), "body") or text_in(object_in(given, "button"), "text") or ""
    word = said.strip()
    scene = read_scene(word)
    stops = word.casefold() in _STOP
    event = FollowEvent(
        platform="whatsapp",
        account=account,
        subject_id=her,
        kind="unfollow" if stops else "message",
        # A bare ref, without a store, is any word of hers.
        scene=word if scene is not None and scene.venue_number is not None else None,
        code=code_in(said),
        occurred_at=at,
        dedupe_key=bounded(message_id),
    )
    to = {} if stops else {"to": number} if number else {"recipient": her}
    return Heard(event=event, to=to)


def _preference(given: dict[str, Any], account: str) -> Heard | None:
    """She switched our marketing off in her app."""
    her, at = text_in(given, "user_id") or text_in(given, "wa_id") or "", moment(given.get("timestamp"))
    if given.get("value") != "stop" or at is None or not _PERSON.fullmatch(her):
        return None
    event = FollowEvent(
        platform="whatsapp",
        account=account,
        subject_id=her,
        kind="unfollow",
        scene=None,
        code=None,
        occurred_at=at,
        dedupe_key=f"preference.{her}.{int(at.timestamp())}",
    )
    return Heard(event=event, to={})
