"""Which blocks of addresses belong to a vendor: an address outside them was made up, whatever its bits say.

`vendors.bin` holds the assigned prefixes of 24 bits (IEEE Registration Authority: MA-L, and the blocks that
MA-M and MA-S are cut from) and nothing else: sorted, as differences in LEB128, deflated. The build makes it
(vendors_build.py) from the table that scapy carries, which the daemons must not load.
"""

import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("vendors.bin")


def is_made_up(mac: bytes) -> bool:
    """True of an address no vendor gave to its device.

    Locally administered, or a group address (IEEE 802-2014 section 8.2), which no sender has; or out of a
    block that was never assigned, since some phones and all anonymised captures set the two bits at random
    too.
    """
    return bool(mac[0] & 3) or not _is_assigned(mac[0] << 16 | mac[1] << 8 | mac[2])


def _is_assigned(prefix: int) -> bool:
    prefixes = _assigned()
    place = bisect_left(prefixes, prefix)
    return place < len(prefixes) and prefixes[place] == prefix


@cache
def _assigned() -> "array[int]":
    return array("I", unpack(_FILE.read_bytes()))


def pack(prefixes: Iterable[int]) -> bytes:
    octets = bytearray()
    last = 0
    for prefix in sorted(prefixes):
        difference, last = prefix - last, prefix
        while difference > 127:
            octets.append(difference & 127 | 128)
            difference >>= 7
        octets.append(difference)
    return zlib.compress(bytes(octets), 9)


def unpack(packed: bytes) -> Iterable[int]:
    prefix = difference = shift = 0
    for octet in zlib.decompress(packed):
        difference |= (octet & 127) << shift
        shift += 7
        if octet < 128:
            prefix += difference
            yield prefix
            difference = shift = 0
