"""The uploader: the outbox to head office, in order, one batch in flight, until it is acknowledged."""

import asyncio
import logging
import os
import random
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import aiohttp
import zstandard

from sync import answer
from sync.answer import Delivered, Rejected, TooMuch, TryLater, Verdict, judge
from sync.config import Config
from sync.envelope import Line, to_line
from sync.model import Clock, SystemClock, to_wire
from sync.process import ProcessFailed, notify_ready
from sync.records import Records, RecordsUnavailable, open_records, outbox, upload_state
from sync.records.ages import keep_burying
from sync.records.connect import checkpoint, open_connection
from sync.records.outbox import Queued

log = logging.getLogger("yingke.upload")

_CHECKPOINT_SECONDS: Final = 5
# A box with nothing to send says so once a minute: head office sees that it is there.
_GREET_SECONDS: Final = 60
_SHORTEST_BACK_OFF_SECONDS: Final = 1.0
_LONGEST_BACK_OFF_SECONDS: Final = 300.0
_LONGEST_ANSWER_BYTES: Final = 4 * 1024 * 1024
_KEY: Final = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What goes in one request. `unwritable` are events that cannot be put on the wire at all."""

    queued: Sequence[Queued]
    body: bytes
    unwritable: Sequence[Queued]


def pack(queue: Sequence[Queued], epoch: str, most_bytes: int) -> Batch:
    """As many of the queue as fit, in order, and at least one: head office says if that one is too large."""
    taken: list[Queued] = []
    unwritable: list[Queued] = []
    lines: list[bytes] = []
    size = 0
    for queued in queue:
        try:
            line = to_line(Line(epoch=epoch, seq=queued.seq, event=queued.event))
        except ValueError:
            unwritable.append(queued)
            continue
        size += len(line) + 1
        if taken and size > most_bytes:
            break
        taken.append(queued)
        lines.append(line)
    return Batch(queued=taken, body=b"\n".join(lines), unwritable=unwritable)


def back_off_seconds(failures: int, at_least_seconds: int, chance: float) -> float:
    """Doubles with each failure in a row; `chance` (0 to 1) keeps many boxes from coming at once."""
    longest = min(_LONGEST_BACK_OFF_SECONDS, _SHORTEST_BACK_OFF_SECONDS * 2.0 ** min(failures - 1, 20))
    return at_least_seconds + longest * (0.5 + chance / 2)


def read_key(config: Config, credentials_directory: str | None) -> str | None:
    """The upload key: systemd's credential if there is one, else the file the settings name."""
    files = [Path(credentials_directory) / "upload_key"] if credentials_directory else []
    for file in [*files, config.sync.upload_key_file]:
        try:
            key = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if _KEY.fullmatch(key):
            return key
    return None


