"""WeCom's platform, as far as a company with an acquisition link meets it.

Written from developer.work.weixin.qq.com/document/path/91039 (token), 96361 (events), 92599 (welcome); pushes
go out as WeChat's do, the scheme is the same.
"""

import base64
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
from aiohttp import web
from wechatpy.crypto import PrpCrypto

from tests.fakes.trouble import Trouble
from tests.fakes.wechat_push import Pusher, Read, Settings, Tampering, signed

_WELCOME_SECONDS, _TOKEN_SECONDS = 20, 7200


@dataclass
class FakeWeCom:
    """`settings.app_id` and `original_id` are the company's id, `app_secret` its corpsecret."""

    settings: Settings
    now: Callable[[], float]

    def __post_init__(self) -> None:
        self.trouble = Trouble()
        self.pusher = Pusher(self.settings, self.now)
        self.welcomed: dict[str, str] = {}
        """What each person reads, by external_userid."""
        self._codes: dict[str, tuple[str, float]] = {}
        self._token, self._token_until = "", 0.0
        self._numbers = itertools.count(1)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.trouble.middleware])
        app.router.add_get("/cgi-bin/gettoken", self._gettoken)
        app.router.add_post("/cgi-bin/externalcontact/send_welcome_msg", self._send_welcome_msg)
        return app

    def forget_token(self) -> None:
        """As it may before its time, "for operational reasons"."""
        self._token_until = 0.0

    async def open_link(
        self, person: str, url: str, tampering: Tampering | None = None, change: str = "add_external_contact"
    ) -> Read:
        """She taps "add" on the page behind the acquisition link."""
        channel = parse_qs(urlsplit(url).query).get("customer_channel", [""])[0]
        code = f"welcome-{next(self._numbers)}"
        self._codes[code] = (person, self.now() + _WELCOME_SECONDS)
        return await self._changed(
            tampering, ChangeType=change, ExternalUserID=person, State=channel[:64], WelcomeCode=code
        )

    async def remove(self, person: str) -> Read:
        return await self._changed(None, ChangeType="del_follow_user", ExternalUserID=person)

    async def verify_address(self, echo: str = "1616140317555161061") -> tuple[int, str]:
        """What the console does; unlike WeChat's it encrypts."""
        key = base64.b64decode(self.settings.aes_key + "=")
        encrypted = cast("bytes", PrpCrypto(key).encrypt(echo, self.settings.app_id)).decode()
        timestamp, nonce = str(int(self.now())), "263014780"
        query = {"timestamp": timestamp, "nonce": nonce, "echostr": encrypted}
        query["msg_signature"] = signed(self.settings.token, timestamp, nonce, encrypted)
        address = f"{self.settings.callback}?{urlencode(query)}"
        async with aiohttp.ClientSession() as http, http.get(address) as response:
            return response.status, await response.text()

    async def _changed(self, tampering: Tampering | None, **own: str) -> Read:
        event = {"MsgType": "event", "Event": "change_external_contact", "UserID": "zhangsan"}
        return await self.pusher.push("sys", tampering, **event, **own)

    async def _gettoken(self, request: web.Request) -> web.Response:
        if request.query.get("corpid") != self.settings.app_id:
            return _answer(40013)
        if request.query.get("corpsecret") != self.settings.app_secret:
            return _answer(40001)
        if not self.settings.knows_our_address:
            return _answer(60020)
        if self.now() >= self._token_until:
            self._token, self._token_until = f"token-{next(self._numbers)}", self.now() + _TOKEN_SECONDS
        seconds = int(self._token_until - self.now())
        return web.json_response(
            {"errcode": 0, "errmsg": "ok", "access_token": self._token, "expires_in": seconds}
        )

    async def _send_welcome_msg(self, request: web.Request) -> web.Response:
        wish = await request.json()
        if request.query.get("access_token") != self._token or self.now() >= self._token_until:
            return _answer(40014)
        person, until = self._codes.get(wish["welcome_code"], ("", 0.0))
        if person in self.welcomed:
            return _answer(41051)
        if not person or self.now() >= until:
            return _answer(41050)
        self.welcomed[person] = wish["text"]["content"]
        return _answer(0)


def _answer(code: int) -> web.Response:
    return web.json_response(
        {"errcode": code, "errmsg": "ok" if code == 0 else "refused, from ip: 203.0.113.1"}
    )
