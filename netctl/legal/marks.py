"""Two small signed files beside the segments: how far the chain goes, and where it hangs since some were
deleted.

Signed with the box's own key: whoever has only the disk's contents, or a copy, cannot write them anew.
Whoever is root on the box can; against that, `verify --expect` is told a hash that was noted elsewhere.
"""

import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from netctl.legal import seal
from netctl.legal.chunk import BEFORE_ALL

SIGNATURE_BYTES: Final = 64
_TIP: Final = "tip"
_ANCHOR: Final = "anchor"
_tip_layout = struct.Struct(">Q32s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The end of the chain: the last chunk's number and hash, and the gate's journal up to there."""

    segment: int = 0
    seq: int = 0
    hash: bytes = BEFORE_ALL
    journal_seq: int = 0


def write_tip(directory: Path, place: Place, signing: Ed25519PrivateKey, *, durably: bool) -> None:
    """How far the chain goes: written behind each chunk, so that it never says more than there is."""
    text = _tip_layout.pack(place.seq, place.hash)
    file = os.open(directory / _TIP, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(file, text + signing.sign(text), 0)
        if durably:
            os.fsync(file)
            sync_directory(directory)
    finally:
        os.close(file)


def sync_directory(directory: Path) -> None:
    """What was made or renamed in there is on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_tip(directory: Path, signed_by: bytes) -> tuple[int, bytes] | None:
    """The signed word on the last chunk: its number and hash. None: missing, or not signed by this key."""
    try:
        data = (directory / _TIP).read_bytes()
    except FileNotFoundError:
        return None
    text, signature = data[: _tip_layout.size], data[_tip_layout.size :]
    if not seal.is_signed(signed_by, signature, text):
        return None
    seq, digest = _tip_layout.unpack(text)
    return seq, digest


def write_anchor(directory: Path, place: Place, since: str, signing: Ed25519PrivateKey) -> None:
    """Before segments are deleted: where the chain that is left hangs. Raises OSError."""
    told = {
        "segment": place.segment,
        "seq": place.seq,
        "hash": place.hash.hex(),
        "journal_seq": place.journal_seq,
        "since": since,
    }
    text = json.dumps(told).encode()
    fresh = directory / f"{_ANCHOR}.new"
    with fresh.open("wb") as file:
        file.write(signing.sign(text) + text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(directory / _ANCHOR)
    sync_directory(directory)


def read_anchor(directory: Path, signed_by: bytes | None = None) -> Place | None:
    """Where the chain hangs since segments were deleted by age. None: nothing was deleted, or (with
    `signed_by`) the anchor is not signed by this key."""
    try:
        data = (directory / _ANCHOR).read_bytes()
    except FileNotFoundError:
        return None
    signature, text = data[:SIGNATURE_BYTES], data[SIGNATURE_BYTES:]
    if signed_by is not None and not seal.is_signed(signed_by, signature, text):
        return None
    try:
        told = json.loads(text)
        return Place(
            segment=told["segment"],
            seq=told["seq"],
            hash=bytes.fromhex(told["hash"]),
            journal_seq=told["journal_seq"],
        )
    except (ValueError, KeyError, TypeError):
        return None
