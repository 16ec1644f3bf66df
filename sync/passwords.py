"""Passwords of people: argon2id at 19 MiB, one at a time, for the owner's pages and the console alike."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

SHORTEST: Final = 10
LONGEST: Final = 256

# 19 MiB, two passes, one lane: the first choice of the OWASP Password Storage Cheat Sheet, and what a Pi can
# spare beside its work.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# What a name that nobody has is checked against. Made once by `hash_password`; it opens nothing.
NOBODYS: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$tKIz+dbNpJHRP6vQDdOoPA$9eImNSaWBTXCqTlrSWfATOkK06LHrS4T+SmY12rJNKU"
)


def hash_password(password: str) -> str:
    """Takes tens of milliseconds: in an event loop, `Passwords.hash`."""
    return _HASHER.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """What `Passwords.match` does in its thread."""
    try:
        return _HASHER.verify(password_hash or NOBODYS, password) and password_hash is not None
    except (Argon2Error, InvalidHashError):
        return False


class Passwords:
    """Hashes beside the event loop. One worker thread: a crowd at the door costs 19 MiB, not 19 MiB each."""

    def __init__(self, matches: Callable[[str | None, str], bool] = matches) -> None:
        self._matches = matches
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._thread, hash_password, password)

    async def match(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password; what is too long to be one is not looked at.

        None is nobody's, and takes as long, so that no name can be found out.
        """
        if len(password) > LONGEST:
            return False
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._matches, password_hash, password)

    def close(self) -> None:
        self._thread.shutdown()
