"""Telegram, played: its Bot API, a channel with members, and the sender of updates.

Written from core.telegram.org/bots/api. It keeps one queue, as Telegram does: an update that is not taken is
sent again, and those behind it wait.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.trouble import Trouble

CHANNEL = {"id": -1001234567890, "type": "channel", "title": "Our café", "username": "Our_Cafe"}


@dataclass(slots=True, kw_only=True)
class Telegram:
    """One bot and its channel."""

    token: str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    secret: str = "webhook_secret-1"
    started: set[int] = field(default_factory=set)
    members: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Those the channel ever saw, as ChatMember without their user."""
    bot_is_administrator: bool = True
    webhook: dict[str, Any] = field(default_factory=dict)
    said: list[dict[str, Any]] = field(default_factory=list)
    """The messages that reached somebody."""
    tapped: list[str] = field(default_factory=list)
    """The callback queries that were answered."""
    trouble: Trouble = field(default_factory=Trouble)
    _updates: int = 10_000
    _now: int = 1_795_420_800  # 2026-11-23 08:00 UTC

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.trouble.middleware])
        app.router.add_post("/bot{token}/{method}", self._call)
        return app

    def path(self, method: str) -> str:
        return f"/bot{self.token}/{method}"

    # What people do, as updates.

    def starts(self, user_id: int, payload: str | None = None) -> dict[str, Any]:
        self.started.add(user_id)
        return self.writes(user_id, "/start" if payload is None else f"/start {payload}")

    def writes(self, user_id: int, text: str, chat: dict[str, Any] | None = None) -> dict[str, Any]:
        message = {
            "message_id": self._updates,
            "from": _user(user_id),
            "chat": chat or {"id": user_id, "type": "private", "first_name": "Lin"},
            "date": self._now + self._updates,
            "text": text,
        }
        return self.update("message", message)

    def taps(self, user_id: int, data: str) -> dict[str, Any]:
        query = {"id": f"q{self._updates}", "from": _user(user_id), "chat_instance": "1", "data": data}
        return self.update("callback_query", query)

    def joins(self, user_id: int) -> dict[str, Any]:
        return self.changes(user_id, {"status": "member"})

    def leaves(self, user_id: int) -> dict[str, Any]:
        return self.changes(user_id, {"status": "left"})

    def changes(self, user_id: int, member: dict[str, Any]) -> dict[str, Any]:
        old = self.members.get(user_id, {"status": "left"})
        self.members[user_id] = member
        return self.update("chat_member", self._changed(user_id, CHANNEL, old, member))

    def stops_the_bot(self, user_id: int) -> dict[str, Any]:
        self.started.discard(user_id)
        return self._bot_changes({"id": user_id, "type": "private"}, user_id, "member", "kicked")

    def takes_the_rank_away(self) -> dict[str, Any]:
        self.bot_is_administrator = False
        return self._bot_changes(CHANNEL, 1, "administrator", "member")

    def _bot_changes(self, chat: dict[str, Any], by: int, old: str, new: str) -> dict[str, Any]:
        changed = self._changed(by, chat, {"status": old}, {"status": new})
        for member in ("old_chat_member", "new_chat_member"):
            changed[member]["user"] = {"id": 110201543, "is_bot": True, "first_name": "Bot"}
        return self.update("my_chat_member", changed)

    def _changed(
        self, user_id: int, chat: dict[str, Any], old: dict[str, Any], new: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "chat": chat,
            "from": _user(user_id),
            "date": self._now + self._updates,
            "old_chat_member": old | {"user": _user(user_id)},
            "new_chat_member": new | {"user": _user(user_id)},
        }

    def update(self, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        self._updates += 1
        return {"update_id": self._updates, kind: given}

    # The sender of updates.

    async def push(
        self, http: aiohttp.ClientSession, url: str, body: bytes, *, secret: str | None = None
    ) -> tuple[int, bytes]:
        """One delivery: status and answer."""
        given = self.secret if secret is None else secret
        headers = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": given}
        async with http.post(url, data=body, headers=headers) as response:
            return response.status, await response.read()

    async def deliver(self, http: aiohttp.ClientSession, url: str, *updates: dict[str, Any]) -> list[int]:
        """One after the other, each until it is taken; the method in the answer is carried out."""
        statuses = []
        for update in updates:
            status, answer = await self.push(http, url, json.dumps(update).encode())
            statuses.append(status)
            for _ in range(3):
                if status < 300:
                    break
                status, answer = await self.push(http, url, json.dumps(update).encode())
                statuses.append(status)
            if status < 300 and answer:
                self._does(json.loads(answer))
        return statuses

    def _does(self, given: dict[str, Any]) -> None:
        assert given.pop("method") == "sendMessage", given
        # Nobody hears of it when this fails: "it is not possible to know that such a request was successful".
        if given["chat_id"] in self.started and 0 < len(given["text"]) <= 4096:
            self.said.append(given)

    # The API.

    async def _call(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            return _no(401, "Unauthorized")
        given = await request.json()
        match request.match_info["method"]:
            case "getChatMember":
                return self._get_chat_member(given)
            case "answerCallbackQuery":
                self.tapped.append(given["callback_query_id"])
                return _yes(True)
            case "setWebhook":
                self.webhook = given
                return _yes(True)
        return _no(404, "Not Found")

    def _get_chat_member(self, given: dict[str, Any]) -> web.Response:
        if str(given["chat_id"]).lower() not in (str(CHANNEL["id"]), f"@{CHANNEL['username']}".lower()):
            return _no(400, "Bad Request: chat not found")
        if not self.bot_is_administrator:
            return _no(400, "Bad Request: member list is inaccessible")
        member = self.members.get(given["user_id"])
        if member is None:
            return _no(400, "Bad Request: PARTICIPANT_ID_INVALID")
        return _yes(member | {"user": _user(given["user_id"])})


def _user(user_id: int) -> dict[str, Any]:
    return {"id": user_id, "is_bot": False, "first_name": "Lin", "language_code": "ja"}


def _yes(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _no(status: int, why: str) -> web.Response:
    return web.json_response({"ok": False, "error_code": status, "description": why}, status=status)
