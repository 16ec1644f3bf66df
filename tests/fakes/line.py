"""LINE, played: api.line.me, access.line.me, and the sender of webhooks.

Written from developers.line.biz (reference/messaging-api, reference/line-login) and line/line-openapi. It
checks what the real one checks, and knows nothing of our code.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.fakes.trouble import Trouble

REPLY = "/v2/bot/message/reply"
TOKEN = "/oauth2/v2.1/token"
FRIENDSHIP = "/friendship/v1/status"
OWN_PROFILE = "/v2/profile"
REVOKE = "/oauth2/v2.1/revoke"


def user(number: int) -> str:
    """A user id as LINE makes them."""
    return f"U{number:032x}"


@dataclass(slots=True, kw_only=True)
class Visitor:
    """Who sits before the browser that comes to access.line.me, and what she does there."""

    user_id: str
    adds_friend: bool = True
    refuses: bool = False


@dataclass(slots=True, kw_only=True)
class Line:
    """One account with its two channels."""

    channel_secret: str = "testsecret"
    channel_token: str = "channel-token"
    bot: str = field(default_factory=lambda: user(0xB07))
    login_channel: str = "1657000000"
    login_secret: str = "loginsecret"
    friends: set[str] = field(default_factory=set)
    wrote_without_being_friends: set[str] = field(default_factory=set)
    visitor: Visitor | None = None
    said: list[tuple[str, str]] = field(default_factory=list)
    """(user id, text) of each reply that arrived."""
    revoked: list[str] = field(default_factory=list)
    trouble: Trouble = field(default_factory=Trouble)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _reply_tokens: dict[str, str] = field(default_factory=dict)
    _logins: dict[str, dict[str, str]] = field(default_factory=dict)
    _her_tokens: dict[str, str] = field(default_factory=dict)
    _events: int = 0
    _clock_ms: int = 1_795_420_800_000  # 2026-11-23 08:00 UTC

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.trouble.middleware])
        app.router.add_post(REPLY, self._reply)
        app.router.add_get("/v2/bot/profile/{user_id}", self._profile)
        app.router.add_get("/oauth2/v2.1/authorize", self._authorize)
        app.router.add_post(TOKEN, self._token)
        app.router.add_get(FRIENDSHIP, self._friendship)
        app.router.add_get(OWN_PROFILE, self._own_profile)
        app.router.add_post(REVOKE, self._revoke)
        return app

    # What people do, as events.

    def follows(self, user_id: str) -> dict[str, Any]:
        was_there = user_id in self.friends
        self.friends.add(user_id)
        return self.event("follow", user_id, answered=True, follow={"isUnblocked": was_there})

    def unfollows(self, user_id: str) -> dict[str, Any]:
        self.friends.discard(user_id)
        return self.event("unfollow", user_id)

    def says(self, user_id: str, text: str) -> dict[str, Any]:
        if user_id not in self.friends:
            self.wrote_without_being_friends.add(user_id)
        message = {
            "type": "text",
            "id": f"{14353798921116 + self._events}",
            "text": text,
            "quoteToken": "q3Pl",
        }
        return self.event("message", user_id, answered=True, message=message)

    def taps(self, user_id: str, data: str) -> dict[str, Any]:
        return self.event("postback", user_id, answered=True, postback={"data": data})

    def event(self, kind: str, user_id: str, *, answered: bool = False, **more: Any) -> dict[str, Any]:
        self._events += 1
        made: dict[str, Any] = {
            "type": kind,
            "mode": "active",
            "timestamp": self._clock_ms + self._events,
            "source": {"type": "user", "userId": user_id},
            "webhookEventId": f"01HMQGW40RZJPJM3RAJP{self._events:06d}",
            "deliveryContext": {"isRedelivery": False},
        }
        if answered:
            token = secrets.token_hex(16)
            self._reply_tokens[token] = user_id
            made["replyToken"] = token
        return made | more

    # The sender of webhooks.

    def body(self, *events: dict[str, Any], destination: str | None = None) -> bytes:
        """The events as LINE writes them: without blanks, and not in ASCII."""
        given = {"destination": destination or self.bot, "events": list(events)}
        return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()

    def sign(self, body: bytes) -> str:
        return base64.b64encode(hmac.digest(self.channel_secret.encode(), body, hashlib.sha256)).decode()

    async def push(
        self, http: aiohttp.ClientSession, url: str, body: bytes, *, signature: str | None = None
    ) -> int:
        """One delivery; the status that came back."""
        headers = {
            "X-Line-Signature": self.sign(body) if signature is None else signature,
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "LineBotWebhook/2.0",
        }
        async with http.post(url, data=body, headers=headers) as response:
            return response.status

    async def deliver(self, http: aiohttp.ClientSession, url: str, *events: dict[str, Any]) -> list[int]:
        """As with redelivery switched on: again until it is taken, three times in all."""
        statuses = [await self.push(http, url, self.body(*events))]
        again = [event | {"deliveryContext": {"isRedelivery": True}} for event in events]
        while statuses[-1] != 200 and len(statuses) < 3:
            statuses.append(await self.push(http, url, self.body(*again)))
        return statuses

    async def replies(self, number: int) -> list[str]:
        """The texts that arrived, once there are so many: they leave after the webhook was answered."""
        async with asyncio.timeout(20):
            while len(self.said) < number:
                self._news.clear()
                await self._news.wait()
        return [text for _, text in self.said]

    # The API.

    async def _reply(self, request: web.Request) -> web.Response:
        if not self._is_ours(request):
            return _error(401, "Authentication failed. Confirm that the access token is valid.")
        given = await request.json()
        texts = [message["text"] for message in given["messages"] if message["type"] == "text"]
        if not 1 <= len(texts) <= 5 or any(not 0 < len(text) <= 5000 for text in texts):
            return _error(400, "The request body has 1 error(s)")
        user_id = self._reply_tokens.pop(given["replyToken"], None)
        if user_id is None:
            return _error(400, "Invalid reply token")
        self.said.extend((user_id, text) for text in texts)
        self._news.set()
        return web.json_response({"sentMessages": [{"id": "461230966842064897", "quoteToken": "IStG"}]})

    async def _profile(self, request: web.Request) -> web.Response:
        if not self._is_ours(request):
            return _error(401, "Authentication failed. Confirm that the access token is valid.")
        user_id = request.match_info["user_id"]
        if user_id not in self.friends | self.wrote_without_being_friends:
            return _error(404, "Not found")
        return web.json_response({"userId": user_id, "displayName": "小林", "language": "ja"})

    def _is_ours(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.channel_token}"

    # LINE Login.

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        needed = ("response_type", "client_id", "redirect_uri", "state", "scope")
        if any(not asked.get(key) for key in needed) or asked["client_id"] != self.login_channel:
            return _error(400, "Bad Request")
        assert self.visitor is not None
        if self.visitor.refuses:
            back = {"error": "access_denied", "error_description": "The user denied", "state": asked["state"]}
            raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(back)}")
        changed = self._asks_for_friendship(asked)
        code = secrets.token_urlsafe(15)
        self._logins[code] = asked | {"user_id": self.visitor.user_id}
        back = {"code": code, "state": asked["state"], "friendship_status_changed": str(changed).lower()}
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(back)}")

    def _asks_for_friendship(self, asked: dict[str, str]) -> bool:
        assert self.visitor is not None
        user_id = self.visitor.user_id
        changes = "bot_prompt" in asked and self.visitor.adds_friend and user_id not in self.friends
        if changes:
            self.friends.add(user_id)
        return changes

    async def _token(self, request: web.Request) -> web.Response:
        given = {key: str(value) for key, value in (await request.post()).items()}
        login = self._logins.pop(given.get("code", ""), None)
        if login is None or login["redirect_uri"] != given.get("redirect_uri"):
            return web.json_response({"error": "invalid_grant"}, status=400)
        if (given.get("client_id"), given.get("client_secret")) != (self.login_channel, self.login_secret):
            return web.json_response({"error": "invalid_client"}, status=401)
        if "code_challenge" in login and login["code_challenge"] != _challenge(
            given.get("code_verifier", "")
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = secrets.token_urlsafe(24)
        self._her_tokens[token] = login["user_id"]
        return web.json_response(
            {"access_token": token, "expires_in": 2592000, "scope": login["scope"], "token_type": "Bearer"}
        )

    async def _friendship(self, request: web.Request) -> web.Response:
        her = self._her_id(request)
        return _error(401, "invalid token") if her is None else _json({"friendFlag": her in self.friends})

    async def _own_profile(self, request: web.Request) -> web.Response:
        her = self._her_id(request)
        return _error(401, "invalid token") if her is None else _json({"userId": her, "displayName": "小林"})

    async def _revoke(self, request: web.Request) -> web.Response:
        given = await request.post()
        token = str(given.get("access_token"))
        if self._her_tokens.pop(token, None) is not None:
            self.revoked.append(token)
        return web.Response()

    def _her_id(self, request: web.Request) -> str | None:
        return self._her_tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


def _json(given: dict[str, Any]) -> web.Response:
    return web.json_response(given)
