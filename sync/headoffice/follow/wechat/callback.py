"""The address WeChat pushes to: checks, hears, answers.

Three modes of the platform, two of ours: with an `aes_key` only what is encrypted counts (security mode, and
the encrypted half of compatible mode), without one the plain text does.
"""

import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import aiohttp
from aiohttp import web

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import Hear, Minted
from sync.headoffice.follow.incoming import read_body
from sync.headoffice.follow.outgoing import PAUSES
from sync.headoffice.follow.wechat.client import WeChatApi
from sync.headoffice.follow.wechat.doubts import Nonces, Refusals, judge_time
from sync.headoffice.follow.wechat.messages import Push, event_in, read, write_envelope, write_text
from sync.headoffice.follow.wechat.signature import BadPush, Envelope, check, sign
from sync.model import Clock

LARGEST_BODY_BYTES: Final = 64 * 1024
_ECHO: Final = re.compile(r"[\w+/=.-]{1,512}", re.ASCII)


class WeChatAccount:
    """One official account: its callback, its QR codes, its followers."""

    def __init__(
        self,
        account: Account,
        hear: Hear,
        http: aiohttp.ClientSession,
        clock: Clock,
        chance: Callable[[int], bytes] = os.urandom,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        """Raises BadAccount when the token is missing or the EncodingAESKey is none."""
        self._account, self._hear, self._clock, self._chance = account, hear, clock, chance
        self._token = account.secret("token")
        self._envelope = _envelope(account)
        self._api = WeChatApi(account, http, clock, pauses)
        self._nonces = Nonces()
        self._refusals = Refusals(account.name, clock)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            if request.method == "GET":
                return self._verify(request)
            return await self._receive(request)
        except BadPush as bad:
            return self._refusals.answer(bad)

    async def mint(self, scene: str, seconds: int | None) -> Minted:
        return await self._api.mint(scene, seconds)

    async def is_following(self, subject_id: str) -> bool | None:
        return await self._api.is_following(subject_id)

    async def close(self) -> None:
        """Nothing is left open: the session for calls is its maker's."""

    def _verify(self, request: web.Request) -> web.Response:
        """The platform asks once, when the address is entered in its console. When it was signed is all one:
        the answer opens nothing."""
        timestamp, nonce, echo = (request.query.get(key, "") for key in ("timestamp", "nonce", "echostr"))
        check(request.query.get("signature", ""), self._token, timestamp, nonce)
        # The signature does not cover it, and what we send back bears our name.
        if not _ECHO.fullmatch(echo):
            raise BadPush("malformed", "echostr is none")
        return web.Response(text=echo, headers={"X-Content-Type-Options": "nosniff"})

    async def _receive(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        if len(body) > LARGEST_BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(LARGEST_BODY_BYTES, len(body))
        push = self._open(request, body)
        own_name = self._account.option("original_id", "")
        if own_name and push.text("ToUserName") not in ("", own_name):
            raise BadPush("other_account", "ToUserName is not ours")
        event = event_in(push, self._account.name, self._account.option("menu_key", "WIFI"))
        text = (await self._hear(event)).text if event else None
        if text is None:
            # Anything but this (or nothing) makes the platform tell her that the account is out of order.
            return web.Response(text="success")
        return self._reply(push, text, request.query.get("nonce", ""), self._clock.now())

    def _open(self, request: web.Request, body: bytes) -> Push:
        """The push, when it is from the platform and new. Raises BadPush."""
        timestamp, nonce = request.query.get("timestamp", ""), request.query.get("nonce", "")
        if self._envelope is not None:
            # Only here the signature is over something in the body, so that must be found first.
            encrypted = read(body).text("Encrypt")
            check(request.query.get("msg_signature", ""), self._token, timestamp, nonce, encrypted)
            judge_time(timestamp, self._clock)
            return read(self._envelope.decrypt(encrypted))
        check(request.query.get("signature", ""), self._token, timestamp, nonce)
        judge_time(timestamp, self._clock)
        self._nonces.check(timestamp, nonce, body)
        outer = read(body)
        if "Encrypt" in outer.fields and "MsgType" not in outer.fields:
            raise BadPush(
                "undecryptable", f"it is encrypted, and there is no file {self._account.name}.aes_key"
            )
        return outer

    def _reply(self, push: Push, text: str, nonce: str, now: datetime) -> web.Response:
        body = write_text(push, text, now)
        if self._envelope is not None:
            timestamp = str(int(now.timestamp()))
            encrypted = self._envelope.encrypt(body, self._chance(16))
            signature = sign(self._token, timestamp, nonce, encrypted)
            body = write_envelope(push.form, encrypted, signature, timestamp, nonce)
        kind = "text/xml" if push.form == "xml" else "application/json"
        return web.Response(body=body, content_type=kind, charset="utf-8")


def _envelope(account: Account) -> Envelope | None:
    if "aes_key" not in account.secrets:
        return None
    try:
        return Envelope(account.secret("aes_key"), account.id)
    except ValueError as error:
        raise BadAccount(f"account {account.name}: {account.name}.aes_key is no key: {error}") from None
