"""The code a shopper takes along to another store of the brand: how it is made, written and read. Pure."""

import hashlib
import hmac
import unicodedata
from typing import Final

LENGTH: Final = 10
"""Ten letters of five bits each: 50 bits of chance."""

# Crockford's alphabet (crockford.com/base32): what is misread aloud or mistyped means one and the same.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD: Final = str.maketrans("OIL", "011")
_BLANKS: Final = " -\u00a0\u2010\u2011\u2012\u2013\u2014\u2212_.\t"


def code_of(session_id: str, key: bytes) -> str:
    """A session's code. It follows from the key, which the gate alone has, so it need not be kept itself."""
    digest = hmac.new(key, f"roaming|{session_id}".encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest[:8], "big")
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in range(LENGTH))


def shown(code: str) -> str:
    """As she reads it: two groups of five."""
    return f"{code[:5]}-{code[5:]}"


def read(typed: str) -> str | None:
    """What was typed as a code, however it was spelled; None if it cannot be one."""
    plain = unicodedata.normalize("NFKC", typed).upper()
    letters = "".join(letter for letter in plain if letter not in _BLANKS).translate(_MISREAD)
    return letters if len(letters) == LENGTH and set(letters) <= set(_ALPHABET) else None


def digest(code: str) -> str:
    """SHA-256 in hexadecimal: what stores and head office compare, so that neither has the other's codes."""
    return hashlib.sha256(code.encode()).hexdigest()
