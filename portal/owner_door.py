"""Who is signed in as the owner: sessions in memory, tries counted before a password is looked at."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from sync.passwords import Passwords
from sync.rate import RateLimit

COOKIE: Final = "yingke_owner"
LASTS_SECONDS: Final = 12 * 3600
MOST_SIGNED_IN: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """One browser of the owner's. It ends with the password it was opened with."""

    form_token: str
    password_hash: str
    ends_at_seconds: float


class Door:
    """The way into the owner's pages. `seconds()` never jumps (CLOCK_BOOTTIME).

    Tries are limited by source and, against many sources at once, altogether; both before the costly hash.
    """

    def __init__(self, passwords: Passwords, seconds: Callable[[], float]) -> None:
        self.passwords = passwords
        self._seconds = seconds
        self._by_source = RateLimit(burst=5, refill_seconds=20, seconds=seconds, keys=1024)
        self._altogether = RateLimit(burst=30, refill_seconds=2, seconds=seconds, keys=1)
        self._signed_in: dict[str, SignedIn] = {}

    def take_try(self, source: str) -> float:
        """Seconds to wait before the next try; 0.0 when this one is granted."""
        return self._by_source.take(source) or self._altogether.take("")

    def open(self, password_hash: str) -> str:
        """A new session; returns the cookie's value, of which only a hash is kept."""
        while len(self._signed_in) >= MOST_SIGNED_IN:
            del self._signed_in[next(iter(self._signed_in))]
        token = secrets.token_urlsafe(32)
        self._signed_in[_name(token)] = SignedIn(
            form_token=secrets.token_urlsafe(24),
            password_hash=password_hash,
            ends_at_seconds=self._seconds() + LASTS_SECONDS,
        )
        return token

    def find(self, token: str, password_hash: str | None) -> SignedIn | None:
        """The session of this cookie, while it lasts and the password is still the same."""
        found = self._signed_in.get(_name(token))
        if found is None:
            return None
        if self._seconds() >= found.ends_at_seconds or found.password_hash != password_hash:
            self.close(token)
            return None
        return found

    def close(self, token: str) -> None:
        self._signed_in.pop(_name(token), None)


DOOR: Final = web.AppKey("door", Door)


def _name(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def is_forged(given: str, form_token: str) -> bool:
    """Whether this form was not shown to this very session."""
    return not secrets.compare_digest(given.encode(), form_token.encode())
