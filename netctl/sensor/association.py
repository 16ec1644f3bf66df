"""Bursts -> tracks: which bursts under made-up addresses come from the same device.

Phones of one model say the same about themselves: they are a class. Within it a new address is weighed
against every device last heard of: does its sequence counter go on where that one's stopped, is it as loud,
is it its turn. What the weights rest on is physics and protocol; the one thing that differs from model to
model, whether the counter goes on across a change of address, is learnt for each class.
"""

import math
from heapq import nlargest
from typing import Final, NamedTuple

from netctl.sensor.bursts import Burst
from netctl.sensor.device_id import DeviceId

TRACK_SECONDS: Final = 600.0
"""A device unheard for this long is forgotten, and all its addresses with it."""

_SEQUENCES: Final = 4096
_LONGEST_GAP: Final = 130  # frames a phone sends between two scans that we hear
_NEW: Final = 0.12  # of the new addresses, those of a new device, before anything else is known
_NEW_UNIVERSAL: Final = 0.97  # an address from a vendor's block does not change
_RECENCY_SECONDS: Final = 200.0
_STRAY: Final = 0.2  # of the bursts, those whose strength says nothing: a hand, a door, a turn
_STRANGER_DB: Final = 12.0  # how far apart in strength two devices are that have nothing in common
_GOES_ON: Final = 0.97  # in a model whose counter goes on, how often the next scan we hear shows it
_FITTING: Final = 0.7  # the same of all new addresses, those of newcomers among them
_SUREST: Final = 6.0
_SURE_OF_COUNTER: Final = 0.7
_MOST_TAILS: Final = 64
_TELLING_TAILS: Final = 12  # with more, some counter fits by chance too often to teach anything
_MOST_TRACKS_IN_CLASS: Final = 512
_MOST_ADDRESSES: Final = 100_000
_MOST_LINKS_A_SECOND: Final = 400
_MOST_FINGERPRINTS: Final = 4096


class Tail:
    """Where one sequence counter was when last heard. A track that two devices were mistaken for has two."""

    __slots__ = ("ended_at", "sequence", "track")

    def __init__(self, track: "Track", burst: Burst) -> None:
        self.move(track, burst)

    def move(self, track: "Track", burst: Burst) -> None:
        self.track = track
        self.sequence = burst.last_sequence
        self.ended_at = burst.ended_at
        track.tail = self


class Track:
    """One device as far as its bursts can be followed."""

    __slots__ = (
        "bursts",
        "doubt",
        "ended_at",
        "family",
        "is_static",
        "number",
        "signal_dbm",
        "started_at",
        "tail",
    )

    tail: Tail  # the newest

    def __init__(self, number: int, family: "Family", burst: Burst, doubt: float) -> None:
        self.number = number
        self.family = family
        self.started_at = burst.started_at
        self.bursts = 0
        self.doubt = doubt  # variance that this device adds to the count: p (1 - p) of its being a new one
        self.is_static = not burst.is_randomized
        self.signal_dbm: float | None = None
        self.extend(burst)

    def extend(self, burst: Burst) -> None:
        self.bursts += 1
        self.ended_at = burst.ended_at
        if burst.signal_dbm is not None:
            known = self.signal_dbm
            self.signal_dbm = burst.signal_dbm if known is None else 0.5 * known + 0.5 * burst.signal_dbm


class Family:
    """One class: devices that say the same about themselves."""

    __slots__ = ("_log_odds", "heard_at", "number", "tails", "tracks")

    def __init__(self, number: int) -> None:
        self.number = number
        self.tracks: dict[int, Track] = {}
        self.tails: list[Tail] = []
        self.heard_at = 0.0
        self._log_odds = 0.0  # that this model's counter goes on, to that it starts anew

    @property
    def continuity(self) -> float:
        """How likely the sequence counter of this model goes on when the address changes."""
        return _GOES_ON / (1 + math.exp(-self._log_odds))

    def continued(self, burst: Burst) -> Tail | None:
        """The counter this burst goes on from, the nearest if several fit; learns from there being one."""
        self.tails = [tail for tail in self.tails if tail.ended_at > burst.started_at - TRACK_SECONDS]
        earlier = [tail for tail in self.tails if tail.ended_at < burst.started_at]
        if not earlier:
            return None
        latest = nlargest(_TELLING_TAILS, earlier, key=lambda tail: tail.ended_at)
        self._learn_continuity(any(_gap(tail, burst) <= _LONGEST_GAP for tail in latest), len(latest))
        tail = min(earlier, key=lambda tail: _gap(tail, burst))
        return tail if _gap(tail, burst) <= _LONGEST_GAP else None

    def keep_tail(self, tail: Tail) -> None:
        if len(self.tails) >= _MOST_TAILS:
            del self.tails[0]
        self.tails.append(tail)

    def _learn_continuity(self, goes_on: bool, counters: int) -> None:
        """One change of address. With many counters some fit by chance, and that says little."""
        chance: float = 1 - (1 - _LONGEST_GAP / _SEQUENCES) ** counters
        # Also of a model that goes on, some addresses are those of devices that have just come.
        fits = _FITTING + (1 - _FITTING) * chance
        self._log_odds += math.log(fits / chance) if goes_on else math.log((1 - fits) / (1 - chance))
        self._log_odds = min(_SUREST, max(-_SUREST, self._log_odds))

    def absorb(self, other: "Family") -> None:
        for track in other.tracks.values():
            track.family = self
        self.tracks |= other.tracks
        self.tails += other.tails
        self._log_odds = min(_SUREST, max(-_SUREST, self._log_odds + other._log_odds))
        self.heard_at = max(self.heard_at, other.heard_at)


