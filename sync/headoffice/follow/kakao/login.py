"""Kakao Login, with the channel asked for each time.

Source: developers.kakao.com/docs/latest/en/kakaologin/rest-api and …/kakaotalk-channel/rest-api.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.kakao.client import KakaoClient, relation
from sync.headoffice.follow.login_state import State, sign_state
from sync.headoffice.follow.logins import Follower
from sync.headoffice.follow.outgoing import CallFailed, Errands


class KakaoLogin:
    """The app that the channel is connected to."""

    def __init__(self, account: Account, client: KakaoClient, errands: Errands) -> None:
        """Raises BadAccount when its key, its secret or the way back is missing."""
        self._account = account
        self._client = client
        self._errands = errands
        self._rest_key = account.option("rest_key", "")
        self.secret = account.secret("client_secret")
        self.return_url = account.option("login_return", "")
        if not self.return_url or not self._rest_key:
            raise BadAccount(f"account {account.name} needs rest_key, and login_return for the way back")

    def authorize_url(self, state: State) -> str:
        """`plusfriends`: she lets us see whether she has added the channel, and nothing else."""
        query = {
            "response_type": "code",
            "client_id": self._rest_key,
            "redirect_uri": self.return_url,
            "state": sign_state(state, self.secret),
            "scope": "plusfriends",
        }
        return f"{self._client.login}/oauth/authorize?{urlencode(query, quote_via=quote)}"

    def other_way(self, scene: str) -> str:
        """Where the channel is added; the scene stays behind."""
        return f"https://pf.kakao.com/{quote(self._account.id, safe='')}/friend"

    async def ask(self, state: State, code: str, query: Mapping[str, str]) -> Follower | None:
        her_token = await self._client.exchange(
            {
                "grant_type": "authorization_code",
                "client_id": self._rest_key,
                "client_secret": self.secret,
                "redirect_uri": self.return_url,
                "code": code,
            }
        )
        try:
            found = await self._client.own_channels(her_token)
        finally:
            self._errands.start(self._client.log_out(her_token), self._account.name)
        user_id = found.get("user_id") if isinstance(found, dict) else None
        if not isinstance(user_id, int) or isinstance(user_id, bool):
            raise CallFailed("Kakao's channels", 200)
        if relation(found, self._account.id) != "ADDED":
            return None
        # The name under which the webhook tells of those who agreed to this very question.
        return Follower(subject_id=f"app_user_id:{user_id}", is_new=False)
