"""Queues of an interface: an HTB root, a class a station, a leaf each. Asked of the kernel by the hundred.

Messages are packed here: pyroute2 0.9.7 needs 0.5 ms and 2 kB for one class (2-core x86 VM, 2026-11-23), and
a full shop has ten thousand. linux/rtnetlink.h and linux/pkt_sched.h have the layouts.
"""

import os
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

_ROOT: Final = 0xFFFFFFFF
_NEW_QDISC, _DEL_QDISC, _GET_QDISC, _NEW_CLASS, _DEL_CLASS = 36, 37, 38, 40, 41
_REQUEST, _ACK, _ECHO, _REPLACE, _CREATE = 0x1, 0x4, 0x8, 0x100, 0x400
_ERROR, _TEXT_FOLLOWS = 2, 0x200
_SOL_NETLINK, _CAP_ACK, _EXT_ACK = 270, 10, 11
_HEAD: Final = struct.Struct("=IHHII")
_TCMSG: Final = struct.Struct("=BxHiIII")
_ANSWER_SECONDS = 5.0
# A send may be as long as the socket's buffer, 208 KiB by default.
_BATCH_BYTES = 1 << 16

_SAVED_BYTES = 16_000
PACKET_BYTES: Final = 1514
DIRECT_PACKETS: Final = 1000


class Refused(Exception):
    """The kernel did not take a message; the text is its own, `errno` says why."""

    def __init__(self, errno: int, said: str) -> None:
        super().__init__(f"{said} ({os.strerror(errno)})" if said else os.strerror(errno))
        self.errno = errno


class Root(NamedTuple):
    """What an interface sends through: kind and handle; the kernel's own default has handle 0."""

    kind: str
    handle: int


class Message(NamedTuple):
    """One wish for the kernel, without its number."""

    kind: int
    flags: int
    body: bytes


