"""Instagram's messaging, played, as Meta documents it: profiles with consent, messages, signed webhooks."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.trouble import Trouble

OWN = "17841400000000001"


async def push(
    http: aiohttp.ClientSession, url: str, body: bytes, app_secret: str, signature: str | None = None
) -> int:
    """One delivery, as Meta signs all its webhooks; the status that came back."""
    made = f"sha256={hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()}"
    headers = {"X-Hub-Signature-256": made if signature is None else signature}
    async with http.post(url, data=body, headers=headers) as response:
        return response.status


@dataclass(slots=True, kw_only=True)
class Instagram:
    """One professional account."""

    app_secret: str = "app-secret"
    verify_token: str = "verify-me"
    token: str = "IGQ-token"
    version: str = "v23.0"
    followers: set[str] = field(default_factory=set)
    wrote: set[str] = field(default_factory=set)
    """Those who have consented by writing."""
    said: list[tuple[str, str]] = field(default_factory=list)
    trouble: Trouble = field(default_factory=Trouble)
    _messages: int = 0
    _now_ms: int = 1_795_420_800_000  # 2026-11-23 08:00 UTC

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.trouble.middleware])
        app.router.add_get(f"/{self.version}/{{person}}", self._profile)
        app.router.add_post(f"/{self.version}/me/messages", self._message)
        return app

    def path(self, last: str) -> str:
        return f"/{self.version}/{last}"

    # What people do.

    def writes(self, her: str, text: str, ref: str | None = None, at_second: int = 0) -> dict[str, Any]:
        self.wrote.add(her)
        self._messages += 1
        message: dict[str, Any] = {"mid": f"aWdfZAG1f{self._messages}", "text": text}
        if ref is not None:
            message["referral"] = {"ref": ref, "source": "IGME-SOURCE-LINK", "type": "OPEN_THREAD"}
        return self.event(her, message=message) | {"timestamp": self._now_ms + 1000 * at_second}

    def opens(self, her: str, ref: str) -> dict[str, Any]:
        referral = {"ref": ref, "source": "IGME-SOURCE-LINK", "type": "OPEN_THREAD"}
        return self.event(her, referral=referral)

    def taps(self, her: str, payload: str) -> dict[str, Any]:
        self.wrote.add(her)
        self._messages += 1
        return self.event(
            her, postback={"mid": f"aWdfZAG1f{self._messages}", "title": "WiFi", "payload": payload}
        )

    def event(self, her: str, **what: Any) -> dict[str, Any]:
        return {"sender": {"id": her}, "recipient": {"id": OWN}, "timestamp": self._now_ms} | what

    def body(self, *events: dict[str, Any], own: str = OWN) -> bytes:
        entry = {"id": own, "time": self._now_ms, "messaging": list(events)}
        return json.dumps({"object": "instagram", "entry": [entry]}).encode()

    # The API.

    async def _profile(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, 190, "Invalid OAuth access token.")
        her = request.match_info["person"]
        if her not in self.wrote:
            return _error(400, 230, "(#230) User consent is required to access user profile")
        assert request.query["fields"] == "is_user_follow_business"
        return web.json_response({"is_user_follow_business": her in self.followers, "id": her})

    async def _message(self, request: web.Request) -> web.Response:
        given = await request.json()
        if not 0 < len(given["message"]["text"].encode()) <= 1000:
            return _error(400, 100, "Length of param message[text] must be less than or equal to 1000")
        self.said.append((given["recipient"]["id"], given["message"]["text"]))
        return web.json_response({"recipient_id": given["recipient"]["id"], "message_id": "m_1"})


def _error(status: int, code: int, message: str) -> web.Response:
    given = {"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A1"}}
    return web.json_response(given, status=status)
