"""What was heard in one window, and the count made of it (pure)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from netctl.sensor.association import Track
from netctl.sensor.bursts import Burst
from netctl.sensor.device_id import DeviceId
from netctl.sensor.rates import Rate, Rates

ESTIMATOR_VERSION: Final = "1"
DWELL_BOUNDS_SECONDS: Final = (60, 300, 900, 1800, 3600)

Method = Literal["association", "rate", "cold"]
"""Devices followed one by one; a crowd weighed by learnt rates; or by rates not learnt yet."""

_CROWD_DEVICES: Final = 8  # fewer are followed well enough
_FOLLOWABLE: Final = 0.7  # a class whose sequence counter goes on more often than this is followed by it
_TRACK_ERROR: Final = 0.15  # relative error of following, for each device there is of the class
_BURST_SPREAD: Final = 1.0  # bursts of one device in a window: standard deviation over mean
_MODEL_ERROR: Final = 0.08  # relative, on all devices: what the errors below do not know of
_RATE_ERROR: Final = 0.25  # the same, on devices counted by rate
_LEARNT_WINDOWS: Final = 20.0
_NINETY_PERCENT: Final = 1.645
_MOST_ADDRESSES: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One window, or a whole capture: `devices` that sent, and nine times in ten `low` to `high` holds them.

    `started_at` in seconds since 1970. `capped`: more was sent than can be followed, so it is a lower bound.
    `dwell_histogram`: stays that ended in the window, by upper bound in seconds.
    """

    started_at: float
    devices: int
    followed: int  # told apart one by one
    low: int
    high: int
    inside: int
    method: Method
    naive_macs: int
    frames: int
    dwell_histogram: Mapping[str, int]
    capped: bool = False
    estimator_version: str = ESTIMATOR_VERSION

    @property
    def passers_by(self) -> int:
        return self.devices - self.inside


class Window:
    """What is noted while a window lasts. Bounded: by the tracks followed at a time, and 65,536 addresses."""

    __slots__ = (
        "addresses",
        "bursts",
        "capped",
        "dwell",
        "frames",
        "made_up",
        "started_at",
        "strongest",
        "tracks",
    )

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.frames = 0
        self.capped = False
        self.addresses: set[DeviceId] = set()
        self.tracks: dict[int, dict[int, Track]] = {}  # class -> number -> track
        self.bursts: dict[int, int] = {}
        self.made_up: dict[int, int] = {}  # of these bursts, those under made-up addresses
        self.strongest: dict[int, int] = {}
        self.dwell: dict[str, int] = {}

    def hear(self, device_id: DeviceId) -> None:
        self.frames += 1
        if len(self.addresses) < _MOST_ADDRESSES:
            self.addresses.add(device_id)
        elif device_id not in self.addresses:
            self.capped = True

    def note(self, burst: Burst, track: Track) -> None:
        """A burst was given to a track."""
        family = track.family.number
        self.bursts[family] = self.bursts.get(family, 0) + 1
        self.made_up[family] = self.made_up.get(family, 0) + burst.is_randomized
        self.tracks.setdefault(family, {})[track.number] = track
        if burst.signal_dbm is not None:
            known = self.strongest.get(track.number, burst.signal_dbm)
            self.strongest[track.number] = max(known, burst.signal_dbm)

    def note_end_of_stay(self, track: Track) -> None:
        """A device was not heard for so long that it has gone. One burst is no stay."""
        if track.bursts > 1:
            bound = dwell_bound(track.ended_at - track.started_at)
            self.dwell[bound] = self.dwell.get(bound, 0) + 1

    def count(self, rates: Rates, inside_dbm: int) -> Count:
        classes = [
            estimate(tracks, self.made_up[family], rates.of(family)) for family, tracks in self.tracks.items()
        ]
        return _count(self, classes, inside_dbm)

    def count_whole(self, windows: "WindowSums", inside_dbm: int) -> Count:
        """A whole capture: those followed, and in the same proportion more as in its windows."""
        more = windows.devices / windows.followed if windows.followed else 1.0
        classes = [_whole_class(tracks, more) for tracks in self.tracks.values()]
        return _count(self, classes, inside_dbm)


