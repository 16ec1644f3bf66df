"""The signed grant that a shopper's own phone carries from head office to the store. Pure, for both ends.

Layout, 42 bytes as 56 characters of base64url: version 1, channel u8, end u32be (seconds since 1970), store
u32be, grant id 8 bytes, subject hash 8 bytes, and the first 16 bytes of HMAC-SHA256 of "grant|" and those 26
bytes under the store's own key. It is checked without a line to anybody; that it is used once is the
records' matter.
"""

import base64
import binascii
import hashlib
import hmac
import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

CHARACTERS: Final = 56
KEY_BYTES: Final = 32
CHANNELS: Final[dict[str, int]] = {
    "wechat": 1,
    "line": 2,
    "telegram": 3,
    "kakao": 4,
    "instagram": 5,
    "wecom": 6,
    "whatsapp": 7,
}
"""The platforms that prove a follow, as the token numbers them."""
PLATFORMS: Final[dict[int, str]] = {channel: platform for platform, channel in CHANNELS.items()}

_VERSION: Final = 1
_SIGNED: Final = struct.Struct(">BBII8s8s")
_SIGNATURE_BYTES: Final = 16
_TEXT: Final = re.compile(rf"[A-Za-z0-9_-]{{{CHARACTERS}}}")
_SHORT_HASH: Final = re.compile(r"[0-9a-f]{16}")
_LATEST: Final = 2**32 - 1

Fault = Literal["forged", "expired", "other_venue"]


class BadToken(Exception):
    """A link that opens nothing; `key` says why."""

    def __init__(self, key: Fault) -> None:
        super().__init__(key)
        self.key: Fault = key


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantToken:
    """What a link says. `grant_id` and `subject_hash` are 16 hexadecimal characters, `expires_at` is whole
    seconds. `subject_hash` is head office's, the start of a keyed digest: it names nobody."""

    channel: int
    expires_at: datetime
    venue_number: int
    grant_id: str
    subject_hash: str


def sign(token: GrantToken, key: bytes) -> str:
    """The token as it stands in a link. Raises ValueError for what has no place in one."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key has {len(key)} bytes, not {KEY_BYTES}")
    if not (_SHORT_HASH.fullmatch(token.grant_id) and _SHORT_HASH.fullmatch(token.subject_hash)):
        raise ValueError("grant_id and subject_hash are 16 hexadecimal characters each")
    ends = int(token.expires_at.timestamp())
    if not (0 <= ends <= _LATEST and 0 <= token.venue_number <= _LATEST and 0 <= token.channel <= 255):
        raise ValueError("a number is out of range")
    signed = _SIGNED.pack(
        _VERSION,
        token.channel,
        ends,
        token.venue_number,
        bytes.fromhex(token.grant_id),
        bytes.fromhex(token.subject_hash),
    )
    return base64.urlsafe_b64encode(signed + _signature(signed, key)).decode()


def read(text: str, key: bytes, venue_number: int, now: datetime | None) -> GrantToken:
    """The token in a link that this store's key signed. Raises BadToken.

    `now` is the latest moment that surely lies behind us: the clock's, where it is right, else an earlier
    one that was noted while it was; None where there is none, and then the end is not judged.
    """
    if not _TEXT.fullmatch(text):
        raise BadToken("forged")
    try:
        raw = base64.urlsafe_b64decode(text)
    except binascii.Error:
        raise BadToken("forged") from None
    signed, signature = raw[: _SIGNED.size], raw[_SIGNED.size :]
    version, channel, ends, number, grant_id, subject_hash = _SIGNED.unpack(signed)
    # Another store's link is signed with another key: that it is one is told before it is called forged,
    # since she only has to go there. It opens nothing either way.
    if version == _VERSION and number != venue_number:
        raise BadToken("other_venue")
    if version != _VERSION or not hmac.compare_digest(signature, _signature(signed, key)):
        raise BadToken("forged")
    expires_at = datetime.fromtimestamp(ends, UTC)
    if now is not None and expires_at <= now:
        raise BadToken("expired")
    return GrantToken(
        channel=channel,
        expires_at=expires_at,
        venue_number=number,
        grant_id=grant_id.hex(),
        subject_hash=subject_hash.hex(),
    )


def _signature(signed: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"grant|" + signed, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
