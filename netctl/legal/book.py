"""Records on their way to the disk: kept while it is full, up to a bound; what does not fit is counted."""

from collections import deque
from dataclasses import dataclass, field

from netctl.legal.record import Record

MOST_WAITING = 200_000
AT_ONCE = 20_000


@dataclass(slots=True)
class Book:
    """What is to be written, in order. Sessions, leases and losses are always kept: they are few."""

    most: int = MOST_WAITING
    journal_seq: int | None = None
    waiting: deque[Record] = field(default_factory=deque)
    left_out: int = 0
    _left_out_since_ms: int = 0

    def add(self, records: list[Record], at_ms: int) -> None:
        for record in records:
            if isinstance(record, list) and len(self.waiting) >= self.most:
                self._left_out_since_ms = self._left_out_since_ms or at_ms
                self.left_out += 1
            else:
                self.waiting.append(record)

    def take(self, at_ms: int) -> list[Record]:
        """The next that go to disk together, with a word on what had to be left out once there is room."""
        records = [self.waiting.popleft() for _ in range(min(AT_ONCE, len(self.waiting)))]
        if self.left_out and not self.waiting:
            since_ms, lost = self._left_out_since_ms - at_ms, self.left_out
            records.append({"k": "loss", "at": at_ms, "from": since_ms, "records": lost})
            self.left_out = self._left_out_since_ms = 0
        return records

    def put_back(self, records: list[Record]) -> None:
        self.waiting.extendleft(reversed(records))