@dataclass(slots=True)
class WindowSums:
    """Over the windows of a capture: devices, and those of them that were followed."""

    devices: int = 0
    followed: int = 0

    def add(self, count: Count) -> None:
        self.devices += count.devices
        self.followed += count.followed


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassEstimate:
    """The devices of one class in one window: `followed` by association, `devices` all things weighed."""

    followed: int
    devices: float
    variance: float
    by_rate: bool = False
    is_learnt: bool = True


def estimate(tracks: Mapping[int, Track], bursts: int, rate: Rate) -> ClassEstimate:
    """Weighs what could be followed against how much was heard, each by its error, on a logarithmic scale.

    An address from a vendor's block is one device. So are a lone device and each of a model whose sequence
    counter shows its way. Of the others, the more there are the more run into one another: strength alone
    tells only a few apart. `bursts` are those under made-up addresses.
    """
    static = sum(track.is_static for track in tracks.values())
    followed = len(tracks) - static
    doubt = sum(track.doubt for track in tracks.values())
    continuity = next(iter(tracks.values())).family.continuity
    if followed <= 1 or continuity > _FOLLOWABLE:
        return ClassEstimate(followed=len(tracks), devices=float(len(tracks)), variance=doubt)
    by_rate = bursts / rate.bursts
    rate_error = rate.spread**2 + _BURST_SPREAD**2 / by_rate
    track_error = (_TRACK_ERROR * followed) ** 2
    share = track_error / (track_error + rate_error)
    devices = followed ** (1 - share) * by_rate**share
    return ClassEstimate(
        followed=len(tracks),
        devices=static + devices,
        variance=doubt + devices**2 * share * rate_error,
        by_rate=abs(devices - followed) >= 0.5,
        is_learnt=rate.windows >= _LEARNT_WINDOWS,
    )


def _whole_class(tracks: Mapping[int, Track], more: float) -> ClassEstimate:
    followed = len(tracks)
    doubt = sum(track.doubt for track in tracks.values())
    return ClassEstimate(
        followed=followed, devices=followed * more, variance=doubt, by_rate=more != 1.0, is_learnt=False
    )


def _count(window: Window, classes: Sequence[ClassEstimate], inside_dbm: int) -> Count:
    followed = sum(estimated.followed for estimated in classes)
    rated = [estimated for estimated in classes if followed >= _CROWD_DEVICES and estimated.by_rate]
    by_rate = sum(estimated.devices for estimated in rated)
    devices = round(followed - sum(estimated.followed for estimated in rated) + by_rate)
    error = _NINETY_PERCENT * math.sqrt(
        sum(estimated.variance for estimated in classes)
        + (_MODEL_ERROR * devices) ** 2
        + (_RATE_ERROR * by_rate) ** 2
    )
    method: Method = "association"
    if rated:
        method = "rate" if all(estimated.is_learnt for estimated in rated) else "cold"
    strong = sum(signal_dbm >= inside_dbm for signal_dbm in window.strongest.values())
    return Count(
        started_at=window.started_at,
        devices=devices,
        followed=followed,
        low=max(min(len(classes), devices), math.floor(devices - error + 0.5)),
        high=math.ceil(devices + error - 0.5),
        # Of all devices the share that was inside of those followed.
        inside=round(devices * strong / followed) if followed else 0,
        method=method,
        naive_macs=len(window.addresses),
        frames=window.frames,
        dwell_histogram=dict(window.dwell),
        capped=window.capped,
    )


def dwell_bound(seconds: float) -> str:
    """The bar of the dwell histogram that a stay of this length belongs to."""
    return next((str(bound) for bound in DWELL_BOUNDS_SECONDS if seconds <= bound), "inf")
