"""One probe request, from the bytes of a radiotap capture to a `Sighting`.

The sources are radiotap.org (field order, sizes, alignment) and IEEE 802.11-2020 sections 9.2.4 (header),
9.3.3.9 (probe request) and 9.4.2 (elements). Nothing of the network names a phone asks for leaves this file:
the contents of the SSID element are skipped, not copied.
"""

import enum
from hashlib import blake2b
from typing import Final, NamedTuple

# Size and alignment of the radiotap fields by bit number, as the kernel's net/wireless/radiotap.c has them.
_RADIOTAP_FIELDS: Final[tuple[tuple[int, int], ...]] = (
    (8, 8),  # 0 TSFT
    (1, 1),  # 1 flags
    (1, 1),  # 2 rate
    (4, 2),  # 3 channel
    (2, 2),  # 4 FHSS
    (1, 1),  # 5 antenna signal, dBm
    (1, 1),  # 6 antenna noise, dBm
    (2, 2),  # 7 lock quality
    (2, 2),  # 8 TX attenuation
    (2, 2),  # 9 TX attenuation, dB
    (1, 1),  # 10 TX power, dBm
    (1, 1),  # 11 antenna
    (1, 1),  # 12 antenna signal, dB
    (1, 1),  # 13 antenna noise, dB
    (2, 2),  # 14 RX flags
    (2, 2),  # 15 TX flags
    (1, 1),  # 16 RTS retries
    (1, 1),  # 17 data retries
    (8, 4),  # 18 XChannel
    (3, 1),  # 19 MCS
    (8, 4),  # 20 A-MPDU
    (12, 2),  # 21 VHT
    (12, 8),  # 22 timestamp
    (12, 2),  # 23 HE
    (12, 2),  # 24 HE-MU
    (6, 2),  # 25 HE-MU other user
    (1, 1),  # 26 zero-length PSDU
    (4, 2),  # 27 L-SIG
)
_FLAGS_BIT: Final = 1
_SIGNAL_BIT: Final = 5
_VENDOR_NAMESPACE: Final = 1 << 30
_RADIOTAP_NAMESPACE: Final = 1 << 29
_MORE_WORDS: Final = 1 << 31
_FLAG_FCS_AT_END: Final = 0x10
_FLAG_BAD_FCS: Final = 0x40

_PROBE_REQUEST: Final = 0x40  # first octet of frame control: version 0, management, subtype 4
_ORDER: Final = 0x80  # second octet: an HT Control field follows the header
_HEADER_BYTES: Final = 24
_FCS_BYTES: Final = 4
_LONGEST_FRAME_BYTES: Final = 4096  # probe requests measured up to 400; an MMPDU before 802.11ac ends at 2304

_SSID: Final = 0
_DS_PARAMETER_SET: Final = 3
_HT_CAPABILITIES: Final = 45
_EXTENDED_CAPABILITIES: Final = 127
_VENDOR_SPECIFIC: Final = 221
_EXTENSION: Final = 255
_FILS_REQUEST_PARAMETERS: Final = b"\x02"
_CHANGING: Final = frozenset({_SSID, _DS_PARAMETER_SET, _EXTENDED_CAPABILITIES})
_SM_POWER_SAVE: Final = 0x0C
_FORTY_MHZ_INTOLERANT: Final = 0x40
_MICROSOFT_TYPE_8: Final = b"\x00\x50\xf2\x08"

_CACHED_LAYOUTS: Final = 256
_CACHED_FINGERPRINTS: Final = 4096
_LONGEST_CACHED_BYTES: Final = 512


class Discard(enum.Enum):
    """Why a frame is no sighting."""

    MALFORMED = "malformed"
    BAD_FCS = "bad_fcs"
    OTHER = "other"  # some other kind of 802.11 frame


class Sighting(NamedTuple):
    """A device heard once. A tuple, not a dataclass: a frozen dataclass took five times as long to make.

    `mac` is as heard in the air: it must not outlive the burst it belongs to, nor be written anywhere.
    """

    at: float  # seconds since 1970, on the clock of the capture
    mac: bytes  # 6 octets
    sequence: int  # 0 to 4095
    signal_dbm: int | None
    fingerprint: int  # 64 bits of what the model of phone says about itself


class _Layout(NamedTuple):
    flags: int  # offset from the start of the frame; 0 = absent
    signal: int
    least_bytes: int


