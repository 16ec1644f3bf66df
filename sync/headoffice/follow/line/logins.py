"""LINE Login, acted out: her browser is sent there, comes back, and the friendship is asked for each time."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web
from yarl import URL

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import FollowEvent, Hear
from sync.headoffice.follow.line.client import LineClient
from sync.headoffice.follow.line.login import BadState, State, authorize_url, begin, read_state, verifier
from sync.headoffice.follow.outgoing import CallFailed, Errands, log
from sync.headoffice.follow.scene import read_code
from sync.model import Clock

_REMEMBERED: Final = 1000
"""Returns whose outcome is kept: phones load a page again when they wake up."""
_LONGEST_CODE: Final = 512


def chat_link(account_id: str, said: str) -> str:
    """Opens the chat with the account, with the text typed in (developers.line.biz, "LINE URL scheme")."""
    return (
        f"https://line.me/R/oaMessage/{quote('@' + account_id.lstrip('@'), safe='')}/?{quote(said, safe='')}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """Where she goes next, or else what she reads."""

    goes_to: str | None
    reads: str


class Logins:
    """The logins of one account. What a login needs to know comes back in its state."""

    def __init__(
        self, account: Account, hear: Hear, client: LineClient, errands: Errands, clock: Clock
    ) -> None:
        self._account = account
        self._hear = hear
        self._client = client
        self._errands = errands
        self._clock = clock
        self._at = account.option("login", "https://access.line.me")
        self._client_id = account.options["login_channel"]
        self._secret = account.secret("login_secret")
        self._return = account.option("login_return", "")
        if not self._return:
            raise BadAccount(
                f"account {account.name} needs login_return, the address LINE sends people back to"
            )
        self._returns: OrderedDict[tuple[str, str], asyncio.Task[_Outcome]] = OrderedDict()

    def link(self, scene: str) -> str:
        return f"{self._return}?scene={quote(scene, safe='')}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """303 to LINE, and from there to the grant; where LINE does not help, to the chat instead."""
        query = request.query
        now = self._clock.now()
        if "state" not in query:
            try:
                state = begin(query.get("scene", ""), now)
            except ValueError:
                raise web.HTTPBadRequest from None
            raise self._to_line(state)
        try:
            state = read_state(query["state"], self._secret, now)
        except BadState as bad:
            if bad.state is None:
                raise web.HTTPForbidden from None
            raise self._to_line(begin(bad.state.scene, now)) from None
        code = query.get("code", "")
        if not code or len(code) > _LONGEST_CODE:
            # error=access_denied: she would rather not. The chat needs no login.
            raise _go(chat_link(self._account.id, state.scene))
        outcome = await self._outcome(state, query["state"], code, query.get("friendship_status_changed"))
        if outcome.goes_to is not None:
            raise _go(outcome.goes_to)
        return web.Response(text=outcome.reads, headers=_HEADERS)

    async def _outcome(self, state: State, signed: str, code: str, changed: str | None) -> _Outcome:
        """Once for each return: LINE takes a code one time only, and the same page is loaded twice."""
        key = (signed, code)
        if key not in self._returns:
            self._returns[key] = asyncio.create_task(self._find_out(state, code, changed == "true"))
            while len(self._returns) > _REMEMBERED:
                self._returns.popitem(last=False)
        task = self._returns[key]
        try:
            # The first phone to go away must not take the outcome from the second.
            return await asyncio.shield(task)
        except Exception:
            self._returns.pop(key, None)
            raise

    async def _find_out(self, state: State, code: str, changed: bool) -> _Outcome:
        chat = _Outcome(goes_to=chat_link(self._account.id, state.scene), reads="")
        try:
            her_token = await self._client.exchange(
                code,
                client_id=self._client_id,
                client_secret=self._secret,
                redirect_uri=self._return,
                verifier=verifier(state, self._secret),
            )
            try:
                # Always: friendship_status_changed is false for those who were friends before, too.
                if not await self._client.is_friend(her_token):
                    return chat
                user_id = await self._client.user_id(her_token)
            finally:
                revoke = self._client.revoke(her_token, client_id=self._client_id, client_secret=self._secret)
                self._errands.start(revoke, self._account.name)
        except CallFailed as failure:
            log.warning("account %s: %s", self._account.name, failure)
            return chat
        answer = await self._hear(self._event(state, user_id, changed))
        return _Outcome(goes_to=answer.link, reads=answer.text or "")

    def _event(self, state: State, user_id: str, changed: bool) -> FollowEvent:
        code = read_code(state.scene)
        return FollowEvent(
            platform="line",
            account=self._account.name,
            subject_id=user_id,
            kind="follow" if changed else "scan",
            scene=None if code else state.scene,
            code=code,
            occurred_at=self._clock.now(),
            dedupe_key=f"login.{state.nonce}.{user_id}",
        )

    def _to_line(self, state: State) -> web.HTTPSeeOther:
        return _go(authorize_url(self._at, self._client_id, self._return, state, self._secret))


_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def _go(url: str) -> web.HTTPSeeOther:
    # The address she comes from holds her login's code: the next page is not told.
    # As it is written: yarl would take the percent signs out of LINE's own addresses.
    return web.HTTPSeeOther(URL(url, encoded=True), headers=_HEADERS)
