"""Who is in a set of stations, with the time left and the bytes counted: asked and told over netlink.

libnftables looks through the outline of all our sets at each change, and lists all members to tell about one.
By hand a station is admitted in 0.05 ms and 10,000 are listed in 32 ms, instead of 0.6 ms and 0.1 s (measured
2026-11-23, 2-core x86 VM, Linux 6.18).
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from netctl.api import Mac
from netctl.linux.nfnetlink import (
    ACKNOWLEDGE,
    CREATE,
    DELETE_ELEMENT,
    DUMP,
    GET_ELEMENT,
    NESTED,
    NEW_ELEMENT,
    REQUEST,
    Conversation,
    attributes,
    elements_in,
    on_set,
    packed,
)

ENDLESS = 2**31
"""Seconds: a member without a timeout, which is not of our making."""

# linux/netfilter/nf_tables.h
_KEY, _TIMEOUT, _EXPIRATION, _EXPRESSION, _VALUE = 1, 4, 5, 7, 1
_NAME, _DATA, _BYTES, _PACKETS = 1, 2, 1, 2
_number = struct.Struct(">Q")


class Counted(NamedTuple):
    """One station in one set: what is left of its time, and the bytes counted."""

    seconds_left: int
    bytes: int


def list_members(kernel: Conversation, where: str) -> dict[Mac, Counted]:
    """The stations in the set, `where` as nft writes it: family, table, set. Raises FileNotFoundError: there
    is no such set.

    A few may be left out while others come and go: between two messages the kernel remembers its place by
    counting (nf_tables_dump_set). Who matters is asked for by `find_member`, which misses nobody.
    """
    found: dict[Mac, Counted] = {}
    for message in kernel.ask(on_set(GET_ELEMENT, where, REQUEST | DUMP)):
        found.update(_read(message, at, end) for at, end in elements_in(message))
    return found


def find_member(kernel: Conversation, where: str, mac: Mac) -> Counted | None:
    """This station in the set; None: it is not there, or there is no such set."""
    question = on_set(GET_ELEMENT, where, REQUEST | ACKNOWLEDGE, [_key(mac)])
    try:
        answers = [
            dict(_read(message, at, end) for at, end in elements_in(message))
            for message in kernel.ask(question)
        ]
    except FileNotFoundError:
        return None
    return next((found[mac] for found in answers if mac in found), None)


def put_members(where: str, members: Iterable[tuple[Mac, Counted]]) -> Iterator[bytes]:
    """The messages that put stations in, with their time and count; who is there already gets the new ones:
    kernels before 6.12 cannot change a live timeout, so out and in again."""
    for mac, counted in members:
        yield from take_members(where, [mac])
        counter = packed(_BYTES, _number.pack(counted.bytes)) + packed(_PACKETS, _number.pack(0))
        expression = packed(_NAME, b"counter\0") + packed(_DATA | NESTED, counter)
        timeout = packed(_TIMEOUT, _number.pack(counted.seconds_left * 1000))
        element = _key(mac) + timeout + packed(_EXPRESSION | NESTED, expression)
        yield on_set(NEW_ELEMENT, where, REQUEST | CREATE, [element])


def take_members(where: str, macs: Iterable[Mac]) -> Iterator[bytes]:
    """The messages that take stations out, whether they are there or not."""
    for mac in macs:
        yield on_set(NEW_ELEMENT, where, REQUEST | CREATE, [_key(mac)])
        yield on_set(DELETE_ELEMENT, where, REQUEST, [_key(mac)])


def _key(mac: Mac) -> bytes:
    return packed(_KEY | NESTED, packed(_VALUE, bytes.fromhex(mac.replace(":", ""))))


def _read(message: bytes, at: int, end: int) -> tuple[Mac, Counted]:
    key, seconds_left, counted = b"", ENDLESS, 0
    for kind, inside, stop in attributes(message, at, end):
        if kind == _KEY:
            # An attribute in an attribute: 4 bytes of head.
            key = message[inside + 4 : stop]
        elif kind == _EXPIRATION:
            seconds_left = _number.unpack_from(message, inside)[0] // 1000
        elif kind == _EXPRESSION:
            counted = _counted_bytes(message, inside, stop)
    return Mac(key[:6].hex(":")), Counted(seconds_left, counted)


def _counted_bytes(message: bytes, at: int, end: int) -> int:
    for kind, data, stop in attributes(message, at, end):
        if kind == _DATA:
            for number, value, _ in attributes(message, data, stop):
                if number == _BYTES:
                    count: int = _number.unpack_from(message, value)[0]
                    return count
    return 0