class Queues:
    """A conversation with the kernel about queues, in this network namespace. Blocks; for one thread."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        self._socket.settimeout(_ANSWER_SECONDS)
        for option in (_CAP_ACK, _EXT_ACK):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._number = 0

    def close(self) -> None:
        self._socket.close()

    def root(self, interface: int) -> Root | None:
        """The root of an interface. Raises Refused (ENODEV: there is no such interface)."""
        # Without the echo the kernel tells everybody but us (qdisc_notify()).
        answers = self._ask([Message(_GET_QDISC, _ECHO, _body(interface, 0, _ROOT))])
        return next((_root(answer) for answer in answers), None)

    def send(self, messages: Iterable[Message]) -> None:
        """Carries them out in this order. Raises Refused for the first that failed; the others are done."""
        batch: list[Message] = []
        size = 0
        for message in messages:
            batch.append(message)
            size += _HEAD.size + len(message.body)
            if size > _BATCH_BYTES:
                self._ask(batch)
                batch, size = [], 0
        if batch:
            self._ask(batch)

    def _ask(self, batch: Sequence[Message]) -> list[bytes]:
        """Sends a batch and hears of all its failures; the last message is confirmed in any case."""
        last = self._number + len(batch)
        self._socket.send(b"".join(self._numbered(batch)))
        answers: list[bytes] = []
        failure: Refused | None = None
        while True:
            data = self._socket.recv(1 << 16)
            at = 0
            while at < len(data):
                length, kind, flags, number, _ = _HEAD.unpack_from(data, at)
                part = data[at : at + length]
                at += (length + 3) & ~3
                if kind != _ERROR:
                    answers.append(part)
                    continue
                failure = failure or _refusal(part, flags)
                if number == last:
                    if failure:
                        raise failure
                    return answers

    def _numbered(self, batch: Sequence[Message]) -> Iterable[bytes]:
        for place, (kind, flags, body) in enumerate(batch, start=1):
            self._number += 1
            asked = _REQUEST | flags | (_ACK if place == len(batch) else 0)
            yield _HEAD.pack(_HEAD.size + len(body), kind, asked, self._number, 0) + body


def _refusal(error: bytes, flags: int) -> Refused | None:
    code = -struct.unpack_from("=i", error, 16)[0]
    if not code:
        return None
    # struct nlmsgerr: the code, the head of what was asked, then attributes; 1 is a sentence.
    said = _attributes(error[36:]).get(1, b"") if flags & _TEXT_FOLLOWS else b""
    return Refused(code, said.rstrip(b"\0").decode(errors="replace"))


def _root(answer: bytes) -> Root:
    _, _, _, handle, _, _ = _TCMSG.unpack_from(answer, _HEAD.size)
    kind = _attributes(answer[_HEAD.size + _TCMSG.size :]).get(1, b"")
    return Root(kind=kind.rstrip(b"\0").decode(), handle=handle)


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found.setdefault(kind & 0x7FFF, data[at + 4 : at + length])
        at += (length + 3) & ~3
    return found


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _body(interface: int, handle: int, parent: int, kind: str = "", options: bytes = b"") -> bytes:
    named = _attribute(1, kind.encode() + b"\0") + _attribute(2, options) if kind else b""
    return _TCMSG.pack(socket.AF_UNSPEC, 0, interface, handle, parent, 0) + named


def htb_root(interface: int, handle: int, default: int) -> Message:
    """An HTB root; what belongs to no class goes to class `default`, with 0 past all of them at once."""
    glob = _attribute(2, struct.pack("=5I", 3, 10, default, 0, 0))
    length = _attribute(5, struct.pack("=I", DIRECT_PACKETS))
    body = _body(interface, handle, _ROOT, "htb", glob + length)
    return Message(_NEW_QDISC, _CREATE | _REPLACE, body)


def no_root(interface: int, handle: int) -> Message:
    return Message(_DEL_QDISC, 0, _body(interface, handle, _ROOT))


def htb_class(interface: int, handle: int, parent: int, *, kbit: int, ceil_kbit: int, turn: int) -> Message:
    """A class with a rate of its own and, borrowed, a ceiling; `turn`: bytes it sends before the next does.
    One that is there already gets the new rates.
    """
    saved = _burst_bytes(ceil_kbit) if kbit == ceil_kbit else _SAVED_BYTES
    buffers = [_ticks(saved, kbit), _ticks(_burst_bytes(ceil_kbit), ceil_kbit)]
    options = _ratespec(kbit) + _ratespec(ceil_kbit) + struct.pack("=5I", *buffers, turn, 0, 0)
    body = _body(interface, handle, parent, "htb", _attribute(1, options))
    return Message(_NEW_CLASS, _CREATE | _REPLACE, body)


def no_class(interface: int, handle: int) -> Message:
    """The class goes, and what waits in it."""
    return Message(_DEL_CLASS, 0, _body(interface, handle, 0))


def fair_leaf(interface: int, parent: int, *, kbit: int, flows: int | None) -> Message:
    """fq_codel in a class. `flows` cannot be changed later: None for a leaf that is there already."""
    # Its 5 ms of standing queue are less than one packet takes on a slow line (tc-fq_codel(8), target).
    target_us = max(5000, PACKET_BYTES * 8 * 1500 // kbit)
    values = {1: target_us, 2: _waiting_packets(kbit), 3: max(100_000, 20 * target_us), 4: 1}
    if flows is not None:
        values[5] = flows
    options = b"".join(_attribute(kind, struct.pack("=I", value)) for kind, value in values.items())
    return Message(_NEW_QDISC, _CREATE | _REPLACE, _body(interface, 0, parent, "fq_codel", options))


def plain_leaf(interface: int, parent: int, *, kbit: int) -> Message:
    """First come, first served, and short: half a second's worth."""
    options = struct.pack("=I", _waiting_packets(kbit))
    return Message(_NEW_QDISC, _CREATE | _REPLACE, _body(interface, 0, parent, "pfifo", options))


def fair_root(interface: int, handle: int) -> Message:
    """fq_codel as the root: only to find out whether the kernel has it."""
    return Message(_NEW_QDISC, _CREATE | _REPLACE, _body(interface, handle, _ROOT, "fq_codel"))


def _ratespec(kbit: int) -> bytes:
    # Link layer 1 is Ethernet: the kernel then asks for no table of packet lengths.
    return struct.pack("=BBHhHI", 0, 1, 0, 0, 0, kbit * 125)


def _burst_bytes(kbit: int) -> int:
    """Ten milliseconds' worth: timers of a busy small machine come late."""
    return max(2 * PACKET_BYTES, kbit * 125 // 100)


def _ticks(length_bytes: int, kbit: int) -> int:
    """How long these bytes take, in the 64 ns that the kernel counts in (PSCHED_SHIFT)."""
    return min(0xFFFFFFFF, (length_bytes * 8_000_000 // kbit) >> 6)


def _waiting_packets(kbit: int) -> int:
    return min(1000, max(16, kbit * 125 // 2 // PACKET_BYTES))
