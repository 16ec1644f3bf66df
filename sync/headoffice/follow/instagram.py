"""An Instagram professional account: she writes to it, and Instagram says whether she follows.

    [accounts.insta]
    platform = "instagram"
    title = "Our café"
    id = "our_cafe"                     the user name
    account_id = "17841400000000000"    its IGID; webhooks for other accounts of the app are passed over
    api = "https://graph.facebook.com"  where the app uses Facebook Login; else graph.instagram.com

Secrets: `insta.app_secret`, `insta.verify_token`, `insta.token`.

As far as it is published, and tried against our own fake only, never against Instagram: nobody is told of a
follow or an unfollow. `is_user_follow_business` answers once she has sent a message or tapped an ice breaker
(developers.facebook.com, business-messaging/instagram-messaging/features/user-profile), so a link brings her
into the chat, and the question is asked there. The `ref` of a link reaches us only for accounts that have at
least one ice breaker set; the six digits always do.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from aiohttp import web

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import FollowEvent, Hear, Minted
from sync.headoffice.follow.incoming import bounded, moment, object_in, objects_in, text_in
from sync.headoffice.follow.meta import VERSION, answer_challenge, read_signed
from sync.headoffice.follow.outgoing import PAUSES, CallFailed, Errands, call, log
from sync.headoffice.follow.scene import read_scene
from sync.headoffice.follow.typed_code import code_in
from sync.model import Clock

_PERSON: Final = re.compile(r"[0-9]{1,32}")


def make(account: Account, hear: Hear, http: aiohttp.ClientSession, clock: Clock) -> "Instagram":
    """Raises BadAccount when a secret is missing."""
    return Instagram(account, hear, http)


class Instagram:
    """One account."""

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
        api, version = (
            account.option("api", "https://graph.instagram.com"),
            account.option("version", VERSION),
        )
        self._base = f"{api}/{version}"
        self._errands = Errands()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET: Meta's question. POST: the webhook; 200 once the desk has it on disk, the reply after it."""
        if request.method == "GET":
            return answer_challenge(request, self._verify_token)
        given = await read_signed(request, self._account)
        for event in read_events(given, self._account):
            answer = await self._hear(event)
            if answer.text:
                self._errands.start(self._reply(event.subject_id, answer.text), self._account.name)
        return web.Response()

    async def mint(self, scene: str, seconds: int | None) -> Minted:
        """A link that never ends. A `ref` may hold no dot."""
        return Minted(
            url=f"https://ig.me/m/{self._account.id.lstrip('@')}?ref={quote(scene.replace('.', '-'))}"
        )

    async def is_following(self, subject_id: str) -> bool | None:
        """Asked of Instagram. Before she has written anything, it does not say: then she is asked to."""
        try:
            found = await call(
                self._http,
                "Instagram's profile",
                "GET",
                f"{self._base}/{quote(subject_id, safe='')}",
                headers=self._headers,
                params={"fields": "is_user_follow_business"},
                pauses=self._pauses,
            )
        except CallFailed as failure:
            why = text_in(object_in(failure.answer, "error"), "message") or ""
            if "consent" in why.lower():
                return False
            log.warning("account %s: %s", self._account.name, failure)
            return None
        says = found.get("is_user_follow_business") if isinstance(found, dict) else None
        return says if isinstance(says, bool) else None

    async def close(self) -> None:
        await self._errands.close()

    async def _reply(self, to: str, text: str) -> None:
        await call(
            self._http,
            "Instagram's message",
            "POST",
            f"{self._base}/me/messages",
            headers=self._headers,
            json={"recipient": {"id": to}, "message": {"text": text}},
            pauses=self._pauses,
        )


def read_events(given: dict[str, Any], account: Account) -> Iterator[FollowEvent]:
    """What people wrote or tapped; echoes of our own words, read marks and deletions are passed over."""
    own = account.option("account_id", "")
    for entry in objects_in(given, "entry") if given.get("object") == "instagram" else ():
        if own and entry.get("id") != own:
            continue
        for each in objects_in(entry, "messaging"):
            event = _event(each, account.name, str(entry.get("id")))
            if event is not None:
                yield event


def _event(given: dict[str, Any], account: str, own: str) -> FollowEvent | None:
    message, postback = object_in(given, "message"), object_in(given, "postback")
    referral = (
        object_in(given, "referral") or object_in(message, "referral") or object_in(postback, "referral")
    )
    her, at = text_in(object_in(given, "sender"), "id"), moment(given.get("timestamp"), per_second=1000)
    if not (message or postback or referral) or her is None or her == own or at is None:
        return None
    if message.get("is_echo") or message.get("is_deleted") or not _PERSON.fullmatch(her):
        return None
    ref = text_in(referral, "ref") or ""
    scene = ref if read_scene(ref) is not None else None
    said = text_in(message, "text") or text_in(postback, "payload") or ""
    return FollowEvent(
        platform="instagram",
        account=account,
        subject_id=her,
        kind="message",
        scene=scene,
        code=code_in(ref) or code_in(said) if scene is None else None,
        occurred_at=at,
        dedupe_key=bounded(text_in(message, "mid") or text_in(postback, "mid") or _made_up(her, at, ref)),
    )


def _made_up(her: str, at: datetime, ref: str) -> str:
    """A referral has no id of its own: who, when and whereby name it."""
    return f"{her}.{at.timestamp():.3f}.{ref}"
