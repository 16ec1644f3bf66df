"""KakaoTalk's channels, played, as Kakao documents them: who added the channel, and its webhook."""

import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.trouble import Trouble

CHANNEL = "_ZeUTxl"
PATH = "/v2/api/talk/channels"


@dataclass(slots=True, kw_only=True)
class Kakao:
    """One app with one channel."""

    admin_key: str = "primary-admin-key"
    relations: dict[str, str] = field(default_factory=dict)
    """ADDED or BLOCKED, by app user id."""
    trouble: Trouble = field(default_factory=Trouble)
    _webhooks: int = 0

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.trouble.middleware])
        app.router.add_get(PATH, self._channels)
        return app

    def event(self, kind: str, her: str, id_type: str = "app_user_id") -> dict[str, Any]:
        """`kind`: added or blocked."""
        if id_type == "app_user_id":
            self.relations[her] = kind.upper()
        return {
            "event": kind,
            "id": her,
            "id_type": id_type,
            "channel_public_id": CHANNEL,
            "channel_uuid": "@our_cafe",
            "updated_at": "2026-11-23T08:00:00Z",
        }

    async def push(
        self,
        http: aiohttp.ClientSession,
        url: str,
        given: Any,
        *,
        key: str | None = None,
        resource_id: str | None = None,
    ) -> int:
        """One delivery; the status that came back."""
        self._webhooks += 1
        headers = {
            "Authorization": f"KakaoAK {self.admin_key}" if key is None else key,
            "X-Kakao-Resource-ID": resource_id or f"Rvy1c2dkzBAZ5hGD3rq{self._webhooks}",
            "User-Agent": "KakaoOpenAPI/1.0",
        }
        body = given if isinstance(given, bytes) else json.dumps(given).encode()
        async with http.post(url, data=body, headers=headers) as response:
            return response.status

    async def _channels(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"KakaoAK {self.admin_key}":
            return web.json_response({"msg": "wrong appKey format", "code": -401}, status=401)
        if request.query.get("target_id_type") != "user_id":
            return web.json_response({"msg": "target_id_type is required", "code": -2}, status=400)
        her = request.query["target_id"]
        if her not in self.relations:
            return web.json_response({"msg": "NotRegisteredUserException", "code": -101}, status=400)
        channel = {"channel_uuid": "@our_cafe", "channel_public_id": CHANNEL, "relation": self.relations[her]}
        return web.json_response({"user_id": int(her), "channels": [channel]})
