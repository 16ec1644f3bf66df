"""How often one device of a class is heard: what counts a crowd in which no one can be followed any more."""

import math
from dataclasses import dataclass
from typing import Final

# Bursts of one phone in five minutes, on one channel: what a box believes before it has heard any.
PRIOR_BURSTS: Final = 6.0
_PRIOR_SECONDS: Final = 300
PRIOR_SPREAD: Final = 1.0  # standard deviation over mean, from model to model
_PRIOR_WINDOWS: Final = 4.0
_MOST_WINDOWS: Final = 200.0
_QUIET_DEVICES: Final = 3
_MOST_CLASSES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Bursts of one device in a window, its relative error, and how many device-windows taught it."""

    bursts: float
    windows: float
    spread: float


@dataclass(slots=True)
class _Heard:
    bursts: float = 0.0
    windows: float = 0.0

    def learn(self, bursts: float, windows: float) -> None:
        self.bursts += bursts
        self.windows += windows
        if self.windows > _MOST_WINDOWS:  # old days fade
            fading = _MOST_WINDOWS / self.windows
            self.bursts *= fading
            self.windows *= fading


class Rates:
    """Learnt in quiet windows, class by class; a new class leans on the store, the store on the prior."""

    def __init__(self, window_seconds: float) -> None:
        # In a short window most devices are not heard at all; those that are have sent one burst or more
        # (the mean of a Poisson number that is not zero).
        expected = PRIOR_BURSTS * window_seconds / _PRIOR_SECONDS
        self._prior = expected / -math.expm1(-expected)
        self._store = _Heard()
        self._classes: dict[int, _Heard] = {}

    def learn(self, family: int, devices: int, bursts: int) -> None:
        """A window in which `devices` of this class were told apart with ease. Others teach nothing."""
        if not 0 < devices <= _QUIET_DEVICES:
            return
        self._store.learn(bursts, devices)
        if family not in self._classes and len(self._classes) >= _MOST_CLASSES:
            self._classes.pop(next(iter(self._classes)))
        self._classes.setdefault(family, _Heard()).learn(bursts, devices)

    def of(self, family: int) -> Rate:
        store = _shrink(self._store, self._prior)
        heard = self._classes.get(family, _Heard())
        spread: float = PRIOR_SPREAD / (1 + heard.windows / _PRIOR_WINDOWS) ** 0.5
        return Rate(bursts=_shrink(heard, store), windows=heard.windows, spread=spread)


def _shrink(heard: _Heard, towards: float) -> float:
    return (heard.bursts + _PRIOR_WINDOWS * towards) / (heard.windows + _PRIOR_WINDOWS)
