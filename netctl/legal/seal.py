"""Who can write and who can read: each segment is encrypted to a public key, each chunk with a key of its
own.

A segment makes an X25519 key of its own, agrees with the reader's public key on a secret (HKDF-SHA256,
RFC 5869) and forgets its private half at once. Each chunk (ChaCha20-Poly1305, RFC 8439) takes its key
from the secret, which is then turned forward by HMAC and forgotten too: whoever takes the running box
away reads nothing of what it wrote before. Heads are signed with an Ed25519 key that never leaves the
box.
"""

import hashlib
import hmac
import os
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TAG_BYTES: Final = 16
_CONTEXT: Final = b"yingke legal log 1"
# A key seals one chunk and no other.
_NONCE: Final = bytes(12)
_MOST_MISSING: Final = 1_000_000


class NoKey(Exception):
    """A key file is missing or is no such key; the text says which and what to do."""


class CannotOpen(Exception):
    """A chunk is not what was sealed with this key."""


class Ratchet:
    """The keys of one segment, one after the other."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._turned = 0

    @classmethod
    def to(cls, reader: X25519PublicKey) -> tuple[Self, bytes]:
        """For writing: the keys, and the public half that stands in the segment's head."""
        own = X25519PrivateKey.generate()
        public = own.public_key().public_bytes_raw()
        return cls(_agreed(own.exchange(reader), public, reader)), public

    @classmethod
    def of(cls, reader: X25519PrivateKey, public: bytes) -> Self:
        """For reading, with the public half from the segment's head."""
        shared = reader.exchange(X25519PublicKey.from_public_bytes(public))
        return cls(_agreed(shared, public, reader.public_key()))

    def seal(self, header: bytes, plain: bytes) -> bytes:
        return ChaCha20Poly1305(self._turn()).encrypt(_NONCE, plain, header)

    def open(self, index: int, header: bytes, sealed: bytes) -> bytes:
        """The segment's sealed chunk `index`, from 0 on; what lies between may be missing. Raises
        CannotOpen, after which later ones can be opened all the same."""
        if not 0 <= index - self._turned <= _MOST_MISSING:
            raise CannotOpen("it stands where it does not belong")
        while self._turned < index:
            self._turn()
        try:
            return ChaCha20Poly1305(self._turn()).decrypt(_NONCE, sealed, header)
        except InvalidTag:
            raise CannotOpen("it was not sealed like this to this key") from None

    def _turn(self) -> bytes:
        key = hmac.digest(self._secret, b"chunk", hashlib.sha256)
        self._secret = hmac.digest(self._secret, b"next", hashlib.sha256)
        self._turned += 1
        return key


def _agreed(shared: bytes, public: bytes, reader: X25519PublicKey) -> bytes:
    salt = public + reader.public_bytes_raw()
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=_CONTEXT).derive(shared)


def new_key_pair() -> tuple[bytes, bytes]:
    """The reader's keys as PEM: private (PKCS 8), public."""
    private = X25519PrivateKey.generate()
    return (
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )


def read_public(path: Path) -> X25519PublicKey:
    """Raises NoKey."""
    remedy = "make one with `yingke-net legal-log key` on another machine and copy its public half here"
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise NoKey(f"{path} cannot be read ({error.strerror}): {remedy}") from error
    except ValueError as error:
        raise NoKey(f"{path} holds no public key: {remedy}") from error
    if not isinstance(key, X25519PublicKey):
        raise NoKey(f"{path} holds another kind of key: {remedy}")
    return key


def read_private(path: Path) -> X25519PrivateKey:
    """Raises NoKey."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise NoKey(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise NoKey(f"{path} holds no private key: take the one `legal-log key` wrote") from error
    if not isinstance(key, X25519PrivateKey):
        raise NoKey(f"{path} holds another kind of key: take the one `legal-log key` wrote")
    return key


def fingerprint(key: X25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The box's own, made when there is none or none that can be read. Raises OSError."""
    try:
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    except (FileNotFoundError, ValueError):
        key = Ed25519PrivateKey.generate()
        fresh = path.with_suffix(".new")
        with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(key.private_bytes_raw())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        return key


def is_signed(public: bytes, signature: bytes, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True
