"""The uploader: the outbox to head office, in order, one batch in flight, until it is acknowledged."""

import asyncio
import logging
import os
import random
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import zstandard

from sync import answer
from sync.answer import Delivered, Rejected, TooMuch, TryLater, Verdict, judge
from sync.commands import WAIT_SECONDS, Commands
from sync.config import Config
from sync.conversation import (
    USER_AGENT,
    Conversation,
    back_off_seconds,
    call,
    read_at_most,
    read_key,
)
from sync.envelope import Line, to_line
from sync.model import Clock, SystemClock, to_wire
from sync.process import ProcessFailed, notify_ready
from sync.records import Records, RecordsUnavailable, open_records, outbox, upload_state
from sync.records.ages import keep_burying
from sync.records.connect import checkpoint, open_connection
from sync.records.outbox import Queued
from sync.roaming import ANSWER_WITHIN_SECONDS, CONNECT_WITHIN_SECONDS, Roaming

log = logging.getLogger("yingke.upload")

_CHECKPOINT_SECONDS: Final = 5
# A box with nothing to send says so once a minute: head office sees that it is there.
_GREET_SECONDS: Final = 60
_LONGEST_UPLOAD_SECONDS: Final = 120
_ANSWER_SECONDS: Final = 20
_RECORDS_AGAIN_SECONDS: Final = 5


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
            "User-Agent": USER_AGENT,
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
                said = await read_at_most(response)
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


async def run(config: Config) -> None:
    """Uploads, follows head office's commands and asks it for roamers, for ever; without a head office it
    only keeps the records in shape. Raises ProcessFailed."""
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
                tasks.create_task(_follow_commands(config, records, clock))
                if config.registration.roaming == "on":
                    tasks.create_task(_ask_for_roamers(config, records, clock))
            notify_ready()
    finally:
        await records.close()


async def _upload(config: Config, records: Records, clock: Clock) -> None:
    async with call(_LONGEST_UPLOAD_SECONDS) as http:
        uploader = Uploader(config, records, http, clock, credentials_directory=_credentials())
        await _step_by_step(uploader.step)


async def _follow_commands(config: Config, records: Records, clock: Clock) -> None:
    async with call(WAIT_SECONDS + _ANSWER_SECONDS) as http:
        conversation = Conversation(config, http, credentials_directory=_credentials())
        await _step_by_step(Commands(config, records, conversation, clock).step)


async def _ask_for_roamers(config: Config, records: Records, clock: Clock) -> None:
    async with call(ANSWER_WITHIN_SECONDS, CONNECT_WITHIN_SECONDS) as http:
        conversation = Conversation(config, http, credentials_directory=_credentials())
        await _step_by_step(Roaming(config, records, conversation, clock).step)


def _credentials() -> str | None:
    return os.environ.get("CREDENTIALS_DIRECTORY")


async def _step_by_step(step: Callable[[], Awaitable[float]]) -> None:
    """Each step says when the next one is; records that cannot be used are tried again."""
    while True:
        try:
            seconds = await step()
        except RecordsUnavailable as error:
            log.error("%s", error)
            seconds = _RECORDS_AGAIN_SECONDS
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
