"""The form of the log on disk: chunks, each bound to the one before it by its hash. Pure.

A segment file is a row of chunks: header, payload, and the SHA-256 of both. The header carries the hash
of the chunk before, across segments too, so that a chunk that was taken out, altered or moved shows
without any key.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

HEAD, SEALED = 0, 1
"""A segment's first chunk, JSON for all to read; and records, encrypted."""

BEFORE_ALL: Final = bytes(32)
"""What the very first chunk names as the hash before it."""

_MAGIC: Final = b"YKL1"
# magic, kind, synced, unused, length of the payload, seq, journal seq, wall ms, boottime ms, hash before
_layout = struct.Struct(">4sBB2xIQQqQ32s")
HEADER_BYTES: Final = _layout.size
_HASH_BYTES: Final = 32
_LONGEST_PAYLOAD: Final = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """`seq` counts all chunks of the log; `journal_seq`: up to which line of the gate's journal it tells.

    `wall_ms` and `boottime_ms` are the same moment; `synced`: whether the wall clock was right.
    """

    kind: int
    synced: bool
    length: int
    seq: int
    journal_seq: int
    wall_ms: int
    boottime_ms: int
    previous: bytes

    def packed(self) -> bytes:
        return _layout.pack(
            _MAGIC,
            self.kind,
            self.synced,
            self.length,
            self.seq,
            self.journal_seq,
            self.wall_ms,
            self.boottime_ms,
            self.previous,
        )

    @classmethod
    def parse(cls, data: bytes, at: int) -> Self | None:
        """None: no chunk begins there."""
        if at + HEADER_BYTES > len(data):
            return None
        magic, kind, synced, length, seq, journal_seq, wall_ms, boottime_ms, previous = _layout.unpack_from(
            data, at
        )
        if magic != _MAGIC or kind not in (HEAD, SEALED) or length > _LONGEST_PAYLOAD:
            return None
        return cls(
            kind=kind,
            synced=bool(synced),
            length=length,
            seq=seq,
            journal_seq=journal_seq,
            wall_ms=wall_ms,
            boottime_ms=boottime_ms,
            previous=previous,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """As it was found at `at`. `hash` is what stands behind it, `intact` whether that is true."""

    at: int
    end: int
    header: Header
    payload: bytes
    hash: bytes
    intact: bool


def written(header: Header, payload: bytes) -> tuple[bytes, bytes]:
    """A chunk as it goes to disk, and its hash."""
    body = header.packed() + payload
    digest = hashlib.sha256(body).digest()
    return body + digest, digest


def chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks of a segment, up to where none begins or the last one is cut off."""
    at = 0
    while (header := Header.parse(data, at)) is not None:
        behind = at + HEADER_BYTES + header.length
        if behind + _HASH_BYTES > len(data):
            return
        digest = data[behind : behind + _HASH_BYTES]
        yield Chunk(
            at=at,
            end=behind + _HASH_BYTES,
            header=header,
            payload=data[at + HEADER_BYTES : behind],
            hash=digest,
            intact=hashlib.sha256(data[at:behind]).digest() == digest,
        )
        at = behind + _HASH_BYTES
