"""A WeChat official account: pushes in, QR codes out.

In its section: `id` the AppID, `original_id` the `gh_…` name (optional, then checked), `menu_key` the key of
the menu button that asks for WiFi (WIFI). Secrets: `token`; `aes_key` for compatible and security mode;
`app_secret` for QR codes and followers, which only a verified service account may have.
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
