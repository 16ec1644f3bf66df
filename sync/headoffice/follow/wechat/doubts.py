"""What makes a push doubtful though its signature fits, and how a refused one is answered."""

import hashlib
import logging
import re
from collections import OrderedDict
from typing import Final

from aiohttp import web

from sync.headoffice.follow.wechat.signature import BadPush, BadPushKey
from sync.model import Clock

log = logging.getLogger("yingke.headoffice.follow")
STALE_SECONDS: Final = 300
"""A push is delivered within 15 s, three tries of 5; the rest is for clocks."""
_STATUS: Final[dict[BadPushKey, int]] = {
    "forged": 403,
    "stale": 403,
    "other_account": 403,
    "malformed": 400,
    "undecryptable": 400,
}
_TIMESTAMP: Final = re.compile(r"[0-9]{1,10}")
_NONCES_KEPT: Final = 20_000
_LOG_PAUSE_SECONDS: Final = 60


class Nonces:
    """In plain mode the signature is over the address alone: whoever finds one in some log could put a body
    of their own behind it. So an address goes with the first body that came with it.
    """

    def __init__(self, kept: int = _NONCES_KEPT) -> None:
        self._kept = kept
        self._bodies: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def check(self, timestamp: str, nonce: str, body: bytes) -> None:
        """Raises BadPush(forged) for the same address with another body."""
        digest = hashlib.sha256(body).digest()
        if self._bodies.setdefault((timestamp, nonce), digest) != digest:
            raise BadPush("forged", "this address came with another body before")
        if len(self._bodies) > self._kept:
            self._bodies.popitem(last=False)


def judge_time(timestamp: str, clock: Clock) -> None:
    """Raises BadPush(stale). With a clock that is not set nobody can judge; a replay gets its old answer."""
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadPush("malformed", "timestamp is no time")
    if clock.synced() and abs(clock.now().timestamp() - int(timestamp)) > STALE_SECONDS:
        raise BadPush("stale", "the push is more than five minutes off our clock")


class Refusals:
    """Answers what is not believed."""

    def __init__(self, account: str, clock: Clock) -> None:
        self._account, self._clock = account, clock
        self._logged: dict[BadPushKey, float] = {}

    def answer(self, bad: BadPush) -> web.Response:
        """Logged once a minute for each kind: anybody may knock here as often as they like."""
        now = self._clock.boottime()
        if now - self._logged.get(bad.key, -_LOG_PAUSE_SECONDS) >= _LOG_PAUSE_SECONDS:
            self._logged[bad.key] = now
            log.warning("account %s refused a push: %s, %s", self._account, bad.key, bad)
        return web.Response(status=_STATUS[bad.key], text=bad.key)
