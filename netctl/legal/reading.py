"""Reads the log back with the reader's private key, each record at its right time.

Records carry CLOCK_BOOTTIME, which never jumps; chunks say which wall time that was, and whether the
clock was right. A chunk written while it was wrong takes the time from one of the same boot that knew.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from netctl.legal.chunk import SEALED, Header
from netctl.legal.record import Record, unpressed
from netctl.legal.seal import CannotOpen, Ratchet
from netctl.legal.segments import wall_time
from netctl.legal.verify import read_segments

Knowing = Mapping[str, list[tuple[int, int]]]
"""For each boot the moments whose time is known: (boottime ms, wall ms), in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record; `run` names the daemon's run that wrote it, `head` what its segment says of itself.

    `record` is None for a chunk that cannot be read: `problem` says why.
    """

    run: str
    head: Mapping[str, Any]
    header: Header
    record: Record | None
    problem: str = ""


def entries(directory: Path, key: X25519PrivateKey) -> Iterator[Entry]:
    """Every record, in order. Raises OSError."""
    for segment in read_segments(directory):
        head = segment.head
        if head is None:
            continue
        ratchet = Ratchet.of(key, bytes.fromhex(head["key"]))
        first = segment.chunks[0].header.seq
        for each in segment.chunks:
            header, run = each.header, str(head.get("run", ""))
            if header.kind != SEALED:
                continue
            try:
                plain = ratchet.open(header.seq - first - 1, header.packed(), each.payload)
                for record in unpressed(plain, header.boottime_ms):
                    yield Entry(run=run, head=head, header=header, record=record)
            except (CannotOpen, ValueError) as reason:
                problem = f"Segment {segment.number}, chunk {header.seq} cannot be read: {reason}."
                yield Entry(run=run, head=head, header=header, record=None, problem=problem)


def known_times(directory: Path) -> Knowing:
    """Needs no key: the headers are there for all to read. Raises OSError."""
    known: dict[str, list[tuple[int, int]]] = {}
    for segment in read_segments(directory):
        if segment.head is None:
            continue
        moments = known.setdefault(str(segment.head.get("boot_id", "")), [])
        moments += [(c.header.boottime_ms, c.header.wall_ms) for c in segment.chunks if c.header.synced]
    return known


def right_time(entry: Entry, boottime_ms: int, known: Knowing) -> tuple[str, str]:
    """The record's time as text, and `synced`, `corrected` (told by a later or earlier chunk of the same
    boot) or `unsynced`: nobody knows."""
    header = entry.header
    if header.synced:
        return wall_time(header.wall_ms + boottime_ms - header.boottime_ms), "synced"
    moments = known.get(str(entry.head.get("boot_id", "")), [])
    if not moments:
        return wall_time(header.wall_ms + boottime_ms - header.boottime_ms), "unsynced"
    at = min(bisect_left(moments, (boottime_ms, 0)), len(moments) - 1)
    moment_boottime_ms, moment_wall_ms = moments[at]
    return wall_time(moment_wall_ms + boottime_ms - moment_boottime_ms), "corrected"
