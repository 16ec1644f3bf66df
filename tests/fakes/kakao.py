"""KakaoTalk's channels, played, as Kakao documents them: who added one, the webhook, and Kakao Login."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.fakes.trouble import Trouble

CHANNEL = "_ZeUTxl"
PATH = "/v2/api/talk/channels"
TOKEN = "/oauth/token"


@dataclass(slots=True, kw_only=True)
class Kakao:
    """One app with one channel."""

    admin_key: str = "primary-admin-key"
    rest_key: str = "rest-api-key"
    client_secret: str = "client-secret"
    visitor: str | None = None
    """The app user id of who sits before the browser; None: she refuses."""
    logged_out: list[str] = field(default_factory=list)
    relations: dict[str, str] = field(default_factory=dict)
    """ADDED or BLOCKED, by app user id."""
    trouble: Trouble = field(default_factory=Trouble)
    _webhooks: int = 0
    _codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.trouble.middleware])
        app.router.add_get(PATH, self._channels)
        app.router.add_get("/oauth/authorize", self._authorize)
        app.router.add_post(TOKEN, self._token)
        app.router.add_post("/v1/user/logout", self._log_out)
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
        her = self._tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if her is None and request.headers.get("Authorization") != f"KakaoAK {self.admin_key}":
            return web.json_response({"msg": "this access token does not exist", "code": -401}, status=401)
        if her is None:
            if request.query.get("target_id_type") != "user_id":
                return web.json_response({"msg": "target_id_type is required", "code": -2}, status=400)
            her = request.query["target_id"]
            if her not in self.relations:
                return web.json_response({"msg": "NotRegisteredUserException", "code": -101}, status=400)
        relation = self.relations.get(her, "NONE")
        channel = {"channel_uuid": "@our_cafe", "channel_public_id": CHANNEL, "relation": relation}
        return web.json_response({"user_id": int(her), "channels": [channel]})

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = request.query
        if asked["client_id"] != self.rest_key or asked["response_type"] != "code":
            return web.Response(status=400, text="KOE101")
        back = {"state": asked["state"]}
        if self.visitor is None:
            back |= {"error": "access_denied", "error_description": "User denied access"}
        else:
            code = secrets.token_urlsafe(40)
            self._codes[code] = (self.visitor, asked["redirect_uri"])
            back["code"] = code
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(back)}")

    async def _token(self, request: web.Request) -> web.Response:
        given = await request.post()
        her, return_url = self._codes.pop(str(given.get("code")), ("", ""))
        keys = (given.get("client_id"), given.get("client_secret"))
        if not her or given.get("redirect_uri") != return_url or keys != (self.rest_key, self.client_secret):
            return web.json_response({"error": "invalid_grant", "error_code": "KOE320"}, status=400)
        token = secrets.token_urlsafe(40)
        self._tokens[token] = her
        return web.json_response({"token_type": "bearer", "access_token": token, "expires_in": 21599})

    async def _log_out(self, request: web.Request) -> web.Response:
        her = self._tokens.pop(request.headers["Authorization"].removeprefix("Bearer "))
        self.logged_out.append(her)
        return web.json_response({"id": int(her)})
