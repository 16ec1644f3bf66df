"""What an authority gets."""

import io
import json
from typing import Any

import pytest

from netctl.legal.export import Wanted, rows, write_csv, write_ndjson
from tests.unit.netctl.legal.conftest import Shop

ANNA = "02:00:5e:10:00:01"


def session(shop: Shop, what: str = "started", **more: Any) -> dict[str, Any]:
    return {
        "k": "session",
        "at": shop.at_ms(),
        "what": what,
        "session_id": "session-1",
        "mac": ANNA,
        "ips": ["10.77.0.11"],
        "method": "form",
        "happened_at": "2026-11-23T08:00:00.000000Z",
        "clock": "synced",
        "ssid": "Free WiFi",
        "ap": None,
        "reason": None,
        "bytes_up": 0,
        "bytes_down": 0,
        "lead_id": "lead-1",
        "contact": "+8613800138000",
    } | more


def told(shop: Shop, **wanted: Any) -> list[dict[str, Any]]:
    return list(rows(shop.directory, shop.reader, Wanted(**wanted)))


@pytest.fixture
def anna(shop: Shop) -> Shop:
    """She signed in, and opened two connections; one is over."""
    log = shop.open()
    log.write([shop.lease(ANNA), session(shop)])
    shop.clock.advance(2)
    log.write([shop.opened(1, port=50000), shop.opened(2, port=50001)])
    shop.clock.advance(2)
    log.write([shop.over(1)])
    log.close()
    return shop


def connections(shop: Shop, **wanted: Any) -> list[dict[str, Any]]:
    return [row for row in told(shop, **wanted) if row["record"] == "connection"]


def test_a_connection_names_the_station_and_the_account_behind_its_translated_port(anna: Shop) -> None:
    first = connections(anna)[0]
    assert (first["start"], first["end"]) == ("2026-11-23T08:00:02.000000Z", "2026-11-23T08:00:04.000000Z")
    assert (first["source"], first["source_port"]) == ("10.77.0.11", 50000)
    assert (first["translated"], first["translated_port"]) == ("198.51.100.2", 50000)
    assert (first["destination"], first["destination_port"]) == ("203.0.113.10", 443)
    assert (first["mac"], first["contact"], first["protocol"]) == (ANNA, "+8613800138000", "tcp")


def test_a_connection_that_is_not_over_comes_last_without_an_end(anna: Shop) -> None:
    last = connections(anna)[-1]
    assert (last["source_port"], last["end"]) == (50001, None)


def test_the_last_row_is_the_verification_and_says_what_this_is_not(anna: Shop) -> None:
    last = told(anna)[-1]
    assert (last["record"], last["ok"], last["problems"]) == ("verification", True, [])
    assert "no certified audit system" in last["statement"]


@pytest.mark.parametrize(
    ("wanted", "ports"),
    [
        ({"port": 50001}, [50001]),
        ({"port": 443}, [50000, 50001]),
        ({"ip": "203.0.113.10"}, [50000, 50001]),
        ({"ip": "198.51.100.2", "port": 50000}, [50000]),
        ({"mac": ANNA}, [50000, 50001]),
        ({"mac": "02:00:5e:10:00:02"}, []),
        ({"end": "2026-11-23T08:00:01"}, []),
        ({"start": "2026-11-23T08:00:05"}, [50001]),
    ],
)
def test_only_what_was_asked_for_is_handed_over(anna: Shop, wanted: dict[str, Any], ports: list[int]) -> None:
    assert [row["source_port"] for row in connections(anna, **wanted)] == ports


def test_losses_and_gaps_are_told_whatever_is_asked_for(shop: Shop) -> None:
    shop.write(
        [
            {"k": "gap", "at": shop.at_ms(), "from": None, "why": "the log begins"},
            {"k": "loss", "at": shop.at_ms(), "from": -3000, "events": 12},
        ]
    )
    gap, loss, _ = told(shop, mac=ANNA, port=1)
    assert gap["detail"] == "the log begins"
    assert (loss["start"], loss["end"]) == ("2026-11-23T07:59:57.000000Z", "2026-11-23T08:00:00.000000Z")
    assert loss["detail"] == "12 events the kernel could not hand over"


def test_a_session_told_twice_around_a_power_cut_is_one(shop: Shop) -> None:
    shop.write([session(shop)], [session(shop)])
    assert [row["record"] for row in told(shop)] == ["session", "verification"]


def test_the_numbers_of_another_run_of_the_daemon_are_other_connections(shop: Shop) -> None:
    shop.write([shop.opened(1, port=50000)])
    shop.write([shop.opened(1, port=60000), shop.over(1)])
    assert [(row["source_port"], row["end"] is None) for row in connections(shop)] == [
        (60000, False),
        (50000, True),
    ]


def test_who_held_the_address_before_is_not_blamed(shop: Shop) -> None:
    ended = {"k": "lease", "at": shop.at_ms(), "mac": ANNA, "ip": "10.77.0.11", "what": "ended"}
    shop.write([shop.lease(ANNA), ended, shop.lease("02:00:5e:10:00:02"), shop.opened(1), shop.over(1)])
    assert [row["mac"] for row in connections(shop)] == ["02:00:5e:10:00:02"]


def test_the_table_and_the_lines_hold_the_same(anna: Shop) -> None:
    lines, table = io.StringIO(), io.StringIO()
    write_ndjson(iter(told(anna)), lines)
    verification = write_csv(iter(told(anna)), table)
    parsed = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert len(table.getvalue().splitlines()) == len(parsed) + 1
    assert verification["record"] == "verification"
    assert ",+8613800138000," in table.getvalue()


def test_no_contact_becomes_a_formula_in_a_spreadsheet(shop: Shop) -> None:
    shop.write([session(shop, contact='=HYPERLINK("x")@example.com')])
    table = io.StringIO()
    write_csv(iter(told(shop)), table)
    assert "'=HYPERLINK" in table.getvalue()
