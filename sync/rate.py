"""How often someone may try something, and how many at once, in memory that cannot grow."""

from collections import Counter, OrderedDict
from collections.abc import Callable


class RateLimit:
    """A token bucket a key: `burst` at once, then one each `refill_seconds`.

    `seconds()` never jumps (CLOCK_BOOTTIME). At most `keys` are remembered, the least recent is forgotten:
    a full bucket and a forgotten one are the same.
    """

    def __init__(
        self, *, burst: int, refill_seconds: float, seconds: Callable[[], float], keys: int = 4096
    ) -> None:
        self._burst = burst
        self._refill_seconds = refill_seconds
        self._seconds = seconds
        self._keys = keys
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str) -> float:
        """Seconds to wait before trying again; 0.0 when this try is granted (and counted)."""
        now = self._seconds()
        tokens, at = self._buckets.pop(key, (float(self._burst), now))
        tokens = min(float(self._burst), tokens + (now - at) / self._refill_seconds)
        wait = 0.0 if tokens >= 1 else (1 - tokens) * self._refill_seconds
        self._buckets[key] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return wait


class Turnstile:
    """At most `most` inside at once, `of_one` of them under one name; who finds it full is told at once,
    not queued."""

    def __init__(self, most: int, of_one: int | None = None) -> None:
        self._free = most
        self._of_one = most if of_one is None else of_one
        self._inside: Counter[str] = Counter()

    def enter(self, name: str = "") -> bool:
        if self._free == 0 or self._inside[name] >= self._of_one:
            return False
        self._free -= 1
        self._inside[name] += 1
        return True

    def leave(self, name: str = "") -> None:
        self._free += 1
        self._inside[name] -= 1
        if not self._inside[name]:
            del self._inside[name]
