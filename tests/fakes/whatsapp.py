"""WhatsApp's Cloud API, played, as Meta documents it: messages in and out, with and without phone numbers."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.trouble import Trouble

NUMBER_ID = "106540352242922"
PATH = f"/v23.0/{NUMBER_ID}/messages"


@dataclass(slots=True, kw_only=True)
class WhatsApp:
    """One business number. `numbers`: of those who show theirs, by business-scoped id."""

    app_secret: str = "app-secret"
    verify_token: str = "verify-me"
    token: str = "EAAG-token"
    numbers: dict[str, str] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)
    """(business-scoped id, text)."""
    trouble: Trouble = field(default_factory=Trouble)
    _messages: int = 0
    _now: int = 1_795_420_800  # 2026-11-23 08:00 UTC

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.trouble.middleware])
        app.router.add_post(PATH, self._message)
        return app

    def writes(self, user_id: str, text: str) -> dict[str, Any]:
        """The `value` of a change: her contact and her message."""
        self._messages += 1
        message = {
            "id": f"wamid.HBgL{self._messages}",
            "timestamp": str(self._now + self._messages),
            "type": "text",
            "text": {"body": text},
            "from_user_id": user_id,
        }
        contact = {"profile": {"name": "Lin", "username": "@lin"}, "user_id": user_id}
        if number := self.numbers.get(user_id):
            message["from"] = contact["wa_id"] = number
        return self.value(contacts=[contact], messages=[message])

    def switches_marketing_off(self, user_id: str) -> dict[str, Any]:
        preference = {
            "user_id": user_id,
            "detail": "User requested to stop marketing messages",
            "category": "marketing_messages",
            "value": "stop",
            "timestamp": self._now + self._messages,
        }
        return self.value(user_preferences=[preference])

    def was_read(self) -> dict[str, Any]:
        return self.value(statuses=[{"id": "wamid.1", "status": "read", "timestamp": str(self._now)}])

    def value(self, number_id: str = NUMBER_ID, **what: Any) -> dict[str, Any]:
        metadata = {"display_phone_number": "4930901820", "phone_number_id": number_id}
        return {"messaging_product": "whatsapp", "metadata": metadata} | what

    def body(self, *values: dict[str, Any]) -> bytes:
        changes = [{"field": "messages", "value": value} for value in values]
        given = {
            "object": "whatsapp_business_account",
            "entry": [{"id": "102290129340398", "changes": changes}],
        }
        return json.dumps(given).encode()

    async def _message(self, request: web.Request) -> web.Response:
        given = await request.json()
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"error": {"code": 190}}, status=401)
        ids = {number: user_id for user_id, number in self.numbers.items()}
        to = ids.get(given["to"]) if "to" in given else given.get("recipient")
        if to is None or given["messaging_product"] != "whatsapp" or given["type"] != "text":
            return web.json_response({"error": {"code": 100, "message": "Invalid parameter"}}, status=400)
        self.said.append((to, given["text"]["body"]))
        return web.json_response({"messaging_product": "whatsapp", "messages": [{"id": "wamid.2"}]})
