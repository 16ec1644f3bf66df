"""The owner's password: hashed slowly, one at a time, and set from the box's own keyboard."""

import asyncio
import getpass
import sys
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from sync.config import Config
from sync.i18n import mark
from sync.model import SystemClock
from sync.records import RecordsUnavailable, open_records, owner_account

SHORTEST: Final = 10
LONGEST: Final = 256

# argon2id with 19 MiB, two passes, one lane: OWASP's first choice, and what a Pi can spare beside its work.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Passwords:
    """Hashes beside the event loop, one at a time: ten attempts at once must not take 190 MiB."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def hash(self, password: str) -> str:
        async with self._one_at_a_time:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def match(self, password_hash: str, password: str) -> bool:
        async with self._one_at_a_time:
            return await asyncio.to_thread(_matches, password_hash, password)


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


def wrong_with(password: str) -> str:
    """Why this cannot be the new password, marked for translation; empty when it can."""
    if len(password) < SHORTEST:
        return mark("Please choose a password of at least 10 characters.")
    if len(password) > LONGEST:
        return mark("Please choose a password of at most 256 characters.")
    return ""


def set_password(config: Config) -> int:
    """`yingke-portal password`: asks for the owner's new password and returns the exit code.

    From a terminal it is asked for twice and not shown; otherwise the first line of standard input is taken.
    """
    password = _ask()
    if password is None:
        return _refuse("The two passwords are not the same: nothing was changed.")
    if wrong := wrong_with(password):
        return _refuse(wrong)
    try:
        asyncio.run(_keep(config, password))
    except RecordsUnavailable as error:
        return _refuse(str(error))
    print("The owner's password is set. Whoever was signed in is signed out.")
    return 0


def _ask() -> str | None:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("New password for the owner's page: ")
    return password if getpass.getpass("The same again: ") == password else None


def _refuse(why: str) -> int:
    print(why, file=sys.stderr)
    return 1


async def _keep(config: Config, password: str) -> None:
    records = await open_records(config.venue.data_dir / "records.db", "portal")
    try:
        await records.write(
            owner_account.set_password_hash, await Passwords().hash(password), SystemClock().now()
        )
    finally:
        await records.close()
