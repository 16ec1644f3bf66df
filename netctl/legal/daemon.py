"""The daemon: hears the kernel, the LAN and the gate's journal, and has it written every two seconds.

Whatever goes wrong with the log - a full disk, no key, no gate - it says so to the owner and tries again;
phones come and go meanwhile as if it were not there. A power cut loses what was heard since the last writing.

Measured 2026-11-23 on a busy 2-core x86 VM (`tests.bench legal_log`): 22 bytes a connection on the disk and
0.23 s of processor time for 10,000 of them with 1,000 changes a writing, 60 bytes and 0.34 s with 10. The
daemon takes 39 MB (PSS).
"""

import asyncio
import ctypes
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Protocol

from netctl.api import JournalLine
from netctl.client import GateClient, GateRefused, GateUnavailable
from netctl.lan.leases import LeaseFile
from netctl.legal import seal
from netctl.legal.book import Book
from netctl.legal.connections import Connections, Moment, lan_of, readable
from netctl.legal.conntrack_news import News
from netctl.legal.kernel_news import BUFFER_BYTES, ConnectionNews, table
from netctl.legal.lan_watch import LanWatch
from netctl.legal.profiles import PROFILES, Profile
from netctl.legal.record import Record
from netctl.legal.retention import delete_old, delete_rest
from netctl.legal.segments import Found, LegalLog, Limits
from netctl.legal.writer import FLUSH_SECONDS, NO_KEY, NOT_WRITTEN, Owner, Writer
from sync.config import Config
from sync.model import Clock, SystemClock, new_id, to_wire
from sync.process import ProcessFailed, notify_ready
from sync.records import Records, RecordsUnavailable, leads, open_records

log = logging.getLogger("yingke.legal")

_RETENTION_SECONDS: Final = 3600.0
_RETRY_SECONDS: Final = 5.0
_PR_SET_DUMPABLE: Final = 4


class Journal(Protocol):
    """The gate, as far as it is needed here."""

    def journal(self, after: int = 0) -> AsyncIterator[JournalLine]: ...


async def run(config: Config) -> None:
    """The process, until it is cancelled; when the log is off it returns as soon as nothing is left of
    an earlier one. Raises ProcessFailed."""
    if config.privacy.legal_log == "off":
        log.info('privacy.legal_log is "off": nothing is recorded')
        # A unit of type notify that ends without this would count as failed, and be started again.
        notify_ready("off")
        await _bury(config.venue.data_dir / "legal", SystemClock())
        return
    # Hardware addresses and contacts must not reach a core dump (prctl(2)).
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    try:
        records = await open_records(config.venue.data_dir / "records.db", "legal")
    except RecordsUnavailable as error:
        raise ProcessFailed(str(error)) from error
    gate = GateClient(config.venue.run_dir / "gate.sock")
    try:
        await Daemon(config, records, SystemClock(), gate).run()
    finally:
        await records.close()


