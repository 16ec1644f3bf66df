"""A DNS query as it came over the wire -> what is asked, and the answer to it (RFC 1035 section 4).

Only what the small answerer needs: the header and the one question are read, whatever follows is not.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

A, AAAA = 1, 28
NO_ERROR, FORMAT_ERROR, SERVER_FAILURE, NOT_IMPLEMENTED = 0, 1, 2, 4
_HEADER = struct.Struct("!HHHHHH")
_IN = 1
_OPT = 41
_RESPONSE, _OPCODE, _RECURSION_DESIRED, _RECURSION_AVAILABLE = 0x8000, 0x7800, 0x0100, 0x0080
_LONGEST_NAME_BYTES = 255
# The size told to who speaks EDNS (DNS flag day 2020): never fragmented.
_EDNS_BYTES = 1232


class NoQuery(Exception):
    """It has the header of a request and is no query; `code` is what the answer to it says."""

    def __init__(self, code: int) -> None:
        super().__init__(f"DNS response code {code}")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked. `name` in small letters without the final dot; `question` as it came."""

    name: str
    kind: int
    internet: bool
    question: bytes
    edns: bool


def parse_query(message: bytes) -> Query | None:
    """None: nothing that deserves an answer (too short, or an answer itself). Raises NoQuery."""
    if len(message) < _HEADER.size:
        return None
    _, flags, questions, answers, authorities, additional = _HEADER.unpack_from(message)
    if flags & _RESPONSE:
        # Two servers that answer answers would never stop.
        return None
    if flags & _OPCODE:
        raise NoQuery(NOT_IMPLEMENTED)
    if (questions, answers, authorities) != (1, 0, 0):
        raise NoQuery(FORMAT_ERROR)
    labels, at = _labels(message, _HEADER.size)
    if at + 4 > len(message):
        raise NoQuery(FORMAT_ERROR)
    kind, klass = struct.unpack_from("!HH", message, at)
    return Query(
        name=b".".join(labels).decode("latin-1").lower(),
        kind=kind,
        internet=klass == _IN,
        question=message[_HEADER.size : at + 4],
        edns=additional > 0 and message[at + 4 : at + 7] == struct.pack("!BH", 0, _OPT),
    )


def _labels(message: bytes, at: int) -> tuple[list[bytes], int]:
    """The labels of a name and where it ends; a question needs no compression, so there is none."""
    labels: list[bytes] = []
    start = at
    while at < len(message):
        length = message[at]
        at += 1
        if length == 0:
            return labels, at
        if length > 63 or at + length > len(message) or at + length - start >= _LONGEST_NAME_BYTES:
            raise NoQuery(FORMAT_ERROR)
        labels.append(message[at : at + length])
        at += length
    raise NoQuery(FORMAT_ERROR)


def reply(
    message: bytes,
    query: Query | None,
    code: int,
    addresses: Sequence[IPv4Address | IPv6Address] = (),
    ttl_seconds: int = 1,
) -> bytes:
    """The answer to `message`; without a `query` it is the header alone."""
    number, flags = struct.unpack_from("!HH", message)
    flags = _RESPONSE | flags & (_OPCODE | _RECURSION_DESIRED) | _RECURSION_AVAILABLE | code
    edns = query is not None and query.edns
    parts = [_HEADER.pack(number, flags, 1 if query else 0, len(addresses), 0, 1 if edns else 0)]
    if query:
        parts.append(query.question)
    for address in addresses:
        kind = A if address.version == 4 else AAAA
        # 0xC00C: the name of the question, 12 bytes from the beginning.
        record = struct.pack("!HHHIH", 0xC00C, kind, _IN, ttl_seconds, len(address.packed))
        parts.append(record + address.packed)
    if edns:
        # Who asks with an OPT record is answered with one (RFC 6891 section 6.1.1).
        parts.append(struct.pack("!BHHIH", 0, _OPT, _EDNS_BYTES, 0, 0))
    return b"".join(parts)


def address_query(number: int, name: str) -> bytes:
    """Asks for the IPv4 addresses of `name`; `number` comes back with the answer."""
    header = _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0)
    labels = b"".join(bytes([len(label)]) + label for label in name.encode("ascii").split(b"."))
    return header + labels + b"\0" + struct.pack("!HH", A, _IN)


def is_real_answer(message: bytes, asked: bytes) -> bool:
    """Whether a resolver that reaches the world said this: an answer, or that there is no such name.

    A resolver whose own line is dead says SERVFAIL or REFUSED.
    """
    if len(message) < _HEADER.size or message[:2] != asked[:2]:
        return False
    flags = struct.unpack_from("!H", message, 2)[0]
    question = asked[_HEADER.size :]
    same = message[_HEADER.size : _HEADER.size + len(question)].lower() == question.lower()
    return bool(flags & _RESPONSE) and flags & 0xF in (0, 3) and same
