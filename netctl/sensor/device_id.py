"""MAC -> pseudonym, under a key that is never written down and thrown away every night."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, NewType
from zoneinfo import ZoneInfo

DeviceId = NewType("DeviceId", bytes)
"""Six bytes that stand for an address until 04:00; without the key there is no way back."""

_NEW_KEY_HOUR: Final = 4
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 6


class DeviceIds:
    """Pseudonyms for one day. The clock is that of the frames: seconds since 1970, as each is heard.

    A keyed BLAKE2b (RFC 7693 section 2.9). Without a key an address is guessed in minutes: there are only
    2^46 of them. The key is replaced when the store's clock passes 04:00, or when time runs backwards past
    the last change; the old one is then gone for good.
    """

    def __init__(self, timezone: ZoneInfo, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._timezone = timezone
        self._entropy = entropy
        self._valid_from = self._valid_until = 0.0
        self._key = b""

    def id_of(self, mac: bytes, at: float) -> DeviceId:
        if not self._valid_from <= at < self._valid_until:
            self._renew(at)
        return DeviceId(blake2b(mac, key=self._key, digest_size=_ID_BYTES).digest())

    def _renew(self, at: float) -> None:
        self._key = self._entropy(_KEY_BYTES)
        self._valid_from, self._valid_until = day_of_key(at, self._timezone)


def day_of_key(at: float, timezone: ZoneInfo) -> tuple[float, float]:
    """From which 04:00 to which 04:00 of the store's clock the key of the moment `at` holds."""
    local = datetime.fromtimestamp(at, timezone)
    began = local.replace(hour=_NEW_KEY_HOUR, minute=0, second=0, microsecond=0, fold=0)
    if local < began:
        began -= timedelta(days=1)
    return began.timestamp(), (began + timedelta(days=1)).timestamp()