class Daemon:
    """What is heard goes into one book, and from there to the log."""

    def __init__(
        self,
        config: Config,
        records: Records,
        clock: Clock,
        gate: Journal,
        *,
        limits: Limits | None = None,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self._config, self._records, self._clock, self._gate = config, records, clock, gate
        self._profile: Profile = PROFILES[config.privacy.legal_log]
        self._days = self._profile.kept_days(config.privacy.legal_log_days)
        self._directory = config.venue.data_dir / "legal"
        self._limits, self._buffer_bytes = limits or Limits(), buffer_bytes
        network = config.network
        self._connections = Connections(
            lan_of([network.lan_address, network.lan_ula], []), destinations=self._profile.destinations
        )
        leases = LeaseFile(config.venue.data_dir / "dnsmasq" / "dnsmasq.leases")
        self._lan = LanWatch(network.bridge, leases, clock, self._add, self._connections.move)
        self._book = Book()
        self._owner = Owner(records, clock)
        self._overrun = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled. Raises ProcessFailed when the kernel gives no news."""
        if self._config.privacy.legal_log_days not in (0, self._days):
            log.warning("privacy.legal_log_days: %s asks for %d", self._profile.law, self._days)
        legal_log = await self._open()
        self._book.journal_seq = legal_log.place.journal_seq
        self._add([_gap(legal_log.found, self._at_ms())])
        news = self._listen()
        writer = self._writer = Writer(self._book, legal_log, self._clock, self._owner, news.newly_dropped)
        log.info("%s: %s, %d days", self._config.privacy.legal_log, self._profile.law, self._days)
        try:
            async with asyncio.TaskGroup() as tasks:
                for part in (self._lan.run, self._catch_up, self._hear_gate, writer.run, self._keep_deleting):
                    tasks.create_task(part())
                if not self._waited:
                    notify_ready(f"{self._config.privacy.legal_log}, {self._days} days")
        finally:
            news.close()
            writer.finish()

    async def _open(self) -> LegalLog:
        """The log, as soon as there is a key to write it to and a place to write."""
        self._waited = False
        while True:
            try:
                opened = await asyncio.to_thread(self._open_now)
            except seal.NoKey as reason:
                await self._owner.tell(NO_KEY, str(reason))
            except OSError as error:
                await self._owner.tell(NOT_WRITTEN, f"{self._directory}: {error.strerror or error}")
            else:
                await self._owner.tell(NO_KEY, None)
                return opened
            if not self._waited:
                # It waits as long as that takes: this is no failure to start.
                notify_ready("waits for its key, or for a place to write")
                self._waited = True
            await asyncio.sleep(_RETRY_SECONDS)

    def _open_now(self) -> LegalLog:
        reader = seal.read_public(self._config.privacy.legal_log_key)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._signing = seal.signing_key(self._directory / "signing.key")
        about = {
            "venue_id": self._config.venue.id,
            "profile": self._config.privacy.legal_log,
            "law": self._profile.law,
            "days": self._days,
            "run": new_id(),
        }
        return LegalLog(self._directory, reader, self._signing, about, self._clock, self._limits)

    def _listen(self) -> ConnectionNews:
        try:
            return ConnectionNews(self._hear, self._lose, self._buffer_bytes)
        except OSError as error:
            remedy = "load nf_conntrack_netlink and run it with CAP_NET_ADMIN"
            raise ProcessFailed(f"the kernel tells nothing of connections ({error}): {remedy}") from error

    # --- what is heard -----------------------------------------------------------------------------------

    def _add(self, records: list[Record]) -> None:
        self._book.add(records, self._at_ms())

    def _hear(self, news: list[News]) -> None:
        now = self._now()
        for each in news:
            if records := self._connections.hear(each, now):
                self._book.add(records, now.boottime_ms)
                self._lan.meet(readable(each.opened.source))

    def _lose(self) -> None:
        self._writer.lose()
        self._overrun.set()

    async def _catch_up(self) -> None:
        """At the start, and whenever news were lost, the kernel's whole table says what goes on."""
        self._overrun.set()
        loop = asyncio.get_running_loop()
        while True:
            await self._overrun.wait()
            self._overrun.clear()
            began = loop.time()
            self._connections.begin_to_agree()
            try:
                known = await asyncio.to_thread(table)
                self._add(self._connections.agree(known, self._now()))
            except OSError as error:
                log.warning("the kernel's connections could not be read: %s", error)
                self._overrun.set()
            # A large table takes its time: what overran us must not be overtaken by looking after it.
            await asyncio.sleep(max(FLUSH_SECONDS, 3 * (loop.time() - began)))

    async def _hear_gate(self) -> None:
        """Sessions as the gate tells them, from where the log ends."""
        told = ""
        while True:
            try:
                async for line in self._gate.journal(self._book.journal_seq or 0):
                    self._add([await self._session(line)])
                    self._book.journal_seq, told = line.seq, ""
            except (GateUnavailable, GateRefused, RecordsUnavailable) as reason:
                if str(reason) != told:
                    log.info("sessions are not heard of for now: %s", reason)
                told = str(reason)
            await asyncio.sleep(FLUSH_SECONDS)

    async def _session(self, line: JournalLine) -> dict[str, Any]:
        account: dict[str, Any] = {}
        if self._profile.account and line.lead_id is not None:
            contact = await self._records.read(leads.contact_of, line.lead_id)
            account = {"lead_id": line.lead_id, "contact": contact}
        radio = self._config.wifi.interface
        return {
            "k": "session",
            "at": self._at_ms(),
            "what": line.what,
            "session_id": line.session_id,
            "mac": line.mac,
            "ips": self._lan.addresses.of(line.mac),
            "method": line.method,
            "happened_at": to_wire(line.at),
            "clock": line.clock,
            "ssid": self._config.wifi.ssid if radio else None,
            "ap": _hardware_address(radio) if radio else None,
            "reason": line.reason,
            "bytes_up": line.bytes_up,
            "bytes_down": line.bytes_down,
            **account,
        }

    async def _keep_deleting(self) -> None:
        while True:
            try:
                arguments = (self._directory, self._days, self._signing, self._clock)
                deleted = await asyncio.to_thread(delete_old, *arguments)
                if deleted:
                    log.info("%d segments are older than %d days: deleted", len(deleted), self._days)
            except OSError as error:
                log.warning("old segments could not be deleted: %s", error)
            await asyncio.sleep(_RETENTION_SECONDS)

    # --- time --------------------------------------------------------------------------------------------

    def _at_ms(self) -> int:
        return int(self._clock.boottime() * 1000)

    def _now(self) -> Moment:
        return Moment(boottime_ms=self._at_ms(), wall_ms=int(self._clock.now().timestamp() * 1000))


async def _bury(directory: Path, clock: Clock) -> None:
    """Switched off is not deleted: what the law asked for is kept as long as it asked, and no longer."""
    while True:
        try:
            if not await asyncio.to_thread(delete_rest, directory, clock):
                return
            log.info("what an earlier log wrote is kept until its age")
        except OSError as error:
            log.warning("%s: %s", directory, error.strerror or error)
        await asyncio.sleep(_RETENTION_SECONDS)


def _gap(found: Found, at_ms: int) -> Record:
    """Since when nothing was recorded, and why."""
    why = "power cut or crash" if found.torn else "the log did not run"
    if found.last_at is None:
        why = "the log begins"
    return {"k": "gap", "at": at_ms, "from": found.last_at, "why": why}


def _hardware_address(interface: str) -> str | None:
    try:
        return Path(f"/sys/class/net/{interface}/address").read_text().strip()
    except OSError:
        return None
