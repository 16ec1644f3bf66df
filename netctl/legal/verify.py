"""Is the log whole? Found out without any key but what stands in it.

What shows: a chunk that was altered, taken out, moved, or cut off, a segment that is missing, an end that
was torn off and not declared. Root on the running box has the signing key and could write a whole new
log: who needs an answer to that notes the hash of the tip elsewhere from time to time, and gives it to
`verify --expect`.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netctl.legal.chunk import BEFORE_ALL, HEAD, Chunk, chunks
from netctl.legal.marks import SIGNATURE_BYTES, Place, read_anchor, read_tip
from netctl.legal.seal import is_signed
from netctl.legal.segments import segment_numbers, segment_path, wall_time


@dataclass(slots=True, kw_only=True)
class Verdict:
    """`problems` are sentences; none: the chain holds from `since` to `until`.

    `is_from_start`: nothing was deleted by age before it. `torn`: ends torn off by power cuts and declared.
    """

    segments: int = 0
    chunks: int = 0
    since: str | None = None
    until: str | None = None
    is_from_start: bool = True
    torn: int = 0
    tip: str = ""
    signed_by: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """As it lies on the disk; `head` is None when it has none that can be read."""

    number: int
    data: bytes
    chunks: tuple[Chunk, ...]
    head: dict[str, Any] | None

    @property
    def rest(self) -> tuple[int, bytes]:
        """What stands behind the last whole chunk, and where."""
        end = next((each.end for each in reversed(self.chunks) if each.intact), 0)
        return end, self.data[end:]


def read_segments(directory: Path) -> Iterator[Segment]:
    """Those that are not deleted by age, in order. Raises OSError."""
    behind = (read_anchor(directory) or Place()).segment
    for number in segment_numbers(directory):
        if number > behind:
            yield read_segment(directory, number)


def read_segment(directory: Path, number: int) -> Segment:
    """Raises OSError."""
    data = segment_path(directory, number).read_bytes()
    found = tuple(chunks(data))
    return Segment(number=number, data=data, chunks=found, head=_head(found))


def _head(found: tuple[Chunk, ...]) -> dict[str, Any] | None:
    if not found or found[0].header.kind != HEAD:
        return None
    try:
        head = json.loads(found[0].payload[SIGNATURE_BYTES:])
        bytes.fromhex(head["key"]), bytes.fromhex(head["signed_by"])
    except (ValueError, KeyError, TypeError):
        return None
    return head if isinstance(head, dict) else None


def verify(directory: Path, expect: str | None = None) -> Verdict:
    """Looks at every chunk. `expect`: the hash of a chunk that must be in the chain. Raises OSError."""
    verdict = Verdict()
    walk = _Walk(verdict, expect)
    anchor = read_anchor(directory)
    if anchor is not None:
        verdict.is_from_start = False
        walk.begin(anchor)
    for segment in read_segments(directory):
        walk.segment(segment)
    walk.end(directory, anchor)
    return verdict


class _Walk:
    def __init__(self, verdict: Verdict, expect: str | None) -> None:
        self._verdict, self._problems = verdict, verdict.problems
        self._expected = expect.lower() if expect else None
        self._number, self._seq, self._hash = 0, 0, BEFORE_ALL
        self._signed_by = b""
        self._rests: dict[int, tuple[int, bytes]] = {}
        self._hashes: dict[int, bytes] = {}

    def begin(self, anchor: Place) -> None:
        self._number, self._seq, self._hash = anchor.segment, anchor.seq, anchor.hash

    def segment(self, segment: Segment) -> None:
        if segment.number != self._number + 1:
            self._problems.append(
                f"Between segments {self._number} and {segment.number} one or more are missing."
            )
        self._number = segment.number
        self._verdict.segments += 1
        at, rest = segment.rest
        if rest:
            self._rests[segment.number] = (at, rest)
        whole = [each for each in segment.chunks if each.end <= at]
        if whole:
            self._head(segment)
        for each in whole:
            self._chunk(segment.number, each)

    def _head(self, segment: Segment) -> None:
        first, head = segment.chunks[0], segment.head
        if head is None:
            self._problems.append(f"Segment {segment.number} has no head that can be read.")
            return
        signed_by = bytes.fromhex(head["signed_by"])
        text = first.payload[SIGNATURE_BYTES:]
        if not is_signed(signed_by, first.payload[:SIGNATURE_BYTES], first.header.packed() + text):
            self._problems.append(f"The head of segment {segment.number} is not signed as it should be.")
        if self._signed_by and signed_by != self._signed_by:
            self._problems.append(f"From segment {segment.number} on another key signed.")
        self._signed_by = signed_by
        if head.get("cut_off"):
            self._problems.append(
                f"Before segment {segment.number}, chunks {self._seq + 1} to {head['cut_off']} were cut off."
            )
        for number, at, size, sha256 in head.get("torn", ()):
            rest = self._rests.get(number)
            if rest and (at, size, sha256) == (rest[0], len(rest[1]), hashlib.sha256(rest[1]).hexdigest()):
                del self._rests[number]
                self._verdict.torn += 1

    def _chunk(self, number: int, found: Chunk) -> None:
        verdict, header = self._verdict, found.header
        if not found.intact:
            self._problems.append(f"Segment {number}, chunk {header.seq}: altered.")
        elif header.previous != self._hash or header.seq != self._seq + 1:
            what = (
                f"it follows chunk {self._seq}"
                if header.seq != self._seq + 1
                else "what was before it is not"
            )
            self._problems.append(f"Segment {number}, chunk {header.seq}: {what}; removed, moved or altered.")
        self._seq, self._hash = header.seq, found.hash
        self._hashes[header.seq] = found.hash
        verdict.chunks += 1
        verdict.since = verdict.since or wall_time(header.wall_ms)
        verdict.until = wall_time(header.wall_ms)
        if found.hash.hex() == self._expected:
            self._expected = None

    def end(self, directory: Path, anchor: Place | None) -> None:
        for number, (at, rest) in self._rests.items():
            hint = (
                "" if number != self._number else " (the daemon's next start declares what a power cut tore)"
            )
            self._problems.append(
                f"Segment {number}: {len(rest)} bytes from byte {at} on are no whole chunk{hint}."
            )
        if self._verdict.chunks:
            self._marks(directory, anchor)
        else:
            self._problems.append("There are no records here.")
        if self._expected is not None:
            self._problems.append(f"No chunk has the hash {self._expected}.")
        self._verdict.tip, self._verdict.signed_by = self._hash.hex(), self._signed_by.hex()

    def _marks(self, directory: Path, anchor: Place | None) -> None:
        if anchor is not None and read_anchor(directory, self._signed_by) is None:
            self._problems.append("The anchor is not signed with the key that signed the log.")
        tip = read_tip(directory, self._signed_by)
        if tip is None:
            self._problems.append(
                "The tip is missing or not signed: whether the last chunks were cut off cannot be told."
            )
        elif tip[0] > self._seq:
            self._problems.append(
                f"The log ends with chunk {self._seq}, but it went on to {tip[0]}: cut off."
            )
        elif self._hashes.get(tip[0], tip[1]) != tip[1]:
            self._problems.append(f"Chunk {tip[0]} is not the one that was written.")
