"""LINE Login, with the friendship asked for each time.

Source: developers.line.biz/en/docs/line-login/integrate-line-login/ and …/link-a-bot/.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.line.client import LineClient
from sync.headoffice.follow.login_state import State, challenge, sign_state, verifier
from sync.headoffice.follow.logins import Follower
from sync.headoffice.follow.outgoing import Errands


def chat_link(account_id: str, said: str) -> str:
    """Opens the chat with the account, with the text typed in (developers.line.biz, "LINE URL scheme")."""
    return (
        f"https://line.me/R/oaMessage/{quote('@' + account_id.lstrip('@'), safe='')}/?{quote(said, safe='')}"
    )


class LineLogin:
    """The login channel that belongs to an account."""

    def __init__(self, account: Account, client: LineClient, errands: Errands) -> None:
        """Raises BadAccount when its secret, or the way back, is missing."""
        self._account = account
        self._client = client
        self._errands = errands
        self._at = account.option("login", "https://access.line.me")
        self._client_id = account.options["login_channel"]
        self.secret = account.secret("login_secret")
        self.return_url = account.option("login_return", "")
        if not self.return_url:
            raise BadAccount(f"account {account.name} needs login_return, where LINE sends people back to")

    def authorize_url(self, state: State) -> str:
        """`aggressive`: a page of its own asks her to add us as a friend."""
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self.return_url,
            "state": sign_state(state, self.secret),
            # No openid: her name and mail are nobody's business here. The friendship needs `profile`.
            "scope": "profile",
            "bot_prompt": "aggressive",
            "code_challenge": challenge(state, self.secret),
            "code_challenge_method": "S256",
        }
        return f"{self._at}/oauth2/v2.1/authorize?{urlencode(query, quote_via=quote)}"

    def other_way(self, scene: str) -> str:
        return chat_link(self._account.id, scene)

    async def ask(self, state: State, code: str, query: Mapping[str, str]) -> Follower | None:
        her_token = await self._client.exchange(
            code,
            client_id=self._client_id,
            client_secret=self.secret,
            redirect_uri=self.return_url,
            verifier=verifier(state, self.secret),
        )
        try:
            # Always: friendship_status_changed is false for those who were friends before, too.
            if not await self._client.is_friend(her_token):
                return None
            is_new = query.get("friendship_status_changed") == "true"
            return Follower(subject_id=await self._client.user_id(her_token), is_new=is_new)
        finally:
            revoke = self._client.revoke(her_token, client_id=self._client_id, client_secret=self.secret)
            self._errands.start(revoke, self._account.name)
