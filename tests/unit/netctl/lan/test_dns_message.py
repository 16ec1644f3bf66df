"""Queries as they come over the wire, and the answers to them."""

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRROPT

from netctl.lan.dns_message import (
    FORMAT_ERROR,
    NOT_IMPLEMENTED,
    SERVER_FAILURE,
    A,
    NoQuery,
    address_query,
    is_real_answer,
    parse_query,
    reply,
)


def query(name: str = "captive.apple.com", **header: Any) -> bytes:
    return bytes(DNS(id=7, rd=1, qd=DNSQR(qname=name), **header))


def test_a_query_is_read() -> None:
    found = parse_query(query("Captive.Apple.COM"))
    assert found is not None
    assert (found.name, found.kind, found.internet, found.edns) == ("captive.apple.com", A, True, False)


def test_a_query_with_edns_is_answered_with_edns() -> None:
    message = query(ar=DNSRROPT())
    found = parse_query(message)
    assert found is not None
    assert found.edns
    said = DNS(reply(message, found, 0, [ip_address("17.253.55.202")]))
    assert (said.ancount, said.an[0].rdata, said.an[0].ttl) == (1, "17.253.55.202", 1)
    assert said.arcount == 1


def test_an_answer_is_never_answered() -> None:
    assert parse_query(query(qr=1)) is None
    assert parse_query(b"") is None
    assert parse_query(b"12345678901") is None


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (query(opcode=5), NOT_IMPLEMENTED),
        (query()[:4] + b"\0\2" + query()[6:], FORMAT_ERROR),
        (query()[:-1], FORMAT_ERROR),
        (query()[:20], FORMAT_ERROR),
        (query()[:12] + b"\xc0\x0c\0\1\0\1", FORMAT_ERROR),
        (query()[:12] + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1", FORMAT_ERROR),
    ],
    ids=["update", "two questions", "cut short", "name cut short", "compressed", "name too long"],
)
def test_what_is_no_query_is_said_to_be_none(message: bytes, code: int) -> None:
    with pytest.raises(NoQuery) as wrong:
        parse_query(message)
    assert wrong.value.code == code


@given(st.binary(max_size=600))
def test_no_bytes_break_the_parser(message: bytes) -> None:
    try:
        found, code = parse_query(message), SERVER_FAILURE
    except NoQuery as wrong:
        found, code = None, wrong.code
    if len(message) >= 12:
        said = DNS(reply(message, found, code))
        assert (said.qr, said.rcode) == (1, code)


def test_what_we_ask_is_a_query_like_any_others() -> None:
    asked = DNS(address_query(513, "captive.apple.com"))
    assert (asked.id, asked.rd, asked.qd[0].qname) == (513, 1, b"captive.apple.com.")


@pytest.mark.parametrize(("code", "real"), [(0, True), (3, True), (2, False), (5, False)])
def test_only_an_answer_or_no_such_name_shows_that_a_resolver_reaches_the_world(
    code: int, real: bool
) -> None:
    asked = address_query(513, "captive.apple.com")
    assert (
        is_real_answer(bytes(DNS(id=513, qr=1, rcode=code, qd=DNSQR(qname="captive.apple.com"))), asked)
        == real
    )


def test_the_answer_to_another_question_shows_nothing() -> None:
    asked = address_query(513, "captive.apple.com")
    assert not is_real_answer(bytes(DNS(id=513, qr=1, qd=DNSQR(qname="other.example"))), asked)
    assert not is_real_answer(bytes(DNS(id=514, qr=1, qd=DNSQR(qname="captive.apple.com"))), asked)
    assert not is_real_answer(asked, asked)
    assert not is_real_answer(b"", asked)