class Uploader:
    """Sends what waits, one step at a time; everything it must remember lies in the records."""

    def __init__(
        self,
        config: Config,
        records: Records,
        http: aiohttp.ClientSession,
        clock: Clock,
        *,
        credentials_directory: str | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._records = records
        self._http = http
        self._clock = clock
        self._credentials_directory = credentials_directory
        self._chance = chance
        self._most_events = config.sync.batch_events
        self._failures = 0
        self._greeted_at = float("-inf")
        base = config.sync.head_office_url.rstrip("/")
        self._url = f"{base}/v1/venues/{config.venue.id}/events"
        self._compressor = zstandard.ZstdCompressor()

    async def step(self) -> float:
        """One look at the outbox and at most one request; returns the seconds until the next step."""
        state = await self._records.read(upload_state.read)
        queue = await self._records.read(outbox.pending, 0, self._most_events)
        batch = pack(queue, state.epoch, self._config.sync.batch_kilobytes * 1024)
        if batch.unwritable:
            await self._set_aside(batch.unwritable, "unwritable", "this event cannot be written as JSON")
        if not batch.queued and self._clock.boottime() - self._greeted_at < _GREET_SECONDS:
            return self._config.sync.poll_seconds
        verdict = await self._send(batch, state.epoch)
        return await self._act_on(verdict, batch)

    async def _send(self, batch: Batch, epoch: str) -> Verdict:
        key = await asyncio.to_thread(read_key, self._config, self._credentials_directory)
        if key is None:
            return TryLater(sentence=answer.NO_KEY)
        waiting = await self._records.read(outbox.count) - len(batch.queued)
        headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "zstd",
            "User-Agent": f"yingke/{version('yingke')}",
            "Yingke-Sent-At": to_wire(self._clock.now()),
            "Yingke-Clock": "synced" if self._clock.synced() else "unsynced",
            "Yingke-Pending": str(max(waiting, 0)),
        }
        body = self._compressor.compress(batch.body)
        try:
            # Redirects are not followed: the key is for this address only.
            async with self._http.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as response:
                said = await _read_at_most(response, _LONGEST_ANSWER_BYTES)
                return judge(batch.queued, epoch, response.status, response.headers, said)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.warning("head office cannot be reached: %s", error or type(error).__name__)
            return TryLater(sentence=answer.NOT_REACHED)

    async def _act_on(self, verdict: Verdict, batch: Batch) -> float:
        if isinstance(verdict, TryLater):
            return await self._try_later(verdict)
        self._failures = 0
        self._greeted_at = self._clock.boottime()
        if isinstance(verdict, TooMuch):
            if len(batch.queued) > 1:
                self._most_events = max(1, len(batch.queued) // 2)
            else:
                await self._set_aside(batch.queued, verdict.key, verdict.message)
            return 0.0
        await self._records.write(_delivered, batch.queued, verdict, self._clock)
        for line in verdict.rejected:
            log.warning("head office refused event %d: %s", line.seq, line.message)
        # Slowly: where the limit is really lower, every overshoot costs a request.
        self._most_events = min(self._config.sync.batch_events, self._most_events + 10)
        return 0.0 if batch.queued else self._config.sync.poll_seconds

    async def _try_later(self, verdict: TryLater) -> float:
        self._failures += 1
        await self._records.write(upload_state.failed, verdict.sentence, self._clock.now())
        seconds = back_off_seconds(self._failures, verdict.at_least_seconds, self._chance())
        log.warning("%s Next try in %.0f s.", verdict.sentence, seconds)
        return seconds

    async def _set_aside(self, refused: Sequence[Queued], key: str, message: str) -> None:
        await self._records.write(outbox.set_aside, refused, key, message, self._clock.now())
        log.warning("%d events are set aside: %s", len(refused), message)


def _delivered(
    connection: sqlite3.Connection, sent: Sequence[Queued], verdict: Delivered, clock: Clock
) -> None:
    """In one transaction: what was refused is kept aside, what has arrived leaves the queue."""
    now = clock.now()
    refused: dict[int, Rejected] = {line.seq: line for line in verdict.rejected}
    for queued in sent:
        if line := refused.get(queued.seq):
            outbox.set_aside(connection, [queued], line.key, line.message, now)
    if verdict.up_to_seq:
        outbox.acknowledge(connection, verdict.up_to_seq)
    upload_state.succeeded(connection, verdict.up_to_seq, now)


async def _read_at_most(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """What is longer is no receipt; reading stops there."""
    said = bytearray()
    async for piece in response.content.iter_any():
        said += piece
        if len(said) > most_bytes:
            return b""
    return bytes(said)


async def run(config: Config) -> None:
    """Uploads for ever; without a head office it only keeps the records in shape. Raises ProcessFailed."""
    path = config.venue.data_dir / "records.db"
    clock = SystemClock()
    try:
        records = await open_records(path, "sync")
    except RecordsUnavailable as error:
        raise ProcessFailed(str(error)) from None
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_checkpoint(path))
            tasks.create_task(keep_burying(records, "sync", config.privacy, clock))
            if config.sync.head_office_url:
                tasks.create_task(_upload(config, records, clock))
            notify_ready()
    finally:
        await records.close()


async def _upload(config: Config, records: Records, clock: Clock) -> None:
    async with aiohttp.ClientSession(
        headers={"Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=120, connect=15),
        connector=aiohttp.TCPConnector(limit=1),
        # An answer is read up to a bound, so it must not unpack to more.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as http:
        uploader = Uploader(
            config, records, http, clock, credentials_directory=os.environ.get("CREDENTIALS_DIRECTORY")
        )
        while True:
            try:
                seconds = await uploader.step()
            except RecordsUnavailable as error:
                log.error("%s", error)
                seconds = config.sync.poll_seconds
            await asyncio.sleep(seconds)


async def _checkpoint(path: Path) -> None:
    """The one connection of the box that checkpoints records.db, see `connect._connect`."""
    connection = await asyncio.to_thread(open_connection, path, "sync")
    try:
        while True:
            try:
                await asyncio.to_thread(checkpoint, connection)
            except sqlite3.Error as error:
                log.error("records.db cannot be checkpointed: %s", error)
            await asyncio.sleep(_CHECKPOINT_SECONDS)
    finally:
        connection.close()
