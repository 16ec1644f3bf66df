"""The access token of one account, with one holder: whoever fetched one beside us would take ours away.

Sources: developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken,
developer.work.weixin.qq.com/document/path/91039 (WeCom).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sync.headoffice.follow.outgoing import CallFailed
from sync.headoffice.follow.wechat.errors import BAD_TOKEN, ApiRefused, checked
from sync.model import Clock

log = logging.getLogger("yingke.headoffice.follow")
# Five minutes before the end the platform has a new one, and then both are good: that is when we ask.
_ASK_AGAIN_SECONDS: Final = 240
# A forced renewal kills the old token; the platform takes 20 a day, at least 30 s apart.
_FORCE_PAUSE_SECONDS: Final = 24 * 3600 / 20
# After a refusal (a wrong secret, an address that is not on the list) not every caller asks anew; nor does
# each of a hundred find out for itself, with all its patience, that the platform does not answer.
_REFUSED_PAUSE_SECONDS: Final = 30
_FAILED_PAUSE_SECONDS: Final = 5

Fetch = Callable[[bool], Awaitable[Any]]
"""Asks the platform for a token; True: for a new one even if there is one. Raises CallFailed."""


class TokenHolder:
    """Asks for the token when it is needed, once for all who need it."""

    def __init__(self, account: str, fetch: Fetch, clock: Clock) -> None:
        self._account, self._fetch, self._clock = account, fetch, clock
        self._asking = asyncio.Lock()
        self._token, self._good_until, self._renew_at = "", 0.0, 0.0
        self._refused_token = ""
        self._force_at = 0.0
        self._failure: ApiRefused | CallFailed | None = None
        self._failed_until = 0.0

    async def ask(self, call: Callable[[str], Awaitable[Any]]) -> dict[str, Any]:
        """The good answer of a call that needs the token; once more with a new one when that is called bad.

        Raises ApiRefused, CallFailed.
        """
        token = await self._current()
        try:
            return checked(await call(token))
        except ApiRefused as refusal:
            if refusal.code not in BAD_TOKEN:
                raise
            self._give_up(token)
        return checked(await call(await self._current()))

    async def _current(self) -> str:
        async with self._asking:
            now = self._clock.boottime()
            if self._token and now < self._renew_at:
                return self._token
            try:
                if self._failure is not None and now < self._failed_until:
                    raise self._failure.with_traceback(None)
                await self._renew(now)
            except (ApiRefused, CallFailed) as failure:
                self._remember(failure, now)
                # The old one still opens: then nobody needs to know.
                if self._token and now < self._good_until:
                    return self._token
                raise
            return self._token

    def _remember(self, failure: ApiRefused | CallFailed, now: float) -> None:
        if failure is self._failure and now < self._failed_until:
            return
        pause = _REFUSED_PAUSE_SECONDS if isinstance(failure, ApiRefused) else _FAILED_PAUSE_SECONDS
        # From now, not from when it was asked: no answer takes its time.
        self._failure, self._failed_until = failure, self._clock.boottime() + pause
        log.error("account %s gets no access token: %s", self._account, failure)

    def _give_up(self, token: str) -> None:
        """Another call may have a newer one already."""
        if token == self._token:
            self._token, self._refused_token = "", token

    async def _renew(self, now: float) -> None:
        token, seconds = await self._fetched(force=False)
        if token == self._refused_token and now >= self._force_at:
            self._force_at = now + _FORCE_PAUSE_SECONDS
            token, seconds = await self._fetched(force=True)
        self._token, self._failure = token, None
        self._good_until, self._renew_at = now + seconds, now + max(seconds - _ASK_AGAIN_SECONDS, 1)

    async def _fetched(self, *, force: bool) -> tuple[str, int]:
        fields = checked(await self._fetch(force))
        token, seconds = fields.get("access_token"), fields.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(seconds, int):
            raise ApiRefused(None)
        return token, seconds
