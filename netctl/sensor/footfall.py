"""Sightings -> how many devices there were, window by window, and how sure that is.

Everything goes by the clock of the frames: the same frames give the same counts, live or from a file. Nothing
here outlives ten minutes but what was learnt about classes of phones.
"""

from collections.abc import Callable, Iterator
from typing import Final

from netctl.sensor.association import Association
from netctl.sensor.bursts import Burst, Bursts
from netctl.sensor.device_id import DeviceIds
from netctl.sensor.probe_request import Sighting
from netctl.sensor.rates import Rates
from netctl.sensor.window import Count, Window, WindowSums

_SWEEP_SECONDS: Final = 0.5
_FORGET_SECONDS: Final = 10.0
_LONGEST_SILENCE_WINDOWS: Final = 288  # longer gaps are left out, not filled with windows of nobody
# Frames of two interfaces come a little out of order; more is a clock set back.
_BACKWARDS_SECONDS: Final = 5.0


class Footfall:
    """The estimator: feed it sightings, take finished windows out of what it returns.

    Windows are aligned to the clock: of 300 s, they start at :00, :05, …. `assigned(burst, device)` is told
    to which device each burst was given. Memory is bounded; a flood sets `capped` on its own windows only.
    """

    def __init__(
        self,
        device_ids: DeviceIds,
        *,
        window_seconds: int = 300,
        inside_dbm: int = -65,
        assigned: Callable[[int, int], None] | None = None,
        keep_total: bool = False,
    ) -> None:
        self._device_ids = device_ids
        self._window_seconds = window_seconds
        self._inside_dbm = inside_dbm
        self._assigned = assigned
        self._bursts = Bursts()
        self._association = Association()
        self._rates = Rates(window_seconds)
        self._window: Window | None = None
        self._window_end = 0.0
        self._whole: Window | None = None
        self._sums = WindowSums()
        self._keep_total = keep_total
        self._now = self._next_sweep = self._next_forget = 0.0
        self.burst_number = 0

    def hear(self, sighting: Sighting) -> list[Count]:
        """One sighting; returns the windows that ended before it. `burst_number` is then its burst's."""
        at = sighting.at
        is_due = at >= self._next_sweep or at < self._now - _BACKWARDS_SECONDS
        finished = self.advance(at) if is_due else []
        device_id = self._device_ids.id_of(sighting.mac, at)
        assert self._window is not None
        self._window.hear(device_id)
        if self._whole is not None:
            self._whole.hear(device_id)
        self.burst_number = self._bursts.hear(device_id, sighting)
        return finished

    def advance(self, now: float) -> list[Count]:
        """The clock says `now`, heard or not: returns the windows that ended."""
        if self._window is None or now < self._now - _BACKWARDS_SECONDS:
            finished = self.finish()
            self._association = Association()  # the clock was set: what was heard when holds no longer
            self._open_window(now)
            self._next_forget = now + _FORGET_SECONDS
        else:
            finished = list(self._windows_before(now))
        self._now, self._next_sweep = now, min(now + _SWEEP_SECONDS, self._window_end)
        self._link(self._bursts.ended(now))
        if now >= self._next_forget:
            self._next_forget = now + _FORGET_SECONDS
            self._forget(now)
        return finished

    def finish(self) -> list[Count]:
        """Ends the open window, whatever its age, with what was heard in it."""
        if self._window is None:
            return []
        count = self._close_window()
        self._window, self._next_sweep = None, 0.0
        return [count]

    def running(self) -> Count | None:
        """The open window so far; bursts still going on are not in it."""
        return None if self._window is None else self._window.count(self._rates, self._inside_dbm)

    def total(self) -> Count | None:
        """Everything since the first frame as one count, when asked to keep it; after `finish`."""
        return None if self._whole is None else self._whole.count_whole(self._sums, self._inside_dbm)

    def learn_only(self) -> None:
        """Forgets everybody and every window, keeps what was learnt about classes of phones."""
        self.finish()
        self._association.forget(float("inf"))
        self._whole, self._sums = None, WindowSums()
        self._now = self._next_sweep = self._next_forget = 0.0

    def _windows_before(self, now: float) -> Iterator[Count]:
        if now - self._window_end > _LONGEST_SILENCE_WINDOWS * self._window_seconds:
            yield self._close_window()
            self._open_window(now)
        while now >= self._window_end:
            yield self._close_window()
            self._open_window(self._window_end)

    def _open_window(self, at: float) -> None:
        started_at = at // self._window_seconds * self._window_seconds
        self._window, self._window_end = Window(started_at), started_at + self._window_seconds
        if self._keep_total and self._whole is None:
            self._whole = Window(started_at)

    def _close_window(self) -> Count:
        # What is said after the end of the window counts for the next, so no burst goes over it.
        assert self._window is not None
        self._link(self._bursts.all())
        self._forget(self._window_end)
        count = self._window.count(self._rates, self._inside_dbm)
        self._sums.add(count)
        for family, tracks in self._window.tracks.items():
            self._rates.learn(family, len(tracks), self._window.bursts[family])
        return count

    def _link(self, bursts: list[Burst]) -> None:
        for burst in bursts:
            link = self._association.link(burst)
            for window in (self._window, self._whole):
                if window is None:
                    continue
                if link is None:
                    window.capped = True
                else:
                    window.note(burst, link.track)
            if link is not None and self._assigned is not None:
                self._assigned(burst.number, link.track.number)

    def _forget(self, now: float) -> None:
        for track in self._association.forget(now):
            for window in (self._window, self._whole):
                if window is not None:
                    window.note_end_of_stay(track)
