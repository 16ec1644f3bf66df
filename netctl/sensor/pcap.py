"""Capture files: libpcap's classic format with radiotap frames (draft-ietf-opsawg-pcap, sections 4 and 5)."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

RADIOTAP: Final = 127
_HEADER: Final = 24
_RECORD: Final = 16
# The byte order and the fraction of a second are told by the first four bytes.
_MAGIC: Final[dict[bytes, tuple[str, float]]] = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}
_PCAPNG: Final = b"\x0a\x0d\x0d\x0a"
_LONGEST_RECORD_BYTES: Final = 262_144  # tcpdump's largest snapshot length


class BrokenCapture(Exception):
    """The capture cannot be read (further); the text is one sentence."""


def read_frames(path: Path) -> Iterator[tuple[float, bytes]]:
    """Each frame with its time (seconds since 1970). Raises BrokenCapture where it breaks, not before."""
    try:
        with path.open("rb") as file:
            yield from _frames(file, path)
    except OSError as error:
        raise BrokenCapture(f"{path} cannot be read: {error.strerror or error}.") from error


def _frames(file: BinaryIO, path: Path) -> Iterator[tuple[float, bytes]]:
    order, fraction, link_type = _open(file.read(_HEADER), path)
    record = struct.Struct(f"{order}IIII")
    number = 0
    while head := file.read(_RECORD):
        number += 1
        if link_type != RADIOTAP:  # said only now: an empty capture is of any kind
            raise BrokenCapture(f"{path} has link type {link_type}, not 127: capture on a monitor interface.")
        if len(head) < _RECORD:
            raise BrokenCapture(f"{path} ends in the middle of the header of frame {number}.")
        seconds, parts, captured_bytes, _ = record.unpack(head)
        if captured_bytes > _LONGEST_RECORD_BYTES:
            raise BrokenCapture(
                f"{path} says that frame {number} has {captured_bytes} bytes, which no frame has."
            )
        frame = file.read(captured_bytes)
        if len(frame) < captured_bytes:
            raise BrokenCapture(f"{path} ends in the middle of frame {number}.")
        yield seconds + parts * fraction, frame


def _open(header: bytes, path: Path) -> tuple[str, float, int]:
    """Byte order, length of a fraction of a second, link type."""
    if header[:4] == _PCAPNG:
        raise BrokenCapture(f"{path} is a pcapng file; `editcap -F pcap` makes the kind read here.")
    if header[:4] not in _MAGIC:
        raise BrokenCapture(f"{path} is no pcap file.")
    if len(header) < _HEADER:
        raise BrokenCapture(f"{path} ends in the middle of its header.")
    order, fraction = _MAGIC[header[:4]]
    (link_type,) = struct.unpack_from(f"{order}I", header, 20)
    # The upper bits may hold the length of an FCS (draft-ietf-opsawg-pcap section 4).
    return order, fraction, link_type & 0xFFFF
