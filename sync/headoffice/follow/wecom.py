"""WeCom (企业微信): a shopper adds a member of staff as her contact, through the company's acquisition link.

    [accounts.staff]
    platform = "wecom"
    title = "Tea House"
    id = "ww1234567890abcdef"                  the company's id
    link = "https://work.weixin.qq.com/ca/…"   its acquisition link (获客链接)

Secrets: `staff.token` and `staff.aes_key` of the callback; `staff.corp_secret` for the welcome message with
the link (without it the gate still opens, by the store's own line to head office).

The link takes `customer_channel`, 64 bytes at most, and gives it back as `State`
(developer.work.weixin.qq.com/document/path/97297, 101359): so a QR costs no call, and lasts as long as the
link. The other way, `add_contact_way`, answers with a picture of a QR and not with what it says; a box that
draws its own has no use for it. Nobody is asked whether she is still a contact: `externalcontact/get` lists
some long gone and misses some just come, by many reports; the events tell. Who has two members of staff as
contacts and removes one counts as gone.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from aiohttp import web

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import CannotMint, FollowEvent, Hear, Kind, Minted
from sync.headoffice.follow.incoming import read_body
from sync.headoffice.follow.outgoing import PAUSES, Errands, call, log
from sync.headoffice.follow.wechat.access_token import TokenHolder
from sync.headoffice.follow.wechat.doubts import Refusals, judge_time
from sync.headoffice.follow.wechat.errors import ApiRefused
from sync.headoffice.follow.wechat.messages import Push, read
from sync.headoffice.follow.wechat.signature import BadPush, Envelope, check
from sync.model import Clock

REAL_API: Final = "https://qyapi.weixin.qq.com"
LARGEST_BODY_BYTES: Final = 64 * 1024
_KINDS: Final[dict[str, Kind]] = {
    "add_external_contact": "follow",
    # She has added a member of staff who takes everybody; the member has not looked yet.
    "add_half_external_contact": "follow",
    "del_follow_user": "unfollow",
    "del_external_contact": "unfollow",
}
_LINK: Final = re.compile(r"https://work\.weixin\.qq\.com/ca/[A-Za-z0-9_-]{1,64}")
_SCENE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PERSON: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ECHO: Final = re.compile(rb"[A-Za-z0-9+/=_.-]{1,512}")
_WELCOMED_ALREADY: Final = 41051
_SECONDS: Final = re.compile(r"[0-9]{1,10}")


def make(account: Account, hear: Hear, http: aiohttp.ClientSession, clock: Clock) -> "WeCom":
    """Raises BadAccount."""
    return WeCom(account, hear, http, clock)


class WeCom:
    """One company's contacts with its customers."""

    def __init__(
        self,
        account: Account,
        hear: Hear,
        http: aiohttp.ClientSession,
        clock: Clock,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        """Raises BadAccount."""
        self._account, self._hear, self._http, self._clock = account, hear, http, clock
        self._api, self._pauses = account.option("api", REAL_API).rstrip("/"), pauses
        self._token, self._link = account.secret("token"), account.option("link", "")
        if self._link and not _LINK.fullmatch(self._link):
            raise BadAccount(
                f"account {account.name}: link is no acquisition link, https://work.weixin.qq.com/ca/…"
            )
        try:
            self._envelope = Envelope(account.secret("aes_key"), account.id)
        except ValueError as error:
            raise BadAccount(f"account {account.name}: {account.name}.aes_key is no key: {error}") from None
        self._tokens = TokenHolder(account.name, self._fetch_token, clock)
        self._refusals = Refusals(account.name, clock)
        self._errands = Errands()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            if request.method == "GET":
                return self._verify(request)
            return await self._receive(request)
        except BadPush as bad:
            return self._refusals.answer(bad)

    async def mint(self, scene: str, seconds: int | None) -> Minted:
        """Raises CannotMint. It does not end by itself: whether it is still good is for the desk to say."""
        if not self._link or not _SCENE.fullmatch(scene):
            raise CannotMint("unsupported")
        return Minted(url=f"{self._link}?customer_channel={scene}")

    async def is_following(self, subject_id: str) -> bool | None:
        return None

    async def close(self) -> None:
        await self._errands.close()

    async def errands_done(self) -> None:
        """Once every welcome has gone out or failed."""
        await self._errands.done()

    def _verify(self, request: web.Request) -> web.Response:
        """The platform asks once, when the address is entered in its console."""
        echo = self._open(request, request.query.get("echostr", ""))
        # What was pushed and signed could be sent here instead: no event is read out to anybody.
        if not _ECHO.fullmatch(echo):
            raise BadPush("malformed", "echostr is none")
        return web.Response(text=echo.decode())

    async def _receive(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        if len(body) > LARGEST_BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(LARGEST_BODY_BYTES, len(body))
        push = read(self._open(request, read(body).text("Encrypt")))
        event = event_in(push, self._account.name)
        answer = await self._hear(event) if event else None
        welcome_code = push.text("WelcomeCode") if "corp_secret" in self._account.secrets else ""
        if answer is not None and answer.text is not None and welcome_code:
            self._errands.start(self._welcome(welcome_code, answer.text), self._account.name)
        return web.Response(text="success")

    def _open(self, request: web.Request, encrypted: str) -> bytes:
        """What is under the encryption, when it is from the platform and new. Raises BadPush."""
        timestamp, nonce = request.query.get("timestamp", ""), request.query.get("nonce", "")
        check(request.query.get("msg_signature", ""), self._token, timestamp, nonce, encrypted)
        judge_time(timestamp, self._clock)
        return self._envelope.decrypt(encrypted)

    async def _welcome(self, welcome_code: str, text: str) -> None:
        """In 20 s and once only (developer.work.weixin.qq.com/document/path/92599). Raises CallFailed."""
        wish = {"welcome_code": welcome_code, "text": {"content": text}}
        try:
            await self._tokens.ask(lambda token: self._send_welcome(token, wish))
        except ApiRefused as refusal:
            if refusal.code == _WELCOMED_ALREADY:
                return
            log.warning("account %s cannot welcome somebody: %s", self._account.name, refusal)

    async def _send_welcome(self, token: str, wish: dict[str, Any]) -> Any:
        url, query = f"{self._api}/cgi-bin/externalcontact/send_welcome_msg", {"access_token": token}
        return await call(self._http, "a welcome", "POST", url, params=query, json=wish, pauses=self._pauses)

    async def _fetch_token(self, _: bool) -> Any:
        query = {"corpid": self._account.id, "corpsecret": self._account.secret("corp_secret")}
        url = f"{self._api}/cgi-bin/gettoken"
        return await call(self._http, "the access token", "GET", url, params=query, pauses=self._pauses)


def event_in(push: Push, account: str) -> FollowEvent | None:
    """Who has become or is no longer a contact; None for anything else. Raises BadPush(malformed). Pure.

    Source: developer.work.weixin.qq.com/document/path/96361.
    """
    kind = _KINDS.get(push.text("ChangeType")) if push.text("Event") == "change_external_contact" else None
    if kind is None:
        return None
    person, seconds, scene = push.text("ExternalUserID"), push.text("CreateTime"), push.text("State")
    if not _PERSON.fullmatch(person) or not _SECONDS.fullmatch(seconds):
        raise BadPush("malformed", "ExternalUserID or CreateTime is missing")
    what = "\n".join([person, seconds, push.text("ChangeType"), push.text("UserID")])
    return FollowEvent(
        platform="wecom",
        account=account,
        subject_id=person,
        kind=kind,
        scene=scene if kind == "follow" and _SCENE.fullmatch(scene) else None,
        code=None,
        occurred_at=datetime.fromtimestamp(int(seconds), UTC),
        dedupe_key=hashlib.sha256(what.encode()).hexdigest()[:32],
    )
