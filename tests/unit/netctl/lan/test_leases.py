"""Who has which address, as dnsmasq wrote it down."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netctl.api import parse_ip
from netctl.lan.leases import LeaseFile, parse_leases

# Written by dnsmasq 2.90, an IPv6 lease added by hand.
WRITTEN = """1795426988 02:00:5e:10:00:01 10.77.170.111 Annas-iPhone 01:02:00:5e:10:00:01
0 02:00:5e:10:00:02 10.77.170.112 * *
duid 00:01:00:01:2c:8e:5b:1f:02:00:5e:10:00:63
1795426988 1051 fd77:79b6:1::1c2 * 00:01:00:01:2c:8e:5b:1f
"""


def test_dnsmasqs_leases_are_read() -> None:
    assert parse_leases(WRITTEN) == {
        parse_ip("10.77.170.111"): "02:00:5e:10:00:01",
        parse_ip("10.77.170.112"): "02:00:5e:10:00:02",
    }


def test_a_line_being_written_just_now_is_left_out() -> None:
    assert parse_leases(WRITTEN.splitlines()[0] + "\n1795426988 02:00:5e:10:0") == {
        parse_ip("10.77.170.111"): "02:00:5e:10:00:01"
    }


@given(st.text(alphabet="0123456789abcdef:. *\nd", max_size=200))
def test_nothing_in_the_file_stops_the_gate(text: str) -> None:
    assert all(len(mac) == 17 for mac in parse_leases(text).values())


@pytest.mark.parametrize("written", [0, 40, 90, 150])
def test_while_the_file_is_being_written_nobody_loses_a_lease(tmp_path: Path, written: int) -> None:
    path = tmp_path / "dnsmasq.leases"
    path.write_text(WRITTEN)
    file = LeaseFile(path)
    before = dict(file.read())
    assert len(before) == 2
    path.write_text(WRITTEN.replace(".112", ".113")[:written])
    assert file.read() == before
    path.write_text(WRITTEN.replace(".112", ".113"))
    assert parse_ip("10.77.170.113") in file.read()
    path.unlink()
    assert file.read() == {}


def test_without_a_file_there_are_no_leases_and_a_new_file_is_seen(tmp_path: Path) -> None:
    file = LeaseFile(tmp_path / "dnsmasq.leases")
    assert file.read() == {}
    (tmp_path / "dnsmasq.leases").write_text(WRITTEN)
    assert len(file.read()) == 2
    (tmp_path / "dnsmasq.leases").write_text("duid 00:01:00:01\n")
    assert file.read() == {}
