"""Sightings -> bursts: what one address sends in one go while its phone scans the channels."""

from collections.abc import Iterable
from typing import Final

from netctl.sensor.device_id import DeviceId
from netctl.sensor.probe_request import Sighting
from netctl.sensor.vendors import is_made_up

SILENCE_SECONDS: Final = 1.5
"""An address silent for this long has ended its burst: phones pause 15 s and more between scans."""

_LONGEST_SECONDS: Final = 30.0
_MOST_OPEN: Final = 20_000
_MOST_FINGERPRINTS: Final = 8


class Burst:
    """One burst. Mutable and slotted: it is touched for each frame heard."""

    __slots__ = (
        "device_id",
        "ended_at",
        "fingerprints",
        "first_sequence",
        "frames",
        "is_randomized",
        "last_sequence",
        "number",
        "signal_dbm",
        "started_at",
    )

    def __init__(self, number: int, device_id: DeviceId, sighting: Sighting) -> None:
        self.number = number
        self.device_id = device_id
        self.is_randomized = is_made_up(sighting.mac)
        self.started_at = self.ended_at = sighting.at
        self.first_sequence = self.last_sequence = sighting.sequence
        # The first frame of a burst is often heard off channel, 20 to 45 dB too weak: the strongest tells the
        # distance.
        self.signal_dbm = sighting.signal_dbm
        self.fingerprints = {sighting.fingerprint}
        self.frames = 1

    def extend(self, sighting: Sighting) -> None:
        self.ended_at = sighting.at
        self.last_sequence = sighting.sequence
        self.frames += 1
        signal_dbm = sighting.signal_dbm
        if signal_dbm is not None and (self.signal_dbm is None or signal_dbm > self.signal_dbm):
            self.signal_dbm = signal_dbm
        if sighting.fingerprint not in self.fingerprints and len(self.fingerprints) < _MOST_FINGERPRINTS:
            self.fingerprints.add(sighting.fingerprint)


class Bursts:
    """The bursts now open, at most 20,000: beyond, the oldest end early."""

    def __init__(self) -> None:
        self._open: dict[DeviceId, Burst] = {}
        self._number = 0

    def hear(self, device_id: DeviceId, sighting: Sighting) -> int:
        """The number of the burst that the sighting belongs to."""
        burst = self._open.get(device_id)
        if burst is not None:
            burst.extend(sighting)
            return burst.number
        self._number += 1
        self._open[device_id] = Burst(self._number, device_id, sighting)
        return self._number

    def ended(self, now: float) -> list[Burst]:
        """Takes out the bursts that ended before `now`, in the order they began."""
        silent_since, too_long_since = now - SILENCE_SECONDS, now - _LONGEST_SECONDS
        over = [
            burst
            for burst in self._open.values()
            if burst.ended_at <= silent_since or burst.started_at <= too_long_since
        ]
        excess = len(self._open) - len(over) - _MOST_OPEN
        if excess > 0:
            kept = sorted(set(self._open.values()).difference(over), key=_beginning)
            over += kept[:excess]
        return self._take(over)

    def all(self) -> list[Burst]:
        """Takes out every burst: a window ends, and what is said afterwards counts for the next."""
        return self._take(list(self._open.values()))

    def _take(self, bursts: Iterable[Burst]) -> list[Burst]:
        taken = sorted(bursts, key=_beginning)
        for burst in taken:
            del self._open[burst.device_id]
        return taken


def _beginning(burst: Burst) -> float:
    return burst.started_at
