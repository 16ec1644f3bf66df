"""What a hidden field says, sealed: it comes back unchanged, from the station it was given to.

The state of a form lives in the form itself: the mini browsers of phones forget cookies, and a portal that
was restarted in between must still know its forms.
"""

import hashlib
import hmac
from pathlib import Path
from typing import Self

from sync.secret_file import KEY_BYTES, read_key

_MAC_CHARACTERS = 32


class Seal:
    """Seals texts (without dots) for one address. The key is kept in a file that only the portal reads."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key has {len(key)} bytes, not {KEY_BYTES}")
        self._key = key

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The key in `path`, made at the first start. Raises OSError, ValueError."""
        return cls(read_key(path))

    def seal(self, text: str, ip: str) -> str:
        assert "." not in text
        return f"{text}.{self._mac(text, ip)}"

    def open(self, sealed: str, ip: str) -> str | None:
        """The text, if it was sealed by us for this address."""
        text, _, mac = sealed.partition(".")
        right = self._mac(text, ip)
        return text if hmac.compare_digest(mac.encode(), right.encode()) else None

    def _mac(self, text: str, ip: str) -> str:
        message = f"{ip}|{text}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:_MAC_CHARACTERS]
