"""Under which name a station is counted."""

from netctl.api import parse_ip
from portal.station import network_of
from tests.unit.portal.conftest import Browser, fill_in, send
from tests.unit.portal.gate import GateDouble


async def _tries_until_too_often(browser: Browser) -> int:
    for number in range(1, 30):
        if (await send(browser, await fill_in(browser))).status == 429:
            return number
    return 0


async def test_forms_are_counted_by_the_gates_word_for_a_station(browser: Browser, gate: GateDouble) -> None:
    assert await _tries_until_too_often(browser) == 13
    gate.codes[parse_ip("127.0.0.1")] = "WXYZ"
    assert (await send(browser, await fill_in(browser))).status == 303


async def test_stations_nobody_knows_share_one_count_and_a_silent_gate_stops_no_limit(
    browser: Browser, gate: GateDouble
) -> None:
    gate.known.clear()
    assert await _tries_until_too_often(browser) == 13
    await gate.stop()
    assert await _tries_until_too_often(browser) == 13


def test_all_ipv6_addresses_of_a_network_are_one() -> None:
    first, second = (parse_ip(f"fd77:79b6:1::{end}") for end in ("1", "dead:beef:1:2"))
    assert network_of(first) == network_of(second) == "fd77:79b6:1::/64"
    assert network_of(parse_ip("10.77.0.9")) == "10.77.0.9"
