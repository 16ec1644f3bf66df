"""What phones, and whoever pretends to be one, send to the small DNS answerer."""

from netctl.lan.answerer import answer
from netctl.lan.check_addresses import CHECK_ADDRESSES
from netctl.lan.dns_message import address_query

_LONGEST_ANSWER_BYTES = 512
_RESPONSE_BIT = 0x80
SEEDS = (
    address_query(1, "captive.apple.com"),
    address_query(2, "anything.example"),
    # With EDNS, an answer, a compressed name, and no name at all.
    address_query(3, "captive.apple.com")[:11]
    + b"\x01"
    + address_query(3, "captive.apple.com")[12:]
    + b"\0\0\x29",
    b"\0\1\x84\0\0\1\0\0\0\0\0\0\0",
    b"\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1",
    b"\0\1\1\0\0\1\0\0\0\0\0\0",
)


class Target:
    """One input is one datagram."""

    def take(self, data: bytes) -> None:
        said = answer(data, CHECK_ADDRESSES)
        if said is None:
            assert len(data) < 12 or data[2] & _RESPONSE_BIT, "a question got no answer"
            return
        assert said[:2] == data[:2], "not the answer to this question"
        assert said[2] & _RESPONSE_BIT, "an answer that could be taken for a question"
        assert len(said) <= max(_LONGEST_ANSWER_BYTES, len(data)), "made more of little"
