"""Writes the log: segments that only ever grow, each chunk on the disk before the next is begun.

A segment ends after a day, at 8 MB, and whenever the daemon ends. What a power cut tears off its end
stays as it is, and the head of the next segment says where and what it was; the records of the last
seconds that were not yet flushed are gone, and a `gap` says so.
"""

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from errno import ENOSPC
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from netctl.legal import chunk, seal
from netctl.legal.chunk import Chunk, Header
from netctl.legal.marks import SIGNATURE_BYTES, Place, read_anchor, read_tip, write_tip
from netctl.legal.record import Record, pressed
from sync.model import Clock, to_wire

log = logging.getLogger(__name__)

FORMAT: Final = 1
STATEMENT: Final = (
    "A log of connections kept by the store's own router. It is no certified audit system (安全管理系统)."
)
_SUFFIX: Final = ".segment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """What stands behind the last whole chunk of a segment."""

    segment: int
    at: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How an earlier run left the log; `last_at` is its last word on the time, None: there was no run."""

    place: Place
    torn: tuple[Torn, ...] = ()
    last_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`keep_free_bytes`: of the disk that others need more; beyond it nothing is written."""

    segment_bytes: int = 8 << 20
    segment_seconds: int = 24 * 3600
    keep_free_bytes: int = 64 << 20


def segment_path(directory: Path, number: int) -> Path:
    return directory / f"{number:012}{_SUFFIX}"


def segment_numbers(directory: Path) -> list[int]:
    """Those that are there, in order."""
    stems = (path.stem for path in directory.glob(f"*{_SUFFIX}"))
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def find_end(directory: Path) -> Found:
    """Where an earlier run left off. Raises OSError."""
    torn: list[Torn] = []
    numbers = segment_numbers(directory)
    newest = max([*numbers, (read_anchor(directory) or Place()).segment])
    for number in reversed(numbers):
        data = segment_path(directory, number).read_bytes()
        last = last_intact(data)
        end = last.end if last else 0
        if end < len(data):
            sha256 = hashlib.sha256(data[end:]).hexdigest()
            torn.append(Torn(segment=number, at=end, bytes=len(data) - end, sha256=sha256))
        if last is not None:
            header = last.header
            place = Place(segment=newest, seq=header.seq, hash=last.hash, journal_seq=header.journal_seq)
            return Found(place=place, torn=tuple(torn), last_at=wall_time(header.wall_ms))
    anchor = read_anchor(directory) or Place()
    return Found(place=replace(anchor, segment=newest), torn=tuple(torn))


def last_intact(data: bytes) -> Chunk | None:
    last = None
    for each in chunk.chunks(data):
        if each.intact:
            last = each
    return last


def wall_time(wall_ms: int) -> str:
    """Milliseconds since 1970 as text; a clock far off says so in the same form."""
    return to_wire(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=wall_ms))


class LegalLog:
    """The end that is written to. Calls block; one at a time, from whichever thread."""

    def __init__(
        self,
        directory: Path,
        reader: X25519PublicKey,
        signing: Ed25519PrivateKey,
        about: Mapping[str, Any],
        clock: Clock,
        limits: Limits = Limits(),
    ) -> None:
        """Takes up the chain where `directory` ends. `about` stands in each head. Raises OSError."""
        self.directory, self._reader, self._signing = directory, reader, signing
        self._about, self._clock, self._limits = dict(about), clock, limits
        self.found = find_end(directory)
        self._place, self._torn = self.found.place, self.found.torn
        # The tip is written behind each chunk: if it knows of more, somebody cut them off, or the disk lied.
        tip = read_tip(directory, signing.public_key().public_bytes_raw())
        self._cut_off = tip[0] if tip and tip[0] > self._place.seq else None
        self._file = -1
        self._ratchet = seal.Ratchet(b"")
        self._size = 0
        self._begun = 0.0

    @property
    def place(self) -> Place:
        return self._place

    def write(self, records: Sequence[Record], journal_seq: int | None = None) -> None:
        """One chunk, on the disk when it returns. Raises OSError: nothing of it was written then."""
        self._leave_room()
        if self._file >= 0 and self._is_full():
            self.close()
        before, beginning = self._place, b""
        if self._file < 0:
            beginning = self._begin()
        stamp = self._header(chunk.SEALED, journal_seq)
        plain = pressed(records, stamp.boottime_ms)
        header = replace(stamp, length=len(plain) + seal.TAG_BYTES)
        body, digest = chunk.written(header, self._ratchet.seal(header.packed(), plain))
        try:
            self._append(beginning + body)
        except OSError:
            # The keys have turned: what comes next is another segment. A head alone is taken back.
            self._place = before
            self._give_up(is_new=bool(beginning))
            raise
        self._torn, self._cut_off = (), None
        self._place = replace(self._place, seq=header.seq, hash=digest, journal_seq=header.journal_seq)
        self._write_tip(is_new=bool(beginning))

    def close(self) -> None:
        """Ends the segment; the next write begins another."""
        if self._file >= 0:
            # The machine's own journal knows it too now: something to hold against `verify --expect`.
            log.info("segment %d ends, tip %s", self._place.segment, self._place.hash.hex())
            os.close(self._file)
            self._file = -1

    def _begin(self) -> bytes:
        number = self._place.segment + 1
        self._ratchet, public = seal.Ratchet.to(self._reader)
        head = self._about | {
            "format": FORMAT,
            "segment": number,
            "begun_at": to_wire(self._clock.now()),
            "boot_id": self._clock.boot_id,
            "sealed_to": seal.fingerprint(self._reader),
            "key": public.hex(),
            "signed_by": self._signing.public_key().public_bytes_raw().hex(),
            "cut_off": self._cut_off,
            "torn": [[each.segment, each.at, each.bytes, each.sha256] for each in self._torn],
            "statement": STATEMENT,
        }
        text = json.dumps(head, ensure_ascii=False).encode()
        header = replace(self._header(chunk.HEAD, None), length=SIGNATURE_BYTES + len(text))
        body, digest = chunk.written(header, self._signing.sign(header.packed() + text) + text)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(segment_path(self.directory, number), flags, 0o600)
        self._size, self._begun = 0, self._clock.boottime()
        self._place = replace(self._place, segment=number, seq=header.seq, hash=digest)
        return body

    def _header(self, kind: int, journal_seq: int | None) -> Header:
        clock = self._clock
        return Header(
            kind=kind,
            synced=clock.synced(),
            length=0,
            seq=self._place.seq + 1,
            journal_seq=self._place.journal_seq if journal_seq is None else journal_seq,
            wall_ms=int(clock.now().timestamp() * 1000),
            boottime_ms=int(clock.boottime() * 1000),
            previous=self._place.hash,
        )

    def _append(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            at += os.write(self._file, data[at:])
        os.fsync(self._file)
        self._size += len(data)

    def _give_up(self, *, is_new: bool) -> None:
        path = segment_path(self.directory, self._place.segment + is_new)
        try:
            if is_new:
                path.unlink()
            else:
                os.ftruncate(self._file, self._size)
        except OSError:
            # It stays as a torn end, which the next head declares.
            self._torn = find_end(self.directory).torn
            self._place = replace(self._place, segment=int(path.stem))
        self.close()

    def _is_full(self) -> bool:
        age_seconds = self._clock.boottime() - self._begun
        return self._size >= self._limits.segment_bytes or age_seconds >= self._limits.segment_seconds

    def _leave_room(self) -> None:
        disk = os.statvfs(self.directory)
        if disk.f_bavail * disk.f_frsize < self._limits.keep_free_bytes:
            raise OSError(ENOSPC, "the disk is nearly full, and what is left is not the log's")

    def _write_tip(self, *, is_new: bool) -> None:
        try:
            write_tip(self.directory, self._place, self._signing, durably=is_new)
        except OSError as error:
            # The chunk is on the disk: that the tip says less than there is does no harm.
            log.warning("%s: the tip could not be written: %s", self.directory, error)
