"""What the account says back to her, in the account's language."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.decide import Says
from sync.headoffice.follow.event import Answer
from sync.i18n import NAMES, Language, mark

LOCALES: Final = Path(__file__).parents[1] / "locales"
_SENTENCES: Final[Mapping[Says, str]] = {
    "online": mark("Welcome! You are online in a moment."),
    "tap": mark("Welcome! Join the store's WiFi, then open this link there."),
    "used": mark("This code has been used. Open the page of the store's WiFi again for a new one."),
    "expired": mark("This code is too old. Open the page of the store's WiFi again for a new one."),
    "unknown": mark(
        "We do not know this code. Look at the page of the store's WiFi and send its six digits."
    ),
    "send_code": mark("Welcome! To use the store's WiFi, send the six digits that its page shows."),
    "follow_first": mark("Follow us first, then send the six digits again."),
    "too_often": mark("Too many tries. Wait a few minutes, then try again."),
    "enough": mark(
        "You have opened the WiFi often enough for one day. Register on its page, or come back tomorrow."
    ),
}
_TAP: Final = mark("Tap here to go online")
_BY_LINK: Final = mark("If not, open this link on the store's WiFi:")
_BY_CODE: Final = mark("Your code: %(code)s")
# Whose messages show the link as words to tap; the others make any address tappable themselves.
_SHOWS_HTML: Final = "wechat"
_CHINESE: Final = ("wechat", "wecom")


def language_of(account: Account, default: str) -> str:
    """What the account's section says, else Chinese where everybody reads it, else the default."""
    own = account.option("language", "zh_CN" if account.platform in _CHINESE else default)
    return own if own in NAMES else default


def reply(account: Account, language: Language, says: Says, link: str | None, code: str | None) -> Answer:
    """`link` and `code` are those of a grant; without a grant both are None."""
    parts = [language.say(_SENTENCES[says])]
    if link is not None:
        if says == "online":
            parts.append(language.say(_BY_LINK))
        # The address is ours and of letters, digits and URL marks only: nothing in it needs escaping.
        parts.append(
            f'<a href="{link}">{language.say(_TAP)}</a>' if account.platform == _SHOWS_HTML else link
        )
    if code is not None:
        parts.append(language.say(_BY_CODE, code=code))
    return Answer(text="\n".join(parts), link=link, code=code)
