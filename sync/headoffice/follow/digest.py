"""Names for people and things that only head office can make, and that name nobody to anybody else. Pure."""

import hashlib
import hmac


def digest(secret: str, kind: str, *words: str) -> str:
    """64 hexadecimal characters, by HMAC-SHA256: the names of some platforms are short enough to search."""
    said = "\x1f".join((kind, *words)).encode()
    return hmac.new(bytes.fromhex(secret), said, hashlib.sha256).hexdigest()


def person_of(secret: str, account: str, subject_id: str) -> str:
    return digest(secret, "person", account, subject_id)


def follow_id(secret: str, person: str, venue_id: str) -> str:
    """The id of her row in `follows` at a store: the same when she leaves and comes back."""
    return digest(secret, "follow", person, venue_id)[:32]
