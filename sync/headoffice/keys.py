"""Keys that stores upload with and programs pull with: made once, shown once, kept as a digest."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal

KeyKind = Literal["upload", "pull"]
Scope = Literal["read", "pii"]
SCOPES: tuple[Scope, ...] = ("read", "pii")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key as it is kept. An upload key belongs to one venue; a pull key has scopes."""

    key_id: str
    secret_sha256: str
    kind: KeyKind
    name: str
    venue_id: str | None = None
    scopes: tuple[str, ...] = ()


def new_key(
    kind: KeyKind, name: str, *, venue_id: str | None = None, scopes: tuple[str, ...] = ()
) -> tuple[str, StoredKey]:
    """A fresh key: the text to show once (`yk_ID_SECRET`), and what is kept.

    The secret has 256 bits of chance, so a plain SHA-256 of it cannot be searched; no slow hash is needed.
    """
    key_id = secrets.token_hex(6)
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    stored = StoredKey(
        key_id=key_id,
        secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
        kind=kind,
        name=name,
        venue_id=venue_id,
        scopes=scopes,
    )
    return f"yk_{key_id}_{secret}", stored


def split_key(text: str) -> tuple[str, str] | None:
    """The id and the secret of a shown key; None if it is none of ours."""
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != "yk" or not key_id.isalnum() or not secret or len(text) > 200 or not text.isascii():
        return None
    return key_id, secret


def opens(stored: StoredKey | None, secret: str) -> bool:
    """Whether the secret is the key's, in the same time whether it is or not."""
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return hmac.compare_digest(digest, stored.secret_sha256 if stored else "0" * 64) and stored is not None
