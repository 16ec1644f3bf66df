"""Writes the book to the log every few seconds, and keeps count of what never reached it."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Final

from netctl.legal.book import Book
from netctl.legal.record import Record
from netctl.legal.segments import LegalLog
from sync.model import Clock
from sync.records import Records, RecordsUnavailable, notices

log = logging.getLogger(__name__)

LOSSES: Final = "legal_log_losses"
NOT_WRITTEN: Final = "legal_log_not_written"
NO_KEY: Final = "legal_log_no_key"

FLUSH_SECONDS: Final = 2.0
_ALIVE_SECONDS: Final = 300.0
_QUIET_SECONDS: Final = 24 * 3600.0


class Owner:
    """Who is told what is wrong with the log."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock
        # Empty: not known yet, since an earlier run may have left a notice open.
        self._told: dict[str, str | None] = {}

    async def tell(self, key: str, detail: str | None) -> None:
        """Raises a notice with its detail, or clears it (None), when that changes."""
        if self._told.get(key, "") == detail:
            return
        try:
            if detail is not None:
                log.warning("%s: %s", key, detail)
                severity: notices.Severity = "warning" if key == LOSSES else "trouble"
                await self._records.write(notices.raise_notice, key, severity, detail, self._clock)
            else:
                await self._records.write(notices.clear, key, self._clock)
        except RecordsUnavailable as error:
            log.warning("%s: %s", key, error)
            return
        self._told[key] = detail


class Writer:
    """`newly_dropped` tells how many messages the kernel could not hand over since it was last asked."""

    def __init__(
        self, book: Book, legal_log: LegalLog, clock: Clock, owner: Owner, newly_dropped: Callable[[], int]
    ) -> None:
        self._book, self._log, self._clock, self._owner = book, legal_log, clock, owner
        self._newly_dropped = newly_dropped
        self._writing = threading.Lock()
        self._written_at = self._read_at = clock.boottime()
        self._losing_since: float | None = None
        self._lost_events = 0
        self._lost_at: float | None = None

    async def run(self) -> None:
        """Until it is cancelled; what waits then is `finish`'s."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Everything that waits is on the disk, or the owner is told why not."""
        self._prepare()
        problem = None
        while problem is None and (batch := self._next()) is not None:
            # The thread finishes its chunk even when we are cancelled; `finish` waits for it.
            problem = await asyncio.to_thread(self._write, *batch)
        await self._owner.tell(NOT_WRITTEN, problem)
        await self._tell_losses()

    def finish(self) -> None:
        """The last chance: the process ends. Blocks."""
        self._prepare()
        while (batch := self._next()) is not None and self._write(*batch) is None:
            pass
        with self._writing:
            self._log.close()

    def lose(self) -> None:
        """Of what came since the last writing something may be missing."""
        if self._losing_since is None:
            self._losing_since = self._read_at

    def _prepare(self) -> None:
        boottime = self._clock.boottime()
        at_ms = int(boottime * 1000)
        if self._losing_since is not None:
            self._record_losses(at_ms, int(self._losing_since * 1000))
        self._read_at = boottime
        if not self._book.waiting and boottime >= self._written_at + _ALIVE_SECONDS:
            self._book.add([{"k": "alive", "at": at_ms}], at_ms)

    def _next(self) -> tuple[list[Record], int | None] | None:
        if not self._book.waiting:
            return None
        records = self._book.take(int(self._clock.boottime() * 1000))
        # The journal's place goes with the last of its lines.
        return records, None if self._book.waiting else self._book.journal_seq

    def _write(self, records: list[Record], journal_seq: int | None) -> str | None:
        with self._writing:
            try:
                self._log.write(records, journal_seq)
            except OSError as error:
                self._book.put_back(records)
                return f"{self._log.directory}: {error.strerror or error}"
            self._written_at = self._clock.boottime()
            return None

    def _record_losses(self, at_ms: int, since_ms: int) -> None:
        lost = self._newly_dropped()
        self._losing_since = None
        self._lost_events += lost
        self._lost_at = self._clock.boottime()
        self._book.add([{"k": "loss", "at": at_ms, "from": since_ms - at_ms, "events": lost}], at_ms)

    async def _tell_losses(self) -> None:
        if self._lost_at is None:
            return
        if self._clock.boottime() - self._lost_at > _QUIET_SECONDS:
            await self._owner.tell(LOSSES, None)
            self._lost_at, self._lost_events = None, 0
            return
        detail = f"{self._lost_events} changes of connections came faster than they could be read"
        await self._owner.tell(LOSSES, detail)
