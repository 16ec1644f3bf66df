"""What the kernel's neighbour table may do to the gate."""

import errno
from typing import Any

import pytest

from netctl.api import parse_ip, parse_mac
from netctl.linux.neighbours import Neighbours


@pytest.mark.usefixtures("private_network")
def test_a_full_table_ends_nothing_and_the_others_are_asked_all_the_same() -> None:
    # The kernel says ENOBUFS for each entry beyond gc_thresh3. That limit is the whole machine's, not the
    # namespace's, so no test lowers it: the answer is given in the kernel's place.
    asked: list[str] = []

    def full(command: str, **entry: Any) -> None:
        asked.append(entry["dst"])
        raise OSError(errno.ENOBUFS, "No buffer space available")

    neighbours = Neighbours("lo")
    try:
        neighbours._route.neigh = full
        stations = [(parse_ip(f"10.77.0.{n}"), parse_mac(f"02:00:5e:10:00:0{n}")) for n in (1, 2)]
        neighbours.ask(stations)
    finally:
        neighbours.close()
    assert asked == ["10.77.0.1", "10.77.0.2"]