class ProbeRequestParser:
    """Bytes of a radiotap frame -> `Sighting`, or why not. Never raises, whatever the bytes are.

    It remembers only how headers are laid out and which element bytes give which fingerprint; `forget()`
    drops the latter, and both are bounded.
    """

    def __init__(self) -> None:
        self._layouts: dict[bytes, _Layout] = {}
        self._fingerprints: dict[bytes, int] = {}

    def forget(self) -> None:
        self._fingerprints.clear()

    def parse(self, frame: bytes, at: float) -> Sighting | Discard:
        try:
            return self._parse(frame, at)
        except IndexError:  # some length pointed past the end of the frame
            return Discard.MALFORMED

    def _parse(self, frame: bytes, at: float) -> Sighting | Discard:
        header = frame[2] | frame[3] << 8
        end = len(frame)
        if frame[0] or header < 8 or end > _LONGEST_FRAME_BYTES:
            return Discard.MALFORMED
        layout = self._layouts.get(frame[4:8]) if frame[7] < 0x80 else None
        if layout is None:
            layout = self._layout(frame[:header])
        if layout.least_bytes > header:
            return Discard.MALFORMED
        if layout.flags:
            flags = frame[layout.flags]
            if flags & _FLAG_BAD_FCS:
                return Discard.BAD_FCS
            if flags & _FLAG_FCS_AT_END:
                end -= _FCS_BYTES
        signal_dbm = None
        if layout.signal:
            signal_dbm = frame[layout.signal]
            if signal_dbm > 127:
                signal_dbm -= 256
        if frame[header] != _PROBE_REQUEST:
            return Discard.OTHER
        elements = header + _HEADER_BYTES
        if frame[header + 1] & _ORDER:
            elements += 4
        if end < elements:
            return Discard.MALFORMED
        return Sighting(
            at,
            frame[header + 10 : header + 16],
            (frame[header + 22] | frame[header + 23] << 8) >> 4,
            signal_dbm,
            self._fingerprint(frame, elements, end),
        )

    def _fingerprint(self, frame: bytes, start: int, end: int) -> int:
        """The fingerprint of the elements in `frame[start:end]`. IndexError when they do not end with it."""
        # Nearly every probe request begins with its SSID; skipping it leaves bytes that repeat from frame to
        # frame.
        begins_with_ssid = start + 2 <= end and frame[start] == _SSID
        if begins_with_ssid:
            start += 2 + frame[start + 1]
            if start > end:
                raise IndexError
        rest = frame[start:end]
        known = self._fingerprints.get(rest)
        if known is None:
            known = fingerprint(rest)
            if len(self._fingerprints) >= _CACHED_FINGERPRINTS:
                self._fingerprints.clear()
            if len(rest) <= _LONGEST_CACHED_BYTES:
                self._fingerprints[rest] = known
        return known if begins_with_ssid else known ^ 1

    def _layout(self, header: bytes) -> _Layout:
        words = _present_words(header)
        chain = header[4 : 4 + 4 * len(words)]
        layout = self._layouts.get(chain)
        if layout is None:
            layout = _lay_out(words)
            if len(self._layouts) >= _CACHED_LAYOUTS:
                self._layouts.clear()
            self._layouts[chain] = layout
        return layout


def fingerprint(elements: bytes) -> int:
    """What kind of device says this about itself: the elements, less what changes from scan to scan.

    IndexError when an element is longer than what is left.
    """
    canonical: list[bytes] = []
    at, end = 0, len(elements)
    while at < end:
        kind = elements[at]
        following = at + 2 + elements[at + 1]
        if following > end:
            raise IndexError
        canonical.append(_lasting(kind, elements[at:following]))
        at = following
    return int.from_bytes(blake2b(b"".join(canonical), digest_size=8).digest(), "little") & ~1


def _lasting(kind: int, element: bytes) -> bytes:
    """The part of an element that is the same in each scan: all of it, or that it is there at all.

    Seen to change in one and the same phone: SSID and channel; vendor element 00:50:f2 type 8; FILS request
    parameters; the extended capabilities, even in length, with what the radio is doing; and two bits of the
    HT capabilities that tell of a state (SM power save, 40 MHz intolerant: IEEE 802.11-2020 9.4.2.55.2).
    """
    if kind in _CHANGING:
        return element[:1]
    if kind == _VENDOR_SPECIFIC and element[2:6] == _MICROSOFT_TYPE_8:
        return element[:1]
    if kind == _EXTENSION and element[2:3] == _FILS_REQUEST_PARAMETERS:
        return element[:1]
    if kind == _HT_CAPABILITIES and len(element) >= 4:
        state = element[2] & ~_SM_POWER_SAVE, element[3] & ~_FORTY_MHZ_INTOLERANT
        return element[:2] + bytes(state) + element[4:]
    return element


def _present_words(header: bytes) -> list[int]:
    """The chained present words (radiotap.org: bit 31 says that another follows)."""
    words: list[int] = []
    at = 4
    while True:
        if at + 4 > len(header):
            raise IndexError
        word = int.from_bytes(header[at : at + 4], "little")
        words.append(word)
        at += 4
        if not word & _MORE_WORDS:
            return words


def _lay_out(words: list[int]) -> _Layout:
    """Where flags and signal lie. The first of each counts: later words repeat it for each antenna."""
    offset = 4 + 4 * len(words)
    flags = signal = 0
    for word in words:
        for bit, (size, alignment) in enumerate(_RADIOTAP_FIELDS):
            if not word >> bit & 1:
                continue
            offset += -offset % alignment
            if bit == _FLAGS_BIT and not flags:
                flags = offset
            elif bit == _SIGNAL_BIT and not signal:
                signal = offset
            offset += size
        if word & _VENDOR_NAMESPACE or word & 1 << 28 or not word & _RADIOTAP_NAMESPACE:
            break  # what follows is laid out by a vendor's rules, or as type-length-value
    return _Layout(flags, signal, offset)
