"""What was seen of a station, between two tellings."""

import asyncio
import contextlib
from collections.abc import Sequence

import pytest

from netctl.api import Fact, Seen, parse_ip, parse_request, request_line
from netctl.client import GateUnavailable
from portal import trace as trace_module
from portal.trace import MOST_FACTS_AT_ONCE, MOST_STATIONS, Trace, who_asks

APPLE = b"GET /hotspot-detect.html HTTP/1.0\r\nHost: captive.apple.com\r\nUser-Agent: x\r\n\r\n"
NEWS = b"GET /today HTTP/1.1\r\nHost: news.example\r\n\r\n"
HERE = "10.77.3.4"


@pytest.mark.parametrize(
    ("head", "asker"),
    [
        (APPLE, "Apple"),
        (
            b"GET /x9 HTTP/1.0\r\nhost: 17.0.0.1\r\nUser-Agent: CaptiveNetworkSupport-1 wispr\r\n\r\n",
            "Apple",
        ),
        (b"GET /generate_204 HTTP/1.1\r\nHOST:  Connect.Rom.MIUI.com.\r\n\r\n", "Xiaomi"),
        (b"GET http://connect.rom.miui.com/generate_204?x=1 HTTP/1.1\r\nHost: other\r\n\r\n", "Xiaomi"),
        (b"HEAD /generate_204 HTTP/1.1\r\nHost: maker.example:80\r\n\r\n", "Android"),
        (b"GET /connecttest.txt HTTP/1.1\nHost: www.msftconnecttest.com\n\n", "Windows 10, 11"),
        (NEWS, ""),
        (b"GET / HTTP/1.1\r\n\r\n", ""),
        (b"\x16\x03\x01\x02\x00", ""),
        (b"GET \xff\xfe HTTP/1.1\r\nHost: \xff\xff\r\n\r\n", ""),
        (b"GET /" + b"a" * 20_000, ""),
    ],
)
def test_a_check_is_known_by_its_address_its_program_or_its_path(head: bytes, asker: str) -> None:
    assert who_asks(head) == asker


def test_many_redirects_of_a_station_are_one_fact() -> None:
    trace = Trace()
    for head in (NEWS, APPLE, NEWS, NEWS):
        trace.redirected(HERE, head)
    assert trace.take() == [Fact(ip=parse_ip(HERE), step="check", detail="Apple", count=4)]
    assert trace.take() == []


def test_who_asks_is_looked_for_a_few_times_and_no_more() -> None:
    trace = Trace()
    for head in (*[NEWS] * trace_module.MOST_LOOKS, APPLE):
        trace.redirected(HERE, head)
    (fact,) = trace.take()
    assert (fact.detail, fact.count) == ("", trace_module.MOST_LOOKS + 1)


def test_what_was_opened_is_told_beside_what_was_redirected() -> None:
    trace, ip = Trace(), parse_ip(HERE)
    trace.redirected("::ffff:10.77.3.4", APPLE)
    for _ in range(2):
        trace.opened(ip, "portal")
    trace.opened(ip, "form", "sent")
    told = [(fact.ip, fact.step, fact.detail, fact.count) for fact in trace.take()]
    assert told == [(ip, "check", "Apple", 1), (ip, "portal", "", 2), (ip, "form", "sent", 1)]


def test_ten_thousand_made_up_addresses_take_no_more_room_than_those_of_a_busy_second() -> None:
    trace = Trace()
    for number in range(10_000):
        address = f"10.77.{number // 250}.{number % 250}"
        trace.redirected(address, APPLE)
        trace.opened(parse_ip(address), "portal")
    assert len(trace) == 2 * MOST_STATIONS
    assert trace.overlooked == 2 * (10_000 - MOST_STATIONS)


def test_one_telling_fits_into_a_request_to_the_gate() -> None:
    longest = Fact(
        ip=parse_ip("fd77:79b6:1:ffff:ffff:ffff:ffff:ffff"), step="check", detail="x" * 60, count=10**9
    )
    asked = Seen(facts=(longest,) * MOST_FACTS_AT_ONCE)
    line = request_line(asked)
    assert len(line) < 64 * 1024
    assert parse_request(line) == asked


async def test_a_silent_gate_is_told_the_next_second_and_nothing_piles_up() -> None:
    trace, told = Trace(), asyncio.Queue[Sequence[Fact]]()
    answers = iter([GateUnavailable("nobody answers"), None])

    async def tell(facts: Sequence[Fact]) -> None:
        told.put_nowait(facts)
        if problem := next(answers):
            raise problem

    trace.redirected(HERE, APPLE)
    telling = asyncio.create_task(trace.keep_telling(tell, every_seconds=0.001))
    await told.get()
    assert len(trace) == 0
    trace.redirected(HERE, NEWS)
    (fact,) = await told.get()
    assert fact.count == 1
    telling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await telling


async def test_more_than_a_request_holds_is_told_in_several() -> None:
    trace, told = Trace(), asyncio.Queue[int]()

    async def tell(facts: Sequence[Fact]) -> None:
        told.put_nowait(len(facts))

    for number in range(MOST_FACTS_AT_ONCE + 1):
        trace.redirected(f"10.77.{number // 250}.{number % 250}", APPLE)
    telling = asyncio.create_task(trace.keep_telling(tell, every_seconds=0.001))
    assert [await told.get(), await told.get()] == [MOST_FACTS_AT_ONCE, 1]
    telling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await telling
