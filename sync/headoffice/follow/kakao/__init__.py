"""A KakaoTalk channel: a webhook tells who adds it and who blocks it, Kakao Login which visitor that is.

    [accounts.kakao]
    platform = "kakao"
    title = "Our café"
    id = "_ZeUTxl"                      the channel's profile id, as in pf.kakao.com/_ZeUTxl
    rest_key = "…"                      the app's REST API key
    login_return = "https://head.example.com/platforms/kakao/kakao/login"

Secrets: `kakao.admin_key`, the app's primary admin key, and `kakao.client_secret`. The app needs the consent
item "Kakao Talk Channel addition status and details", and the channel must be connected to it.

As far as it is published, and tried against our own fake only, never against Kakao (developers.kakao.com,
"Kakao Talk Channel" and "Kakao Login"). The webhook names a person and no store, and a channel's link carries
nothing: so links lead to a login, which asks for the channel. Who has not added it yet is sent to add it, and
must tap the link again then. Nobody can write to us: chats are open to Kakao's partners only, and so the
digits are of no use.
"""

import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from aiohttp import web

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import FollowEvent, Hear, Kind, Minted
from sync.headoffice.follow.incoming import BadBody, parse_object, read_body, text_in
from sync.headoffice.follow.kakao.client import KakaoClient, relation
from sync.headoffice.follow.kakao.login import KakaoLogin
from sync.headoffice.follow.logins import Logins
from sync.headoffice.follow.outgoing import PAUSES, CallFailed, Errands, log
from sync.model import Clock

RESOURCE_HEADER: Final = "X-Kakao-Resource-ID"
_KINDS: Final[dict[str, Kind]] = {"added": "follow", "blocked": "unfollow"}
_ID: Final = re.compile(r"[\w.:@+/=-]{1,100}", re.ASCII)


def make(account: Account, hear: Hear, http: aiohttp.ClientSession, clock: Clock) -> "Kakao":
    """Raises BadAccount when a secret or an address is missing."""
    return Kakao(account, hear, http, clock)


class Kakao:
    """One channel."""

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
        self._client = KakaoClient(
            http,
            api=account.option("api", "https://kapi.kakao.com"),
            login=account.option("login", "https://kauth.kakao.com"),
            pauses=pauses,
        )
        self._authorization = f"KakaoAK {account.secret('admin_key')}"
        self._errands = Errands()
        self._logins = Logins(account, hear, KakaoLogin(account, self._client, self._errands), clock)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The webhook; Kakao waits three seconds for its 200.

        403: without our admin key. 400: with it, and yet no JSON.
        """
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        given_key = request.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(given_key, self._authorization.encode()):
            raise web.HTTPForbidden
        try:
            given = parse_object(await read_body(request))
        except BadBody as error:
            log.warning("account %s: a webhook cannot be used: %s", self._account.name, error)
            raise web.HTTPBadRequest from None
        event = read_event(given, request.headers.get(RESOURCE_HEADER, ""), self._account)
        if event is not None:
            await self._hear(event)
        return web.Response()

    async def login(self, request: web.Request) -> str:
        """`?scene=` begins a Kakao Login, `?state=` comes back from one.

        What she reads, or HTTPSeeOther to where she goes on.
        """
        return await self._logins.handle(request)

    async def mint(self, scene: str, seconds: int | None) -> Minted:
        """A link that never ends; the pool knows how long its ref is good."""
        return Minted(url=self._logins.link(scene))

    async def is_following(self, subject_id: str) -> bool | None:
        """Asked of Kakao, for those known by an app's user id; the others' ids answer no questions."""
        kind, _, user_id = subject_id.partition(":")
        if kind != "app_user_id":
            return None
        try:
            found = await self._client.channels_of(self._authorization, user_id)
        except CallFailed as failure:
            log.warning("account %s: %s", self._account.name, failure)
            return None
        said = relation(found, self._account.id)
        return None if said is None else said == "ADDED"

    async def close(self) -> None:
        await self._errands.close()


def read_event(given: dict[str, Any], resource_id: str, account: Account) -> FollowEvent | None:
    """Added or blocked, of our channel; anything else is passed over."""
    kind, her, id_type = (
        _KINDS.get(text_in(given, "event") or ""),
        text_in(given, "id") or "",
        text_in(given, "id_type"),
    )
    if (
        kind is None
        or id_type not in ("app_user_id", "open_id")
        or given.get("channel_public_id") != account.id
    ):
        return None
    at = _moment(text_in(given, "updated_at") or "")
    if at is None or not (_ID.fullmatch(her) and _ID.fullmatch(resource_id)):
        return None
    return FollowEvent(
        platform="kakao",
        account=account.name,
        subject_id=f"{id_type}:{her}",
        kind=kind,
        scene=None,
        code=None,
        occurred_at=at,
        dedupe_key=resource_id,
    )


def _moment(text: str) -> datetime | None:
    """RFC 3339, in UTC as Kakao documents it, also where it leaves the zone out."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
