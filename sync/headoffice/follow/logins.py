"""A login that proves a follow: her browser goes to the platform, comes back, and the platform is asked.

The same for LINE and Kakao; what differs is in their `Provider`s.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

from aiohttp import web
from yarl import URL

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import FollowEvent, Hear
from sync.headoffice.follow.login_state import BadState, State, begin, read_state
from sync.headoffice.follow.outgoing import CallFailed, log
from sync.headoffice.follow.scene import read_code
from sync.model import Clock
from sync.rate import Turnstile

_REMEMBERED: Final = 1000
"""Returns whose outcome is kept: phones load a page again when they wake up."""
_LONGEST_CODE: Final = 512
_ASKING_AT_ONCE: Final = 200
"""Anybody can begin a login and come back with any code: each costs calls to the platform."""
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """Somebody who follows, by the platform's word. `is_new`: since this login, by her browser's word."""

    subject_id: str
    is_new: bool


class Provider(Protocol):
    """What is a platform's own in a login."""

    return_url: str
    """Where the platform sends her back to: also where a login begins, with `?scene=`."""
    secret: str
    """Signs the states."""

    def authorize_url(self, state: State) -> str:
        """Where her browser signs in."""
        ...

    def other_way(self, scene: str) -> str:
        """Where she can still follow us when the login does not help."""
        ...

    async def ask(self, state: State, code: str, query: Mapping[str, str]) -> Follower | None:
        """Who she is; None when she does not follow us. Raises CallFailed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """Where she goes next, or else what she reads."""

    goes_to: str | None
    reads: str = ""


class Logins:
    """The logins of one account. What a login needs to know comes back in its state."""

    def __init__(self, account: Account, hear: Hear, provider: Provider, clock: Clock) -> None:
        self._account = account
        self._hear = hear
        self._provider = provider
        self._clock = clock
        self._asking = Turnstile(_ASKING_AT_ONCE)
        self._returns: OrderedDict[tuple[str, str], asyncio.Task[_Outcome]] = OrderedDict()

    def link(self, scene: str) -> str:
        """Begins a login; never ends."""
        return f"{self._provider.return_url}?scene={quote(scene, safe='')}"

    async def handle(self, request: web.Request) -> str:
        """What she reads at the end, when there is nowhere to send her.

        Raises HTTPSeeOther to the platform, and from there to the grant; where a login does not help, the
        other way. HTTPBadRequest: begun with no scene of ours. HTTPForbidden: a state that is not ours.
        """
        query = request.query
        if "state" not in query:
            raise self._to_platform(query.get("scene", ""))
        try:
            state = read_state(query["state"], self._provider.secret, self._clock.now())
        except BadState as bad:
            if bad.state is None:
                raise web.HTTPForbidden from None
            raise self._to_platform(bad.state.scene) from None
        code = query.get("code", "")
        if not code or len(code) > _LONGEST_CODE:
            # error=access_denied: she would rather not.
            raise _go(self._provider.other_way(state.scene))
        outcome = await self._outcome(state, code, query)
        if outcome.goes_to is not None:
            raise _go(outcome.goes_to)
        return outcome.reads

    async def _outcome(self, state: State, code: str, query: Mapping[str, str]) -> _Outcome:
        """Once for each return: a code is taken one time only, and the same page is loaded twice."""
        key = (query["state"], code)
        if key not in self._returns:
            self._returns[key] = asyncio.create_task(self._find_out(state, code, query))
            while len(self._returns) > _REMEMBERED:
                self._returns.popitem(last=False)
        try:
            # The first request to go away must not take the outcome from the second.
            return await asyncio.shield(self._returns[key])
        except Exception:
            self._returns.pop(key, None)
            raise

    async def _find_out(self, state: State, code: str, query: Mapping[str, str]) -> _Outcome:
        follower = None
        if self._asking.enter():
            try:
                follower = await self._provider.ask(state, code, query)
            except CallFailed as failure:
                log.warning("account %s: %s", self._account.name, failure)
            finally:
                self._asking.leave()
        if follower is None:
            return _Outcome(goes_to=self._provider.other_way(state.scene))
        answer = await self._hear(self._event(state, follower))
        return _Outcome(goes_to=answer.link, reads=answer.text or "")

    def _event(self, state: State, follower: Follower) -> FollowEvent:
        code = read_code(state.scene)
        return FollowEvent(
            platform=self._account.platform,
            account=self._account.name,
            subject_id=follower.subject_id,
            kind="follow" if follower.is_new else "scan",
            scene=None if code else state.scene,
            code=code,
            occurred_at=self._clock.now(),
            dedupe_key=f"login.{state.nonce}.{follower.subject_id}",
        )

    def _to_platform(self, scene: str) -> web.HTTPSeeOther:
        try:
            state = begin(scene, self._clock.now())
        except ValueError:
            raise web.HTTPBadRequest from None
        return _go(self._provider.authorize_url(state))


def _go(url: str) -> web.HTTPSeeOther:
    # The address she comes from holds her login's code: the next page is not told. And as it is written: yarl
    # would take the percent signs out of the platforms' own addresses.
    return web.HTTPSeeOther(URL(url, encoded=True), headers=_HEADERS)
