"""The kernel's news of connections, as bytes."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from netctl.legal.connections import readable
from netctl.legal.conntrack_news import DONE, News, messages
from tests.unit.netctl.legal.wire import DESTROY, NEW, end, message, opened_by_anna


def only(data: bytes) -> News:
    (news,) = messages(data)
    assert isinstance(news, News)
    return news


def test_an_opened_connection_names_both_ends_and_its_translation() -> None:
    news = only(opened_by_anna())
    assert not news.is_over
    assert (readable(news.opened.source), news.opened.source_port) == ("10.77.0.11", 50000)
    assert (readable(news.opened.destination), news.opened.destination_port) == ("203.0.113.10", 443)
    assert (readable(news.answered.destination), news.answered.destination_port) == ("198.51.100.2", 61000)
    assert (news.opened.protocol, news.identity) == (6, 7)


def test_the_end_of_a_connection_says_when_it_began_and_ended_if_the_kernel_knows() -> None:
    news = only(opened_by_anna(DESTROY, start_ns=1_000, stop_ns=2_000))
    assert (news.is_over, news.start_ns, news.stop_ns) == (True, 1_000, 2_000)


def test_ipv6_is_read_too() -> None:
    opened = end("fd77:79b6:1::9", 50000, "2001:db8:80::10", 443, protocol=17)
    news = only(message(NEW, opened, end("2001:db8:80::10", 443, "2001:db8:77::2", 50000, protocol=17)))
    assert (readable(news.opened.source), news.opened.protocol) == ("fd77:79b6:1::9", 17)
    assert readable(news.answered.destination) == "2001:db8:77::2"


def test_several_messages_in_one_read_and_the_end_of_a_dump() -> None:
    done = struct.pack("=IHHIIi", 20, 3, 2, 0, 0, 0)
    found = list(messages(opened_by_anna(port=1) + opened_by_anna(port=2) + done))
    assert [each.opened.source_port if isinstance(each, News) else each for each in found] == [1, 2, DONE]


def test_the_kernels_refusal_is_told_as_its_error_number() -> None:
    assert list(messages(struct.pack("=IHHIIi", 20, 2, 0, 0, 0, -1))) == [1]


@given(st.binary(max_size=400), st.integers(0, 200))
def test_no_bytes_end_the_parser(noise: bytes, at: int) -> None:
    whole = opened_by_anna()
    for data in (noise, whole[:at], whole[:at] + noise, whole[:20] + noise):
        for news in messages(data):
            assert isinstance(news, News | int)
