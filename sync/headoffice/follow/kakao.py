"""A KakaoTalk channel: Kakao tells who adds it and who blocks it, and nothing more.

    [accounts.kakao]
    platform = "kakao"
    title = "Our café"
    id = "_ZeUTxl"                      the channel's profile id, as in pf.kakao.com/_ZeUTxl

Secrets: `kakao.admin_key`, the app's primary admin key.

As far as it is published, and tried against our own fake only, never against Kakao: the webhook names a
person and no store, and a channel's link carries nothing (developers.kakao.com, "Kakao Talk Channel"). So a
new friend of the channel is counted for the account, and opens no gate by herself; chatting with people is
open to Kakao's partners only. Who has not agreed to share the channel's state is known by an id of another
kind, for which Kakao answers no questions.
"""

import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from aiohttp import web

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import CannotMint, FollowEvent, Hear, Kind, Minted
from sync.headoffice.follow.incoming import BadBody, objects_in, parse_object, read_body, text_in
from sync.headoffice.follow.outgoing import PAUSES, CallFailed, call, log
from sync.model import Clock

RESOURCE_HEADER: Final = "X-Kakao-Resource-ID"
_KINDS: Final[dict[str, Kind]] = {"added": "follow", "blocked": "unfollow"}
_ID: Final = re.compile(r"[\w.:@+/=-]{1,100}", re.ASCII)


def make(account: Account, hear: Hear, http: aiohttp.ClientSession, clock: Clock) -> "Kakao":
    """Raises BadAccount when a secret is missing."""
    return Kakao(account, hear, http)


class Kakao:
    """One channel."""

    def __init__(
        self,
        account: Account,
        hear: Hear,
        http: aiohttp.ClientSession,
        *,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._account = account
        self._hear = hear
        self._http = http
        self._pauses = pauses
        self._api = account.option("api", "https://kapi.kakao.com")
        self._authorization = f"KakaoAK {account.secret('admin_key')}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The webhook. Kakao waits three seconds; 403: without our admin key."""
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

    async def mint(self, scene: str, seconds: int | None) -> Minted:
        """Raises CannotMint: no link of Kakao's says where it was opened."""
        raise CannotMint("unsupported")

    async def is_following(self, subject_id: str) -> bool | None:
        """Asked of Kakao, for those known by an app's user id."""
        kind, _, user_id = subject_id.partition(":")
        if kind != "app_user_id":
            return None
        try:
            found = await call(
                self._http,
                "Kakao's channels",
                "GET",
                f"{self._api}/v2/api/talk/channels",
                headers={"Authorization": self._authorization},
                params={"target_id_type": "user_id", "target_id": user_id},
                pauses=self._pauses,
            )
        except CallFailed as failure:
            log.warning("account %s: %s", self._account.name, failure)
            return None
        for channel in objects_in(found, "channels"):
            if channel.get("channel_public_id") == self._account.id:
                return channel.get("relation") == "ADDED"
        return None

    async def close(self) -> None:
        return None


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
