"""The state that a login with a platform must bring back (RFC 6749 section 10.12). Pure, but for the chance.

Nothing is kept of a login that was begun: the state says where it began and until when it is good, and is
signed. It is not bound to a browser: on phones the platform's app brings her back into another one.
"""

import base64
import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sync.headoffice.follow.scene import read_code, read_scene

LASTS: Final = timedelta(minutes=15)
"""She may have to install updates, find a password and read what she consents to."""
_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BI12s")
_MAC_BYTES: Final = 16
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A login under way: which scene or code it began with, and its own name, 16 characters."""

    scene: str
    nonce: str
    expires_at: datetime


class BadState(Exception):
    """The state is not ours; or it is, and too old: then `state` says which login it was."""

    def __init__(self, state: State | None = None) -> None:
        super().__init__("forged" if state is None else "expired")
        self.state = state


def begin(scene: str, now: datetime) -> State:
    """A new login. Raises ValueError when the scene is none of ours."""
    if read_scene(scene) is None and read_code(scene) is None:
        raise ValueError("neither a scene nor a code")
    nonce = base64.urlsafe_b64encode(secrets.token_bytes(12)).decode()
    return State(scene=scene, nonce=nonce, expires_at=now + LASTS)


def sign_state(state: State, secret: str) -> str:
    """base64url( 01 | expiry u32be | nonce 12 B | scene | mac ).

    The mac is the first half of HMAC-SHA256(secret, "login-state|" and all before it).
    """
    head = _HEAD.pack(_VERSION, int(state.expires_at.timestamp()), base64.urlsafe_b64decode(state.nonce))
    body = head + state.scene.encode()
    return base64.urlsafe_b64encode(body + _mac(body, secret)).rstrip(b"=").decode()


def read_state(text: str, secret: str, now: datetime) -> State:
    """Raises BadState."""
    raw = _decoded(text)
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(body) < _HEAD.size or not hmac.compare_digest(mac, _mac(body, secret)):
        raise BadState
    _, expires, nonce = _HEAD.unpack_from(body)
    state = State(
        scene=body[_HEAD.size :].decode(),
        nonce=base64.urlsafe_b64encode(nonce).decode(),
        expires_at=datetime.fromtimestamp(expires, UTC),
    )
    if state.expires_at <= now:
        raise BadState(state)
    return state


def verifier(state: State, secret: str) -> str:
    """PKCE's code_verifier (RFC 7636): a code caught from another login cannot be used with this state."""
    made = hmac.digest(secret.encode(), b"login-pkce|" + state.nonce.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def challenge(state: State, secret: str) -> str:
    """PKCE's code_challenge, method S256."""
    made = hashlib.sha256(verifier(state, secret).encode()).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def _mac(body: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"login-state|" + body, hashlib.sha256)[:_MAC_BYTES]


def _decoded(text: str) -> bytes:
    if len(text) > _LONGEST:
        raise BadState
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise BadState from None
    return raw
