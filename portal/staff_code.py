"""The staff code of the day: six digits, made from a secret of this box and the day in the store.

It changes at four in the morning, when nobody works, and yesterday's is not accepted. The day is the one the
box believes in: after a power cut on a box without a battery clock and without internet that may be an old
one, and then the code of that day holds until the clock is right; the owner's page shows the code that holds
and says that the clock is not sure.
"""

import hashlib
import hmac
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from portal.codes import STAFF_DIGITS
from sync.model import Clock
from sync.secret_file import read_key

CHANGES_AT = timedelta(hours=4)


class StaffCode:
    """The secret lies in a file that only the portal reads; without it, no day tells of another."""

    def __init__(self, key: bytes, zone: ZoneInfo, clock: Clock) -> None:
        self._key = key
        self._zone = zone
        self._clock = clock

    @classmethod
    def from_file(cls, path: Path, timezone: str, clock: Clock) -> Self:
        """The key in `path`, made at the first start. Raises OSError, ValueError."""
        return cls(read_key(path), ZoneInfo(timezone), clock)

    def today(self) -> str:
        """Six digits."""
        return code_of(self._key, working_day(self._clock.now().astimezone(self._zone)))

    def is_today(self, typed: str) -> bool:
        return hmac.compare_digest(typed.encode(), self.today().encode())

    def is_sure(self) -> bool:
        """Whether the box knows which day it is."""
        return self._clock.synced()


def working_day(local: datetime) -> date:
    """The day a shift belongs to, by the wall clock of the store. A naive difference: four is four, also in
    the night when clocks are set."""
    return (local.replace(tzinfo=None) - CHANGES_AT).date()


def code_of(key: bytes, day: date) -> str:
    digest = hmac.new(key, f"staff code {day.isoformat()}".encode(), hashlib.sha256).digest()
    # 2**64 is so much more than a million that every code is as likely as any other.
    return f"{int.from_bytes(digest[:8], 'big') % 10**STAFF_DIGITS:0{STAFF_DIGITS}}"
