"""Which connections are recorded, and what of them."""

from typing import Any

from netctl.legal.connections import Connections, Moment, lan_of
from netctl.legal.conntrack_news import News, messages
from tests.unit.netctl.legal.wire import DESTROY, NEW, end, message, opened_by_anna

LAN = lan_of(
    ["10.77.0.1/16", "fd77:79b6:1::1/64"], ["10.77.0.1", "10.78.0.1", "198.51.100.2", "fd77:79b6:1::1"]
)
NOW = Moment(boottime_ms=60_000, wall_ms=1_795_420_800_000)


def news(data: bytes) -> News:
    (each,) = messages(data)
    assert isinstance(each, News)
    return each


def heard(data: bytes, connections: Connections | None = None) -> list[Any]:
    if connections is None:
        connections = Connections(LAN, destinations=True)
    return connections.hear(news(data), NOW)


def test_a_guests_connection_is_recorded_with_its_translation() -> None:
    opened = ["o", 60_000, 1, 6, "10.77.0.11", 50000, "198.51.100.2", 61000, "203.0.113.10", 443]
    assert heard(opened_by_anna()) == [opened]


def test_a_port_that_translation_left_alone_is_not_said_twice() -> None:
    data = message(
        NEW, end("10.77.0.11", 5000, "203.0.113.10", 53), end("203.0.113.10", 53, "198.51.100.2", 5000)
    )
    assert heard(data) == [["o", 60_000, 1, 6, "10.77.0.11", 5000, "198.51.100.2", None, "203.0.113.10", 53]]


def test_what_goes_to_the_box_or_between_guests_is_nobodys_business() -> None:
    to_portal = message(NEW, end("10.77.0.11", 1, "10.77.0.1", 80), end("10.77.0.1", 80, "10.77.0.11", 1))
    redirected = message(
        NEW, end("10.77.0.11", 1, "203.0.113.10", 80), end("10.77.0.1", 2080, "10.77.0.11", 1)
    )
    between = message(NEW, end("10.77.0.11", 1, "10.77.0.12", 80), end("10.77.0.12", 80, "10.77.0.11", 1))
    the_boxs_own = message(
        NEW, end("198.51.100.2", 1, "192.0.2.2", 443), end("192.0.2.2", 443, "198.51.100.2", 1)
    )
    assert [heard(each) for each in (to_portal, redirected, between, the_boxs_own)] == [[], [], [], []]


def test_its_end_names_it_by_its_number() -> None:
    connections = Connections(LAN, destinations=True)
    heard(opened_by_anna(), connections)
    assert heard(opened_by_anna(DESTROY), connections) == [["c", 60_000, 1]]
    assert len(connections) == 0


def test_an_end_whose_beginning_was_lost_tells_both_at_the_kernels_times() -> None:
    connections = Connections(LAN, destinations=True)
    started, stopped = NOW.wall_ms - 5_000, NOW.wall_ms - 1_000
    data = opened_by_anna(DESTROY, start_ns=started * 1_000_000, stop_ns=stopped * 1_000_000)
    opened, over = heard(data, connections)
    assert (opened[:3], over) == (["o", 55_000, 1], ["c", 59_000, 1])


def test_a_kernel_time_that_cannot_be_is_not_believed() -> None:
    # The clock was set between the two.
    data = opened_by_anna(DESTROY, start_ns=1, stop_ns=(NOW.wall_ms + 9_000) * 1_000_000)
    assert [record[1] for record in heard(data)] == [60_000, 60_000]


def test_where_a_law_forbids_to_say_where_it_went_that_is_left_out() -> None:
    (opened,) = heard(opened_by_anna(), Connections(LAN, destinations=False))
    assert opened[3:] == [6, "10.77.0.11", 50000, "198.51.100.2", 61000, None, None]


def test_after_a_loss_the_kernels_table_says_what_goes_on_and_what_is_over() -> None:
    connections = Connections(LAN, destinations=True)
    heard(opened_by_anna(identity=1), connections)
    connections.begin_to_agree()
    records: list[Any] = connections.agree([news(opened_by_anna(identity=2))], NOW)
    assert [record[:3] for record in records] == [["o", 60_000, 2], ["c", 60_000, 1]]


def test_what_happens_while_the_table_is_read_is_neither_ended_nor_opened_by_it() -> None:
    connections = Connections(LAN, destinations=True)
    heard(opened_by_anna(identity=1), connections)
    connections.begin_to_agree()
    # The table was read before the second began, and before the first ended.
    heard(opened_by_anna(identity=2), connections)
    heard(opened_by_anna(DESTROY, identity=1), connections)
    assert connections.agree([news(opened_by_anna(identity=1))], NOW) == []
    assert len(connections) == 1
