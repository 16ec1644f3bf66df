"""The owner's password: what it must be, and how it is set from the box's own keyboard."""

import asyncio
import getpass
import sys
from typing import TextIO

from sync.config import Config
from sync.i18n import mark
from sync.model import SystemClock
from sync.passwords import LONGEST, SHORTEST, hash_password
from sync.records import RecordsUnavailable, open_records, owner_account


def wrong_with(password: str) -> str:
    """Why this cannot be the new password, marked for translation; empty when it can."""
    if len(password) < SHORTEST:
        return mark("Please choose a password of at least 10 characters.")
    if len(password) > LONGEST:
        return mark("Please choose a password of at most 256 characters.")
    return ""


def set_password(config: Config, stdin: TextIO) -> int:
    """`yingke-portal password`: asks for the owner's new password and returns the exit code.

    From a terminal it is asked for twice and not shown; otherwise the first line of `stdin` is taken.
    """
    password = _ask(stdin)
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


def _ask(stdin: TextIO) -> str | None:
    if not stdin.isatty():
        return stdin.readline().rstrip("\r\n")
    password = getpass.getpass("New password for the owner's page: ")
    return password if getpass.getpass("The same again: ") == password else None


def _refuse(why: str) -> int:
    print(why, file=sys.stderr)
    return 1


async def _keep(config: Config, password: str) -> None:
    records = await open_records(config.venue.data_dir / "records.db", "portal")
    try:
        await records.write(owner_account.set_password_hash, hash_password(password), SystemClock().now())
    finally:
        await records.close()
