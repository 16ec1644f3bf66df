"""WeChat's platform for official accounts: the API it offers, and the people on it.

Written from the documents (see sync/headoffice/follow/wechat/). How it pushes: wechat_push.py.

`python -m tests.fakes.wechat --listen 0.0.0.0:80 --settings FILE.json` serves it by itself; then `POST /fake`
with {"openid", "does": "scan"|"follow"|"unfollow"|"say"|"menu", "url"|"text"} lets somebody do something and
answers what she reads, as Read has fields. `GET /` is WeChat on a phone, for people.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from sync.process import notify_ready
from tests.fakes.trouble import Trouble
from tests.fakes.wechat_push import PATIENCE_SECONDS, Pusher, Read, Settings

_LONGEST_SECONDS, _DEFAULT_SECONDS, _MOST_PERMANENT = 2_592_000, 60, 100_000
_TOKEN_SECONDS, _RENEWS_BEFORE_SECONDS, _FORCED_A_DAY, _FORCED_PAUSE_SECONDS = 7200, 300, 20, 30


@dataclass(kw_only=True)
class _Qr:
    scene: str
    until: float | None


@dataclass(kw_only=True)
class _Token:
    text: str
    until: float


@dataclass
class FakeWeChat:
    """One official account. `now` gives seconds since 1970, `patience_seconds` is how long it waits."""

    settings: Settings = field(default_factory=Settings)
    now: Callable[[], float] = time.time
    patience_seconds: float = PATIENCE_SECONDS

    def __post_init__(self) -> None:
        self.trouble = Trouble()
        self.followers: set[str] = set()
        self.pusher = Pusher(self.settings, self.now, self.patience_seconds)
        self.codes_ahead: dict[str, deque[int]] = {}
        self._qrs: dict[str, _Qr] = {}
        self._tokens: list[_Token] = []
        self._spoilt: set[str] = set()
        self._forced_at: list[float] = []
        self._numbers = itertools.count(24086087575195331)

    # What it offers.

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.trouble.middleware])
        app.router.add_post("/cgi-bin/stable_token", self._stable_token)
        app.router.add_post("/cgi-bin/qrcode/create", self._qrcode_create)
        app.router.add_get("/cgi-bin/user/info", self._user_info)
        app.router.add_post("/fake", self._somebody_does)
        return app

    def refuse_next(self, path: str, *codes: int) -> None:
        """The next calls of `path` get these errcodes."""
        self.codes_ahead.setdefault(path, deque()).extend(codes)

    def forget_tokens(self) -> None:
        """As when somebody else has forced a new one."""
        self._tokens.clear()

    def spoil_tokens(self) -> None:
        """The calls find them bad, though they are handed out still, until a new one is forced."""
        self._spoilt |= {token.text for token in self._tokens}

    def scene_of(self, url: str) -> str | None:
        """What a QR says; None: expired, or none of ours."""
        qr = self._qrs.get(url)
        return qr.scene if qr and (qr.until is None or self.now() < qr.until) else None

    def poster(self) -> str:
        """The first QR that was made for good; empty while there is none."""
        return next((url for url, qr in self._qrs.items() if qr.until is None), "")

    @property
    def forced(self) -> int:
        """How often a new token was forced."""
        return len(self._forced_at)

    async def _stable_token(self, request: web.Request) -> web.Response:
        wish = await request.json()
        if code := self._code_ahead(request.path):
            return _refusal(code)
        if not self.settings.knows_our_address:
            return _refusal(40164)
        if wish.get("appid") != self.settings.app_id:
            return _refusal(40013)
        if wish.get("secret") != self.settings.app_secret:
            return _refusal(40125)
        now = self.now()
        self._tokens = [token for token in self._tokens if token.until > now]
        if wish.get("force_refresh"):
            if any(now - at < _FORCED_PAUSE_SECONDS for at in self._forced_at[-1:]) or (
                sum(now - at < 86400 for at in self._forced_at) >= _FORCED_A_DAY
            ):
                return _refusal(45009)
            self._forced_at.append(now)
            self._tokens.clear()
        if not self._tokens or self._tokens[-1].until - now <= _RENEWS_BEFORE_SECONDS:
            self._tokens.append(_Token(text=f"token-{next(self._numbers)}", until=now + _TOKEN_SECONDS))
        newest = self._tokens[-1]
        return web.json_response({"access_token": newest.text, "expires_in": int(newest.until - now)})

    async def _qrcode_create(self, request: web.Request) -> web.Response:
        wish = await request.json()
        if code := self._refuses(request):
            return _refusal(code)
        if not self.settings.is_verified_service:
            return _refusal(48001)
        scene = wish["action_info"]["scene"]["scene_str"]
        if not 1 <= len(scene) <= 64:
            return _refusal(40053)
        seconds = int(wish.get("expire_seconds", _DEFAULT_SECONDS))
        until: float | None = self.now() + seconds
        if wish["action_name"] == "QR_LIMIT_STR_SCENE":
            until = None
            if sum(qr.until is None for qr in self._qrs.values()) >= _MOST_PERMANENT:
                return _refusal(45029)
        elif wish["action_name"] != "QR_STR_SCENE" or not 1 <= seconds <= _LONGEST_SECONDS:
            return _refusal(40053)
        number = next(self._numbers)
        url = f"http://weixin.qq.com/q/02{number}"
        self._qrs[url] = _Qr(scene=scene, until=until)
        answer: dict[str, Any] = {"ticket": f"gQH47joAAAA{number}", "url": url}
        return _json(answer | ({} if until is None else {"expire_seconds": seconds}))

    async def _user_info(self, request: web.Request) -> web.Response:
        if code := self._refuses(request):
            return _refusal(code)
        if not self.settings.is_verified_service:
            return _refusal(48001)
        openid = request.query.get("openid", "")
        if openid not in self.followers:
            return _json({"subscribe": 0, "openid": openid})
        told = {"subscribe": 1, "openid": openid, "subscribe_time": int(self.now())}
        return _json(told | {"subscribe_scene": "ADD_SCENE_QR_CODE", "tagid_list": []})

    def _refuses(self, request: web.Request) -> int:
        if code := self._code_ahead(request.path):
            return code
        token = request.query.get("access_token", "")
        good = token not in self._spoilt
        good = good and any(token == each.text and self.now() < each.until for each in self._tokens)
        return 0 if good else 40001

    def _code_ahead(self, path: str) -> int:
        ahead = self.codes_ahead.get(path)
        return ahead.popleft() if ahead else 0

    # What the people on it do.

    async def scan(self, openid: str, url: str) -> Read:
        """With WeChat's camera; following comes with one tap more, and we see only its end."""
        scene = self.scene_of(url)
        if scene is None:
            return Read(tries=0, text=None)
        if openid in self.followers:
            return await self.pusher.push(openid, MsgType="event", Event="SCAN", EventKey=scene, Ticket="gQH")
        self.followers.add(openid)
        return await self.pusher.push(
            openid, MsgType="event", Event="subscribe", EventKey=f"qrscene_{scene}", Ticket="gQH"
        )

    async def follow(self, openid: str) -> Read:
        """By its name, from a card, after a search."""
        self.followers.add(openid)
        return await self.pusher.push(openid, MsgType="event", Event="subscribe", EventKey="")

    async def unfollow(self, openid: str) -> Read:
        self.followers.discard(openid)
        return await self.pusher.push(openid, MsgType="event", Event="unsubscribe", EventKey="")

    async def say(self, openid: str, text: str) -> Read:
        return await self.pusher.push(openid, MsgType="text", Content=text, MsgId=next(self._numbers))

    async def menu(self, openid: str, key: str = "WIFI") -> Read:
        return await self.pusher.push(openid, MsgType="event", Event="CLICK", EventKey=key)

    async def _somebody_does(self, request: web.Request) -> web.Response:
        wish = await request.json()
        openid = wish["openid"]
        match wish["does"]:
            case "scan":
                read = await self.scan(openid, wish["url"])
            case "follow":
                read = await self.follow(openid)
            case "unfollow":
                read = await self.unfollow(openid)
            case "say":
                read = await self.say(openid, wish["text"])
            case "menu":
                read = await self.menu(openid)
            case other:
                return web.json_response({"error": f"nobody can {other}"}, status=400)
        return _json(asdict(read))


def _json(answer: dict[str, Any]) -> web.Response:
    # The real one says text/plain.
    return web.Response(text=json.dumps(answer, ensure_ascii=False), content_type="text/plain")


def _refusal(code: int) -> web.Response:
    return _json({"errcode": code, "errmsg": "refused rid: 6543210f-00000000-00000000"})


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.wechat")
    parser.add_argument("--listen", default="127.0.0.1:8500")
    parser.add_argument("--settings", type=Path, required=True, help="a JSON object, as Settings has fields")
    arguments = parser.parse_args()
    host, _, port = arguments.listen.rpartition(":")
    fake = FakeWeChat(Settings(**json.loads(arguments.settings.read_text())))
    app = fake.app()
    # Its page needs this module: here, not at the top.
    from tests.fakes.wechat_page import Phone

    Phone(fake=fake).add_to(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host.strip("[]"), int(port)).start()
    notify_ready()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