class Link(NamedTuple):
    """Where a burst went. `doubt`: variance of the decision, p (1 - p)."""

    track: Track
    doubt: float


class Association:
    """All tracks now followed, in bounded memory: what goes beyond it is counted, not followed."""

    def __init__(self) -> None:
        self._families: dict[int, Family] = {}  # by fingerprint; several may lead to the same family
        self._by_address: dict[DeviceId, Track] = {}
        self._tracks: dict[int, Track] = {}
        self._number = 0
        self._second = 0
        self._links = 0

    def family_of(self, burst: Burst, track: Track | None = None) -> Family:
        """The class of a burst; one device under several fingerprints makes their classes one."""
        found = {family.number: family for f in burst.fingerprints if (family := self._families.get(f))}
        if track is not None:
            found[track.family.number] = track.family
        if not found:
            self._number += 1
            found = {self._number: Family(self._number)}
        family, *others = (found[number] for number in sorted(found))
        for other in others:
            family.absorb(other)
            for fingerprint, known in self._families.items():
                if known is other:
                    self._families[fingerprint] = family
        for fingerprint in burst.fingerprints:
            self._families[fingerprint] = family
        family.heard_at = burst.ended_at
        return family

    def link(self, burst: Burst) -> Link | None:
        """The device that sent the burst, or None when there were too many to follow."""
        track = self._by_address.get(burst.device_id)
        if track is None and self._is_flooded(burst):
            return None
        family = self.family_of(burst, track)
        if track is not None:
            track.extend(burst)
            track.tail.move(track, burst)
            return Link(track, 0.0)
        if len(family.tracks) >= _MOST_TRACKS_IN_CLASS:
            return None
        tail = family.continued(burst) if burst.is_randomized else None
        track, p_new = choose(family, burst, tail)
        doubt = p_new * (1 - p_new)
        if track is None:
            track = self._new_track(family, burst, doubt)
        else:
            track.extend(burst)
        self._by_address[burst.device_id] = track
        if tail is None:
            family.keep_tail(Tail(track, burst))
        else:
            tail.move(track, burst)
        return Link(track, doubt)

    def _new_track(self, family: Family, burst: Burst, doubt: float) -> Track:
        self._number += 1
        track = Track(self._number, family, burst, doubt)
        self._tracks[track.number] = family.tracks[track.number] = track
        return track

    def forget(self, now: float) -> list[Track]:
        """Takes out the tracks, addresses and classes that were not heard for ten minutes."""
        horizon = now - TRACK_SECONDS
        dead = [track for track in self._tracks.values() if track.ended_at < horizon]
        for track in dead:
            del self._tracks[track.number]
            track.family.tracks.pop(track.number, None)
        if dead:
            alive = self._tracks
            self._by_address = {a: track for a, track in self._by_address.items() if track.number in alive}
        if len(self._families) > _MOST_FINGERPRINTS:
            self._forget_families()
        return dead

    def _forget_families(self) -> None:
        """Keeps the half of the fingerprints heard last, and those of devices still followed."""
        by_age = sorted(self._families.items(), key=lambda item: item[1].heard_at, reverse=True)
        self._families = {
            fingerprint: family
            for place, (fingerprint, family) in enumerate(by_age)
            if place < _MOST_FINGERPRINTS // 2 or family.tracks
        }

    def _is_flooded(self, burst: Burst) -> bool:
        second = int(burst.ended_at)
        if second != self._second:
            self._second, self._links = second, 0
        self._links += 1
        return self._links > _MOST_LINKS_A_SECOND or len(self._by_address) >= _MOST_ADDRESSES


def choose(family: Family, burst: Burst, tail: Tail | None) -> tuple[Track | None, float]:
    """Who sent a burst under an address not heard before: a track, or None for a new device; and P(new)."""
    candidates = [
        track
        for track in family.tracks.values()
        if track.ended_at < burst.started_at and not (track.is_static and not burst.is_randomized)
    ]
    if not candidates:
        return None, 1.0
    if tail is not None and tail.track.tail is not tail and family.continuity > _SURE_OF_COUNTER:
        return None, 0.5  # two counters go on where one device was thought to be: here they part
    new = _NEW if burst.is_randomized else _NEW_UNIVERSAL
    best, best_weight = None, 0.0
    for track in candidates:
        goes_on = tail is not None and tail.track is track
        weight = (1 - new) * likelihood_ratio(track, burst, family.continuity, goes_on=goes_on)
        if weight > best_weight:
            best, best_weight = track, weight
    # Against the likeliest alone: together, the many of a crowd would always outweigh a newcomer.
    p_new = new / (new + best_weight)
    return (best if p_new <= 0.5 else None), p_new


def likelihood_ratio(track: Track, burst: Burst, continuity: float, *, goes_on: bool) -> float:
    """How much likelier this burst is if `track` sent it than if a stranger of the same model did."""
    seconds = burst.started_at - track.ended_at
    ratio = math.exp(-seconds / _RECENCY_SECONDS) * (1 - continuity)
    if goes_on:
        ratio += math.exp(-seconds / _RECENCY_SECONDS) * continuity * _SEQUENCES / _LONGEST_GAP
    if track.signal_dbm is not None and burst.signal_dbm is not None:
        apart_db = burst.signal_dbm - track.signal_dbm
        still_db = 2.0 + min(0.06 * seconds, 8.0)  # people walk
        ratio *= _STRAY + (1 - _STRAY) * _normal(apart_db, still_db) / _normal(apart_db, _STRANGER_DB)
    return ratio


def _gap(tail: Tail, burst: Burst) -> int:
    return (burst.first_sequence - tail.sequence - 1) % _SEQUENCES + 1


def _normal(x: float, sd: float) -> float:
    return math.exp(-0.5 * (x / sd) ** 2) / sd
