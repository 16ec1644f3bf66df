"""Kakao's API, as far as we use it: whose channel is added, and the token of a login."""

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from sync.headoffice.follow.incoming import objects_in, text_in
from sync.headoffice.follow.outgoing import PAUSES, CallFailed, call


def relation(found: Any, channel: str) -> str | None:
    """What the answer to "which channels" says of ours: ADDED, BLOCKED or NONE; None: nothing at all."""
    for each in objects_in(found, "channels"):
        if each.get("channel_public_id") == channel:
            return text_in(each, "relation")
    return None


class KakaoClient:
    """`api` is https://kapi.kakao.com, `login` https://kauth.kakao.com, or who stands in for them."""

    def __init__(
        self, http: aiohttp.ClientSession, *, api: str, login: str, pauses: Sequence[float] = PAUSES
    ) -> None:
        self.login = login
        self._http = http
        self._api = api
        self._pauses = pauses

    async def channels_of(self, authorization: str, user_id: str) -> Any:
        """The channels of one of the app's users, by the admin key. Raises CallFailed."""
        return await self._channels(authorization, {"target_id_type": "user_id", "target_id": user_id})

    async def own_channels(self, her_token: str) -> Any:
        """Her own, after a login; the answer has her `user_id`. Raises CallFailed."""
        return await self._channels(f"Bearer {her_token}", {})

    async def exchange(self, form: Mapping[str, str]) -> str:
        """Her access token. Raises CallFailed. Never tried twice: a code is good for one exchange."""
        url = f"{self.login}/oauth/token"
        answer = await call(self._http, "Kakao's token", "POST", url, form=form, pauses=())
        token = text_in(answer, "access_token")
        if token is None:
            raise CallFailed("Kakao's token", 200)
        return token

    async def log_out(self, her_token: str) -> None:
        """Her token is of no use to us any more. Raises CallFailed."""
        headers = {"Authorization": f"Bearer {her_token}"}
        url = f"{self._api}/v1/user/logout"
        await call(self._http, "Kakao's logout", "POST", url, headers=headers, pauses=self._pauses)

    async def _channels(self, authorization: str, params: Mapping[str, str]) -> Any:
        return await call(
            self._http,
            "Kakao's channels",
            "GET",
            f"{self._api}/v2/api/talk/channels",
            headers={"Authorization": authorization},
            params=params,
            pauses=self._pauses,
        )
