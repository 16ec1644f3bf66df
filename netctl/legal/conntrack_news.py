"""The kernel's news of connections: bytes of nfnetlink_conntrack -> values. Pure.

Formats: linux/netfilter/nfnetlink_conntrack.h, nfnetlink.h. A dump of the table has the shape of the
news.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

DONE: Final = -1
"""The end of a dump, as `messages` tells it."""

_NEW, _DELETE = 1 << 8 | 0, 1 << 8 | 2
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_HEADS = 16 + 4  # nlmsghdr, nfgenmsg
_ORIG, _REPLY, _ID, _TIMESTAMP = 1, 2, 12, 20
_TUPLE_IP, _TUPLE_PROTO = 1, 2
_SOURCES, _DESTINATIONS = (1, 3), (2, 4)  # CTA_IP_V4_*, CTA_IP_V6_*
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_START, _STOP = 1, 2

_attribute = struct.Struct("=HH")
_header = struct.Struct("=IH")
_port = struct.Struct(">H")
_identity = struct.Struct(">I")
_nanoseconds = struct.Struct(">Q")


@dataclass(slots=True)
class End:
    """One end of a tuple: addresses as the wire has them, ports 0 where the protocol has none."""

    source: bytes = b""
    destination: bytes = b""
    protocol: int = 0
    source_port: int = 0
    destination_port: int = 0


@dataclass(slots=True)
class News:
    """A connection that was opened, or is over.

    `opened` is as the guest sent it, `answered` as answers come: to where it was translated.
    `start_ns` and `stop_ns`: wall clock, 0 unless nf_conntrack_timestamp is on.
    """

    is_over: bool
    identity: int
    opened: End
    answered: End
    start_ns: int = 0
    stop_ns: int = 0


def messages(data: bytes) -> Iterator[News | int]:
    """What one read from the socket holds: news, DONE, or a positive errno. A cut-off rest is left out."""
    at, size = 0, len(data)
    while at + 16 <= size:
        length, kind = _header.unpack_from(data, at)
        if length < 16 or at + length > size:
            return
        if kind in (_NEW, _DELETE) and length >= _HEADS:
            yield _news(data, at + _HEADS, at + length, kind == _DELETE)
        elif kind == _NLMSG_DONE:
            yield DONE
        elif kind == _NLMSG_ERROR and length >= 20 and (error := struct.unpack_from("=i", data, at + 16)[0]):
            yield -error
        at += length + 3 & ~3


def _news(data: bytes, at: int, end: int, is_over: bool) -> News:
    news = News(is_over, 0, End(), End())
    for kind, start, stop in _attributes(data, at, end):
        if kind == _ORIG:
            _fill(news.opened, data, start, stop)
        elif kind == _REPLY:
            _fill(news.answered, data, start, stop)
        elif kind == _ID and stop - start == 4:
            news.identity = _identity.unpack_from(data, start)[0]
        elif kind == _TIMESTAMP:
            for part, first, last in _attributes(data, start, stop):
                if last - first == 8:
                    value = _nanoseconds.unpack_from(data, first)[0]
                    if part == _START:
                        news.start_ns = value
                    elif part == _STOP:
                        news.stop_ns = value
    return news


def _fill(end: End, data: bytes, at: int, stop: int) -> None:
    for kind, start, last in _attributes(data, at, stop):
        if kind == _TUPLE_IP:
            for part, first, behind in _attributes(data, start, last):
                if part in _SOURCES:
                    end.source = data[first:behind]
                elif part in _DESTINATIONS:
                    end.destination = data[first:behind]
        elif kind == _TUPLE_PROTO:
            for part, first, behind in _attributes(data, start, last):
                if part == _NUMBER and behind > first:
                    end.protocol = data[first]
                elif part == _SOURCE_PORT and behind - first == 2:
                    end.source_port = _port.unpack_from(data, first)[0]
                elif part == _DESTINATION_PORT and behind - first == 2:
                    end.destination_port = _port.unpack_from(data, first)[0]


def _attributes(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    while at + 4 <= end:
        length, kind = _attribute.unpack_from(data, at)
        if length < 4 or at + length > end:
            return
        yield kind & 0x3FFF, at + 4, at + length
        at += length + 3 & ~3
