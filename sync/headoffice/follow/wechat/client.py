"""What we ask of WeChat: QR codes, and whether somebody follows.

Sources: developers.weixin.qq.com/doc/service/api/qrcode/qrcodes/api_createqrcode,
…/api/usermanage/userinfo/api_userinfo.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any, Final

import aiohttp

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import CannotMint, Minted
from sync.headoffice.follow.outgoing import PAUSES, CallFailed, call
from sync.headoffice.follow.wechat.access_token import TokenHolder
from sync.headoffice.follow.wechat.errors import ApiRefused
from sync.model import Clock

log = logging.getLogger("yingke.headoffice.follow")
REAL_API: Final = "https://api.weixin.qq.com"
_LONGEST_SECONDS: Final = 2_592_000
_LONGEST_SCENE: Final = 64
# A permission does not come back from one follower to the next; asking counts against the day's quota.
_NO_PERMISSION_SECONDS: Final = 3600
_URL: Final = re.compile(r"https?://[!-~]{1,200}")


class WeChatApi:
    """The calls for one account."""

    def __init__(
        self, account: Account, http: aiohttp.ClientSession, clock: Clock, pauses: Sequence[float] = PAUSES
    ) -> None:
        self._account, self._http, self._clock, self._pauses = account, http, clock, pauses
        self._silent_until = 0.0
        self._api = account.option("api", REAL_API).rstrip("/")
        self._tokens = TokenHolder(account.name, self._fetch_token, clock)

    async def mint(self, scene: str, seconds: int | None) -> Minted:
        """Raises CannotMint; without an app secret there is no permission, and the codes still work."""
        if "app_secret" not in self._account.secrets:
            raise CannotMint("no_permission")
        if not 1 <= len(scene) <= _LONGEST_SCENE:
            raise CannotMint("unsupported")
        wish: dict[str, Any] = {
            "action_name": "QR_LIMIT_STR_SCENE" if seconds is None else "QR_STR_SCENE",
            "action_info": {"scene": {"scene_str": scene}},
        }
        if seconds is not None:
            wish["expire_seconds"] = max(1, min(seconds, _LONGEST_SECONDS))
        try:
            answer = await self._tokens.ask(lambda token: self._create_qr(token, wish))
        except ApiRefused as refusal:
            log.error("account %s gets no QR code: %s", self._account.name, refusal)
            raise CannotMint(refusal.why) from None
        except CallFailed as failure:
            log.warning("account %s: %s", self._account.name, failure)
            raise CannotMint("unavailable") from None
        url = answer.get("url")
        if not isinstance(url, str) or not _URL.fullmatch(url):
            raise CannotMint("unavailable")
        return Minted(url=url)

    async def is_following(self, openid: str) -> bool | None:
        """None when the platform does not say."""
        if "app_secret" not in self._account.secrets or self._clock.boottime() < self._silent_until:
            return None
        try:
            answer = await self._tokens.ask(lambda token: self._user_info(token, openid))
        except (ApiRefused, CallFailed) as failure:
            log.warning("account %s cannot ask who follows: %s", self._account.name, failure)
            if isinstance(failure, ApiRefused) and failure.why != "unavailable":
                self._silent_until = self._clock.boottime() + _NO_PERMISSION_SECONDS
            return None
        said = answer.get("subscribe")
        return bool(said) if said in (0, 1) else None

    async def _fetch_token(self, force: bool) -> Any:
        wish = {
            "grant_type": "client_credential",
            "appid": self._account.id,
            "secret": self._account.secret("app_secret"),
            "force_refresh": force,
        }
        url = f"{self._api}/cgi-bin/stable_token"
        return await call(self._http, "the access token", "POST", url, json=wish, pauses=self._pauses)

    async def _create_qr(self, token: str, wish: dict[str, Any]) -> Any:
        url, query = f"{self._api}/cgi-bin/qrcode/create", {"access_token": token}
        return await call(self._http, "a QR code", "POST", url, params=query, json=wish, pauses=self._pauses)

    async def _user_info(self, token: str, openid: str) -> Any:
        query = {"access_token": token, "openid": openid, "lang": "zh_CN"}
        url = f"{self._api}/cgi-bin/user/info"
        return await call(self._http, "who follows", "GET", url, params=query, pauses=self._pauses)
