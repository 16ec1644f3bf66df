"""What we ask of WeChat: QR codes, and whether somebody follows.

Sources: developers.weixin.qq.com/doc/service/api/qrcode/qrcodes/api_createqrcode,
…/api/usermanage/userinfo/api_userinfo.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import CannotMint, Minted
from sync.headoffice.follow.outgoing import PAUSES, CallFailed, call
from sync.headoffice.follow.wechat.access_token import TokenHolder
from sync.headoffice.follow.wechat.errors import BAD_TOKEN, ApiRefused, checked
from sync.model import Clock

log = logging.getLogger("yingke.headoffice.follow")
REAL_API: Final = "https://api.weixin.qq.com"
_LONGEST_SECONDS: Final = 2_592_000
_LONGEST_SCENE: Final = 64
_URL: Final = re.compile(r"https?://[!-~]{1,200}")


class WeChatApi:
    """The calls for one account."""

    def __init__(
        self, account: Account, http: aiohttp.ClientSession, clock: Clock, pauses: Sequence[float] = PAUSES
    ) -> None:
        self._account, self._http, self._pauses = account, http, pauses
        self._api = account.option("api", REAL_API).rstrip("/")
        self._tokens = TokenHolder(account, self._api, http, clock, pauses)

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
            answer = await self._ask("a QR code", "POST", "/cgi-bin/qrcode/create", json=wish)
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
        if "app_secret" not in self._account.secrets:
            return None
        try:
            answer = await self._ask(
                "who follows", "GET", "/cgi-bin/user/info", params={"openid": openid, "lang": "zh_CN"}
            )
        except (ApiRefused, CallFailed) as failure:
            log.warning("account %s cannot ask who follows: %s", self._account.name, failure)
            return None
        said = answer.get("subscribe")
        return bool(said) if said in (0, 1) else None

    async def _ask(
        self, what: str, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Any = None
    ) -> dict[str, Any]:
        """Once more with a new token when the first is bad. Raises ApiRefused, CallFailed."""
        for last in (False, True):
            token = await self._tokens.current()
            url, query = self._api + path, {"access_token": token, **(params or {})}
            try:
                return checked(
                    await call(self._http, what, method, url, params=query, json=json, pauses=self._pauses)
                )
            except ApiRefused as refusal:
                if last or refusal.code not in BAD_TOKEN:
                    raise
                self._tokens.refuse(token)
        raise AssertionError("the last round raises")
