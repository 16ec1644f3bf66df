"""What scapy makes of the same frame: the second opinion of `yingke-net count --check`, and of the tests."""

from typing import Any

from scapy.layers.dot11 import Dot11, RadioTap

from netctl.sensor.probe_request import Discard, Sighting

_FCS_BYTES = 4


def difference(frame: bytes, ours: Sighting | Discard) -> str | None:
    """In what scapy's reading differs from ours, in words that name no address; None: in nothing."""
    theirs = read(frame)
    if isinstance(ours, Discard) or theirs is None:
        is_same = (theirs is None) == isinstance(ours, Discard)
        our_word = ours.value if isinstance(ours, Discard) else "a probe request"
        their_word = "a probe request" if theirs else "none"
        return None if is_same else f"it is {our_word} to us, {their_word} to scapy"
    mac, sequence, signal_dbm = theirs
    wrong = [
        name
        for name, same in (
            ("address", mac == ours.mac),
            ("sequence number", sequence == ours.sequence),
            ("signal", signal_dbm == ours.signal_dbm),
        )
        if not same
    ]
    return f"{', '.join(wrong)} differ" if wrong else None


def read(frame: bytes) -> tuple[bytes, int, int | None] | None:
    """(address, sequence number, signal) of an intact probe request as scapy reads it, else None."""
    try:
        radiotap: Any = RadioTap(frame)
        header: Any = radiotap.getlayer(Dot11)
        if header is None or (header.type, header.subtype, header.proto) != (0, 4, 0):
            return None
        flags = int(radiotap.Flags or 0) if radiotap.present.Flags else 0
        if flags & 0x40 or not _elements_end(frame, radiotap.len, header, flags):
            return None
        return bytes.fromhex(header.addr2.replace(":", "")), header.SC >> 4, radiotap.dBm_AntSignal
    except Exception:  # scapy raises whatever its fields raise on a broken frame: struct.error among others
        return None


def _elements_end(frame: bytes, header_bytes: int, header: Any, flags: int) -> bool:
    """Whether the elements fill the frame. scapy takes those that do not as they come."""
    at = header_bytes + 24 + (4 if int(header.FCfield) & 0x80 else 0)
    end = len(frame) - (_FCS_BYTES if flags & 0x10 else 0)
    while at + 1 < end:
        at += 2 + frame[at + 1]
    return at == end
