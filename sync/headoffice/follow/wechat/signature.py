"""Who really sent a push, and what it says under its encryption. Pure.

Source: developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption.md; WeCom uses the same scheme
with its corpid (developer.work.weixin.qq.com/document/path/90968).
"""

import base64
import hashlib
import hmac
from typing import Literal

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BadPushKey = Literal["forged", "stale", "malformed", "undecryptable", "other_account"]
_BLOCK_BYTES = 32
_HEAD_BYTES = 20


class BadPush(Exception):
    """A push that is not believed or not understood; `key` says which, the text says why."""

    def __init__(self, key: BadPushKey, why: str) -> None:
        super().__init__(why)
        self.key = key


def sign(token: str, timestamp: str, nonce: str, *encrypted: str) -> str:
    """`signature` of three parts, `msg_signature` with the encrypted text as the fourth: 40 hex digits."""
    parts = sorted([token, timestamp, nonce, *encrypted])
    # SHA-1 is the choice of the platform; a collision would still need the token.
    return hashlib.sha1("".join(parts).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def check(given: str, token: str, timestamp: str, nonce: str, *encrypted: str) -> None:
    """Raises BadPush(forged) unless the signature is ours; takes as long for a near miss as for a far one."""
    expected = sign(token, timestamp, nonce, *encrypted)
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass")):
        raise BadPush("forged", "the signature does not fit")


class Envelope:
    """Encrypts and decrypts for one account.

    AES-256-CBC with IV = key[:16] over `16 random bytes | u32be length | message | owner`, padded
    to 32 bytes (PKCS#7, a pad byte of 1 to 32).
    """

    def __init__(self, encoding_aes_key: str, owner: str) -> None:
        """`encoding_aes_key`: the 43 characters of the console; `owner`: the appid (WeCom: the corpid).

        Raises ValueError for any other key.
        """
        try:
            self._key = base64.b64decode(encoding_aes_key + "=", validate=True)
        except ValueError:
            self._key = b""
        if len(encoding_aes_key) != 43 or len(self._key) != 32:
            raise ValueError("an EncodingAESKey is 43 letters and digits")
        self._owner = owner.encode()

    def encrypt(self, message: bytes, chance: bytes) -> str:
        """`chance`: 16 random bytes, new for every message: the IV is always the same."""
        if len(chance) != 16:
            raise ValueError("16 random bytes are needed")
        plain = chance + len(message).to_bytes(4, "big") + message + self._owner
        pad = _BLOCK_BYTES - len(plain) % _BLOCK_BYTES
        encryptor = self._cipher().encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()

    def decrypt(self, encrypted: str) -> bytes:
        """The message. Check its signature first: only that keeps strangers from asking about the padding.

        Raises BadPush: `undecryptable` (a wrong key, or cut off), `other_account` (another appid's).
        """
        try:
            raw = base64.b64decode("".join(encrypted.split()), validate=True)
        except ValueError:
            raise BadPush("undecryptable", "the encrypted part is no base64") from None
        if not raw or len(raw) % _BLOCK_BYTES:
            raise BadPush("undecryptable", "the encrypted part is cut off")
        decryptor = self._cipher().decryptor()
        plain = decryptor.update(raw) + decryptor.finalize()
        pad = plain[-1]
        if not 1 <= pad <= _BLOCK_BYTES or plain[-pad:] != bytes([pad]) * pad:
            raise BadPush("undecryptable", "the padding is wrong: most likely the EncodingAESKey is")
        plain = plain[:-pad]
        end = _HEAD_BYTES + int.from_bytes(plain[16:_HEAD_BYTES], "big")
        if len(plain) < _HEAD_BYTES or end > len(plain):
            raise BadPush("undecryptable", "the length inside is longer than the message")
        if not hmac.compare_digest(plain[end:], self._owner):
            raise BadPush("other_account", "the push is for another appid")
        return plain[_HEAD_BYTES:end]

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))
