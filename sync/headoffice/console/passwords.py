"""Passwords of the staff: argon2id at 19 MiB, one at a time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
SHORTEST = 10


def hash_password(password: str) -> str:
    return _HASHER.hash(password)


class Passwords:
    """One worker thread: a crowd at the door costs 19 MiB, not 19 MiB each."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._nobody = hash_password("nobody's")

    async def fits(self, password: str, password_hash: str | None) -> bool:
        """Takes as long for a login that does not exist, so that none can be found out."""
        loop = asyncio.get_running_loop()
        fits = await loop.run_in_executor(
            self._thread, _verify, password_hash or self._nobody, password[:1000]
        )
        return fits and password_hash is not None

    def close(self) -> None:
        self._thread.shutdown()


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
