"""LINE's API, as far as we use it: reply, is she there, and the three questions after a login."""

from collections.abc import Sequence

import aiohttp

from sync.headoffice.follow.incoming import text_in
from sync.headoffice.follow.outgoing import PAUSES, CallFailed, call


class LineClient:
    """`api` is https://api.line.me, or who stands in for it."""

    def __init__(self, http: aiohttp.ClientSession, api: str, *, pauses: Sequence[float] = PAUSES) -> None:
        self._http = http
        self._api = api
        self._pauses = pauses

    async def reply(self, token: str, reply_token: str, text: str) -> None:
        """Costs nothing and works once, within a minute or so. Raises CallFailed.

        Trying again is safe: LINE refuses a reply token that has been used (reference/messaging-api,
        "Send reply message").
        """
        await call(
            self._http,
            "LINE's reply",
            "POST",
            f"{self._api}/v2/bot/message/reply",
            headers={"Authorization": f"Bearer {token}"},
            json={"replyToken": reply_token, "messages": [{"type": "text", "text": text}]},
            pauses=self._pauses,
        )

    async def knows(self, token: str, user_id: str) -> bool:
        """Whether LINE shows us her profile. Raises CallFailed.

        False: she blocked us, or never was a friend. True is no proof: who wrote without being a friend is
        shown as well (reference/messaging-api, "Get profile").
        """
        try:
            await call(
                self._http,
                "LINE's profile",
                "GET",
                f"{self._api}/v2/bot/profile/{user_id}",
                headers={"Authorization": f"Bearer {token}"},
                pauses=self._pauses,
            )
        except CallFailed as failure:
            if failure.status == 404:
                return False
            raise
        return True

    async def exchange(
        self, code: str, *, client_id: str, client_secret: str, redirect_uri: str, verifier: str
    ) -> str:
        """Her access token for the code she brought back. Raises CallFailed.

        Never tried twice: the code is good for one exchange, also for one whose answer got lost.
        """
        answer = await call(
            self._http,
            "LINE's token",
            "POST",
            f"{self._api}/oauth2/v2.1/token",
            form={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "client_id": client_id,
                "client_secret": client_secret,
                "code_verifier": verifier,
            },
            pauses=(),
        )
        token = text_in(answer, "access_token")
        if token is None:
            raise CallFailed("LINE's token", 200)
        return token

    async def is_friend(self, her_token: str) -> bool:
        """Whether she and the account linked to the login are friends, this moment. Raises CallFailed."""
        answer = await self._ask("LINE's friendship status", "/friendship/v1/status", her_token)
        flag = answer.get("friendFlag") if isinstance(answer, dict) else None
        if not isinstance(flag, bool):
            raise CallFailed("LINE's friendship status", 200)
        return flag

    async def user_id(self, her_token: str) -> str:
        """Her id, the same as in the webhooks of accounts of the same provider. Raises CallFailed."""
        found = text_in(await self._ask("LINE's own profile", "/v2/profile", her_token), "userId")
        if found is None:
            raise CallFailed("LINE's own profile", 200)
        return found

    async def revoke(self, her_token: str, *, client_id: str, client_secret: str) -> None:
        """Her token is of no use to us any more. Raises CallFailed."""
        form = {"access_token": her_token, "client_id": client_id, "client_secret": client_secret}
        url = f"{self._api}/oauth2/v2.1/revoke"
        await call(self._http, "LINE's revocation", "POST", url, form=form, pauses=self._pauses)

    async def _ask(self, what: str, path: str, her_token: str) -> object:
        headers = {"Authorization": f"Bearer {her_token}"}
        return await call(self._http, what, "GET", self._api + path, headers=headers, pauses=self._pauses)
