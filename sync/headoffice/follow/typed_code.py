"""The six digits from the shop's page, found in whatever she typed around them. Pure."""

import re
from typing import Final

_CODE: Final = re.compile(r"(?<!\d)(\d{3})[ \-.]?(\d{3})(?!\d)", re.ASCII)
_SPACES: Final = dict.fromkeys(map(ord, "\u00a0\u2009\u200a\u202f\u3000"), " ")
_WIFI: Final = re.compile(r"wi-?fi|wlan|internet|上网|上網|网络|網路|无线|無線|验证码|驗證碼", re.IGNORECASE)
# Digits lost or doubled on the way from the page into the chat.
_MISTYPED: Final = re.compile(r"[^\d]{0,8}(?:\d[ \-.]?){3,9}[^\d]{0,8}", re.ASCII)


def code_in(text: str) -> str | None:
    """The one code in a message, in ASCII digits; None when there is none, or two different ones.

    Phones write digits in the letters of their language (482913, ４８２９１３, ٤٨٢٩١٣), people put a space in
    the middle and words around.
    """
    found = {first + second for first, second in _CODE.findall(_plain(text))}
    return found.pop() if len(found) == 1 else None


def is_about_wifi(text: str) -> bool:
    """Whether somebody without a code waits for help with one; any other chat with the account is none of
    ours, and gets no answer from us.
    """
    plain = _plain(text)
    return bool(_WIFI.search(plain) or _CODE.search(plain) or _MISTYPED.fullmatch(plain.strip()))


def _plain(text: str) -> str:
    return "".join(str(int(each)) if each.isdecimal() else each for each in text).translate(_SPACES)
