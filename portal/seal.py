"""What a hidden field says, sealed: it comes back unchanged, from the station it was given to.

The state of a form lives in the form itself: the mini browsers of phones forget cookies, and a portal that
was restarted in between must still know its forms.
"""

import hashlib
import hmac
import os
from pathlib import Path
from typing import Self

KEY_BYTES = 32
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


def read_key(path: Path) -> bytes:
    """The secret in `path`, made when there is none. Raises OSError, ValueError when it is not whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _write_new(path, os.urandom(KEY_BYTES))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} has {len(key)} bytes, not {KEY_BYTES}: remove it, and a new one is made")
    return key


def _write_new(path: Path, key: bytes) -> None:
    """Whole or not at all, also when the power fails between the two: a half key would never open a form."""
    unfinished = path.with_suffix(".new")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
