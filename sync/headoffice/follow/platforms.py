"""Which module serves which platform."""

from importlib import import_module

import aiohttp

from sync.headoffice.follow.accounts import VERIFIED, Account, BadAccount
from sync.headoffice.follow.event import Hear, Platform
from sync.model import Clock

_PACKAGE = "sync.headoffice.follow"


def open_account(account: Account, hear: Hear, http: aiohttp.ClientSession, clock: Clock) -> Platform:
    """Imported when there is an account of it. Raises BadAccount."""
    name = f"{_PACKAGE}.{account.platform}"
    if account.platform not in VERIFIED:
        raise BadAccount(f"account {account.name}: {account.platform} tells nobody who follows")
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise BadAccount(
            f"account {account.name}: {account.platform} is not served by this version"
        ) from None
    platform: Platform = module.make(account, hear, http, clock)
    return platform
