"""A WeChat official account: pushes in, QR codes out.

    [accounts.main]
    platform = "wechat"
    title = "Tea House"
    id = "wx1234567890abcdef"             the AppID
    original_id = "gh_97417a04a28d"       its original id; pushes for another are refused (may be left out)
    menu_key = "WIFI"                     the key of the menu button that asks for WiFi (this is the default)

Secrets: `main.token`; `main.aes_key`, the EncodingAESKey, for compatible and security mode (with it, plain
pushes are refused); `main.app_secret` for QR codes and followers, which only a verified service account may
have. Any account does without: there are the codes of the page, sent as a text.

The address of this machine goes on the account's list of allowed addresses, and nobody else may fetch the
account's token by the old way or force a new one by the new one.
"""

import aiohttp

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import Hear
from sync.headoffice.follow.wechat.callback import WeChatAccount
from sync.model import Clock

__all__ = ["make"]


def make(account: Account, hear: Hear, http: aiohttp.ClientSession, clock: Clock) -> WeChatAccount:
    """Raises BadAccount."""
    return WeChatAccount(account, hear, http, clock)
