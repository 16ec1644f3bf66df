"""A LINE Official Account: its webhook, its links, and LINE Login with the friendship asked for.

    [accounts.main]
    platform = "line"
    title = "Our café"
    id = "@abc1234x"                    the account's basic or premium id
    bot = "U…"                          its "Your user ID"; webhooks for another are refused (may be left out)
    login_channel = "1657000000"        with LINE Login: the login channel's id
    login_return = "https://head.example.com/platforms/line/main/login"
    entry = "chat"                      links open the chat although there is a login

Secrets: `main.channel_secret`, `main.channel_token`, and `main.login_secret` with LINE Login. The login
channel must belong to the same provider and have the account linked
(developers.line.biz/en/docs/line-login/link-a-bot/).

What proves what: a `follow` webhook and a login with `friendFlag` prove a friend. A message does not: LINE
lets people write who are none, and tells us of nobody's friendship but at a login. So where there is a login,
links lead to it.
"""

from collections.abc import Sequence

import aiohttp
from aiohttp import web

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import CannotMint, Hear, Minted
from sync.headoffice.follow.incoming import BadBody, parse_object, read_body
from sync.headoffice.follow.line.client import LineClient
from sync.headoffice.follow.line.login import LineLogin, chat_link
from sync.headoffice.follow.line.webhook import SIGNATURE_HEADER, fits, read_events
from sync.headoffice.follow.logins import Logins
from sync.headoffice.follow.outgoing import PAUSES, CallFailed, Errands, log
from sync.model import Clock


def make(account: Account, hear: Hear, http: aiohttp.ClientSession, clock: Clock) -> "Line":
    """Raises BadAccount when a secret is missing."""
    return Line(account, hear, http, clock)


class Line:
    """One account. Everything it must remember, the desk remembers."""

    def __init__(
        self,
        account: Account,
        hear: Hear,
        http: aiohttp.ClientSession,
        clock: Clock,
        *,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._account = account
        self._hear = hear
        self._client = LineClient(http, account.option("api", "https://api.line.me"), pauses=pauses)
        self._channel_secret = account.secret("channel_secret")
        self._channel_token = account.secret("channel_token")
        self._bot = account.option("bot", "")
        self._errands = Errands()
        self._logins = None
        if "login_channel" in account.options:
            provider = LineLogin(account, self._client, self._errands)
            self._logins = Logins(account, hear, provider, clock)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The webhook. 200 once the desk has it on disk; the reply goes after it, LINE does not wait long.

        403: not signed with our channel's secret, or for another account. 400: signed, and yet no JSON.
        """
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        body = await read_body(request)
        if not fits(request.headers.get(SIGNATURE_HEADER, ""), body, self._channel_secret):
            raise web.HTTPForbidden
        try:
            given = parse_object(body)
        except BadBody as error:
            log.warning("account %s: a signed webhook cannot be used: %s", self._account.name, error)
            raise web.HTTPBadRequest from None
        if self._bot and given.get("destination") != self._bot:
            log.error("account %s: LINE sends the webhooks of another account here", self._account.name)
            raise web.HTTPForbidden
        for heard in read_events(given, self._account.name):
            answer = await self._hear(heard.event)
            if answer.text and heard.reply_token:
                reply = self._client.reply(self._channel_token, heard.reply_token, answer.text)
                self._errands.start(reply, self._account.name)
        return web.Response()

    async def login(self, request: web.Request) -> str:
        """`?scene=` begins a LINE Login, `?state=` comes back from one; 404 where there is none.

        What she reads, or HTTPSeeOther to where she goes on.
        """
        if self._logins is None:
            raise web.HTTPNotFound
        return await self._logins.handle(request)

    async def mint(self, scene: str, seconds: int | None) -> Minted:
        """A link that never ends; the pool knows how long its code is good."""
        if self._logins is not None and self._account.option("entry", "login") == "login":
            return Minted(url=self._logins.link(scene))
        if not scene:
            raise CannotMint("unsupported")
        return Minted(url=chat_link(self._account.id, scene))

    async def is_following(self, subject_id: str) -> bool | None:
        """False when LINE says so; LINE never says yes."""
        try:
            return None if await self._client.knows(self._channel_token, subject_id) else False
        except CallFailed as failure:
            log.warning("account %s: %s", self._account.name, failure)
            return None

    async def close(self) -> None:
        await self._errands.close()
