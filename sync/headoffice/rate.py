"""How often somebody may ask, and how many at once."""

import math
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimit:
    """`burst` at once, then `per_second`; full buckets are forgotten, so memory follows the busy names."""

    def __init__(self, *, burst: int, per_second: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._buckets: dict[str, _Bucket] = {}

    def take(self, name: str, now: float) -> int:
        """0 when allowed, else the whole seconds to wait. `now` in seconds of a clock that never jumps."""
        if len(self._buckets) > 10_000:
            self._forget_full(now)
        bucket = self._buckets.setdefault(name, _Bucket(self._burst, now))
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return max(1, math.ceil((1 - bucket.tokens) / self._per_second))

    def _forget_full(self, now: float) -> None:
        self._buckets = {
            name: bucket
            for name, bucket in self._buckets.items()
            if bucket.tokens + (now - bucket.at) * self._per_second < self._burst
        }


class Turnstile:
    """At most `most` inside at once; who finds it full is told at once, not queued."""

    def __init__(self, most: int) -> None:
        self._free = most

    def enter(self) -> bool:
        if self._free == 0:
            return False
        self._free -= 1
        return True

    def leave(self) -> None:
        self._free += 1
