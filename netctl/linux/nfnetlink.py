"""Words with nf_tables over netlink: questions about sets, and changes of several at once.

Messages: linux/netlink.h, linux/netfilter/nfnetlink.h, nf_tables.h.
"""

import socket
import struct
from collections.abc import Iterable, Iterator
from errno import ENOENT
from itertools import count

NESTED = 1 << 15
NEW_ELEMENT, GET_ELEMENT, DELETE_ELEMENT = 10 << 8 | 12, 10 << 8 | 13, 10 << 8 | 14
REQUEST, ACKNOWLEDGE, DUMP, CREATE = 0x1, 0x4, 0x300, 0x400

_NETLINK_NETFILTER = 12
# res_id of a batch: the subsystem, big-endian.
_NF_TABLES = struct.pack(">H", 10)
_ERROR, _DONE, _BATCH_BEGIN, _BATCH_END = 2, 3, 0x10, 0x11
_TABLE, _SET, _ELEMENTS, _ELEMENT = 1, 2, 3, 1
_FAMILIES = {"inet": 1, "netdev": 5, "bridge": 7}
_ANSWER_SECONDS = 5.0

_header = struct.Struct("=IHHII")
_generic = struct.Struct("=BBxx")
_attribute = struct.Struct("=HH")


def attributes(message: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Kind, first byte and end of the value of each."""
    while at < end:
        length, kind = _attribute.unpack_from(message, at)
        yield kind & 0x3FFF, at + _attribute.size, at + length
        at += length + 3 & ~3


def packed(kind: int, value: bytes) -> bytes:
    """An attribute."""
    return _attribute.pack(_attribute.size + len(value), kind) + value + bytes(-len(value) % 4)


def on_set(kind: int, where: str, flags: int, elements: Iterable[bytes] = ()) -> bytes:
    """A message about a set, `where` as nft writes it: family, table, set; each element as its attributes."""
    family, table, name = where.split()
    content = packed(_TABLE, table.encode() + b"\0") + packed(_SET, name.encode() + b"\0")
    inside = b"".join(packed(_ELEMENT | NESTED, element) for element in elements)
    if inside:
        content += packed(_ELEMENTS | NESTED, inside)
    return _message(kind, flags, _FAMILIES[family], content)


def elements_in(message: bytes) -> Iterator[tuple[int, int]]:
    """First byte and end of each element in what NFT_MSG_NEWSETELEM holds behind its nfgenmsg."""
    for kind, at, end in attributes(message, 0, len(message)):
        if kind == _ELEMENTS:
            for _, inside, stop in attributes(message, at, end):
                yield inside, stop


class Conversation:
    """One socket, for one thread, kept open: with each that is closed the kernel waits until every earlier
    change is cleared away, milliseconds long (nft_rcv_nl_event)."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER
        )
        self._socket.settimeout(_ANSWER_SECONDS)
        self._numbers = count(1)

    def close(self) -> None:
        self._socket.close()

    def ask(self, question: bytes) -> Iterator[bytes]:
        """What is in each message of the answer, behind its nfgenmsg. Raises OSError."""
        number = next(self._numbers)
        self._socket.send(_signed(question, number))
        return (content[_generic.size :] for kind, content in self._answers(number) if kind == NEW_ELEMENT)

    def change(self, messages: Iterable[bytes]) -> None:
        """All of it in one transaction; returns when it is in force. Raises OSError, and nothing of it is."""
        number = next(self._numbers)
        begin, end = (_message(kind, REQUEST, 0, b"", _NF_TABLES) for kind in (_BATCH_BEGIN, _BATCH_END))
        *others, last = messages
        spoken = [begin, *others, _signed(last, number, ACKNOWLEDGE), end]
        self._socket.send(b"".join(_signed(message, number) for message in spoken))
        for _ in self._answers(number):
            pass

    def _answers(self, number: int) -> Iterator[tuple[int, bytes]]:
        while True:
            data = self._socket.recv(1 << 17)
            at = 0
            while at < len(data):
                length, kind, _, answered, _ = _header.unpack_from(data, at)
                content = data[at + _header.size : at + length]
                at += length + 3 & ~3
                if answered != number:  # the late answer to a question that was given up
                    continue
                if kind == _DONE or (kind == _ERROR and not _code(content)):
                    return
                if kind == _ERROR:
                    raise _error(_code(content))
                yield kind, content


def _code(content: bytes) -> int:
    return -int(struct.unpack_from("=i", content)[0])


def _error(code: int) -> OSError:
    return OSError(code, "there is no such set or member" if code == ENOENT else "nf_tables refused")


def _message(kind: int, flags: int, family: int, content: bytes, resource: bytes = bytes(2)) -> bytes:
    length = _header.size + _generic.size + len(content)
    return _header.pack(length, kind, flags, 0, 0) + struct.pack("=BB", family, 0) + resource + content


def _signed(message: bytes, number: int, flags: int = 0) -> bytes:
    length, kind, before, _, port = _header.unpack_from(message)
    return _header.pack(length, kind, before | flags, number, port) + message[_header.size :]
