"""The six digits from the shop's page, found in whatever she typed around them. Pure."""

import re
from typing import Final

_CODE: Final = re.compile(r"(?<!\d)(\d{3})[ \-.]?(\d{3})(?!\d)", re.ASCII)
_SPACES: Final = dict.fromkeys(map(ord, "\u00a0\u2009\u200a\u202f\u3000"), " ")


def code_in(text: str) -> str | None:
    """The one code in a message, in ASCII digits; None when there is none, or two different ones.

    Phones write digits in the letters of their language (482913, ４８２９１３, ٤٨٢٩١٣), people put a space in
    the middle and words around.
    """
    plain = "".join(str(int(each)) if each.isdecimal() else each for each in text).translate(_SPACES)
    found = {first + second for first, second in _CODE.findall(plain)}
    return found.pop() if len(found) == 1 else None
